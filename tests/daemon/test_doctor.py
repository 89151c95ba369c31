"""`blueport daemon doctor`: what is missing is found by trying, and told with what a person can do about it."""

import json
import os
import sqlite3
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from email.utils import formatdate
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from msgspec import structs

from blueport.clock import now_ms
from blueport.daemon.examining import agent, messages, server
from blueport.daemon.examining import mac as examining_mac
from blueport.daemon.examining.doctor import examine
from blueport.daemon.examining.findings import Finding, Verdict
from blueport.daemon.examining.subject import Subject
from blueport.daemon.installing.agent import daemon_agent
from blueport.daemon.installing.places import Places
from blueport.daemon.programs import Programs, programs_in
from blueport.daemon.remedies import HANGING, NO_AUTOMATION, NOT_RUNNING, NOT_SIGNED_IN, chat_db_condition, grantee
from blueport.daemon.settings import Settings
from blueport.simulator.condition import Condition, condition_of, set_up
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac
from blueport.simulator.settings import imsg_path
from tests.daemon.fake_door import TOKEN, FakeDoor
from tests.daemon.newcomer import Newcomer
from tests.daemon.waiting import ADA, LINE, until
from tests.ports import free_port
from tests.server.certificates import Authority

# A checkout may lie in a temporary folder, whose Python is rightly not trusted to stay.
NOT_OURS = {"Python"}
GIB = 1024**3


@pytest.fixture
def newcomer(mac: SimulatedMac) -> Newcomer:
    return Newcomer(mac.settings.folder)


@pytest.fixture
def subject(mac: SimulatedMac, settings: Settings) -> Subject:
    """A Mac on which all is well, but that no daemon was installed."""
    folder = mac.settings.folder
    return Subject(
        programs_in(folder / "bin"),
        Places(folder),
        "/Users/me/blueport/bin/python",
        structs.replace(settings, send_timeout_s=3, imsg=str(imsg_path(folder))),
    )


async def finding(subject: Subject, name: str) -> Finding:
    """Look at one thing alone."""
    alone: dict[str, Callable[[], Awaitable[Finding]]] = {
        "macOS": lambda: examining_mac.macos(subject.programs),
        "login": lambda: examining_mac.session(subject.programs),
        "sleep": lambda: examining_mac.sleep(subject.programs),
        "power failure": lambda: examining_mac.restarting(subject.programs),
        "after a start": lambda: examining_mac.login(subject.programs),
        "imsg": lambda: messages.imsg(subject),
    }
    return await alone[name]()


def named(findings: list[Finding], name: str) -> Finding:
    return next(each for each in findings if each.name == name)


def changed(mac: SimulatedMac, **how: object) -> None:
    set_up(mac.settings.folder, msgspec.convert({**condition(mac), **how}, Condition))


def condition(mac: SimulatedMac) -> dict[str, object]:
    return structs.asdict(condition_of(mac.settings.folder))


class TestAtTheCommandLine:
    async def test_on_a_mac_that_is_well_nothing_is_wrong(
        self, mac: SimulatedMac, door: FakeDoor, newcomer: Newcomer
    ) -> None:
        await mac.person_texts(ADA, "Hello")
        await newcomer.installs(door, BLUEPORT_DAEMON_IMSG=str(imsg_path(newcomer.folder)))
        await until(lambda: bool(door.hellos))

        ended = await newcomer.types("doctor", "--json")

        found = msgspec.json.decode(ended.out, type=list[Finding])
        amiss = {each.name: each.sentence for each in found if each.verdict != "ok"}
        assert set(amiss) <= NOT_OURS, amiss
        assert ended.status == int(bool(amiss))
        assert len(found) >= 17

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can do with fewer powers than launchd has here")
    async def test_it_is_tried_with_the_daemons_permissions_and_not_with_the_terminals(
        self, mac: SimulatedMac, newcomer: Newcomer
    ) -> None:
        mac.db.path.chmod(0)

        ended = await newcomer.types("doctor", powerless=True)

        assert "ok Full Disk Access" in ended.words
        assert not [path for path in newcomer.places.own.iterdir() if "doctor" in path.name]

    async def test_where_launchd_cannot_start_it_a_person_is_told_whose_permissions_were_tried(
        self, mac: SimulatedMac, newcomer: Newcomer
    ) -> None:
        changed(mac, has_session=False)

        ended = await newcomer.types("doctor")

        assert ended.status == 1
        assert "this terminal's permissions were tried" in ended.words
        assert "WRONG login" in ended.words

    async def test_the_python_that_was_installed_is_judged_and_not_the_one_that_asks(
        self, mac: SimulatedMac, newcomer: Newcomer
    ) -> None:
        changed(mac, has_session=False)
        newcomer.places.agent.parent.mkdir(parents=True)
        newcomer.places.agent.write_bytes(daemon_agent(newcomer.places, "/opt/homebrew/bin/python3", {}))

        ended = await newcomer.types("doctor")

        assert "WRONG Python /opt/homebrew/bin/python3 is Homebrew's" in ended.words

    async def test_on_what_is_no_mac_nobody_is_sent_to_its_screen(self, newcomer: Newcomer) -> None:
        ended = await newcomer.types("doctor", BLUEPORT_MAC_PROGRAMS="/nowhere")

        assert "unknown macOS This is no Mac." in ended.words
        assert "screen" not in ended.words

    async def test_who_has_no_server_yet_is_told_how_to_get_one(self, newcomer: Newcomer) -> None:
        ended = await newcomer.types("doctor", "--here")

        assert ended.status == 1
        assert "blueport daemon pair" in ended.words
        assert "ok Full Disk Access" in ended.words  # what needs no server is tried all the same

    async def test_settings_that_are_not_right_end_it_with_a_word(self, newcomer: Newcomer) -> None:
        ended = await newcomer.types("doctor", "--here", BLUEPORT_DAEMON_POLL_S="soon")

        assert (ended.status, "poll_s" in ended.error) == (78, True)


