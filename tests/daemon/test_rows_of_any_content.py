"""Whatever stands in the cells of chat.db, the rows around it are read, and so is the row itself."""

import asyncio
import mimetypes
import plistlib
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import product
from sqlite3 import IntegrityError

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from blueport.daemon.chatdb.database import ChatDb as Reader
from blueport.daemon.chatdb.summaries import summary_of
from blueport.daemon.settings import Settings
from blueport.simulator import edits
from blueport.simulator.chatdb import Attachment, Cell, ChatDb, Row
from tests.daemon.fake_door import FakeDoor
from tests.daemon.waiting import ADA, BO, until, working

# In the file these can be no row's: the table refuses them, or they would make another row of it.
_KEYS = {"ROWID", "guid", "chat_id", "message_id", "attachment_id", "handle_id"}
_VERSIONS = {"ec": {"0": [{"d": 1.5, "t": b"first"}]}, "rp": [0], "otr": {"0": {"lo": 0, "le": 5}}}

ODD: tuple[Cell, ...] = (None, "", "\x00", "abc", b"\xff\xfe", -(2**63), 2**63 - 1, 1e308, 1)

cells = st.one_of(
    st.none(),
    st.sampled_from(["", "\x00", "\ufffc", "abc", "1e999", "-1", "∞", b"", b"\xff\xfe", b"\x04\x0bstreamtyped"]),
    st.sampled_from([-(2**63), 2**63 - 1, -1, 0, 1, 2, 3, 45, 43, 2006, 1e308, -0.5, float("inf")]),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=40),
)


def nested(depth: int) -> bytes:
    """Return a binary plist of lists within lists, *depth* deep."""
    lists = [b"\xa1" + min(inner, depth - 1).to_bytes(2, "big") for inner in range(1, depth + 1)]
    offsets = b"".join((8 + 3 * place).to_bytes(4, "big") for place in range(depth))
    numbers = (depth, 0, 8 + 3 * depth)
    trailer = bytes(6) + b"\x04\x02" + b"".join(number.to_bytes(8, "big") for number in numbers)
    return b"bplist00" + b"".join(lists) + offsets + trailer


BROKEN_SUMMARIES = {
    "no plist": b"\x00\x01\x02",
    "cut off": plistlib.dumps(_VERSIONS, fmt=plistlib.FMT_BINARY)[:-20],
    "a date that is none": b'<?xml version="1.0"?><plist version="1.0"><date>x</date></plist>',
    "an encoding that is none": b'<?xml version="1.0" encoding="x-none"?><plist version="1.0"><dict/></plist>',
    "nested too deep": nested(5_000),
    "of other types": plistlib.dumps({"ec": [1], "rp": "x"}, fmt=plistlib.FMT_BINARY),
}


PHOTO = Attachment("photo.heic", b"heic", "image/heic")
BAD_NAME = "bad name.jpg"


def guess_type(name: str) -> tuple[str | None, str | None]:
    """Guess the type of a file, or fail in a way that nobody thought of."""
    if name == BAD_NAME:
        raise ZeroDivisionError
    return "image/jpeg", None


def allow_null(db: ChatDb, table: str, column: str) -> None:
    """Lift NOT NULL from a column, as if a release did without."""
    db.execute("PRAGMA writable_schema = 1")
    told = (f"{column} TEXT NOT NULL", f"{column} TEXT UNIQUE NOT NULL")
    for constraint in told:
        new = constraint.replace(" NOT NULL", "")
        db.execute("UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ?", constraint, new, table)
    db.execute("PRAGMA writable_schema = RESET")


@pytest.fixture
def reader(chat_db: ChatDb) -> Iterator[Reader]:
    with closing(Reader(chat_db.path)) as reader:
        yield reader


def columns(db: ChatDb, table: str) -> list[str]:
    return [column["name"] for column in db.rows(f"PRAGMA table_info({table})") if column["name"] not in _KEYS]


def add_odd(db: ChatDb, sender: str, table: str, column: str, cell: Cell) -> None:
    """Write a message of somebody new, with an odd cell in its row, handle or chat, where the table takes it."""
    with suppress(IntegrityError), db.one_commit():
        row = db.add_message("Odd", sender=sender)
        rowids = {"message": row.rowid, "handle": db.handle_id(sender), "chat": db.direct_chat(sender)}
        db.update(table, rowids[table], **{column: cell})


class TestCells:
    @pytest.mark.parametrize("table", ["message", "handle", "chat", "attachment"])
    @hypothesis_settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_no_value_of_any_column_stops_the_reading(
        self, chat_db: ChatDb, reader: Reader, table: str, data: st.DataObject
    ) -> None:
        row = chat_db.add_message("Hello", sender=ADA)
        file = chat_db.insert("attachment", guid=f"at_0_{row.guid}")
        chat_db.insert("message_attachment_join", message_id=row.rowid, attachment_id=file)
        after = chat_db.add_message("After it", sender="+15550100009")
        odd: dict[str, Cell] = data.draw(st.dictionaries(st.sampled_from(columns(chat_db, table)), cells, max_size=8))
        for column, cell in odd.items():
            chat_db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", cell)

        rows = reader.rows_after(row.rowid - 1, 10)
        reader.states_since(0)
        reader.addresses_of_chats()
        reader.addresses_of_rows()

        assert [read.guid for read in rows] == [row.guid, after.guid]


def bad(db: ChatDb, row: Row, *, name: str = BAD_NAME) -> None:
    """Give the file of a message a name that it cannot be told with."""
    cells = (name, f"at_0_{row.guid}")
    db.execute("UPDATE attachment SET transfer_name = ?, mime_type = NULL, uti = NULL WHERE guid = ?", *cells)


