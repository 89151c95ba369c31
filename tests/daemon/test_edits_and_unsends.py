"""Edits and unsends of our own messages: each is done once, and proven by the row that it has changed."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.chatdb import database as chatdb
from blueport.daemon.chatdb.thread import ChatDbThread
from blueport.daemon.settings import Settings
from blueport.daemon.watching.looking import look
from blueport.protocol.commands import EditText, Unsend
from blueport.simulator import edits
from blueport.simulator.chatdb import ChatDb, Row
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from blueport.simulator.phones import ShownMessage
from blueport.simulator.settings import imsg_path
from tests.daemon.fake_door import FakeDoor, Work
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.test_reading_chat_db import all_is_told
from tests.daemon.test_restored_server import forget_ending
from tests.daemon.waiting import ADA, LINE, in_journal, until, working
from tests.patience import PATIENCE_S

CHAT = f"any;-;{ADA}"
MINUTE_MS = 60_000


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return msgspec.structs.replace(settings, imsg=str(imsg_path(tmp_path / "mac")))


@pytest.fixture
async def busy(mac: SimulatedMac, settings: Settings, door: FakeDoor) -> AsyncIterator[SimulatedMac]:
    """The Mac, with a daemon at work on it."""
    async with working(settings, door):
        yield mac


@pytest.fixture
async def guid(busy: SimulatedMac, door: FakeDoor) -> str:
    """What we sent to Ada, and told."""
    return await sent(busy, door)


async def sent(mac: SimulatedMac, door: FakeDoor) -> str:
    work = door.accept(LINE, ADA, "Teh")
    await until(lambda: work.status == "sent" and not mac.phones.under_way())
    [seen] = [seen for seen in door.messages if seen.is_from_me]
    return seen.guid


def edit(door: FakeDoor, guid: str, text: str = "The", *, expires_at: int | None = None) -> Work:
    until_ms = now_ms() + 15 * MINUTE_MS if expires_at is None else expires_at
    return door.accept_command(LINE, EditText(ADA, (CHAT,), guid, text, until_ms))


def unsend(door: FakeDoor, guid: str) -> Work:
    return door.accept_command(LINE, Unsend(ADA, (CHAT,), guid, now_ms() + 2 * MINUTE_MS))


def bubble(mac: SimulatedMac) -> ShownMessage:
    """Our message on Ada's phone."""
    [shown] = [shown for shown in mac.phones.screen(ADA) if not shown.from_me]
    return shown


def told(door: FakeDoor) -> list[tuple[str | None, str | None]]:
    """Return the changes that were told: the text, and which item that proves."""
    return [(seen.text, seen.proves.outbox_id if seen.proves else None) for seen in door.changes]


class Held:
    """Has an answer to *question* held back, in a sweep of chat.db, while the rest of the daemon goes on.

    After a sweep nobody looks again before something is written, or due.
    """

    def __init__(self, question: Callable[..., object]) -> None:
        self.is_held, self._is_let_go = asyncio.Event(), asyncio.Event()
        self._is_let_go.set()
        usual = ChatDbThread.ask
        is_sweep = False

        async def ask(thread: ChatDbThread, asked: Any) -> Any:
            nonlocal is_sweep
            answer = await usual(thread, asked)
            what = getattr(asked, "func", asked)
            if what is look:
                is_sweep = answer is not None and asked.keywords["question"].states_since is not None
            if what is question and is_sweep and not self._is_let_go.is_set():
                self.is_held.set()
                await self._is_let_go.wait()
            return answer

        self.ask = ask

    def hold(self) -> None:
        self._is_let_go.clear()

    def let_go(self) -> None:
        self._is_let_go.set()


def row_of(chat_db: ChatDb, guid: str) -> Row:
    row = chat_db.message(guid)
    assert row is not None
    return row


