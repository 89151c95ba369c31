"""`blueport send`: a text, a file, or both."""

import argparse
from pathlib import Path
from typing import get_args

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session
from blueport.cli.api.errors import UsageError
from blueport_sdk import Effect


def main(arguments: list[str]) -> None:
    """Send a message."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.other_side(parser)
    parser.add_argument(
        "text", nargs="*", default=None, metavar="TEXT", help="what to say; - reads it from standard input"
    )
    calling.line_option(parser)
    parser.add_argument("--file", type=Path, metavar="PATH", help="a file to send with it, or alone")
    parser.add_argument("--reply-to", metavar="MESSAGE", help="the message that is answered: msg_... or its guid")
    parser.add_argument("--effect", choices=get_args(Effect), metavar="EFFECT", help=", ".join(get_args(Effect)))
    working.options(parser)


def _send(session: Session, options: argparse.Namespace) -> None:
    text = working.text_of(options.text or [])
    if text is None and options.file is None:
        raise UsageError("there is nothing to send: say a text, `-` to read it from standard input, or --file PATH")
    line, client = session.line(), working.client_for(session, options)
    files = [working.uploaded(session.client, options.file).id] if options.file else None
    accepted = client.send_message(
        from_=line,
        to=options.to,
        text=text,
        attachments=files,
        reply_to=options.reply_to,
        effect=options.effect,
    )
    working.tell(session, accepted, options)


COMMAND = Command(
    "send",
    "Send a text, a file, or both. Prints the id of the work (obx_...), which is done in the order of acceptance.",
    _options,
    _send,
    (
        'send +15550100001 "Hello from my agent"',
        "send +15550100001 --file photo.jpg --wait",
        "send cht_... --reply-to msg_... --effect confetti Congratulations",
        "send ada@example.com - < letter.txt",
        "send +15550100001 -- -5 degrees",
    ),
)