class TestFullDiskAccess:
    @pytest.mark.parametrize("is_there", [True, False], ids=["forbidden", "missing"])
    async def test_without_it_both_doctor_and_server_hear_what_to_grant_and_to_whom(  # cur-13
        self, mac: SimulatedMac, door: FakeDoor, newcomer: Newcomer, *, is_there: bool
    ) -> None:
        if is_there:
            mac.db.path.chmod(0)
        else:
            mac.db.path.parent.rename(newcomer.folder / "elsewhere")
        told = {"BLUEPORT_DAEMON_SERVER_URL": door.url, "BLUEPORT_DAEMON_TOKEN": TOKEN, "BLUEPORT_DAEMON_LINES": LINE}

        ended = await newcomer.types("doctor", "--here", powerless=True, **told)
        async with newcomer.starts("run", powerless=True, **told):
            await until(lambda: bool(door.hellos))

        assert ended.status == 1
        assert "WRONG Full Disk Access" in ended.words
        assert f"grant Full Disk Access to {grantee()}" in ended.words
        [report] = door.hellos[0].lines
        assert report.health == "no_disk_access"
        assert str(report.hint) in ended.words  # the same words

    async def test_the_one_that_launchd_started_says_the_same(
        self, mac: SimulatedMac, door: FakeDoor, newcomer: Newcomer
    ) -> None:
        mac.db.path.parent.rename(newcomer.folder / "elsewhere")
        await newcomer.installs(door)
        await until(lambda: bool(door.hellos))

        ended = await newcomer.types("doctor")

        assert str(door.hellos[-1].lines[0].hint) in ended.words

    def test_that_it_is_refused_although_it_was_granted_is_no_other_matter(self, tmp_path: Path) -> None:  # cur-12
        with closing(sqlite3.connect(tmp_path / "chat.db")) as connection:
            connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
            with pytest.raises(sqlite3.DatabaseError) as raised:
                connection.execute("SELECT 1 FROM message LIMIT 1")

        condition = chat_db_condition(tmp_path / "chat.db", raised.value)

        assert raised.value.sqlite_errorcode == sqlite3.SQLITE_AUTH == 23
        assert (condition.health, "Full Disk Access" in str(condition.hint)) == ("no_disk_access", True)

    async def test_a_lock_is_called_a_lock(self, mac: SimulatedMac, subject: Subject) -> None:
        mac.db.execute("PRAGMA journal_mode = DELETE")
        mac.db.execute("BEGIN EXCLUSIVE")

        [found] = (await messages.chat_db(subject)).findings

        mac.db.execute("COMMIT")
        assert (found.verdict, "locked by another program" in found.sentence) == ("wrong", True)

    async def test_an_empty_one_is_no_failure(self, subject: Subject) -> None:
        [found] = (await messages.chat_db(subject)).findings

        assert (found.verdict, "no message in it yet" in found.sentence) == ("ok", True)

    def test_in_a_framework_it_is_granted_to_the_application_behind_the_interpreter(self, tmp_path: Path) -> None:
        version = tmp_path / "Python.framework" / "Versions" / "3.13"
        for folder in (version / "bin", version / "Resources" / "Python.app", tmp_path / "venv"):
            folder.mkdir(parents=True)
        (version / "bin" / "python3.13").touch()
        (tmp_path / "venv" / "python").symlink_to(version / "bin" / "python3.13")

        assert grantee(str(tmp_path / "venv" / "python")) == str(version / "Resources" / "Python.app")


