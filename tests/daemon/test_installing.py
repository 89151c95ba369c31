"""`blueport daemon install`, `uninstall` and `status`, typed at a simulated Mac."""

import os
import plistlib
import signal
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec import structs

from blueport.cli.mac.logfile import LONGEST_BYTES, shorten
from blueport.daemon.installing import settings_file
from blueport.daemon.installing.launcher import objection
from blueport.daemon.installing.settings_file import SettingsFileError
from blueport.daemon.journal import items, sightings
from blueport.daemon.journal.file import Journal, opened_journal
from blueport.protocol.commands import SendText
from blueport.protocol.door import ClaimedItem
from blueport.protocol.sightings import ChatSeen, ReceiptSeen
from blueport.simulator.condition import condition_of, set_up
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings as MacSettings
from tests.daemon.fake_door import TOKEN, FakeDoor
from tests.daemon.newcomer import Newcomer
from tests.daemon.waiting import ADA, LINE, until


@pytest.fixture
def newcomer(mac: SimulatedMac) -> Newcomer:
    return Newcomer(mac.settings.folder)


@contextmanager
def unfinished(path: Path) -> Iterator[Journal]:
    """Have a journal with an item that may be in Messages and something that the server has not heard."""
    with opened_journal(path) as journal:
        items.keep(journal, ClaimedItem("obx_1", "t", LINE, 1, SendText(ADA, (), "Hi")))
        [item] = items.all_held(journal)
        items.begin(journal, item, rowid_before=0, begun_at=1)
        sightings.queue(
            journal, ReceiptSeen(LINE, ChatSeen("any;-;x", "x", is_group=False, service="iMessage"), ADA, 1)
        )
        yield journal


