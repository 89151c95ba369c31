"""A Mac is paired by a code: the operator's command, the server and the Mac's command, dying where it hurts."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from blueport.daemon.installing import settings_file
from tests.databases import Database
from tests.system.blueport import until
from tests.system.servers import LINE, Fleet, fleet
from tests.system.test_the_command_line import run
from tests.warm import BLUEPORT

NO_CODE = "AAAA-BBBB-CCCC"
ON_SQLITE = pytest.mark.one_store("it is about what is on the Mac, or judged before the store is asked")


class Site(NamedTuple):
    """A server, the operator beside it, and a Mac."""

    ships: Fleet
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Path:
        return self.folder / "Application Support" / "daemon.env"

    @property
    def draft(self) -> Path:
        return self.settings.with_name("daemon.env.pairing")

    def operate(self, *arguments: str) -> str:
        ended = run(*arguments, "--database", self.ships.database.named, at=self.folder)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def given(self) -> dict[str, str]:
        return {"BLUEPORT_DATABASE": self.ships.database.named, "BLUEPORT_PUBLIC_URL": "https://example.com"}

    def code(self, *more: str) -> str:
        return self.operate("daemons", "pair", "mini", "--account", "first", "--url", self.url, *more)

    def pair(self, code: str, *more: str) -> subprocess.CompletedProcess[str]:
        given = ("--settings", str(self.settings), *more)
        return run("daemon", "pair", self.url, code, *given, at=self.folder, BLUEPORT_FAILPOINTS=str(self.folder))

    def kept(self) -> dict[str, str]:
        return settings_file.read(self.settings)

    def daemons(self) -> list[dict[str, object]]:
        return json.loads(self.operate("daemons", "list", "--json"))

    def is_let_in(self) -> bool:
        """Have a daemon say hello with what is in the settings."""
        command = [*BLUEPORT, "daemon", "run", "--settings", str(self.settings)]
        environment = os.environ | {"BLUEPORT_DAEMON_CHAT_DB": str(self.folder / "none.db"), "BLUEPORT_LOG": "json"}
        with subprocess.Popen(command, env=environment, cwd=self.folder, stderr=subprocess.PIPE, text=True) as daemon:
            assert daemon.stderr is not None
            events = (json.loads(line)["event"] for line in daemon.stderr)
            said = next(event for event in events if event in ("daemon_started", "not_let_in"))
            daemon.send_signal(signal.SIGTERM)
            daemon.stderr.read()
        return said == "daemon_started"


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    with fleet(database, FAILPOINTS=str(tmp_path)) as ships:
        here = Site(ships, ships.start(), tmp_path)
        here.code()
        here.operate("lines", "change", LINE, "--daemon", "mini")
        yield here


@ON_SQLITE
@pytest.mark.parametrize("point", ["daemon.pairing", "daemon.paired", "daemon.settled"])
def test_a_mac_that_dies_meanwhile_is_paired_by_the_same_command(site: Site, point: str) -> None:
    code = site.code()
    (site.folder / point).touch()
    assert site.pair(code).returncode == -signal.SIGKILL

    assert_paired(site, code)


@pytest.mark.parametrize("point", ["server.commit", "server.committed"])
def test_a_server_that_dies_meanwhile_pairs_the_mac_when_it_is_asked_again(site: Site, point: str) -> None:
    code = site.code()
    (site.folder / point).touch()
    assert site.pair(code).returncode == 1
    until(lambda: site.ships.processes[site.port].poll() is not None)
    site.ships.start(port=site.port)

    assert_paired(site, code)


def assert_paired(site: Site, code: str) -> None:
    ended = site.pair(code)

    assert (ended.returncode, ended.stdout) == (0, "mini\n"), ended.stderr
    assert site.kept()["BLUEPORT_DAEMON_LINES"] == LINE
    assert site.is_let_in()
    assert not site.draft.exists()
    assert len(site.daemons()) == 2


@ON_SQLITE
def test_the_token_is_in_one_file_that_only_its_owner_reads(site: Site) -> None:
    site.settings.parent.mkdir(parents=True)
    site.settings.write_text("# mine\nBLUEPORT_DAEMON_REGION=DE\nBLUEPORT_DAEMON_TOKEN=dt_of_before\n")
    site.settings.chmod(0o644)

    ended = site.pair(site.code())

    lines = site.settings.read_text().splitlines()
    assert lines[0] == "# mine"
    assert "BLUEPORT_DAEMON_REGION=DE" in lines
    assert stat.S_IMODE(site.settings.stat().st_mode) == 0o600
    (token,) = [line.partition("=")[2] for line in lines if line.startswith("BLUEPORT_DAEMON_TOKEN=")]
    assert token.startswith("dt_")
    assert token not in ended.stdout + ended.stderr + site.ships.log
    assert token not in site.ships.database.content()


@ON_SQLITE
def test_a_pairing_that_is_refused_leaves_the_earlier_one(site: Site) -> None:
    site.pair(site.code())
    before = site.kept()

    ended = site.pair(NO_CODE)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "blueport: this code is wrong, was used, or is too old: have the operator make another\n"
    assert site.kept() == before
    assert site.is_let_in()


@ON_SQLITE
def test_the_mac_that_is_replaced_is_let_in_no_more(site: Site) -> None:
    site.pair(site.code())
    old = site.settings.read_text()

    site.pair(site.code("--replace"))

    assert site.is_let_in()
    site.settings.write_text(old)
    assert not site.is_let_in()


@ON_SQLITE
def test_without_a_line_the_operator_is_told_what_to_do_and_the_same_command_finds_it(site: Site) -> None:
    made = run("daemons", "pair", "other", "--account", "first", at=site.folder, **site.given())
    code = made.stdout.strip()
    assert made.stderr.endswith(f"UTC; there: blueport daemon pair https://example.com {code}\n")
    first = site.pair(code)
    assert "no line is served by it yet" in first.stderr
    assert "BLUEPORT_DAEMON_LINES" not in site.kept()
    site.operate("lines", "change", LINE, "--daemon", "other")

    second = site.pair(code)

    assert second.returncode == 0, second.stderr
    assert site.kept()["BLUEPORT_DAEMON_LINES"] == LINE
    assert not site.draft.exists()


@ON_SQLITE
def test_a_server_that_pairs_nobody_is_said_so(site: Site) -> None:
    ended = run("daemon", "pair", f"{site.url}/v1", NO_CODE, "--settings", str(site.settings), at=site.folder)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"blueport: {site.url}/v1 does not pair this Mac: it answers 404 route_not_found\n"
    assert not site.settings.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (("http://192.0.2.1:8080", NO_CODE), 1, "this Mac's token and all its messages go in the clear"),
        (("http://imessage.example.com", NO_CODE), 1, "say --insecure if nobody else is on that network"),
        (("ftp://imessage.example.com", NO_CODE), 1, "is no URL of a server"),
        (("https://", NO_CODE), 1, "is no URL of a server"),
        (("https://user:word@imessage.example.com", NO_CODE), 1, "is no URL of a server"),
        (("http://[::1", NO_CODE), 1, "is no URL"),
        (("http://127.0.0.1:1", NO_CODE), 1, "does not answer (no answer): the same command can be said again"),
        (("https://imessage.example.com", "nonsense"), 2, "'nonsense' is no code like K7QM-2F9D-XWTA"),
        (("https://imessage.example.com", NO_CODE, "--lines", "me"), 2, "'me' is no list of phone numbers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_one_line(tmp_path: Path, arguments: tuple[str, ...], status: int, word: str) -> None:
    ended = run("daemon", "pair", *arguments, "--settings", "daemon.env", at=tmp_path)

    assert (ended.returncode, ended.stdout) == (status, "")
    assert word in ended.stderr
    assert status == 2 or ended.stderr.count("\n") == 1
    assert not (tmp_path / "daemon.env").exists()


@ON_SQLITE
def test_who_trusts_the_network_may_say_so(site: Site) -> None:
    # An address of this machine that does not look like one.
    where = site.url.replace("127.0.0.1", "0.0.0.0")

    given = ("--settings", str(site.settings), "--insecure")
    ended = run("daemon", "pair", where, site.code(), *given, at=site.folder)

    assert ended.returncode == 0, ended.stderr
    assert "go in the clear" in ended.stderr


@ON_SQLITE
def test_settings_of_the_file_stand_behind_those_of_the_environment(site: Site) -> None:
    site.pair(site.code())
    bad = site.folder / "bad.env"
    bad.write_text("BLUEPORT_DAEMON_NONSENSE=1\n")
    worse = site.folder / "worse.env"
    worse.write_text("hello\n")

    given = {"BLUEPORT_DAEMON_LINES": "nonsense"}
    ended = run("daemon", "run", "--settings", str(site.settings), at=site.folder, **given)
    unknown = run("daemon", "run", "--settings", str(bad), at=site.folder, **site.kept())
    none = run("daemon", "run", "--settings", str(worse), at=site.folder)

    assert "`lines` must name" in ended.stderr
    assert "unknown field `nonsense`" in unknown.stderr
    assert "line 1: this is no BLUEPORT_DAEMON_NAME=value" in none.stderr
    assert [each.returncode for each in (ended, unknown, none)] == [78, 78, 78]
