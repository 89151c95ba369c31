"""`blueport messages`: what was said in a chat, and what is being said."""

import argparse
from collections.abc import Iterable, Iterator

from blueport.cli.api import calling
from blueport.cli.api.calling import Command, Session, first, moment
from blueport.cli.api.errors import UsageError
from blueport.cli.tables import printable
from blueport_sdk import Attachment, Client, Message, MessageData

LIMIT = 20
_EVENTS = ("message.received", "message.sent")
# Hardly ever happens: to ask for these alone tells where the log of events ends, and nothing else.
_SELDOM = ("message.failed",)

Said = Message | MessageData


def main(arguments: list[str]) -> None:
    """Show messages."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    calling.other_side(parser)
    calling.line_option(parser)
    calling.limit_option(parser, LIMIT)
    parser.add_argument("--search", metavar="WORDS", help="only those that have WORDS in their text, in any case")
    parser.add_argument("--follow", action="store_true", help="go on with what is said from now on, until Ctrl-C")


def _messages(session: Session, options: argparse.Namespace) -> None:
    if options.follow and options.search:
        raise UsageError("--follow shows all that is said, and --search only some: choose one")
    line = session.line()
    if options.follow:
        _follow(session, line, options)
        return
    said = _latest(session.client, line, options)
    if session.is_json:
        session.show(said, {})
    else:
        _print(session, reversed(said))


def _latest(client: Client, line: str, options: argparse.Namespace) -> list[Message]:
    """Return the latest messages, the latest first."""
    size = calling.page_size(options.limit)
    return first(client.list_messages(from_=line, to=options.to, q=options.search, limit=size), options.limit)


def _follow(session: Session, line: str, options: argparse.Namespace) -> None:
    """Show what was said, and then what is: what falls between the two is told by both, and shown once."""
    client = session.client
    place = _place_now(client, line)
    said = _latest(client, line, options)
    _print(session, reversed(said))
    shown = {message.id for message in said}
    for message in _from(client, line, options.to, place):
        if message.id not in shown:
            _print(session, [message])


def _place_now(client: Client, line: str) -> str | None:
    """Return behind which event everything is yet to happen; None if nothing has happened yet."""
    after, has_more = None, True
    while has_more:
        page = client.list_events(after=after, from_=line, events=_SELDOM, limit=calling.LARGEST_PAGE)
        after, has_more = page.next_cursor, page.has_more
    return after


def _from(client: Client, line: str, to: str, place: str | None) -> Iterator[MessageData]:
    """Yield what is said in a chat behind *place*, for ever."""
    chat_id = None
    for event in client.events(after=place, from_=line, events=_EVENTS):
        chat_id = chat_id or _chat_id(client, line, to)
        if event.chat_id == chat_id and isinstance(event.data, MessageData):
            yield event.data


def _chat_id(client: Client, line: str, to: str) -> str | None:
    """Return which chat that is, None while nothing was said in it: only messages tell."""
    latest = client.list_messages(from_=line, to=to, limit=1).data
    return latest[0].chat_id if latest else None


def _print(session: Session, messages: Iterable[Said]) -> None:
    for message in messages:
        print(calling.json_of(message) if session.is_json else "\n".join(_told(message)), flush=True)


def _told(message: Said) -> Iterator[str]:
    """Yield a message as lines: when, from whom, by which id, and below that what it says."""
    sender = "the line" if message.is_from_me else printable(message.sender)
    reply = f"  in reply to {printable(message.reply_to_guid)}" if message.reply_to_guid else ""
    yield f"{calling.dim(moment(message.sent_at))}  {sender}  {calling.dim(message.id + reply)}"
    for line in (message.text or "").splitlines():
        yield f"  {printable(line)}"
    for attachment in message.attachments:
        yield f"  {printable(_attached(attachment))}"
    if not message.text and not message.attachments:
        yield "  (no text: it was taken back, perhaps)"


def _attached(attachment: Attachment) -> str:
    size = "" if attachment.size is None else f", {attachment.size:,} bytes"
    said = f": {attachment.transcription!r}" if attachment.transcription else ""
    name = f"{attachment.filename or 'a file'} ({attachment.mime_type or 'of unknown type'}{size}){said}"
    return f"[{name}] {attachment.url or 'is not here yet'}"


COMMAND = Command(
    "messages",
    "Show the latest messages of a chat, as a chat reads: the newest at the bottom. In JSON the newest comes first, as"
    " the API has it; with --follow one a line, as they come.",
    _options,
    _messages,
    (
        "messages +15550100001",
        "messages +15550100001 --follow --limit 5",
        "messages cht_... --search lunch --json",
    ),
)
