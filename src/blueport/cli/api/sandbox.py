"""`blueport sandbox`: pair a phone of yours with the shared line, to write to it before you have a line."""

import argparse
import sys
import time

from blueport.cli import qr
from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session, moment
from blueport.cli.api.times import seconds
from blueport_sdk import Client, Sandbox, WaitTimeoutError

LOOK_S = 1.0


def main(arguments: list[str]) -> None:
    """Do what is asked about the sandbox."""
    calling.run_noun("sandbox", "pair a phone of yours with the shared line", COMMANDS, arguments)


def _status(session: Session, _options: argparse.Namespace) -> None:
    sandbox = session.client.get_sandbox()
    session.tell(sandbox, _state(sandbox), *_hints(sandbox))


def _state(sandbox: Sandbox) -> str:
    if sandbox.status == "active":
        return f"paired with {sandbox.contact_identifier}"
    return "not paired"


def _hints(sandbox: Sandbox) -> list[str]:
    line, usage = sandbox.sandbox_line_handle, sandbox.usage
    if sandbox.status == "active":
        return [
            f"send from {line}; {usage.remaining} of {usage.limit} messages are left until {moment(usage.resets_at)}"
        ]
    if sandbox.activation_code is None:
        return ["`blueport sandbox activate` gives the code that pairs a phone"]
    return [f"text {sandbox.activation_code} to {line} from the phone to pair it"]


def _activate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="wait until a phone has texted it")
    parser.add_argument(
        "--timeout", type=seconds, default="10m", metavar="TIME", help="how long to wait at most, such as 90s (10m)"
    )


def _activate(session: Session, options: argparse.Namespace) -> None:
    sandbox = session.client.activate_sandbox()
    if sandbox.status == "active":
        session.tell(sandbox, _state(sandbox), *_hints(sandbox))
        return
    _invite(session, sandbox)
    if options.wait:
        active = _paired(session.client, options.timeout)
        session.tell(active, _state(active), *_hints(active))


def _invite(session: Session, sandbox: Sandbox) -> None:
    code = sandbox.activation_code or ""
    if not session.is_json:
        qr.draw(sandbox.sandbox_line_handle, code, sys.stderr)
    session.tell(
        sandbox, code, f"point the phone's camera at it, or text this to {sandbox.sandbox_line_handle} to pair it"
    )


def _paired(client: Client, timeout_s: int) -> Sandbox:
    """Wait until a phone is paired.

    Raises:
        WaitTimeoutError: None was within *timeout_s* seconds.
    """
    until_s = time.monotonic() + timeout_s
    with working.progress(desc="waiting for the phone's text", bar_format="{desc} {elapsed}") as bar:
        while True:
            bar.update()
            sandbox = client.get_sandbox()
            if sandbox.status == "active":
                return sandbox
            if time.monotonic() >= until_s:
                raise WaitTimeoutError(f"no phone has texted the code within {timeout_s} s")
            time.sleep(LOOK_S)


COMMANDS = (
    Command(
        "status",
        "tell which phone is paired, and what is left to send today",
        calling.no_options,
        _status,
        ("sandbox status",),
    ),
    Command(
        "activate",
        "give the code that pairs the phone that texts it, with a picture to point the phone at",
        _activate_options,
        _activate,
        ("sandbox activate --wait",),
    ),
)