class TestTheWholeDaemon:
    @pytest.mark.parametrize("table", ["message", "handle", "chat"])
    async def test_what_stands_behind_rows_of_any_content_is_told(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, table: str
    ) -> None:
        async with working(settings, door):
            for number, (column, cell) in enumerate(product(columns(chat_db, table), ODD)):
                add_odd(chat_db, f"+1555020{number:04}", table, column, cell)
            chat_db.add_message("The last word", sender=ADA)
            await until(lambda: "The last word" in door.received())

    async def test_what_stands_behind_a_row_that_cannot_be_put_into_words_is_told(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mimetypes, "guess_type", guess_type)
        async with working(settings, door):
            with chat_db.one_commit():
                chat_db.add_message("Before", sender=ADA)
                for _ in range(501):  # more than one look can hold
                    bad(chat_db, chat_db.add_message("Bad", sender=ADA, attachments=[PHOTO]))
                chat_db.add_message("After", sender=ADA)

            await until(lambda: door.received() == ["Before", "After"])
            assert door.hellos[-1].lines[0].health == "ok"

    async def test_a_told_row_keeps_its_text_while_it_cannot_be_put_into_words(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mimetypes, "guess_type", guess_type)
        async with working(settings, door):
            row = chat_db.add_message("Look", sender=ADA, attachments=[PHOTO])
            await until(lambda: door.received() == ["Look"])
            bad(chat_db, row)
            edits.edit(chat_db, row, "Lost on us")
            await asyncio.sleep(0.3)  # longer than from one sweep to the next
            assert door.changes == []

            bad(chat_db, row, name="good.jpg")
            edits.edit(chat_db, row, "Look!")

            await until(lambda: [change.text for change in door.changes] == ["Look!"])
            assert door.received() == ["Look"]

    @pytest.mark.parametrize("guid", [None, ""])
    async def test_rows_without_a_guid_are_told_and_known_again(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, guid: str | None
    ) -> None:
        allow_null(chat_db, "message", "guid")
        async with working(settings, door):
            row = chat_db.add_row(sender=ADA)
            chat_db.change(row, guid=guid)
            chat_db.write_body(row, "Nameless")
            chat_db.link(row, chat_db.direct_chat(ADA))
            await until(lambda: door.received() == ["Nameless"])
            edits.edit(chat_db, row, "Nameless still")
            await until(lambda: [change.text for change in door.changes] == ["Nameless still"])

            chat_db.add_message("Next", sender=ADA)

            await until(lambda: door.received() == ["Nameless", "Next"])

    async def test_a_handle_without_an_address_is_nobody(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        allow_null(chat_db, "handle", "id")
        group = chat_db.group_chat("chat1", [ADA, BO])
        chat_db.update("handle", chat_db.handle_id(BO), id=None)
        async with working(settings, door):
            chat_db.add_message("Hi", sender=ADA, chat=group)
            chat_db.add_message("Who?", sender=ADA, chat=group, handle_id=2)

            await until(lambda: door.received() == ["Hi", "Who?"])

        assert [seen.sender for seen in door.messages] == [ADA, None]
        assert door.messages[0].chat.participants == (ADA,)


class TestSummaries:
    @pytest.mark.parametrize("blob", BROKEN_SUMMARIES.values(), ids=BROKEN_SUMMARIES.keys())
    def test_a_summary_that_cannot_be_read_stops_no_row(self, chat_db: ChatDb, reader: Reader, blob: bytes) -> None:
        row = chat_db.add_message("Hello", sender=ADA, message_summary_info=blob)

        assert [(read.guid, read.text) for read in reader.rows_after(0, 10)] == [(row.guid, "Hello")]

    @given(
        fmt=st.sampled_from([plistlib.FMT_BINARY, plistlib.FMT_XML]),
        changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
    )
    def test_no_damage_to_a_summary_makes_it_raise(
        self, fmt: plistlib.PlistFormat, changes: list[tuple[int, int]]
    ) -> None:
        blob = bytearray(plistlib.dumps(_VERSIONS, fmt=fmt))
        for place, byte in changes:
            blob[place % len(blob)] = byte

        summary = summary_of(bytes(blob))

        assert all(isinstance(part, int) for part in summary.unsent_parts)


class TestManyMarks:
    @pytest.mark.parametrize("mark", ["\n", " ", "\ufffc", "\ufffd", "\n\ufffc"])
    def test_a_text_of_nothing_but_white_space_and_marks_is_read(
        self, chat_db: ChatDb, reader: Reader, mark: str
    ) -> None:
        marks = mark * 200_000
        chat_db.add_message("", sender=ADA, text=f"a{marks}b", attributedBody=None)
        chat_db.add_message("", sender=ADA, text=f"{marks}b", attributedBody=None)

        whole, tail = reader.rows_after(0, 10)

        assert whole.text == f"a{marks}b".replace("\ufffc", "")
        assert tail.text == (marks + "b" if "\ufffc" not in mark else "b")

    def test_a_million_lines_are_read(self, chat_db: ChatDb, reader: Reader) -> None:
        chat_db.add_message("a" + "\n" * 1_000_000 + "b", sender=ADA)

        [row] = reader.rows_after(0, 10)

        assert row.text == "a" + "\n" * 1_000_000 + "b"


class TestManyRows:
    def test_more_rows_than_a_statement_takes_values_are_read_at_once(self, chat_db: ChatDb, reader: Reader) -> None:
        first = chat_db.add_message("First", sender=ADA)
        last = chat_db.add_message("Last", sender=ADA)

        rows = reader.rows_at([first.rowid, *range(10**6, 10**6 + 300_000), last.rowid])

        assert [row.text for row in rows] == ["First", "Last"]
