"""The AppleScript transport with executables that misbehave as `osascript` does."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from blueport.daemon.settings import Settings
from blueport.daemon.transports.applescript.script import addresses, error_number, sending
from blueport.daemon.transports.applescript.transport import AppleScript
from blueport.daemon.transports.base import NotNowError, OutcomeUnknownError, TransportError
from blueport.protocol.commands import SendText
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


class TestAddresses:
    def test_an_sms_twin_does_not_turn_an_imessage_into_an_sms(self) -> None:  # send-20
        command = SendText(ADA, (f"SMS;-;{ADA}", f"iMessage;-;{ADA}"), "Hello")

        assert [address.name for address in addresses(command)] == [f"iMessage;-;{ADA}", ADA]

    def test_an_rcs_chat_is_addressed_by_its_guid(self) -> None:  # send-24
        assert next(addresses(SendText(ADA, (f"RCS;-;{ADA}",), "Hello"))).name == f"RCS;-;{ADA}"

    def test_a_group_has_no_name_but_its_guid(self) -> None:  # send-10
        assert [address.target for address in addresses(SendText(None, ("any;+;chat1",), "Hello"))] == ["chat"]