class TestEdit:
    async def test_it_is_on_the_phone_and_told_once_with_its_proof(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        work = edit(door, guid)

        await until(lambda: work.is_over and not mac.phones.under_way())
        await all_is_told(mac.db, door)

        assert (work.status, bubble(mac).text, bubble(mac).edits) == ("sent", "The", 1)
        assert told(door) == [("The", work.id)]
        [change] = door.changes
        assert (change.guid, change.edited_at, change.unsent_at) == (guid, bubble(mac).edited_at, None)

    async def test_the_probe_offers_it(self, door: FakeDoor, guid: str) -> None:
        assert guid
        assert {"edit", "unsend"} <= set(door.hellos[-1].lines[0].capabilities)

    async def test_each_of_several_is_told_as_what_it_made_of_the_message(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        works = [edit(door, guid, text) for text in ("One", "Two", "One", "Teh")]

        await until(lambda: all(work.is_over for work in works) and not mac.phones.under_way())
        await all_is_told(mac.db, door)

        assert [work.status for work in works] == ["sent"] * 4
        assert told(door) == [(text, work.id) for text, work in zip(("One", "Two", "One", "Teh"), works, strict=True)]
        assert (bubble(mac).text, bubble(mac).edits) == ("Teh", 4)

    async def test_two_versions_found_at_once_are_told_one_after_the_other(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        mac.faults.add(Fault("silent", times=2))
        works = [edit(door, guid, text) for text in ("One", "Two")]
        await until(lambda: in_journal(_settings_of(mac, door), "items WHERE status = 'handed'") == 2)

        with mac.db.one_commit():
            for text in ("One", "Two", "Three"):
                edits.edit(mac.db, row_of(mac.db, guid), text)
        await until(lambda: all(work.is_over for work in works))
        await all_is_told(mac.db, door)

        assert told(door) == [("One", works[0].id), ("Two", works[1].id), ("Three", None)]

    async def test_versions_found_at_once_are_told_though_the_message_is_as_it_was_told_before(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        mac.faults.add(Fault("silent", times=3))
        texts = ("One", "Two", "Teh")
        works = [edit(door, guid, text) for text in texts]
        await until(lambda: in_journal(_settings_of(mac, door), "items WHERE status = 'handed'") == 3)

        with mac.db.one_commit():
            for text in texts:
                edits.edit(mac.db, row_of(mac.db, guid), text)
        await until(lambda: all(work.is_over for work in works))
        await all_is_told(mac.db, door)

        assert told(door) == [(text, work.id) for text, work in zip(texts, works, strict=True)]

    async def test_one_version_proves_one_of_two_equal_edits(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(msgspec.structs.replace(settings, proof_timeout_s=3), door):
            guid = await sent(mac, door)
            mac.faults.add(Fault("silent"))
            first, second = edit(door, guid, "The"), edit(door, guid, "The")
            await until(lambda: first.is_over and second.is_over)

        assert sorted([first.status, second.status]) == ["failed", "sent"]
        assert [work.error for work in (first, second) if work.status == "failed"] == ["outcome_unknown"]
        assert bubble(mac).edits == 1

    async def test_what_a_person_makes_of_it_meanwhile_is_told_and_proves_nothing(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        mac.faults.add(Fault("late", after_ms=500))
        work = edit(door, guid, "The")
        await until(lambda: work.begun and not mac.faults.pending())

        edits.edit(mac.db, row_of(mac.db, guid), "By hand")
        await until(lambda: told(door) == [("By hand", None)])
        assert not work.is_over
        await until(lambda: work.is_over)

        assert told(door) == [("By hand", None), ("The", work.id)]

    async def test_a_message_that_has_that_text_is_proven_as_it_is_and_not_edited(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        works = []
        for text in ("Teh", "The", "The"):
            works.append(edit(door, guid, text))
            await until(lambda: works[-1].is_over and not mac.phones.under_way())

        assert [work.status for work in works] == ["sent"] * 3
        assert told(door) == [(text, work.id) for text, work in zip(("Teh", "The", "The"), works, strict=True)]
        assert [change.edited_at is None for change in door.changes] == [True, False, False]
        assert bubble(mac).edits == 1

    @pytest.mark.parametrize("asked", [look, chatdb.ChatDb.reached], ids=["at its beginning", "at its end"])
    async def test_one_that_ends_in_the_midst_of_a_look_is_proven_as_the_message_is(
        self,
        mac: SimulatedMac,
        door: FakeDoor,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
        asked: Callable[..., object],
    ) -> None:
        held = Held(asked)
        monkeypatch.setattr(ChatDbThread, "ask", held.ask)
        async with working(settings, door):
            guid = await sent(mac, door)
            other = await mac.person_texts(ADA, "What?")
            await until(lambda: len(door.messages) == 2 and in_journal(settings, "watched") == 0)
            held.hold()
            mac.db.change(row_of(mac.db, other), is_read=1)
            await held.is_held.wait()

            work = edit(door, guid, "Teh")
            await until(lambda: in_journal(settings, "items WHERE status = 'handed'") == 1)
            held.let_go()
            await until(lambda: work.is_over)

        assert work.status == "sent"
        assert told(door) == [("Teh", work.id)]

    async def test_typographic_marks_make_no_other_text(self, mac: SimulatedMac, door: FakeDoor, guid: str) -> None:
        mac.faults.add(Fault("silent"))
        work = edit(door, guid, "It's...")
        await until(lambda: work.begun and not mac.faults.pending())

        edits.edit(mac.db, row_of(mac.db, guid), "It\u2019s\u2026")

        await until(lambda: work.status == "sent")
        assert told(door) == [("It\u2019s\u2026", work.id)]

    @pytest.mark.parametrize("text", ["The", "Teh"], ids=["to another text", "to the text that it has"])
    async def test_a_message_from_before_the_journal_is_edited_too(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, text: str
    ) -> None:
        async with working(settings, door):
            guid = await sent(mac, door)
        settings.journal.unlink()
        door.messages.clear()

        async with working(settings, door):
            work = edit(door, guid, text)
            await until(lambda: work.is_over)
            await all_is_told(mac.db, door)

        assert (work.status, told(door)) == ("sent", [(text, work.id)])

    @pytest.mark.parametrize("fault", ["silent", "ghost", "hang"])
    async def test_what_messages_made_nothing_of_ends_unknown_and_is_not_done_again(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, fault: str
    ) -> None:
        async with working(msgspec.structs.replace(settings, proof_timeout_s=1), door):
            guid = await sent(mac, door)
            mac.faults.add(msgspec.convert({"next": fault}, Fault))
            work = edit(door, guid)
            await until(lambda: work.is_over)

        assert (work.status, work.error, work.attempts) == ("failed", "outcome_unknown", 1)
        assert bubble(mac).edits == 0

    async def test_one_that_hangs_once_messages_has_it_is_proven(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        mac.faults.add(Fault("hang_after"))
        work = edit(door, guid)

        await until(lambda: work.is_over and not mac.phones.under_way())

        assert (work.status, bubble(mac).edits) == ("sent", 1)

    async def test_a_bridge_that_is_away_for_a_moment_costs_an_attempt(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        mac.faults.add(Fault("error", number=-600))
        work = edit(door, guid)

        await until(lambda: work.is_over and not mac.phones.under_way())

        assert (work.status, work.attempts, bubble(mac).edits) == ("sent", 2, 1)

    async def test_what_would_be_seen_by_nobody_is_not_handed_over(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        late, unknown = edit(door, guid, expires_at=now_ms() - 1), edit(door, "NOWHERE")
        done = [edit(door, guid, text) for text in "abcde"]
        await until(lambda: all(work.is_over for work in done) and not mac.phones.under_way())
        sixth, gone = edit(door, guid, "f"), unsend(door, guid)
        await until(lambda: gone.is_over and not mac.phones.under_way())
        after = edit(door, guid, "g")
        await until(lambda: after.is_over)

        words = ["expired", "message_not_in_messages", "edited_too_often", "message_unsent"]
        assert [work.error for work in (late, unknown, sixth, after)] == words
        assert [work.status for work in (*done, gone)] == ["sent"] * 6

    async def test_without_the_bridge_it_needs_advanced_features(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(msgspec.structs.replace(settings, imsg=None), door):
            guid = await sent(mac, door)
            work = edit(door, guid)
            await until(lambda: work.is_over)

        assert work.error == "advanced_features_required"


class TestUnsend:
    async def test_the_phone_keeps_a_note_and_it_is_told_once_with_its_proof(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        work = unsend(door, guid)

        await until(lambda: work.is_over and not mac.phones.under_way())
        await all_is_told(mac.db, door)

        assert work.status == "sent"
        assert told(door) == [(None, work.id)]
        assert door.changes[0].unsent_at == bubble(mac).unsent_at is not None

    async def test_a_file_is_taken_back_too(self, busy: SimulatedMac, door: FakeDoor) -> None:
        mac = busy
        file = door.accept_file(LINE, ADA, "cat.png", b"a cat")
        await until(lambda: file.status == "sent" and not mac.phones.under_way())
        work = unsend(door, door.messages[0].guid)

        await until(lambda: work.is_over and not mac.phones.under_way())

        assert (work.status, bubble(mac).attachments) == ("sent", ())
        assert told(door) == [(None, work.id)]

    async def test_one_that_is_gone_already_is_proven_as_it_is(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        edits.unsend(mac.db, row_of(mac.db, guid))
        await until(lambda: bool(door.changes))
        works = [unsend(door, guid), unsend(door, guid)]

        await until(lambda: all(work.is_over for work in works))

        assert [work.status for work in works] == ["sent"] * 2
        assert told(door) == [(None, None), *[(None, work.id) for work in works]]

    async def test_an_edited_message_is_taken_back_too(self, mac: SimulatedMac, door: FakeDoor, guid: str) -> None:
        works = [edit(door, guid)]
        await until(lambda: works[0].is_over and not mac.phones.under_way())
        works.append(unsend(door, guid))

        await until(lambda: all(work.is_over for work in works) and not mac.phones.under_way())

        assert [work.status for work in works] == ["sent"] * 2
        assert told(door) == [("The", works[0].id), (None, works[1].id)]
        assert bubble(mac).unsent_at is not None


class TestRestoredServer:
    async def test_what_has_ended_is_told_again_as_the_message_is_now_and_not_done_again(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        first, second = edit(door, guid, "One"), edit(door, guid, "Two")
        await until(lambda: first.is_over and second.is_over and not mac.phones.under_way())
        await all_is_told(mac.db, door)
        door.changes.clear()
        for work in (first, second):
            forget_ending(work)
        await until(lambda: first.is_over and second.is_over)

        assert [work.status for work in (first, second)] == ["sent"] * 2
        assert told(door) == [("Two", first.id), ("Two", second.id)]
        assert bubble(mac).edits == 2

    async def test_what_sent_the_message_is_still_known_by_it(
        self, mac: SimulatedMac, door: FakeDoor, guid: str
    ) -> None:
        work = edit(door, guid)
        await until(lambda: work.is_over)
        send = next(one for one in door.work.values() if one.id != work.id)
        for one in (send, work):
            forget_ending(one)
        door.messages.clear()
        await until(lambda: send.is_over and work.is_over)

        assert [one.status for one in (send, work)] == ["sent"] * 2
        assert [(seen.guid, seen.text) for seen in door.messages] == [(guid, "The")]
        assert len([shown for shown in mac.phones.screen(ADA) if not shown.from_me]) == 1


# How each may end: unknown only if the hand-over was begun, and nothing came of it.
ENDS = {
    "granted": {"sent"},
    "begun": {"outcome_unknown"},
    "handed": {"sent"},
    "outcome": {"sent"},
    "seen": {"sent"},
    "told": {"sent"},
}


class TestDeath:
    @pytest.mark.parametrize("change", ["edit", "unsend"])
    @pytest.mark.parametrize("point", ENDS)
    async def test_at_any_point_it_is_done_once_or_reported(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str, change: str
    ) -> None:
        async with daemon_process(settings, tmp_path) as first:
            guid = await sent(mac, door)
            await all_is_told(mac.db, door)
            (tmp_path / f"daemon.{point}").touch()
            work = edit(door, guid) if change == "edit" else unsend(door, guid)
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: work.is_over and not mac.phones.under_way())

        end = work.error or work.status
        shown = bubble(mac)
        assert end in ENDS[point]
        assert (shown.edits, shown.unsent_at is not None) == (
            (0, False) if end != "sent" else (1, False) if change == "edit" else (0, True)
        )
        assert {proof for _, proof in told(door)} <= {work.id}


def _settings_of(mac: SimulatedMac, door: FakeDoor) -> Settings:
    return Settings(server_url=door.url, token="", lines=(LINE,), journal=mac.settings.folder.parent / "daemon.db")
