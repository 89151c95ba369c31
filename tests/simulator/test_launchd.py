"""The simulated launchd, and the programs that tell how a Mac is."""

import asyncio
import os
import plistlib
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import structs

from blueport.simulator.condition import condition_of, set_up, set_up_if_new
from blueport.simulator.faults import Fault, Word
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import MacOs, Settings, program_path
from tests.simulator.scripting import LINE, Outcome, osascript, outcome, until

DOMAIN = f"gui/{os.getuid()}"
LABEL = "com.example.agent"
# Tells its process, and stays.
STAYS = "import os, sys, time; print(os.getpid(), os.environ['HOME'], flush=True); time.sleep(600)"

ACCOUNTS = 'tell application "Messages"\nrepeat with one in accounts\nend repeat\nend tell'


async def program(folder: Path, name: str, *arguments: str) -> Outcome:
    command = program_path(folder, name)
    return await outcome(await asyncio.create_subprocess_exec(command, *arguments, stdout=PIPE, stderr=PIPE))


async def launchctl(folder: Path, *arguments: str) -> Outcome:
    return await program(folder, "launchctl", *arguments)


def agent(folder: Path, script: str, **told: Any) -> Path:
    path = folder / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = [sys.executable, "-c", script]
    given = {"Label": LABEL, "ProgramArguments": arguments, "StandardOutPath": str(folder / "out"), "RunAtLoad": True}
    path.write_bytes(plistlib.dumps({**given, **told}))
    return path


def said(folder: Path) -> list[list[str]]:
    out = folder / "out"
    return [line.split(None, 1) for line in out.read_text().splitlines()] if out.exists() else []


