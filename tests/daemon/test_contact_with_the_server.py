"""Contact with the server lost and found, answers that make no sense, and sightings that it will not take."""

import asyncio
import socket
import sqlite3
import stat
import threading
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

from blueport.cli.environment import settings_of
from blueport.daemon.journal.file import opened_journal
from blueport.daemon.run import run
from blueport.daemon.settings import Settings
from blueport.protocol.sightings import MessageSeen
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from tests.daemon.fake_door import LEASE_S, FakeDoor
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.test_sending_through_messages import texts_on_phone
from tests.daemon.waiting import ADA, BO, LINE, in_journal, until, working
from tests.forwarding import Forwarder, heard
from tests.patience import PATIENCE_S
from tests.told import told


class TestAnotherDaemon:
    async def test_who_is_superseded_by_another_says_hello_again_later_and_goes_on(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with working(msgspec.structs.replace(settings, superseded_pause_s=0.2), door):
            door.process = "another"
            await until(lambda: len(door.hellos) > 1)
            work = door.accept(LINE, ADA, "Hi")
            await until(lambda: work.status == "sent")

        assert len({hello.process for hello in door.hellos}) == 1
        assert [each["event"] for each in told(caplog, "blueport.daemon.uplink")] == ["superseded"]
        assert texts_on_phone(mac, ADA) == ["Hi"]


class TestLostContact:
    async def test_what_is_seen_meanwhile_is_told_when_the_server_is_back(
        self, mac: SimulatedMac, settings: Settings
    ) -> None:
        door = FakeDoor()
        async with door.open():
            settings = at(door, settings)
            daemon = asyncio.create_task(run(settings))
            await until(lambda: bool(door.hellos))
        for text in ("One", "Two"):
            await mac.person_texts(ADA, text)

        async with door.open():
            await until(lambda: door.received() == ["One", "Two"])
            await until(lambda: len(door.hellos) > 1)

            work = door.accept(LINE, ADA, "Back again")
            await until(lambda: work.status == "sent")
            daemon.cancel()

    @pytest.mark.parametrize("status", [401, 404, 409, 429, 500, 503])
    async def test_answers_that_say_nothing_of_the_request_lose_nothing(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, status: int
    ) -> None:
        async with working(settings, door):
            door.answers_with = status
            await mac.person_texts(ADA, "Hi")
            await asyncio.sleep(0.1)
            door.answers_with = None

            await until(lambda: door.received() == ["Hi"])

    async def test_a_send_is_reported_after_the_server_was_away(self, mac: SimulatedMac, settings: Settings) -> None:
        door = FakeDoor()
        async with door.open():
            mac.faults.add(Fault("late", after_ms=500))
            work = door.accept(LINE, ADA, "Hi")
            daemon = asyncio.create_task(run(at(door, settings)))
            await until(lambda: work.begun)
        await until(lambda: texts_on_phone(mac, ADA) == ["Hi"])

        async with door.open():
            await until(lambda: work.status == "sent")
            daemon.cancel()

    async def test_a_claim_whose_answer_was_lost_is_offered_again(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, ADA, "Hi")
        async with working(settings, door):
            await until(lambda: work.status == "sent")
        lost = door.accept(LINE, ADA, "Again")
        lost.status, lost.journal, lost.token, lost.attempts = "claimed", door.hellos[0].journal, "lost", 1

        async with working(settings, door):
            await until(lambda: lost.status == "sent")

        assert texts_on_phone(mac, ADA) == ["Hi", "Again"]

    async def test_a_claim_that_is_asked_again_finds_what_the_answer_before_it_had(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.loses_answers.add("claim")
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        assert (work.attempts, texts_on_phone(mac, ADA)) == (1, ["Hi"])

    async def test_an_item_that_was_taken_away_is_not_handed_over(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("error", number=-1743, times=2))
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.begun)
            work.token = "another's"
            last = door.accept(LINE, ADA, "Last")
            await until(lambda: last.status == "sent")

        assert texts_on_phone(mac, ADA) == ["Last"]


class Silencing(Forwarder):
    """Leads to a port; connections can be left open and dead, as a network does that forgot them."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._silence = threading.Event()
        super().__init__()

    def lead(self, client: socket.socket) -> None:
        silence = self._silence
        with socket.create_connection(("127.0.0.1", self._to_port)) as server:
            while True:
                for words, to in heard(client, server):
                    if not words:
                        return
                    if not silence.is_set():
                        to.sendall(words)

    def silence_all(self) -> None:
        """Let no word of the connections that are there come through any more."""
        self._silence.set()
        self._silence = threading.Event()


class TestDeadConnections:
    async def test_all_goes_on_over_others_and_nothing_is_lost_or_out_of_order(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # srv-012
        monkeypatch.setattr("blueport.daemon.uplink._CLAIM_MARGIN_S", 0.5)
        with closing(Silencing(door.port)) as way:
            url = f"http://127.0.0.1:{way.port}"
            settings = msgspec.structs.replace(settings, server_url=url, call_timeout_s=0.5)
            async with working(settings, door):
                texts = []
                for round_number in range(3):
                    for number in range(3):
                        texts.append(f"{round_number}: {number}")
                        await mac.person_texts(ADA, texts[-1])
                    way.silence_all()
                    work = door.accept(LINE, ADA, f"Answer {round_number}")

                    await until(lambda: door.received() == texts)
                    await until(lambda work=work: work.status == "sent")

        assert texts_on_phone(mac, ADA) == [f"Answer {number}" for number in range(3)]


class TestNotLetIn:
    @pytest.mark.usefixtures("mac")
    async def test_a_wrong_token_is_said_once_as_what_it_is_and_tried_on(
        self, door: FakeDoor, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        door.token = "dt_another"
        daemon = asyncio.create_task(run(settings))
        await until(lambda: door.knocks["hello"] > 3)
        door.token = settings.token

        await until(lambda: len(told(caplog, "blueport.daemon.uplink")) > 1)
        daemon.cancel()

        trouble, well = told(caplog, "blueport.daemon.uplink")
        assert (trouble["event"], trouble["setting"]) == ("not_let_in", "BLUEPORT_DAEMON_TOKEN")
        assert well["event"] == "server_reached_again"

    async def test_a_line_that_is_not_the_daemons_is_said_as_what_it_is_while_other_words_are_heard(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with working(settings, door):
            door.lines = set()
            mac.faults.add(Fault("error", number=-1743, times=1))
            hellos = door.knocks["hello"]
            work = door.accept(LINE, ADA, "Hi")  # the line's health changes, and is said
            await until(lambda: door.knocks["hello"] > hellos + 2)
            await until(lambda: work.status == "sent")

        (trouble,) = told(caplog, "blueport.daemon.uplink")
        assert (trouble["event"], trouble["setting"]) == ("not_let_in", "BLUEPORT_DAEMON_LINES")


class TestVersion:
    @pytest.mark.parametrize(
        ("of_server", "told_versions"), [(None, []), ("0.0.9", []), (version("blueport"), []), ("99.1", ["99.1"])]
    )
    async def test_a_newer_version_of_the_server_is_said_once(
        self,
        mac: SimulatedMac,
        door: FakeDoor,
        settings: Settings,
        caplog: pytest.LogCaptureFixture,
        of_server: str | None,
        told_versions: list[str],
    ) -> None:
        door.version = of_server
        async with working(settings, door):
            door.answers_with = 503
            await mac.person_texts(ADA, "Hi")
            await until(lambda: door.knocks["sightings"] > 0)
            door.answers_with = None
            await until(lambda: len(door.hellos) == 2)

        events = [line for line in told(caplog, "blueport.daemon.run") if line["event"] == "newer_version_there"]
        assert [line["version"] for line in events] == told_versions
        assert in_journal(settings, f"server WHERE version = '{of_server}'") == (of_server is not None)


class TestSettings:
    @pytest.mark.parametrize("lines", ["", ",", "+15550100000,", "+15550100000,nobody"])
    def test_lines_that_are_none_stop_the_start(self, capsys: pytest.CaptureFixture[str], lines: str) -> None:
        with pytest.raises(SystemExit):
            settings_of(Settings, "BLUEPORT_DAEMON_", environment(lines))

        assert "`lines` must name the phone numbers or Apple IDs" in capsys.readouterr().err

    def test_lines_may_be_written_in_any_notation(self) -> None:
        settings = settings_of(Settings, "BLUEPORT_DAEMON_", environment("(555) 555-0100, Bo@Example.com"))

        assert settings.lines == ("+15555550100", "bo@example.com")


class TestLateGrants:
    """The daemon was stopped, or its Mac slept, before it heard that it may hand over: srv-076."""

    async def test_a_grant_whose_lease_may_be_over_is_asked_for_again(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.grant_takes_s = LEASE_S * 0.6
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: door.knocks["begin"] > 1)
            door.grant_takes_s = 0
            await until(lambda: work.status == "sent")

        assert texts_on_phone(mac, ADA) == ["Hi"]

    async def test_what_was_given_up_meanwhile_is_not_handed_over(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.grant_takes_s = LEASE_S * 0.6
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.begun)
            work.status, work.error = "failed", "outcome_unknown"
            last = door.accept(LINE, ADA, "Last")
            await until(lambda: door.knocks["begin"] > 1)
            door.grant_takes_s = 0
            await until(lambda: last.status == "sent")

        assert texts_on_phone(mac, ADA) == ["Last"]


class TestRefusedSightings:
    async def test_one_that_is_refused_holds_up_nobody_and_is_offered_again_at_the_next_start(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.refuses = lambda sighting: sighting.text == "Poison"
        async with working(settings, door):
            for text in ("One", "Poison", "Two"):
                await mac.person_texts(ADA, text)
            await until(lambda: door.received() == ["One", "Two"])
        door.refuses = lambda _: False

        async with working(settings, door):
            await until(lambda: door.received() == ["One", "Two", "Poison"])

    async def test_a_proof_that_is_refused_ends_its_item_as_unknown(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.refuses = lambda sighting: isinstance(sighting, MessageSeen) and sighting.proves is not None
        work = door.accept(LINE, ADA, "Hi")

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert (work.status, work.error) == ("failed", "outcome_unknown")
        assert texts_on_phone(mac, ADA) == ["Hi"]

    async def test_a_line_that_the_server_does_not_know_holds_up_no_other(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.refuses = lambda sighting: isinstance(sighting, MessageSeen) and sighting.sender == BO

        async with working(settings, door):
            await mac.person_texts(BO, "Hi")
            await mac.person_texts(ADA, "Hello")
            await until(lambda: door.received() == ["Hello"])


class TestJournal:
    async def test_a_second_daemon_on_the_same_journal_is_refused(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        said: list[bytes] = []
        async with working(settings, door):
            async with daemon_process(settings, tmp_path, said) as second:
                await asyncio.wait_for(second.wait(), PATIENCE_S)
            assert (second.returncode, len(said)) == (1, 1)
            assert b"Another daemon is running on this journal" in said[0]

            await mac.person_texts(ADA, "Hi")
            await until(lambda: door.received() == ["Hi"])

    async def test_it_is_for_its_owner_only_and_keeps_its_name(self, settings: Settings) -> None:
        with opened_journal(settings.journal) as journal:
            first = journal.id
        with opened_journal(settings.journal) as journal:
            second = journal.id

        assert first == second
        assert stat.S_IMODE(settings.journal.stat().st_mode) == 0o600

    async def test_no_text_of_a_message_stays_in_it(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept(LINE, ADA, "Our secret")
        async with working(settings, door):
            await mac.person_texts(ADA, "Our secret too")
            await until(lambda: work.status == "sent" and bool(door.received()))
            await until(lambda: in_journal(settings, "sightings") == in_journal(settings, "items") == 0)

        with opened_journal(settings.journal) as journal:
            left = [*journal.find(tuple[bytes], "SELECT sighting FROM sightings")]
            left += journal.find(tuple[bytes], "SELECT command FROM items")
        assert left == []


class TestCopiedJournal:
    """A backup of the journal that is put back, or one that was taken to another Mac."""

    async def test_what_was_handed_over_after_the_copy_was_made_is_not_handed_over_again(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.hears_sightings.clear()
        work = door.accept(LINE, ADA, "Hi")
        mac.faults.add(Fault("error", number=-1743, times=1))
        async with working(msgspec.structs.replace(settings, not_now_retry_s=5), door):
            await until(lambda: not mac.faults.pending())
            await until(lambda: statuses_in(settings.journal) == ["claimed"])
            copy = copied(settings.journal)
            await until(lambda: texts_on_phone(mac, ADA) == ["Hi"] and door.knocks["sightings"] > 0)
        put_back(copy, settings.journal)
        door.hears_sightings.set()

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert (work.error, texts_on_phone(mac, ADA)) == ("outcome_unknown", ["Hi"])


class TestEnd:
    async def test_a_daemon_ends_at_once_and_takes_a_hanging_script_with_it(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("hang"))
        work = door.accept(LINE, ADA, "Hi")
        daemon = asyncio.create_task(run(settings))
        await until(lambda: work.begun and not mac.faults.pending())

        daemon.cancel()
        async with asyncio.timeout(2):
            await asyncio.wait([daemon])

        assert daemon.cancelled()


def environment(lines: str) -> dict[str, str]:
    given = {"SERVER_URL": "http://127.0.0.1:1", "TOKEN": "dt_x", "LINES": lines}
    return {f"BLUEPORT_DAEMON_{name}": value for name, value in given.items()}


def statuses_in(journal: Path) -> list[str]:
    """Return the statuses of the items in a journal that a daemon has open."""
    with closing(sqlite3.connect(journal)) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM items WHERE nonce_before IS NOT NULL")]


def copied(journal: Path) -> Path:
    """Return a copy of a journal that a daemon has open."""
    copy = journal.with_name("copy.db")
    with closing(sqlite3.connect(journal)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def put_back(copy: Path, journal: Path) -> None:
    """Put a copy in the place of a journal."""
    for file in journal.parent.glob(f"{journal.name}*"):
        file.unlink()
    copy.rename(journal)


def at(door: FakeDoor, settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, server_url=door.url)
