"""What was there before the daemon is told as history: oldest first, once, whatever happens meanwhile."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.journal.imports import Asked, Wanted
from blueport.daemon.settings import Settings
from blueport.daemon.watching.importing import BATCH, request_place
from blueport.protocol.sightings import MessageSeen, ReactionSeen, Sighting
from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import Attachment, ChatDb, apple_ns
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.waiting import ADA, BO, CY, LINE, in_journal, until, working
from tests.patience import PATIENCE_S
from tests.warm import BLUEPORT

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
ALL = Wanted()


def write_history(chat_db: ChatDb, count: int, *, person: str = ADA, days: int = 90) -> list[str]:
    """Write texts of a while ago, one a minute; return them, the oldest first."""
    texts = [f"Number {n} with {person}" for n in range(count)]
    with chat_db.one_commit():
        for n, text in enumerate(texts):
            chat_db.add_message(text, sender=person, sent_at=now_ms() - days * DAY_MS + n * MINUTE_MS)
    return texts


def ask(settings: Settings, wanted: Wanted = ALL) -> None:
    """Ask the daemon as the command does."""
    request_place(settings.journal).write_bytes(msgspec.json.encode(Asked(wanted, now_ms())))


def is_over(settings: Settings, count: int = 1) -> bool:
    return in_journal(settings, "imports WHERE ended_at IS NOT NULL") == count and not in_journal(settings, "sightings")


@asynccontextmanager
async def imported(settings: Settings, door: FakeDoor, wanted: Wanted = ALL) -> AsyncIterator[None]:
    """Have a daemon at work that has imported."""
    async with working(settings, door):
        ask(settings, wanted)
        await until(lambda: is_over(settings))
        yield


@pytest.fixture
def heard(door: FakeDoor) -> list[Sighting]:
    """Return all that is told, as often as it is told."""
    heard: list[Sighting] = []

    def hear(sighting: Sighting) -> bool:
        heard.append(sighting)
        return False

    door.refuses = hear
    return heard


def texts(heard: list[Sighting]) -> list[str | None]:
    return [seen.text for seen in heard if isinstance(seen, MessageSeen)]


class TestWhatIsTold:
    async def test_all_that_was_there_is_told_oldest_first_and_is_news_to_nobody(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        written = write_history(chat_db, 2 * BATCH + 10)

        async with imported(settings, door):
            pass

        assert texts(heard) == written
        assert not any(seen.announce for seen in door.messages)

    async def test_messages_are_told_as_they_are_now(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        at = now_ms() - DAY_MS
        edited = chat_db.add_message("Teh", sender=ADA, sent_at=at)
        edits.edit(chat_db, edited, "The")
        unsent = chat_db.add_message("Oops", sender=ADA, sent_at=at + 1)
        edits.unsend(chat_db, unsent)
        chat_db.add_message("Ours", chat=chat_db.direct_chat(ADA), is_sent=1, sent_at=at + 2)
        oddities.tapback(chat_db, edited.guid, 2000, chat=chat_db.direct_chat(ADA), sender=ADA, date=apple_ns(at + 3))
        chat_db.link(chat_db.add_row(sender=ADA, item_type=2, sent_at=at + 4), chat_db.direct_chat(ADA))

        async with imported(settings, door):
            pass

        assert texts(heard) == ["The", "Ours"]
        (reaction,) = [seen for seen in heard if isinstance(seen, ReactionSeen)]
        assert (reaction.target_guid, reaction.announce) == (edited.guid, False)
        assert not door.receipts

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            (Wanted(chats=(ADA,)), ["Ada, long ago", "Ada"]),
            (Wanted(chats=(BO, CY)), ["Bo"]),
            (Wanted(since=now_ms() - 10 * DAY_MS), ["Bo", "Ada"]),
            (Wanted(since=now_ms() - DAY_MS), []),
            (Wanted(chats=("+15550109998",)), []),
        ],
    )
    async def test_only_what_is_asked_for_is_told(
        self,
        chat_db: ChatDb,
        door: FakeDoor,
        settings: Settings,
        heard: list[Sighting],
        wanted: Wanted,
        expected: list[str],
    ) -> None:
        for text, person, days in (("Ada, long ago", ADA, 20), ("Bo", BO, 9), ("Ada", ADA, 8)):
            chat_db.add_message(text, sender=person, sent_at=now_ms() - days * DAY_MS)

        async with imported(settings, door, wanted):
            pass

        assert texts(heard) == expected

    async def test_files_are_named_and_stay_here(self, chat_db: ChatDb, door: FakeDoor, settings: Settings) -> None:
        photo = Attachment("photo.png", b"a photo")
        chat_db.add_message("Look", sender=ADA, sent_at=now_ms() - DAY_MS, attachments=[photo])
        async with imported(settings, door):
            assert [(file.filename, file.is_coming) for file in door.messages[0].attachments] == [("photo.png", False)]
            assert not in_journal(settings, "uploads")

    async def test_files_that_are_asked_for_come(self, chat_db: ChatDb, door: FakeDoor, settings: Settings) -> None:
        photo = Attachment("photo.png", b"a photo")
        chat_db.add_message("Look", sender=ADA, sent_at=now_ms() - DAY_MS, attachments=[photo])

        async with imported(settings, door, Wanted(with_files=True)):
            await until(lambda: list(door.files.values()) == [b"a photo"])


class TestOnce:
    async def test_what_the_daemon_has_told_is_not_told_again(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        written = write_history(chat_db, 3)
        async with working(settings, door):
            chat_db.add_message("News", sender=ADA)
            oddities.backfill(chat_db, 5, sender=CY, newest_at=now_ms() - DAY_MS)
            await until(lambda: len(door.messages) == 6)

            ask(settings)
            await until(lambda: is_over(settings))

        assert len(heard) == len(door.messages) == 9
        assert texts(heard)[6:] == written

    async def test_asked_for_again_it_tells_only_what_was_left_out(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        write_history(chat_db, 3)
        chat_db.add_message("From Bo", sender=BO, sent_at=now_ms() - DAY_MS)
        async with imported(settings, door, Wanted(chats=(ADA,))):
            assert len(heard) == 3

            for _ in range(2):
                ask(settings)
                await until(lambda: not request_place(settings.journal).exists() and is_over(settings, 2))

        assert texts(heard)[3:] == ["From Bo"]

    async def test_a_change_of_what_was_imported_is_told_as_a_change(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        row = chat_db.add_message("Teh", sender=ADA, sent_at=now_ms() - 5 * MINUTE_MS)

        async with imported(settings, door):
            edits.edit(chat_db, row, "The")
            await until(lambda: [change.text for change in door.changes] == ["The"])

        assert texts(heard) == ["Teh"]

    async def test_of_what_is_old_little_is_kept(self, chat_db: ChatDb, door: FakeDoor, settings: Settings) -> None:
        write_history(chat_db, 50)

        async with imported(settings, door):
            assert in_journal(settings, "imported") == 50
            assert in_journal(settings, "seen") == 0

    async def test_when_the_file_is_rebuilt_meanwhile_all_of_it_is_told_once(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        written = write_history(chat_db, 3 * BATCH)
        async with working(settings, door):
            door.hears_sightings.clear()
            ask(settings)
            await until(lambda: in_journal(settings, "imported") > 0)
        oddities.rebuild(chat_db)
        door.hears_sightings.set()
        heard.clear()

        async with working(settings, door):
            await until(lambda: is_over(settings))

        assert sorted(map(str, texts(heard))) == sorted(written)

    async def test_what_is_news_meanwhile_does_not_wait_for_its_end(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        write_history(chat_db, 5 * BATCH)
        async with working(settings, door):
            ask(settings)
            await until(lambda: len(heard) > 0)

            chat_db.add_message("News", sender=BO)

            await until(lambda: is_over(settings))
        assert texts(heard).index("News") < 4 * BATCH
        assert door.received() == ["News"]

    async def test_a_send_whose_proof_is_still_looked_for_holds_it_up_no_longer_than_it_must(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        written = write_history(mac.db, 3)
        mac.db.add_message("Yes", chat=mac.db.direct_chat(ADA), is_sent=1, sent_at=now_ms() - DAY_MS)
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, "Yes")
        async with working(settings, door):
            await until(lambda: in_journal(settings, "items WHERE status = 'handed'") == 1)

            ask(settings)
            await until(lambda: is_over(settings))

            assert texts(heard) == [*written, "Yes"]
            mac.db.add_message("Yes", chat=mac.db.direct_chat(ADA), is_sent=1)
            await until(lambda: work.status == "sent")

    @pytest.mark.parametrize("point", ["import_taken", "imported", "telling", "told"])
    async def test_at_whatever_point_the_daemon_dies_nothing_is_left_out_or_doubled(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting], tmp_path: Path, point: str
    ) -> None:
        written = write_history(chat_db, 2 * BATCH + 10)
        async with daemon_process(settings, tmp_path) as first:
            await until(lambda: bool(door.hellos))
            (tmp_path / f"daemon.{point}").touch()
            ask(settings)
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: in_journal(settings, "imports") == 1 and is_over(settings))

        assert [seen.text for seen in door.messages] == written
        # What was heard but not acknowledged is told again, and kept once.
        assert len(heard) - len(written) in ({50} if point == "told" else {0})


class TestCommand:
    async def test_where_no_daemon_runs_it_does_the_work_itself(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        written = write_history(chat_db, BATCH + 10)

        async with command(settings, "--all") as told:
            pass

        assert told == [
            str(len(written)),
            f"blueport: {len(written)} messages and reactions were told, out of 110 rows",
        ]
        assert [seen.text for seen in door.messages] == written
        assert not door.knocks["claim"]

    async def test_where_one_runs_it_shows_how_far_that_is(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings
    ) -> None:
        written = write_history(chat_db, BATCH + 10, days=3)

        async with working(settings, door), command(settings, "--days", "5", "--chat", f"any;-;{ADA}") as told:
            pass

        assert told[0] == str(len(written))
        assert [seen.text for seen in door.messages] == written

    async def test_killed_it_goes_on_where_it_stood(
        self, chat_db: ChatDb, settings: Settings, heard: list[Sighting], tmp_path: Path
    ) -> None:
        written = write_history(chat_db, BATCH + 10)
        (tmp_path / "daemon.imported").touch()
        first = await begun(settings, "--all")
        await first.communicate()
        assert first.returncode == -signal.SIGKILL

        told = await ended(await begun(settings, "--all"))

        assert told[0] == str(len(written))
        assert texts(heard) == written

    async def test_when_the_daemon_ends_meanwhile_it_goes_on(
        self, chat_db: ChatDb, door: FakeDoor, settings: Settings, heard: list[Sighting]
    ) -> None:
        written = write_history(chat_db, 3 * BATCH)
        async with working(settings, door):
            process = await begun(settings, "--all")
            await until(lambda: len(heard) > 0)
        told = await ended(process)

        assert told[0] == str(len(written))
        assert [seen.text for seen in door.messages] == written

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            ((), "one of the arguments --since --days --all is required"),
            (("--since", "yesterday"), "'yesterday' is no day like 2026-01-31"),
            (("--days", "few"), "'few' is no number of days"),
            (("--all", "--days", "3"), "not allowed with argument"),
        ],
    )
    async def test_what_is_no_command_is_said(self, settings: Settings, arguments: tuple[str, ...], word: str) -> None:
        process = await begun(settings, *arguments)
        _, said = await process.communicate()

        assert process.returncode == 2
        assert word in said.decode()

    async def test_without_a_chat_db_it_says_so(self, settings: Settings) -> None:
        process = await begun(settings, "--all")
        _, said = await process.communicate()

        assert process.returncode == 1
        assert "is not there: open Messages and sign in" in said.decode()


@asynccontextmanager
async def command(settings: Settings, *arguments: str) -> AsyncIterator[list[str]]:
    """Run the command to its end, and return its lines: those for a script, then those for a person."""
    yield await ended(await begun(settings, *arguments))


async def begun(settings: Settings, *arguments: str) -> Process:
    given = {
        "SERVER_URL": settings.server_url,
        "TOKEN": settings.token,
        "LINES": LINE,
        "CHAT_DB": str(settings.chat_db),
        "JOURNAL": str(settings.journal),
    }
    return await asyncio.create_subprocess_exec(
        *(*BLUEPORT, "daemon", "import", *arguments),
        *("--settings", str(settings.journal.with_name("none.env"))),
        env={
            **os.environ,
            **{f"BLUEPORT_DAEMON_{name}": value for name, value in given.items()},
            "BLUEPORT_FAILPOINTS": str(settings.journal.parent),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: Process) -> list[str]:
    told, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, said.decode()
    return [*told.decode().splitlines(), *said.decode().splitlines()]
