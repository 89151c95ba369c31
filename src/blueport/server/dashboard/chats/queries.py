"""Chats of all accounts, the most recently active first, and all that is seen in one."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, bindparam, or_, select, tuple_

from blueport.server.ids import AccountId, ChatId, FileId, LineId, MessageId
from blueport.server.resources.messages.queries import Place
from blueport.server.store.lists import among
from blueport.server.store.tables import accounts, chats, events, files, lines, messages, reactions
from blueport.server.store.tx import Statement, Tx, fits


class ShelfRow(NamedTuple):
    """The chats of an account on a line, and when the latest of them was active; None if there is none."""

    line_id: LineId
    account_id: AccountId
    active_at: int | None


class Standing(NamedTuple):
    """What a list tells of a chat beside the chat itself: whose it is, and its latest message, if there is one."""

    chat_id: ChatId
    account: str
    line: str
    first_inbound_at: int | None
    text: str | None
    attachments: str | None
    is_from_me: int | None
    is_audio_message: int | None


class ChatStory(NamedTuple):
    """All that is known of a chat by itself; `participants` is JSON, times are Unix milliseconds."""

    id: ChatId
    account_id: AccountId
    account: str
    line_id: LineId
    line: str
    line_service: str
    is_contact_first: int
    identifier: str
    service: str
    name: str | None
    is_group: int
    participants: str
    first_inbound_at: int | None
    created_at: int
    opted_out_at: int | None
    looping_until: int | None

    @property
    def title(self) -> str:
        """Return what it is called."""
        return self.name or self.identifier or "a group that is being made"


class SaidRow(NamedTuple):
    """A message as it is looked through for words, and where it stands among all."""

    seq: int
    account_id: AccountId
    line_id: LineId
    id: MessageId
    chat_id: ChatId
    sender: str
    is_from_me: int
    text: str | None
    sent_at: int
    chat: str
    chat_name: str | None
    line: str


class ReactionRow(NamedTuple):
    """What stands on a message: one of the six tapbacks, or an emoji."""

    message_id: MessageId
    type: str | None
    emoji: str | None
    sender: str
    is_from_me: int


class Original(NamedTuple):
    """A message that is answered."""

    id: MessageId
    guid: str
    sender: str
    is_from_me: int
    text: str | None


class FileKind(NamedTuple):
    """The media type as which a browser may show a file, None if it must save it."""

    id: FileId
    shown_as: str | None


class Fate(NamedTuple):
    """An event that tells what became of a message; `data` is JSON."""

    message_id: MessageId
    type: str
    data: str
    created_at: int


_latest_on_shelf = (
    select(chats.c.last_message_at)
    .where(
        chats.c.line_id == lines.c.id,
        chats.c.account_id == accounts.c.id,
        chats.c.identifier != "",
        chats.c.last_message_at <= bindparam("active_at"),
    )
    .order_by(chats.c.last_message_at.desc())
    .limit(1)
    .scalar_subquery()
)
# The shared line has chats of every account.
_SHELVES = Statement(
    select(lines.c.id, accounts.c.id, _latest_on_shelf)
    .join(accounts, or_(accounts.c.id == lines.c.account_id, lines.c.is_sandbox == 1))
    .where(fits(accounts.c.id, "account"), fits(lines.c.id, "line"))
)
_others = messages.alias()
_latest_message = (
    select(_others.c.id)
    .where(_others.c.chat_id == chats.c.id)
    .order_by(_others.c.sent_at.desc(), _others.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_STANDINGS = Statement(
    select(
        chats.c.id,
        accounts.c.name,
        lines.c.handle,
        chats.c.first_inbound_at,
        messages.c.text,
        messages.c.attachments,
        messages.c.is_from_me,
        messages.c.is_audio_message,
    )
    .join(accounts, accounts.c.id == chats.c.account_id)
    .join(lines, lines.c.id == chats.c.line_id)
    .outerjoin(messages, messages.c.id == _latest_message)
    .where(among(chats.c.id, "chat_ids"))
)
_STORY = Statement(
    select(
        chats.c.id,
        chats.c.account_id,
        accounts.c.name.label("account"),
        chats.c.line_id,
        lines.c.handle.label("line"),
        lines.c.service.label("line_service"),
        lines.c.is_contact_first,
        *[chats.c[name] for name in ChatStory._fields[7:]],
    )
    .join(accounts, accounts.c.id == chats.c.account_id)
    .join(lines, lines.c.id == chats.c.line_id)
    .where(chats.c.id == bindparam("id"))
)
_newest = (
    messages.select()
    .where(messages.c.seq < bindparam("before"))
    .order_by(messages.c.seq.desc())
    .limit(bindparam("limit"))
    .subquery("newest")
)
_SAID = Statement(
    select(
        *[_newest.c[name] for name in SaidRow._fields[:9]],
        chats.c.key.label("chat"),
        chats.c.name.label("chat_name"),
        lines.c.handle.label("line"),
    )
    .join(chats, chats.c.id == _newest.c.chat_id)
    .join(lines, lines.c.id == _newest.c.line_id)
    .order_by(_newest.c.seq.desc())
)
_OF_CHAT = select(messages.c.sent_at, messages.c.id).where(messages.c.chat_id == bindparam("chat_id"))
_PLACE = Statement(_OF_CHAT.where(messages.c.id == bindparam("message_id")))
_LATER = Statement(
    _OF_CHAT.where(tuple_(messages.c.sent_at, messages.c.id) > tuple_(bindparam("sent_at"), bindparam("message_id")))
    .order_by(messages.c.sent_at, messages.c.id)
    .limit(bindparam("limit"))
)
_REACTIONS = Statement(
    select(*[reactions.c[name] for name in ReactionRow._fields])
    .where(among(reactions.c.message_id, "message_ids"), reactions.c.added == 1)
    .order_by(reactions.c.sent_at, reactions.c.id)
)
_ORIGINALS = Statement(
    select(*[messages.c[name] for name in Original._fields]).where(
        messages.c.line_id == bindparam("line_id"), among(messages.c.guid, "guids")
    )
)
_KINDS = Statement(select(files.c.id, files.c.shown_as).where(among(files.c.id, "file_ids")))
_FATES = Statement(
    select(events.c.subject_id, events.c.type, events.c.data, events.c.created_at)
    .where(and_(among(events.c.subject_id, "message_ids"), among(events.c.type, "types")), events.c.is_test == 0)
    .order_by(events.c.seq)
)


class Wanted(NamedTuple):
    """Whose chats, on which line, each empty for any; active at that moment (Unix milliseconds) or before."""

    account: str
    line: str
    active_at: int


def shelves(tx: Tx, wanted: Wanted) -> list[ShelfRow]:
    """Return where there are chats that are wanted, the most recently active first."""
    found = [shelf for shelf in tx.all(ShelfRow, _SHELVES, **wanted._asdict()) if shelf.active_at is not None]
    return sorted(found, key=lambda shelf: shelf.active_at or 0, reverse=True)


def standings(tx: Tx, chat_ids: Sequence[ChatId]) -> dict[ChatId, Standing]:
    """Return what a list tells of chats."""
    return {row.chat_id: row for row in tx.all(Standing, _STANDINGS, chat_ids=list[str](chat_ids))}


def story(tx: Tx, chat_id: str) -> ChatStory | None:
    """Find a chat."""
    return tx.one(ChatStory, _STORY, id=chat_id)


def said_before(tx: Tx, before: int, limit: int) -> list[SaidRow]:
    """Return the newest messages of all chats whose `seq` is below *before*."""
    return tx.all(SaidRow, _SAID, before=before, limit=limit)


def place_of(tx: Tx, chat_id: ChatId, message_id: str) -> Place | None:
    """Return where a message of a chat stands."""
    return tx.one(Place, _PLACE, chat_id=chat_id, message_id=message_id)


def places_after(tx: Tx, chat_id: ChatId, place: Place, limit: int) -> list[Place]:
    """Return where the next messages stand that were sent after the one at *place*, the oldest first."""
    return tx.all(Place, _LATER, chat_id=chat_id, **place._asdict(), limit=limit)


def reactions_on(tx: Tx, message_ids: Sequence[MessageId]) -> list[ReactionRow]:
    """Return what stands on messages, the oldest first."""
    return tx.all(ReactionRow, _REACTIONS, message_ids=list[str](message_ids))


def originals(tx: Tx, line_id: LineId, guids: Sequence[str]) -> dict[str, Original]:
    """Return those messages of a line, by their guids."""
    return {row.guid: row for row in tx.all(Original, _ORIGINALS, line_id=line_id, guids=guids)}


def kinds(tx: Tx, file_ids: Sequence[FileId]) -> dict[FileId, str | None]:
    """Return as what a browser may show files."""
    return dict(tx.all(FileKind, _KINDS, file_ids=list[str](file_ids)))


def fates(tx: Tx, message_ids: Sequence[MessageId], types: Sequence[str]) -> list[Fate]:
    """Return events of those types about messages, the oldest first."""
    return tx.all(Fate, _FATES, message_ids=list[str](message_ids), types=types)
