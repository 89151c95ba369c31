"""`blueport send-audio`: a voice message."""

import argparse
from pathlib import Path

from blueport.cli.api import calling, working
from blueport.cli.api.calling import Command, Session


def main(arguments: list[str]) -> None:
    """Send a voice message."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.other_side(parser)
    parser.add_argument("sound", metavar="FILE", help="a sound on this machine, or one that is uploaded (file_...)")
    calling.line_option(parser)
    parser.add_argument("--reply-to", metavar="MESSAGE", help="the message that is answered: msg_... or its guid")
    working.options(parser)


def _send_audio(session: Session, options: argparse.Namespace) -> None:
    line, client = session.line(), working.client_for(session, options)
    accepted = client.send_audio_message(
        from_=line, to=options.to, audio_message=_uploaded(session, options.sound), reply_to=options.reply_to
    )
    working.tell(session, accepted, options)


def _uploaded(session: Session, sound: str) -> str:
    """Return the id of the sound on the server; a file of such a name goes before."""
    path = Path(sound)
    if sound.startswith("file_") and not path.exists():
        return sound
    return working.uploaded(session.client, path).id


COMMAND = Command(
    "send-audio",
    "Send a sound as a voice message: m4a, mp3, wav, caf, aiff or aac. Prints the id of the work (obx_...).",
    _options,
    _send_audio,
    ("send-audio +15550100001 hello.m4a --wait", "send-audio +15550100001 file_..."),
)