class TestInstall:
    async def test_the_daemon_runs_from_then_on(self, mac: SimulatedMac, door: FakeDoor, newcomer: Newcomer) -> None:
        ended = await newcomer.installs(door)

        assert ended.status == 0, ended.error
        assert "installed and running" in ended.out
        await until(lambda: bool(door.hellos))
        await mac.person_texts(ADA, "Hello")
        await until(lambda: door.received() == ["Hello"])

    async def test_one_that_dies_is_started_again_and_goes_on(self, door: FakeDoor, newcomer: Newcomer) -> None:
        await newcomer.installs(door)
        await until(lambda: bool(door.hellos))

        os.kill((await newcomer.status())["pid"], signal.SIGKILL)

        await until(lambda: len(door.hellos) > 1)
        assert len({hello.journal for hello in door.hellos}) == 1

    async def test_after_a_restart_of_the_mac_it_runs_again(self, tmp_path: Path, door: FakeDoor) -> None:
        settings = MacSettings(folder=tmp_path / "mac", lines=(LINE,))
        async with running(settings):
            await Newcomer(settings.folder).installs(door)
            await until(lambda: len(door.hellos) == 1)

        async with running(settings):
            await until(lambda: len(door.hellos) == 2)

    async def test_the_token_is_its_owners_alone(self, door: FakeDoor, newcomer: Newcomer) -> None:
        await newcomer.installs(door)

        settings, agent = newcomer.places.settings, newcomer.places.agent
        listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout  # noqa: ASYNC221
        assert stat.S_IMODE(settings.stat().st_mode) == 0o600
        assert stat.S_IMODE(settings.parent.stat().st_mode) == 0o700
        assert TOKEN in settings.read_text()
        assert TOKEN not in agent.read_text()
        assert str(settings) in listed
        assert TOKEN not in listed

    async def test_launchd_starts_the_interpreter_itself_in_the_session_with_a_screen(
        self, door: FakeDoor, newcomer: Newcomer
    ) -> None:
        await newcomer.installs(door)

        agent = plistlib.loads(newcomer.places.agent.read_bytes())
        assert agent["ProgramArguments"][0].endswith("/python")
        assert (agent["LimitLoadToSessionType"], agent["KeepAlive"], agent["RunAtLoad"]) == ("Aqua", True, True)
        assert agent["EnvironmentVariables"]["LANG"] == "en_US.UTF-8"

    async def test_to_install_again_is_to_update(self, door: FakeDoor, newcomer: Newcomer) -> None:
        door.lines = {LINE, "bo@example.com"}
        await newcomer.installs(door)
        await until(lambda: len(door.hellos) == 1)

        ended = await newcomer.types("install", "--anyway", BLUEPORT_DAEMON_LINES=f"{LINE},bo@example.com")

        assert ended.status == 0
        await until(lambda: len(door.hellos) == 2)
        assert [line.handle for line in door.hellos[-1].lines] == [LINE, "bo@example.com"]
        assert door.hellos[0].journal == door.hellos[1].journal

    async def test_what_died_on_the_way_is_told_and_mended(
        self, mac: SimulatedMac, door: FakeDoor, newcomer: Newcomer
    ) -> None:
        await newcomer.installs(door)
        await until(lambda: len(door.hellos) == 1)
        await mac.launchd.close()  # as between bootout and bootstrap
        told = await newcomer.types("status")
        assert (told.status, "launchd does not have it" in told.out) == (1, True)

        await newcomer.types("install", "--anyway")

        await until(lambda: len(door.hellos) == 2)

    @pytest.mark.parametrize("point", ["install.settings", "install.agent", "install.unloaded"])
    async def test_an_update_that_dies_anywhere_is_mended_by_another(
        self, door: FakeDoor, newcomer: Newcomer, point: str
    ) -> None:
        await newcomer.installs(door)
        await until(lambda: len(door.hellos) == 1)
        (newcomer.folder / point).touch()
        died = await newcomer.installs(door, BLUEPORT_FAILPOINTS=str(newcomer.folder))

        await newcomer.installs(door)

        assert died.status == -signal.SIGKILL
        await until(lambda: len(door.hellos) == 2)
        assert door.hellos[0].journal == door.hellos[1].journal

    async def test_it_trusts_the_servers_that_whoever_installs_it_trusts(
        self, door: FakeDoor, newcomer: Newcomer
    ) -> None:
        await newcomer.installs(door, SSL_CERT_FILE="own.pem")

        agent = plistlib.loads(newcomer.places.agent.read_bytes())
        assert agent["EnvironmentVariables"]["SSL_CERT_FILE"] == str(newcomer.folder / "own.pem")

    async def test_this_mac_stays_awake_while_it_runs(self, door: FakeDoor, newcomer: Newcomer) -> None:
        await newcomer.installs(door)

        await until(lambda: len(list((newcomer.folder / "assertions").glob("*"))) == 1)
        await newcomer.types("uninstall")
        await until(lambda: not list((newcomer.folder / "assertions").glob("*")))