class TestMessages:
    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (Fault(next="error", number=-1743, on="question"), NO_AUTOMATION),  # send-28
            (Fault(next="hang", on="question"), HANGING),  # send-28
            (Fault(next="error", number=-600, on="question"), NOT_RUNNING),
            (Fault(next="error", number=-1712, on="question"), HANGING),
        ],
        ids=["not allowed", "hangs", "not running", "timed out"],
    )
    async def test_what_keeps_it_from_being_controlled_is_told_with_the_daemons_words(
        self, mac: SimulatedMac, subject: Subject, fault: Fault, told: tuple[str, str]
    ) -> None:
        mac.faults.add(fault)

        found = (await messages.messages(subject)).findings

        assert named(found, "Automation") == Finding("Automation", "wrong", told[1])
        assert named(found, "iMessage account").verdict == "unknown"

    async def test_the_permission_that_is_missing_shows_at_the_command_line(  # send-28
        self, mac: SimulatedMac, newcomer: Newcomer
    ) -> None:
        mac.faults.add(Fault(next="error", number=-1743, on="question"))

        ended = await newcomer.types("doctor")

        assert ended.status == 1
        assert f"WRONG Automation {NO_AUTOMATION.hint}" in ended.words

    async def test_a_mac_that_is_not_signed_in_is_told_so(self, mac: SimulatedMac, subject: Subject) -> None:
        changed(mac, is_signed_in=False)

        found = (await messages.messages(subject)).findings

        assert named(found, "iMessage account") == Finding("iMessage account", "wrong", str(NOT_SIGNED_IN.hint))

    async def test_a_line_that_nothing_here_shows_is_asked_about(self, subject: Subject) -> None:
        settings = structs.replace(subject.settings, lines=(LINE, "bo@example.com"))

        asked = await messages.messages(subject)
        [found] = messages.lines(subject._replace(settings=settings), asked.addresses)

        assert (found.verdict, "bo@example.com" in found.sentence, LINE in found.sentence) == ("unknown", True, False)

    async def test_a_line_that_was_written_to_is_known(self, mac: SimulatedMac, subject: Subject) -> None:
        mac.db.add_message("Hi", sender=ADA, destination_caller_id="bo@example.com")
        settings = structs.replace(subject.settings, lines=("bo@example.com",))

        read = await messages.chat_db(subject)
        [found] = messages.lines(subject._replace(settings=settings), read.addresses)

        assert found.verdict == "ok"

    async def test_what_imsg_can_do_is_asked_of_it(self, mac: SimulatedMac, subject: Subject) -> None:
        well = await finding(subject, "imsg")
        mac.faults.add(Fault(next="advanced_off"))
        without_bridge = await finding(subject, "imsg")
        without = await finding(subject._replace(settings=structs.replace(subject.settings, imsg=None)), "imsg")

        assert (well.verdict, "tapbacks" in well.sentence) == ("ok", True)
        assert (without_bridge.verdict, without.verdict) == ("wrong", "advice")


