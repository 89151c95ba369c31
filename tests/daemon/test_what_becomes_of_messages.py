"""What a daemon tells of messages after it has told them: edits, unsends, that they arrived, that they were read."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.daemon.watching import reader
from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import Attachment, ChatDb, apple_ns
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings as MacSettings
from blueport.typedstream import encode, message_body
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_reading_chat_db import all_is_told
from tests.daemon.waiting import ADA, BO, LINE, in_journal, until, working

SECOND_MS = 1_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
MANY = 60  # more than are asked after at every look


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a daemon that sweeps as rarely as ever: what people do is seen when it is written."""
    return msgspec.structs.replace(settings, sweep_s=30)


@pytest.fixture(params=["13", "14", "26x"])  # those with edits whose tables differ most
async def mac(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[SimulatedMac]:
    async with running(MacSettings(folder=tmp_path / "mac", lines=(LINE,), macos=request.param)) as mac:
        yield mac


class TestEdited:
    async def test_what_a_person_edits_twice_and_unsends_is_told_each_time_with_its_moment(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        began_at = now_ms()
        async with working(settings, door):
            guid = await mac.person_texts(ADA, "One")
            await until(lambda: door.received() == ["One"])
            for text in ("Two", "Three", None):
                told = len(door.changes)
                await (mac.person_unsends(ADA, guid) if text is None else mac.person_edits(ADA, guid, text))
                await until(lambda: len(door.changes) > told)  # noqa: B023 - it is waited for within the turn
            await all_is_told(mac.db, door)

        assert [(change.guid, change.text) for change in door.changes] == [(guid, "Two"), (guid, "Three"), (guid, None)]
        two, three, end = door.changes
        assert began_at <= (two.edited_at or 0) < (three.edited_at or 0) < (end.unsent_at or 0) <= now_ms()
        assert (two.unsent_at, three.unsent_at, end.edited_at) == (None, None, None)
        assert len(door.messages) == 1

    async def test_what_messages_adds_by_itself_has_no_moment(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("Firs", sender=ADA)
            await until(lambda: bool(door.messages))
            chat_db.write_body(row, "First")
            await until(lambda: bool(door.changes))

        [change] = door.changes
        assert (change.text, change.edited_at, change.unsent_at) == ("First", None, None)

    @pytest.mark.parametrize(
        ("columns", "is_of_the_version"),
        [({"date_edited": 0}, True), ({"date_edited": apple_ns(now_ms() + DAY_MS)}, False)],
        ids=["only the version has a date", "a clock that is ahead"],
    )
    async def test_the_moment_is_told_as_well_as_it_is_known_and_never_ahead_of_now(
        self,
        chat_db: ChatDb,
        door: FakeDoor,
        settings: Settings,
        columns: dict[str, int],
        *,
        is_of_the_version: bool,
    ) -> None:
        began_at = now_ms()
        async with working(settings, door):
            row = chat_db.add_message("Teh", sender=ADA)
            await until(lambda: bool(door.messages))
            edits.edit(chat_db, row, "The", at=began_at - MINUTE_MS, **columns)
            await until(lambda: bool(door.changes))

        edited_at = door.changes[0].edited_at or 0
        expected = began_at - MINUTE_MS if is_of_the_version else began_at
        assert expected - SECOND_MS < edited_at <= now_ms()

    async def test_an_edit_is_told_once_and_one_made_while_nobody_looked_is_told_then(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            rows = [chat_db.add_message(text, sender=ADA) for text in ("One", "Two")]
            await until(lambda: len(door.messages) == 2)
            edits.edit(chat_db, rows[0], "One!")
            await until(lambda: len(door.changes) == 1)
            await all_is_told(chat_db, door)
        edits.edit(chat_db, rows[1], "Two!")

        async with working(settings, door):
            chat_db.change(rows[0], is_read=1)
            await until(lambda: len(door.changes) == 2)
            await all_is_told(chat_db, door)

        assert [change.text for change in door.changes] == ["One!", "Two!"]

    async def test_a_photo_that_is_taken_back_is_unsent_though_the_row_of_its_file_stays(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("", sender=ADA, attachments=[Attachment("cat.jpg", b"cat")])
            await until(lambda: bool(door.messages))
            edits.unsend(chat_db, row)
            await until(lambda: bool(door.changes))

        [change] = door.changes
        assert (change.text, change.attachments, change.unsent_at is not None) == (None, (), True)

    async def test_of_photo_and_text_the_part_that_is_taken_back_is_an_edit(  # edit-03
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("Look", sender=ADA, attachments=[Attachment("cat.jpg", b"cat")])
            await until(lambda: bool(door.messages))
            left = encode(message_body("", attachment_guids=[f"at_0_{row.guid}"]))
            edits.unsend(chat_db, row, parts=(1,), attributedBody=left)
            await until(lambda: bool(door.changes))

        [change] = door.changes
        assert (change.text, len(change.attachments), change.unsent_at) == (None, 1, None)
        assert change.edited_at is not None


class TestReached:
    async def test_ours_has_arrived_and_then_was_read(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        at = now_ms()
        async with working(settings, door):
            row = chat_db.add_message("Hello", chat=chat_db.direct_chat(ADA), is_sent=1)
            await until(lambda: bool(door.messages))
            chat_db.change(row, is_delivered=1, date_delivered=apple_ns(at - 2))
            await until(lambda: len(door.reached) == 1)
            chat_db.change(row, date_read=apple_ns(at - 1), is_read=1)
            await until(lambda: len(door.reached) == 2)

        arrived, read = door.reached
        assert (arrived.line_handle, arrived.guid) == (LINE, row.guid)
        assert (arrived.delivered_at, arrived.read_at) == (at - 2, None)
        assert (read.delivered_at, read.read_at) == (None, at - 1)

    async def test_it_is_told_once_and_not_again_after_a_restart_and_after_its_message(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message(
                "Hello", chat=chat_db.direct_chat(ADA), is_sent=1, is_delivered=1, date_delivered=apple_ns(now_ms())
            )
            await until(lambda: bool(door.reached))
            assert len(door.messages) == 1
            chat_db.change(row, is_read=0)
            await all_is_told(chat_db, door)

        async with working(settings, door):
            chat_db.change(row, is_delivered=1, is_read=1)
            await all_is_told(chat_db, door)
            assert len(door.reached) == 1

            chat_db.change(row, date_read=apple_ns(now_ms()))
            await until(lambda: len(door.reached) == 2)
            chat_db.change(row, date_read=apple_ns(now_ms() + 1))
            await all_is_told(chat_db, door)

        assert len(door.reached) == 2
        assert in_journal(settings, "awaited") == 0

    async def test_what_happened_while_nobody_looked_is_told_then_and_what_was_read_has_arrived(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            row = chat_db.add_message("Hello", chat=chat_db.direct_chat(ADA), is_sent=1)
            await until(lambda: bool(door.messages))
            await all_is_told(chat_db, door)
        at = now_ms()
        chat_db.change(row, date_read=apple_ns(at))

        async with working(settings, door):
            await until(lambda: bool(door.reached))

        assert [(seen.delivered_at, seen.read_at) for seen in door.reached] == [(at, at)]

    async def test_a_flag_without_a_date_and_dates_in_seconds_are_understood_a_far_future_is_not(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        began_at = now_ms()
        async with working(settings, door):
            chat = chat_db.direct_chat(ADA)
            rows = [chat_db.add_message(f"Number {n}", chat=chat, is_sent=1) for n in range(2)]
            await until(lambda: len(door.messages) == 2)
            chat_db.change(rows[0], is_delivered=1, date_read=apple_ns(began_at + DAY_MS))
            await until(lambda: len(door.reached) == 1)
            chat_db.change(rows[1], is_delivered=1, date_delivered=apple_ns(began_at) // 10**9)
            await until(lambda: len(door.reached) == 2)

        flagged, in_seconds = door.reached
        assert flagged.read_at is None
        assert began_at <= (flagged.delivered_at or 0) <= now_ms()
        assert in_seconds.delivered_at == began_at // SECOND_MS * SECOND_MS

    async def test_of_a_group_it_is_told_that_it_arrived_and_no_more(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            group = chat_db.group_chat("chat797", [ADA, BO])
            row = chat_db.add_message("All of you", chat=group, is_sent=1)
            await until(lambda: bool(door.messages))
            chat_db.change(row, is_delivered=1, date_delivered=apple_ns(now_ms()), date_read=apple_ns(now_ms()))
            await until(lambda: bool(door.reached))
            await all_is_told(chat_db, door)

        assert [seen.read_at for seen in door.reached] == [None]

    async def test_of_theirs_of_reactions_and_of_history_nothing_is_told(  # edit-01
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        chat = chat_db.direct_chat(ADA)
        chat_db.add_message("Before our time", chat=chat, is_sent=1)
        async with working(settings, door):
            theirs = chat_db.add_message("Hi", sender=ADA)
            old = chat_db.add_message("Old", chat=chat, sent_at=now_ms() - 2 * DAY_MS, is_sent=1)
            reaction = oddities.tapback(chat_db, f"p:0/{theirs.guid}", 2000, chat=chat, is_sent=1)
            await until(lambda: len(door.messages) == 2 and len(door.reactions) == 1)
            all_read = "UPDATE message SET is_delivered = 1, date_delivered = ?1, date_read = ?1"
            chat_db.execute(all_read, apple_ns(now_ms()))
            await all_is_told(chat_db, door)

        assert {seen.guid: seen.announce for seen in door.messages} == {theirs.guid: True, old.guid: False}
        assert reaction.guid == door.reactions[0].guid
        assert door.reached == []

    async def test_one_of_old_is_found_by_the_sweep_and_given_up_after_two_weeks(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = msgspec.structs.replace(settings, sweep_s=0.1)
        async with working(settings, door):
            chat = chat_db.direct_chat(ADA)
            with chat_db.one_commit():
                rows = [chat_db.add_message(f"Number {n}", chat=chat, is_sent=1) for n in range(MANY)]
            await until(lambda: in_journal(settings, "awaited") == MANY)
            chat_db.change(rows[0], is_delivered=1, date_delivered=apple_ns(now_ms()))
            await until(lambda: [seen.guid for seen in door.reached] == [rows[0].guid])

            monkeypatch.setattr(reader, "now_ms", lambda: now_ms() + 15 * DAY_MS)
            chat_db.change(rows[0], is_read=0)
            await until(lambda: in_journal(settings, "awaited") == 0)