class TestRefusal:
    async def test_what_is_missing_is_named_and_nothing_is_written(self, newcomer: Newcomer) -> None:
        ended = await newcomer.types("install", "--anyway", BLUEPORT_DAEMON_LINES=LINE)

        assert ended.status == 78
        assert "BLUEPORT_DAEMON_SERVER_URL, BLUEPORT_DAEMON_TOKEN" in ended.error
        assert not newcomer.places.own.exists()

    async def test_settings_are_judged_as_the_daemon_judges_them(self, door: FakeDoor, newcomer: Newcomer) -> None:
        ended = await newcomer.installs(door, BLUEPORT_DAEMON_POLL_S="soon")

        assert ended.status == 78
        assert "`float`, got `str` - at `$.poll_s`" in ended.error
        assert not newcomer.places.own.exists()

    async def test_without_anybody_at_the_screen_it_says_where_to_log_in(
        self, mac: SimulatedMac, door: FakeDoor, newcomer: Newcomer
    ) -> None:
        set_up(mac.settings.folder, structs.replace(condition_of(mac.settings.folder), has_session=False))

        ended = await newcomer.installs(door)

        assert (ended.status, "log in there" in ended.error) == (1, True)

    async def test_root_is_sent_away(self, door: FakeDoor, newcomer: Newcomer) -> None:
        ended = await newcomer.installs(door, SUDO_USER="me")

        assert (ended.status, "without sudo" in ended.error) == (1, True)
        assert not newcomer.places.own.exists()

    async def test_what_is_no_mac_is_left_alone(self, door: FakeDoor, newcomer: Newcomer) -> None:
        ended = await newcomer.installs(door, BLUEPORT_MAC_PROGRAMS="/nowhere")

        assert (ended.status, "this is no Mac" in ended.error) == (1, True)
        assert not newcomer.places.own.exists()
        assert not newcomer.places.agent.exists()

    async def test_a_daemon_that_was_started_by_hand_is_not_joined_by_another(
        self, door: FakeDoor, newcomer: Newcomer
    ) -> None:
        with opened_journal(newcomer.places.journal):
            ended = await newcomer.installs(door)

        assert (ended.status, "Another daemon is running" in ended.error) == (1, True)
        assert not (await newcomer.status())["is_loaded"]

    async def test_a_journal_from_before_is_not_passed_over(self, door: FakeDoor, newcomer: Newcomer) -> None:
        before = newcomer.folder / "blueport-daemon.db"
        with opened_journal(before) as journal:
            name = journal.id

        refused = await newcomer.installs(door)
        await newcomer.installs(door, "--journal", str(before))

        assert (refused.status, str(before) in refused.error) == (78, True)
        await until(lambda: [hello.journal for hello in door.hellos] == [name])

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("/opt/homebrew/Cellar/python@3.13/3.13.1/bin/python3.13", "Homebrew"),
            ("/usr/local/opt/python@3.12/bin/python3.12", "Homebrew"),
            ("/Users/me/.pyenv/shims/python3", "only leads to"),
            ("/private/tmp/x/.venv/bin/python", "temporary folder"),
            ("/Users/me/.cache/uv/environments-v2/x/bin/python", "cache"),
            ("/Library/Developer/CommandLineTools/usr/bin/python3", "Xcode"),
            ("/Volumes/Stick/python", "a disk that may not be there"),
        ],
    )
    def test_a_python_that_upgrades_replace_is_objected_to(self, path: str, why: str) -> None:
        assert why in str(objection("/Users/me/blueport/bin/python", path))

    @pytest.mark.parametrize(
        "path",
        [
            "/Users/me/blueport/bin/python",
            "/Library/Frameworks/Python.framework/Versions/3.13/Resources/Python.app",
            "/Users/me/.pyenv/versions/3.13.1/bin/python3.13",
            "/Users/me/.local/share/uv/python/cpython-3.13.1-macos-aarch64-none/bin/python3.13",
        ],
    )
    def test_one_that_stays_is_not(self, path: str) -> None:
        assert objection(path) is None