class TestTheMac:
    @pytest.mark.parametrize(
        ("how", "name", "verdict", "word"),
        [
            ({"version": "11.7.10"}, "macOS", "wrong", "too old"),
            ({"version": "12.7.6"}, "macOS", "ok", "12.7.6"),
            ({"has_session": False}, "login", "wrong", "log in there"),
            ({"sleep_min": 10}, "sleep", "wrong", "sudo pmset -a sleep 0"),
            ({"restarts_after_power_failure": False}, "power failure", "advice", "autorestart 1"),
            ({"is_encrypted": True}, "after a start", "advice", "FileVault is on"),
            ({"logs_in": None}, "after a start", "advice", "Automatically log in as"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_how_it_is_set_up_is_judged(
        self, mac: SimulatedMac, subject: Subject, how: dict[str, object], name: str, verdict: Verdict, word: str
    ) -> None:
        changed(mac, **how)

        found = await finding(subject, name)

        assert (found.verdict, word in found.sentence) == (verdict, True), found

    async def test_a_mac_that_the_daemon_holds_awake_does_not_sleep(
        self, mac: SimulatedMac, door: FakeDoor, newcomer: Newcomer, subject: Subject
    ) -> None:
        changed(mac, sleep_min=10)
        await newcomer.installs(door)
        await until((newcomer.folder / "assertions").exists)

        found = await finding(subject, "sleep")

        assert (found.verdict, "held awake now by caffeinate" in found.sentence) == ("ok", True)

    async def test_what_is_no_mac_is_not_called_well(self, subject: Subject) -> None:
        nowhere = subject._replace(
            programs=programs_in(Path("/nowhere")), settings=structs.replace(subject.settings, osascript="/nowhere/o")
        )

        found = await examine(nowhere)

        asked = ("macOS", "login", "daemon", "Automation", "iMessage account", "sleep", "after a start")
        assert {named(found, name) for name in asked} == {Finding(name, "unknown", "This is no Mac.") for name in asked}

    @pytest.mark.parametrize(
        ("free", "verdict"),
        [(GIB // 2, "wrong"), (2 * GIB, "advice"), (20 * GIB, "ok")],
        ids=["full", "little", "room"],
    )
    def test_the_place_with_the_least_room_counts(self, free: int, verdict: Verdict) -> None:
        assert examining_mac.room({"/": 500 * GIB, "/Volumes/x": free}).verdict == verdict

    def test_a_token_that_others_can_read_is_told(self, subject: Subject) -> None:
        subject.places.settings.parent.mkdir(parents=True)
        subject.places.settings.touch(mode=0o644)

        [found] = agent.settings(subject)

        assert (found.verdict, "chmod 600" in found.sentence) == ("wrong", True)

    def test_real_programs_are_where_apple_puts_them(self) -> None:
        assert all(program.startswith(("/bin/", "/usr/bin/")) for program in Programs())


@asynccontextmanager
async def somebody(answer: Callable[[], web.Response], tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Yield the URL of one who answers everything in the same way."""
    app = web.Application()

    async def answered(_: web.Request) -> web.Response:
        return answer()

    app.router.add_route("*", "/{path:.*}", answered)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def dated(off_s: int) -> web.Response:
    body = json.dumps({"error": {"code": "message_not_found"}}, separators=(",", ":"))
    return web.Response(status=404, text=body, headers={"Date": formatdate(now_ms() / 1000 - off_s, usegmt=True)})


class TestServer:
    async def test_one_that_lets_it_in_hears_nothing_from_it(self, door: FakeDoor, subject: Subject) -> None:
        found = await server.server(subject)

        assert [each.verdict for each in found] == ["ok", "ok", "ok"]
        assert door.hellos == []

    async def test_a_token_that_it_does_not_know_is_told(self, door: FakeDoor, subject: Subject) -> None:
        door.token = "dt_another"

        [found, *_] = await server.server(subject)

        assert (found.verdict, "does not know this daemon's token" in found.sentence) == ("wrong", True)

    async def test_a_line_that_is_somebody_elses_is_named(self, subject: Subject) -> None:
        settings = structs.replace(subject.settings, lines=(LINE, "bo@example.com"))

        [well, found, _] = await server.server(subject._replace(settings=settings))

        assert (well.verdict, found.verdict) == ("ok", "wrong")
        assert "bo@example.com" in found.sentence
        assert LINE not in found.sentence

    async def test_one_that_is_not_there_is_told(self, subject: Subject) -> None:
        settings = structs.replace(subject.settings, server_url=f"http://127.0.0.1:{free_port()}")

        [found, *others] = await server.server(subject._replace(settings=settings))

        assert (found.verdict, "cannot be reached" in found.sentence) == ("wrong", True)
        assert {each.verdict for each in others} == {"unknown"}

    async def test_one_whose_certificate_is_not_trusted_is_told_with_the_usual_reason(
        self, tmp_path: Path, subject: Subject
    ) -> None:
        async with somebody(lambda: dated(0), Authority(tmp_path).server("127.0.0.1")) as url:
            settings = structs.replace(subject.settings, server_url=url)

            [found, *_] = await server.server(subject._replace(settings=settings))

        assert (found.verdict, "Install Certificates.command" in found.sentence) == ("wrong", True)

    @pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://127.0.0.1"])
    async def test_what_is_no_url_is_told(self, subject: Subject, url: str) -> None:
        [found, *_] = await server.server(subject._replace(settings=structs.replace(subject.settings, server_url=url)))

        assert found.verdict == "wrong"

    @pytest.mark.parametrize("status", [200, 301, 403, 404, 502])
    async def test_somebody_else_in_its_place_is_not_taken_for_it(self, subject: Subject, status: int) -> None:
        async with somebody(lambda: web.Response(status=status, text="<html>")) as url:
            settings = structs.replace(subject.settings, server_url=url)

            [found, *_] = await server.server(subject._replace(settings=settings))

        assert (found.verdict, f"answers with {status}" in found.sentence) == ("wrong", True)

    @pytest.mark.parametrize(
        ("off_s", "verdict", "way"),
        [(40, "wrong", "ahead of"), (-40, "wrong", "behind"), (20, "ok", "agrees"), (-20, "ok", "agrees")],
    )
    async def test_its_clock_is_compared(self, subject: Subject, off_s: int, verdict: Verdict, way: str) -> None:
        async with somebody(lambda: dated(off_s)) as url:
            settings = structs.replace(subject.settings, server_url=url)

            [_, _, found] = await server.server(subject._replace(settings=settings))

        assert (found.verdict, way in found.sentence) == (verdict, True), found
