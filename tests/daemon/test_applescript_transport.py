"""The AppleScript transport with executables that misbehave as `osascript` does."""

import asyncio
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from blueport.daemon.settings import Settings
from blueport.daemon.transports.applescript.script import (
    Address,
    addresses,
    error_number,
    listed_addresses,
    meaning,
    sending,
)
from blueport.daemon.transports.applescript.transport import AppleScript
from blueport.daemon.transports.base import HangingError, NotNowError, OutcomeUnknownError, TransportError
from blueport.protocol.commands import LineService, SendText
from tests.daemon.waiting import ADA, LINE, cancelled_while_it_starts, gone

HELLO = SendText(ADA, (), "Hello")


def transport(tmp_path: Path, body: str, *, timeout_s: float = 5) -> AppleScript:
    """Return a transport whose `osascript` is a shell script in a folder of its own."""
    executable = tmp_path / "osascript"
    executable.write_text(f"#!/bin/sh\ncd {tmp_path}\n{body}\n")
    executable.chmod(0o755)
    settings = Settings(server_url="", token="", lines=(LINE,), osascript=str(executable))
    return AppleScript(msgspec.structs.replace(settings, send_timeout_s=timeout_s))


class TestRunning:
    async def test_data_is_argument_only_and_the_script_always_the_same(self, tmp_path: Path) -> None:
        text = '" & (do shell script "touch pwned-marker") & "'

        await transport(tmp_path, 'cat > script; printf "%s|" "$@" > arguments').perform(SendText(ADA, (), text))

        assert (tmp_path / "arguments").read_text() == f"-|{ADA}|{text}|"
        assert (tmp_path / "script").read_text() == sending("participant", "text", timeout_s=3)

    async def test_a_long_text_goes_by_a_file_that_is_private_and_gone_afterwards(self, tmp_path: Path) -> None:
        text = "x" * 70_000

        body = 'cat > script; cp "$3" copy; stat -c %a "$3" > mode; ln -s "$3" gone'
        await transport(tmp_path, body).perform(SendText(ADA, (), text))

        assert (tmp_path / "copy").read_text() == text
        assert (tmp_path / "mode").read_text().strip() == "600"
        assert not (tmp_path / "gone").exists()
        assert "«class utf8»" in (tmp_path / "script").read_text()

    async def test_the_language_is_set(self, tmp_path: Path) -> None:
        await transport(tmp_path, "env > environment").perform(HELLO)

        assert "LANG=en_US.UTF-8" in (tmp_path / "environment").read_text()

    async def test_a_chatty_script_does_not_block(self, tmp_path: Path) -> None:  # att-14
        await transport(tmp_path, "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero").perform(HELLO)

    async def test_one_that_never_ends_is_killed_with_its_children(self, tmp_path: Path) -> None:  # send-18
        with pytest.raises(OutcomeUnknownError):
            await transport(tmp_path, "sleep 600 & echo $! > child; wait", timeout_s=2).perform(HELLO)

        child = int((tmp_path / "child").read_text())
        await gone(child)

    async def test_one_that_is_cancelled_is_killed_with_its_children(self, tmp_path: Path) -> None:
        sending_it = asyncio.create_task(transport(tmp_path, "sleep 600 & echo $! > child; wait").perform(HELLO))
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        sending_it.cancel()
        await asyncio.wait([sending_it])

        await gone(int((tmp_path / "child").read_text()))

    async def test_one_that_is_cancelled_while_it_is_started_is_killed_with_its_children(self, tmp_path: Path) -> None:
        sending_it = asyncio.create_task(transport(tmp_path, "sleep 600 & echo $! > child; wait").perform(HELLO))

        await cancelled_while_it_starts(sending_it, tmp_path / "child")

        await gone(int((tmp_path / "child").read_text()))
        assert sending_it.cancelled()

    async def test_one_that_never_reads_its_script_is_no_trouble(self, tmp_path: Path) -> None:
        await transport(tmp_path, "exec <&-; exit 0").perform(HELLO)