class TestSettingsFile:
    def test_it_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        variables = {"BLUEPORT_DAEMON_TOKEN": "dt_=#'\" x", "BLUEPORT_LOG_LEVEL": "debug", "BLUEPORT_DAEMON_LINES": ""}

        settings_file.write(tmp_path / "daemon.env", variables)

        assert settings_file.read(tmp_path / "daemon.env") == variables

    def test_what_people_remark_in_it_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "daemon.env"
        path.write_text("# The Mac under the stairs\nBLUEPORT_DAEMON_TOKEN=first\n")

        settings_file.write(path, {"BLUEPORT_DAEMON_TOKEN": "second"})

        assert path.read_text() == "# The Mac under the stairs\nBLUEPORT_DAEMON_TOKEN=second\n"

    def test_it_is_there_whole_or_not_at_all(self, tmp_path: Path) -> None:
        path = tmp_path / "daemon.env"
        settings_file.write(path, {"BLUEPORT_DAEMON_TOKEN": "first"})
        (tmp_path / ".daemon.env.new").write_text("BLUEPORT_DAEM")  # of one who died here

        settings_file.write(path, {"BLUEPORT_DAEMON_TOKEN": "second"})

        assert settings_file.read(path) == {"BLUEPORT_DAEMON_TOKEN": "second"}
        assert [each.name for each in tmp_path.iterdir()] == ["daemon.env"]

    @pytest.mark.parametrize("line", ["PATH=/bin", "BLUEPORT_DATABASE=x", "dt_secret", "=dt_secret"])
    def test_a_line_that_is_none_of_ours_is_told_by_its_number(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "daemon.env").write_text(f"# a comment\n\n{line}\n")

        with pytest.raises(SettingsFileError) as raised:
            settings_file.read(tmp_path / "daemon.env")

        assert "line 3" in str(raised.value)
        assert "secret" not in str(raised.value)

    def test_a_value_of_two_lines_is_not_written(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsFileError):
            settings_file.write(tmp_path / "daemon.env", {"BLUEPORT_DAEMON_LINES": "a\nBLUEPORT_DAEMON_TOKEN=b"})

    async def test_a_daemon_that_cannot_read_it_ends_with_a_word(self, newcomer: Newcomer) -> None:
        ended = await newcomer.types("run", "--settings", "nowhere.env")

        assert (ended.status, ended.error) == (78, "blueport: nowhere.env: No such file or directory\n")

    async def test_the_environment_goes_before_it(self, door: FakeDoor, newcomer: Newcomer) -> None:
        file = newcomer.folder / "daemon.env"
        settings_file.write(file, {"BLUEPORT_DAEMON_SERVER_URL": door.url, "BLUEPORT_DAEMON_TOKEN": TOKEN})

        ended = await newcomer.types("run", "--settings", str(file), BLUEPORT_DAEMON_LINES="nonsense")

        assert (ended.status, "`lines` must name" in ended.error) == (78, True)


class TestLog:
    def test_a_long_one_is_begun_anew_under_whoever_writes_to_it(self, tmp_path: Path) -> None:
        log = tmp_path / "daemon.log"
        with log.open("ab") as writer:
            writer.write(b"x" * (LONGEST_BYTES + 1))
            writer.flush()

            shorten(log)

            writer.write(b"and on")
        assert log.read_bytes() == b"and on"
        assert (tmp_path / "daemon.log.1").stat().st_size == LONGEST_BYTES + 1

    def test_a_short_one_stays(self, tmp_path: Path) -> None:
        (tmp_path / "daemon.log").write_bytes(b"x")

        shorten(tmp_path / "daemon.log")

        assert (tmp_path / "daemon.log").read_bytes() == b"x"


class TestStatus:
    async def test_it_tells_what_runs_and_what_its_journal_holds(self, door: FakeDoor, newcomer: Newcomer) -> None:
        door.hears_sightings.clear()
        await newcomer.installs(door)
        await until(lambda: bool(door.hellos))

        told = await newcomer.status()

        assert (told["is_installed"], told["is_loaded"], told["is_running"], told["version"]) == (
            *(True, True, True),
            door.hellos[0].version,
        )
        assert told["holds"]["items"] == {}
        assert (told["holds"]["cursor"], told["last_exit"], told["trouble"]) == (0, None, None)
        assert told["log"] == str(newcomer.places.log)

    async def test_it_tells_that_the_server_has_a_newer_version(self, door: FakeDoor, newcomer: Newcomer) -> None:
        door.version = "99.1"
        await newcomer.installs(door)
        await until(lambda: bool(door.hellos))

        told = await newcomer.types("status")

        assert f"{door.hellos[0].version}, and the server has 99.1: a newer version is there" in told.out

    async def test_it_disturbs_nobody_and_makes_nothing(self, newcomer: Newcomer) -> None:
        before = await newcomer.types("status")
        assert (before.status, "not installed: blueport daemon install" in before.out) == (1, True)
        assert not newcomer.places.own.exists()

        with unfinished(newcomer.places.journal) as journal:
            told = await newcomer.types("status")
            journal.change("DELETE FROM sightings")  # its daemon can still write

        assert "1 message perhaps in Messages, 1 sighting not told to the server yet" in told.out

    async def test_one_that_ends_at_once_shows_how(self, door: FakeDoor, newcomer: Newcomer) -> None:
        await newcomer.installs(door)
        await until(lambda: bool(door.hellos))
        settings_file.write(newcomer.places.settings, {"BLUEPORT_DAEMON_TOKEN": TOKEN})

        os.kill((await newcomer.status())["pid"], signal.SIGKILL)

        ends = set()
        while "78" not in ends:
            ends.add((await newcomer.status())["last_exit"])
        assert "missing required field" in newcomer.places.log.read_text()

    async def test_a_journal_that_cannot_be_read_is_told(self, newcomer: Newcomer) -> None:
        newcomer.places.own.mkdir(parents=True)
        newcomer.places.journal.write_bytes(b"no journal at all" * 100)

        told = await newcomer.status()

        assert (told["holds"], "not a database" in told["trouble"]) == (None, True)


