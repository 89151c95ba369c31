"""Whatever is asked of chat.db is found by an index: a file of ten years is as quick as a new one."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from blueport.clock import now_ms
from blueport.daemon.chatdb.database import ChatDb as Reader
from blueport.simulator import oddities
from blueport.simulator.chatdb import ChatDb, Reactor, apple_ns
from tests.daemon.waiting import ADA, BO

MANY = 3_000
PEOPLE = 400
ASKED: dict[str, Callable[[Reader], object]] = {
    "whether anything changed": Reader.has_changed,
    "the newest row": Reader.newest_rowid,
    "the highest row ever": Reader.highest_rowid_ever,
    "where news begins": lambda reader: reader.last_rowid_before(now_ms()),
    "where an import begins": lambda reader: reader.last_rowid_without(now_ms() - 60_000),
    "how much is imported": lambda reader: reader.count_between(5, 10),
    "the guid of a row": lambda reader: reader.guid_at(5),
    "the row of a guid": lambda reader: reader.rowid_of("F00"),
    "fresh rows, tapbacks and links among them": lambda reader: reader.rows_after(0, 500),
    "watched rows": lambda reader: reader.rows_at([1, 2, 3]),
    "a sweep": lambda reader: reader.states_since(now_ms()),
    "the newest states": Reader.newest_states,
    "what has arrived": lambda reader: reader.reached(["F00", "BA2"]),
    "who has read the newest": lambda reader: reader.readings(since=None, between=(0, now_ms())),
    "who has read lately": lambda reader: reader.readings(since=now_ms(), between=(0, now_ms())),
    "the newest of a chat": lambda reader: reader.newest_of_chat(f"any;-;{ADA}"),
    "own addresses of rows": Reader.addresses_of_rows,
}
# A list that was given is as long as it is; what is Recently Deleted is looked through for what is in no chat alone.
SHORT = ("SCAN json_each", "SCAN sqlite_sequence", "SCAN CONSTANT ROW", "SCAN r USING COVERING INDEX")


@pytest.fixture(params=[False, True], ids=["never analysed", "analysed"])
def large(chat_db: ChatDb, request: pytest.FixtureRequest) -> ChatDb:
    """Fill a chat.db with messages of many people, tapbacks, files, a link; SQLite may know how much there is."""
    with chat_db.one_commit():
        group = chat_db.group_chat("chat797", [ADA, BO])
        target = chat_db.add_message("Nice?", sender=ADA)
        for number in range(MANY):
            sender = f"+1555011{number % PEOPLE:04}"
            columns = {"associated_message_guid": f"p:{number}/{target.guid}", "associated_message_type": 2000}
            row = chat_db.add_row(
                sender=sender, sent_at=now_ms() - number * 60_000, **(columns if number % 5 == 0 else {})
            )
            chat_db.link(row, group if number % 3 else chat_db.direct_chat(sender))
            if number % 4 == 1:
                file = chat_db.insert("attachment", guid=f"at_0_{row.guid}", transfer_name="a.jpg")
                chat_db.insert("message_attachment_join", message_id=row.rowid, attachment_id=file)
        oddities.link_preview(chat_db, "https://example.com", sender=ADA, chat=group, date=apple_ns(now_ms()))
    if request.param:
        chat_db.execute("ANALYZE")
    return chat_db


@pytest.fixture
def statements(large: ChatDb) -> Iterator[tuple[Reader, list[str]]]:
    """Return a reader of that file, and what it asks from now on."""
    with closing(Reader(large.path)) as reader:
        asked: list[str] = []
        reader.has_changed()
        reader._opened().connection.set_trace_callback(asked.append)  # noqa: SLF001 - the one way to listen
        yield reader, asked


@pytest.mark.parametrize("name", ASKED)
def test_nothing_that_is_asked_looks_through_all_messages(
    large: ChatDb, statements: tuple[Reader, list[str]], name: str
) -> None:
    reader, asked = statements

    ASKED[name](reader)

    assert asked
    for statement in asked:
        steps = [str(step["detail"]) for step in large.rows(f"EXPLAIN QUERY PLAN {statement}")]
        assert [step for step in steps if step.startswith("SCAN") and not step.startswith(SHORT)] == [], statement


def test_the_newest_of_a_chat_is_found_without_sorting_the_chat(  # cur-19
    large: ChatDb, statements: tuple[Reader, list[str]]
) -> None:
    reader, asked = statements

    row = reader.newest_of_chat("any;+;chat797")

    assert row is not None
    assert row.link == "alone"
    plan = [str(step["detail"]) for step in large.rows(f"EXPLAIN QUERY PLAN {asked[0]}")]
    assert not [step for step in plan if "TEMP B-TREE" in step]


def test_the_simulated_mac_finds_earlier_tapbacks_of_a_message_by_equality(large: ChatDb) -> None:  # cur-18
    asked: list[str] = []
    large._connection.set_trace_callback(asked.append)  # noqa: SLF001 - the one way to listen

    large.drop_tapbacks(Reactor("p:0/F00", 1, is_from_me=False))

    large._connection.set_trace_callback(None)  # noqa: SLF001
    [look, *_] = [statement for statement in asked if "associated_message_guid" in statement]
    plan = [str(step["detail"]) for step in large.rows(f"EXPLAIN QUERY PLAN {look}")]
    assert [step for step in plan if "message_idx_associated_message2" in step]


def test_tapbacks_are_read_as_the_rows_that_they_are_and_never_looked_for(  # cur-18
    large: ChatDb, statements: tuple[Reader, list[str]]
) -> None:
    reader, asked = statements
    [(target, last)] = large.rows("SELECT min(ROWID), max(ROWID) FROM message")

    found = [row.reaction.part for row in reader.rows_after(target, 500) if row.reaction is not None]

    assert found == list(range(0, 500, 5))
    assert last > MANY
    assert not any(" LIKE " in statement for statement in asked)


def test_what_lies_in_recently_deleted_costs_the_others_nothing(large: ChatDb) -> None:
    before = _steps_of_reading(large)
    with large.one_commit():
        for number in range(MANY):
            large.execute(
                "INSERT INTO chat_recoverable_message_join (chat_id, message_id, delete_date) VALUES (1, ?, 1)",
                1_000_000 + number,
            )

    assert _steps_of_reading(large) < before * 1.1


def _steps_of_reading(db: ChatDb) -> int:
    """Count the steps, a hundred at a time, that SQLite takes to read 500 messages."""
    with closing(Reader(db.path)) as reader:
        taken: list[None] = []
        reader.has_changed()
        reader._opened().connection.set_progress_handler(lambda: taken.append(None), 100)  # noqa: SLF001 - as above
        reader.rows_after(0, 500)
        return len(taken)