class TestAgents:
    async def test_one_is_started_in_the_home_of_its_user_and_told_of(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder
        path = agent(folder, STAYS)

        ended = await launchctl(folder, "bootstrap", DOMAIN, str(path))

        await until(lambda: bool(said(folder)))
        [[pid, home]] = said(folder)
        told = (await launchctl(folder, "print", f"{DOMAIN}/{LABEL}")).output
        assert (ended.status, home) == (0, str(folder.resolve()))
        assert "\n\tstate = running\n" in told
        assert f"\n\tpid = {pid}\n" in told

    async def test_one_that_is_kept_alive_is_started_again(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder
        path = agent(folder, "import os; print(os.getpid(), 'x', flush=True); raise SystemExit(3)", KeepAlive=True)

        await launchctl(folder, "bootstrap", DOMAIN, str(path))

        await until(lambda: len(said(folder)) > 1)
        assert "\tlast exit code = 3\n" in (await launchctl(folder, "print", f"{DOMAIN}/{LABEL}")).output

    async def test_one_that_is_not_ends_once(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder

        await launchctl(folder, "bootstrap", DOMAIN, str(agent(folder, "print(1, 2)")))

        await until(lambda: bool(said(folder)))
        told = ""
        while "\tlast exit code = 0\n" not in told:
            told = (await launchctl(folder, "print", f"{DOMAIN}/{LABEL}")).output
        assert "\tstate = not running\n" in told
        assert "\truns = 1\n" in told

    async def test_one_that_is_let_go_has_ended(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder
        await launchctl(folder, "bootstrap", DOMAIN, str(agent(folder, STAYS, KeepAlive=True)))
        await until(lambda: bool(said(folder)))

        ended = await launchctl(folder, "bootout", f"{DOMAIN}/{LABEL}")

        assert ended.status == 0
        with pytest.raises(ProcessLookupError):
            os.kill(int(said(folder)[0][0]), 0)
        assert (await launchctl(folder, "print", f"{DOMAIN}/{LABEL}")).status == 113
        assert (await launchctl(folder, "bootout", f"{DOMAIN}/{LABEL}")).status == 3

    async def test_none_is_taken_up_twice(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder
        path = agent(folder, STAYS)
        await launchctl(folder, "bootstrap", DOMAIN, str(path))

        ended = await launchctl(folder, "bootstrap", DOMAIN, str(path))

        assert (ended.status, ended.error) == (5, "Bootstrap failed: 5: Input/output error")

    @pytest.mark.parametrize("content", [b"", b"<plist", plistlib.dumps({"Label": "x"}), plistlib.dumps([1])])
    async def test_what_is_no_agent_is_not_taken_up(self, mac: SimulatedMac, content: bytes) -> None:
        path = mac.settings.folder / "agent.plist"
        path.write_bytes(content)

        assert (await launchctl(mac.settings.folder, "bootstrap", DOMAIN, str(path))).status == 5

    async def test_after_a_restart_of_the_mac_agents_are_there_again(self, settings: Settings) -> None:
        agent(settings.folder, STAYS)
        async with running(settings):
            await until(lambda: len(said(settings.folder)) == 1)

        async with running(settings):
            await until(lambda: len(said(settings.folder)) == 2)

    async def test_without_a_session_nothing_can_be_started(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder
        set_up(folder, structs.replace(condition_of(folder), has_session=False))

        ended = await launchctl(folder, "bootstrap", DOMAIN, str(agent(folder, STAYS)))

        assert ended.status == 125
        assert (await launchctl(folder, "print", DOMAIN)).status == 125


class TestPrograms:
    async def test_they_tell_how_the_mac_is_set_up(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder
        set_up(folder, structs.replace(condition_of(folder), version="15.7.1", sleep_min=10, is_encrypted=True))

        told = [
            await program(folder, *command)
            for command in (
                ("sw_vers", "-productVersion"),
                ("fdesetup", "status"),
                ("defaults", "read", "/Library/Preferences/com.apple.loginwindow", "autoLoginUser"),
            )
        ]

        assert [each.output for each in told] == ["15.7.1\n", "FileVault is On.\n", "me\n"]
        assert "\n sleep                10\n" in (await program(folder, "pmset", "-g", "custom")).output

    @pytest.mark.parametrize("macos", get_args(MacOs))
    def test_each_release_has_a_version(self, settings: Settings, macos: MacOs) -> None:
        set_up_if_new(structs.replace(settings, macos=macos))

        assert condition_of(settings.folder).version.startswith(f"{macos[:2]}.")

    async def test_sleep_is_held_off_for_as_long_as_a_process_lives(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder
        waited_for = await asyncio.create_subprocess_exec("sleep", "600")
        caffeinate = await asyncio.create_subprocess_exec(
            program_path(folder, "caffeinate"), "-i", "-w", str(waited_for.pid)
        )
        told = ""
        while "sleep prevented by caffeinate" not in told:
            told = (await program(folder, "pmset", "-g")).output

        waited_for.kill()

        await waited_for.wait()
        assert await caffeinate.wait() == 0
        assert "prevented" not in (await program(folder, "pmset", "-g")).output


class TestAccounts:
    async def test_messages_tells_of_them_if_it_is_signed_in(self, mac: SimulatedMac) -> None:
        folder = mac.settings.folder

        signed_in = await osascript(folder, ACCOUNTS)
        set_up(folder, structs.replace(condition_of(folder), is_signed_in=False))
        signed_out = await osascript(folder, ACCOUNTS)

        assert signed_in == (0, f"iMessage\ttrue\tP:{LINE}\nSMS\ttrue\tSMS\n", "")
        assert signed_out == (0, "", "")

    async def test_the_question_may_be_forbidden(self, mac: SimulatedMac) -> None:
        mac.faults.add(Fault(next="error", number=-1743, on="question"))

        ended = await osascript(mac.settings.folder, ACCOUNTS)

        assert (ended.status, "(-1743)" in ended.error) == (1, True)

    @pytest.mark.parametrize("word", ["ghost", "silent", "late"])
    def test_what_befalls_a_send_does_not_befall_a_question(self, word: Word) -> None:
        with pytest.raises(ValueError, match="does not befall a question"):
            Fault(next=word, on="question")