class TestErrors:
    @pytest.mark.parametrize("number", [-1712, -609])  # send-16
    async def test_some_leave_the_outcome_open(self, tmp_path: Path, number: int) -> None:
        with pytest.raises(OutcomeUnknownError):
            await transport(tmp_path, f"echo 'execution error: Messages got an error. ({number})' >&2; exit 1").perform(
                HELLO
            )

    @pytest.mark.parametrize("ending", ["kill -9 $$", "kill -15 $$", "exit 137", "exit 1"])
    async def test_ends_without_a_number_leave_the_outcome_open(self, tmp_path: Path, ending: str) -> None:
        with pytest.raises(OutcomeUnknownError):
            await transport(tmp_path, ending).perform(HELLO)

    @pytest.mark.parametrize(("number", "health"), [(-1743, "no_automation"), (-1719, "not_signed_in")])  # send-28
    async def test_some_wait_for_a_person(self, tmp_path: Path, number: int, health: str) -> None:
        with pytest.raises(NotNowError) as raised:
            await transport(tmp_path, f"echo 'execution error: No. ({number})' >&2; exit 1").perform(HELLO)

        assert raised.value.condition.health == health

    @pytest.mark.parametrize("number", [-600, -10810])  # send-19
    async def test_messages_is_started_if_it_does_not_run(self, tmp_path: Path, number: int) -> None:
        body = f"""
            script=$(cat)
            case "$script" in *launch*) touch running; exit 0;; esac
            test -e running && exit 0
            echo 'execution error: Application is not running. ({number})' >&2; exit 1
        """

        await transport(tmp_path, body).perform(HELLO)

        assert (tmp_path / "running").exists()

    async def test_an_unknown_chat_is_tried_by_its_other_names_in_turn(self, tmp_path: Path) -> None:  # send-08
        body = "echo $2 >> tried; echo 'execution error: No such chat. (-1728)' >&2; exit 1"
        command = SendText(ADA, (f"any;-;{ADA}", f"iMessage;-;{ADA}"), "Hello")

        with pytest.raises(TransportError, match="chat_not_in_messages"):
            await transport(tmp_path, body).perform(command)

        assert (tmp_path / "tried").read_text().split() == [f"any;-;{ADA}", f"iMessage;-;{ADA}", ADA]

    async def test_error_texts_never_hold_the_message(self, tmp_path: Path) -> None:
        with pytest.raises(TransportError) as raised:
            await transport(tmp_path, 'echo "execution error: $3 (-10000)" >&2; exit 1').perform(
                SendText(ADA, (), "secret")
            )

        assert str(raised.value) == "applescript_error_-10000"

    @pytest.mark.parametrize(
        ("stderr", "number"),
        [
            ("-:1:2: execution error: Messages got an error: Can’t get chat id (x). (-1728)\n", -1728),  # noqa: RUF001
            ("execution error: (-1743) said the text", None),
            ("", None),
        ],
    )
    def test_only_a_number_at_the_end_counts(self, stderr: str, number: int | None) -> None:
        assert error_number(stderr) == number


class TestQuestion:
    """Whether Messages listens is asked before the first send, and after each that left its outcome open."""

    async def test_it_is_asked_once_as_long_as_all_goes_well(self, tmp_path: Path) -> None:
        asking = transport(tmp_path, "cat >> scripts")

        for _ in range(2):
            await asking.require_answer(HELLO)
            await asking.perform(HELLO)

        assert (tmp_path / "scripts").read_text().count("count accounts") == 1

    async def test_it_is_asked_again_after_a_send_whose_outcome_is_open(self, tmp_path: Path) -> None:
        asking = transport(tmp_path, "cat >> scripts; test -e fine || { touch fine; exit 0; }; kill -9 $$")
        await asking.require_answer(HELLO)
        with pytest.raises(OutcomeUnknownError):
            await asking.perform(HELLO)

        await asking.require_answer(HELLO)

        assert (tmp_path / "scripts").read_text().count("count accounts") == 2

    @pytest.mark.parametrize("silence", ["sleep 600", "echo 'execution error: timed out. (-1712)' >&2; exit 1"])
    async def test_no_answer_is_a_messages_that_hangs(self, tmp_path: Path, silence: str) -> None:  # send-18
        with pytest.raises(HangingError):
            await transport(tmp_path, silence, timeout_s=1).require_answer(HELLO)

    async def test_a_refusal_of_permission_waits_for_a_person(self, tmp_path: Path) -> None:  # send-28
        with pytest.raises(NotNowError) as raised:
            await transport(tmp_path, "echo 'execution error: No. (-1743)' >&2; exit 1").require_answer(HELLO)

        assert raised.value.condition.health == "no_automation"

    @pytest.mark.parametrize("number", [-600, -609, -1719, -10810])
    async def test_any_other_error_is_an_answer(self, tmp_path: Path, number: int) -> None:
        await transport(tmp_path, f"echo 'execution error: No. ({number})' >&2; exit 1").require_answer(HELLO)


class TestRestarting:
    async def test_it_is_told_to_quit_and_launched(self, tmp_path: Path) -> None:
        (tmp_path / "killall").write_text(f"#!/bin/sh\ntouch {tmp_path}/killed\n")
        (tmp_path / "killall").chmod(0o755)

        await transport(tmp_path, "cat >> scripts").restart()

        scripts = (tmp_path / "scripts").read_text()
        assert scripts.index("to quit") < scripts.index("to launch")
        assert not (tmp_path / "killed").exists()

    async def test_one_that_does_not_listen_is_killed(self, tmp_path: Path) -> None:
        (tmp_path / "killall").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/killed\n')
        (tmp_path / "killall").chmod(0o755)

        await transport(tmp_path, 'case "$(cat)" in *quit*) sleep 600;; esac', timeout_s=1).restart()

        assert (tmp_path / "killed").read_text() == "Messages\n"