class TestUninstall:
    async def test_it_ends_and_what_it_remembers_stays(self, door: FakeDoor, newcomer: Newcomer) -> None:
        await newcomer.installs(door)
        await until(lambda: bool(door.hellos))

        ended = await newcomer.types("uninstall")

        assert (ended.status, "holds nothing unfinished" in ended.out) == (0, True)
        told = await newcomer.status()
        assert (told["is_installed"], told["is_loaded"], told["is_running"]) == (False, False, False)
        assert newcomer.places.settings.exists()
        assert newcomer.places.journal.exists()

    async def test_one_that_dies_on_the_way_is_finished_by_another(self, door: FakeDoor, newcomer: Newcomer) -> None:
        await newcomer.installs(door)
        (newcomer.folder / "uninstall.unloaded").touch()
        died = await newcomer.types("uninstall", BLUEPORT_FAILPOINTS=str(newcomer.folder))

        await newcomer.types("uninstall")

        assert died.status == -signal.SIGKILL
        assert not (await newcomer.status())["is_installed"]

    async def test_what_is_unfinished_is_not_deleted_with_the_rest(self, newcomer: Newcomer) -> None:
        with unfinished(newcomer.places.journal):
            pass

        ended = await newcomer.types("uninstall", "--purge")

        assert ended.status == 1
        assert "holds 1 message perhaps in Messages, 1 sighting not told to the server yet" in ended.error
        with closing(sqlite3.connect(newcomer.places.journal)) as journal:
            assert journal.execute("SELECT COUNT(*) FROM items").fetchone() == (1,)

    async def test_it_is_deleted_for_who_says_so(self, newcomer: Newcomer) -> None:
        with unfinished(newcomer.places.journal):
            pass

        ended = await newcomer.types("uninstall", "--purge", "--even-unfinished")

        assert ended.status == 0
        assert "deleted, and 1 message perhaps in Messages, 1 sighting not told to the server yet" in ended.out
        assert not newcomer.places.own.exists()

    async def test_a_purge_leaves_nothing_behind(self, door: FakeDoor, newcomer: Newcomer) -> None:
        await newcomer.installs(door)
        await until(lambda: bool(door.hellos))

        ended = await newcomer.types("uninstall", "--purge")

        assert ended.status == 0, ended.error
        assert not newcomer.places.own.exists()
        assert not newcomer.places.log.parent.exists()

    async def test_the_journal_of_one_that_runs_by_hand_is_not_deleted(self, newcomer: Newcomer) -> None:
        with opened_journal(newcomer.places.journal):
            ended = await newcomer.types("uninstall", "--purge")

        assert (ended.status, "Another daemon is running" in ended.error) == (1, True)
        assert newcomer.places.journal.exists()


class TestWords:
    async def test_each_is_told_of(self, newcomer: Newcomer) -> None:
        told = (await newcomer.types("--help")).out

        assert all(f"\n  {word} " in told for word in ("run", "install", "uninstall", "status", "doctor"))

    async def test_one_that_does_not_exist_is_a_mistake(self, newcomer: Newcomer) -> None:
        ended = await newcomer.types("instal")

        assert (ended.status, ended.out) == (2, "")
        assert "there is no word 'instal'" in ended.error