class TestErrorTable:
    """All numbers that osascript is known to fail with."""

    @pytest.mark.parametrize(
        ("number", "says"),
        [
            (-1728, "no_such_chat"),
            (-1700, "refused"),
            (-1719, "not_signed_in"),
            (-1743, "not_allowed"),
            (-1712, "unknown"),
            (-600, "not_running"),
            (-609, "unknown"),
            (-10810, "cannot_run"),
            (-2753, "refused"),
            (-10000, "refused"),
            (-2700, "refused"),
            (-10004, "refused"),
            (-2741, "refused"),
            (None, "unknown"),
        ],
    )
    def test_each_has_its_meaning(self, number: int | None, says: str) -> None:
        assert meaning(number) == says

    async def test_where_nobody_is_logged_in_items_wait(self, tmp_path: Path) -> None:
        body = """
            case "$(cat)" in *launch*) number=-10810;; *) number=-600;; esac
            echo "execution error: No. ($number)" >&2; exit 1
        """

        with pytest.raises(NotNowError) as raised:
            await transport(tmp_path, body).perform(HELLO)

        assert raised.value.condition.health == "no_session"

    async def test_a_variable_that_is_not_defined_is_the_sms_account_only_of_an_sms(self, tmp_path: Path) -> None:
        undefined = transport(tmp_path, "echo 'execution error: Not defined. (-2753)' >&2; exit 1")  # send-21

        with pytest.raises(TransportError, match="sms_not_available"):
            await undefined.perform(msgspec.structs.replace(HELLO, service="sms"))
        with pytest.raises(TransportError, match="applescript_error_-2753"):
            await undefined.perform(HELLO)


def named(command: SendText) -> list[str]:
    """Return the ways to name a conversation in one word each."""
    return [
        f"{'' if address.target == 'chat' else address.target + ' '}{address.name}" for address in addresses(command)
    ]


class TestAddresses:
    @pytest.mark.parametrize(
        ("service", "known", "ways"),
        [
            ("imessage", [], [f"participant {ADA}"]),
            ("imessage", ["iMessage"], ["iMessage", "any", f"participant {ADA}"]),
            # send-20: a newer SMS twin does not turn an iMessage into an SMS, nor does one that is all there is.
            ("imessage", ["SMS", "iMessage"], ["iMessage", "any", f"participant {ADA}"]),
            ("imessage", ["SMS"], ["any", "iMessage", f"participant {ADA}"]),
            ("imessage", ["RCS"], ["any", "iMessage", f"participant {ADA}"]),
            ("sms", [], [f"sms participant {ADA}"]),
            ("sms", ["any", "SMS"], ["SMS", f"sms participant {ADA}"]),
            ("auto", [], [f"participant {ADA}"]),
            ("auto", ["SMS", "any"], ["any", "iMessage", "RCS", "SMS", f"participant {ADA}"]),
            ("auto", ["SMS"], ["SMS", "any", "iMessage", "RCS", f"sms participant {ADA}"]),
            ("auto", ["RCS"], ["RCS", "any", "iMessage", "SMS", f"participant {ADA}"]),  # send-24
        ],
    )
    def test_a_person_is_named_by_what_the_line_sends_by(
        self, service: LineService, known: list[str], ways: list[str]
    ) -> None:
        guids = tuple(f"{prefix};-;{ADA}" for prefix in known)

        found = named(SendText(ADA, guids, "Hello", service=service))

        assert found == [way if "participant" in way else f"{way};-;{ADA}" for way in ways]

    def test_a_group_has_no_name_but_its_guids(self) -> None:  # send-10
        command = SendText(None, ("any;+;chat1",), "Hello")

        assert named(command) == ["any;+;chat1"]
        assert listed_addresses(
            command, ["any;+;chat1", "iMessage;+;chat1", "iMessage;+;chat2", "SMS;+;chat1", ""]
        ) == [Address("chat", "iMessage;+;chat1")]

    def test_a_group_that_is_one_by_sms_is_none_of_an_imessage_line(self) -> None:  # send-20
        assert named(SendText(None, ("SMS;+;chat1",), "Hello")) == []
        assert named(SendText(None, ("SMS;+;chat1",), "Hello", service="auto")) == ["SMS;+;chat1"]


class TestGroups:
    """A group that Messages does not know by its guid is looked for in what Messages lists, and nowhere else."""

    async def tried(self, tmp_path: Path, listed: str) -> list[str]:
        body = f"""
            script=$(cat)
            case "$script" in *"every chat"*) printf '%s\\n' {listed}; exit 0;; esac
            echo "$2" >> tried; test "$2" = 'iMessage;+;chat1' && exit 0
            echo 'execution error: No such chat. (-1728)' >&2; exit 1
        """
        with suppress(TransportError):
            await transport(tmp_path, body).perform(SendText(None, ("any;+;chat1",), "Hello"))
        return (tmp_path / "tried").read_text().split()

    async def test_it_is_found_under_another_prefix(self, tmp_path: Path) -> None:
        assert await self.tried(tmp_path, "'iMessage;-;x' 'iMessage;+;chat1'") == ["any;+;chat1", "iMessage;+;chat1"]

    async def test_what_is_not_listed_is_not_tried(self, tmp_path: Path) -> None:
        assert await self.tried(tmp_path, "'iMessage;+;chat10'") == ["any;+;chat1"]
