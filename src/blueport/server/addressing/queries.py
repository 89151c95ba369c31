"""Lines and chats, always within one account."""

from typing import Literal, NamedTuple

from sqlalchemy import bindparam, or_, select

from blueport.server.ids import AccountId, ChatId, DaemonId, LineId
from blueport.server.store.tables import chat_guids, chats, lines, messages
from blueport.server.store.tx import Statement, Tx, add_row, insert_unless_there


class Line(NamedTuple):
    """A line as the engines see it; flags are 0 or 1, capabilities are words."""

    id: LineId
    account_id: AccountId
    handle: str
    label: str | None
    service: Literal["imessage", "sms", "auto"]
    is_active: int
    capabilities: str
    is_sandbox: int = 0
    is_contact_first: int = 1


class NewChat(NamedTuple):
    """A conversation on a line; `participants` is JSON."""

    id: ChatId
    account_id: AccountId
    line_id: LineId
    key: str
    identifier: str
    service: str
    name: str | None
    is_group: int
    participants: str


class Address(NamedTuple):
    """A chat on a line; `first_inbound_at` is when somebody else first wrote there (Unix milliseconds), or None.

    `opted_out_at` and `looping_until` say why it may have to be left alone.
    """

    chat_id: ChatId
    is_group: int
    first_inbound_at: int | None
    opted_out_at: int | None = None
    looping_until: int | None = None


_LINE = select(
    lines.c.id,
    lines.c.account_id,
    lines.c.handle,
    lines.c.label,
    lines.c.service,
    lines.c.is_active,
    lines.c.capabilities,
    lines.c.is_sandbox,
    lines.c.is_contact_first,
)
# The shared line is every account's.
_is_theirs = or_(lines.c.account_id == bindparam("account_id"), lines.c.is_sandbox == 1)
_LINES = Statement(_LINE.where(_is_theirs).order_by(lines.c.id.desc()))
_LINE_BY_ID = Statement(_LINE.where(_is_theirs, lines.c.id == bindparam("id")), kept_of=lines)
_LINE_BY_HANDLE = Statement(_LINE.where(_is_theirs, lines.c.handle == bindparam("handle")), kept_of=lines)
_ANY_LINE = Statement(_LINE.where(lines.c.handle == bindparam("handle")))
_SANDBOX_LINE = Statement(_LINE.where(lines.c.is_sandbox == 1))
_LINE_OF_DAEMON = Statement(
    _LINE.where(lines.c.daemon_id == bindparam("daemon_id"), lines.c.handle == bindparam("handle"))
)

_CHAT = select(
    chats.c.id, chats.c.is_group, chats.c.first_inbound_at, chats.c.opted_out_at, chats.c.looping_until
).where(chats.c.line_id == bindparam("line_id"), chats.c.account_id == bindparam("account_id"))
_CHAT_BY_ID = Statement(_CHAT.where(chats.c.id == bindparam("id")), kept_of=chats)
_CHAT_BY_PEER = Statement(_CHAT.where(chats.c.key == bindparam("key"), chats.c.is_group == 0), kept_of=chats)

# A row that is refused would be told of in PostgreSQL's log, with whose chat it is.
_INSERT_CHAT = Statement(
    insert_unless_there(chats, [*NewChat._fields, "last_message_at", "activity_seq", "created_at"])
)
_ID_OF_CHAT = Statement(
    select(chats.c.id).where(
        chats.c.line_id == bindparam("line_id"),
        chats.c.account_id == bindparam("account_id"),
        chats.c.key == bindparam("key"),
    )
)
_CHAT_GUIDS = Statement(
    select(chat_guids.c.guid)
    .where(chat_guids.c.chat_id == bindparam("chat_id"))
    .order_by(chat_guids.c.seen_at.desc(), chat_guids.c.guid)
)

_IN_CHAT = select(messages.c.guid).where(
    messages.c.line_id == bindparam("line_id"), messages.c.chat_id == bindparam("chat_id")
)
_GUID_BY_ID = Statement(_IN_CHAT.where(messages.c.id == bindparam("name")))
_GUID_BY_GUID = Statement(_IN_CHAT.where(messages.c.guid == bindparam("name")))


def add_line(tx: Tx, line: Line, daemon_id: DaemonId | None) -> None:
    """Create a line, served by that daemon once it says hello."""
    row = {**line._asdict(), "daemon_id": daemon_id, "health": "never_seen", "created_at": tx.now_ms}
    add_row(tx, lines, row)


def lines_of(tx: Tx, account_id: AccountId) -> list[Line]:
    """Return the account's lines, newest first, and among them the shared one."""
    return tx.all(Line, _LINES, account_id=account_id)


def sandbox_line(tx: Tx) -> Line | None:
    """Find the shared line."""
    return tx.one(Line, _SANDBOX_LINE)


def line_by_id(tx: Tx, account_id: AccountId, line_id: str) -> Line | None:
    """Find a line by its id."""
    return tx.one(Line, _LINE_BY_ID, account_id=account_id, id=line_id)


def line_by_handle(tx: Tx, account_id: AccountId, handle: str) -> Line | None:
    """Find a line by its canonical handle."""
    return tx.one(Line, _LINE_BY_HANDLE, account_id=account_id, handle=handle)


def any_line(tx: Tx, handle: str) -> Line | None:
    """Find a line by its canonical handle, whoever's it is."""
    return tx.one(Line, _ANY_LINE, handle=handle)


def line_of_daemon(tx: Tx, daemon_id: DaemonId, handle: str) -> Line | None:
    """Find a line by its handle among those that a daemon serves."""
    return tx.one(Line, _LINE_OF_DAEMON, daemon_id=daemon_id, handle=handle)


def chat_by_id(tx: Tx, account_id: AccountId, line_id: LineId, chat_id: str) -> Address | None:
    """Find the account's chat on the line by its id."""
    return tx.one(Address, _CHAT_BY_ID, account_id=account_id, line_id=line_id, id=chat_id)


def chat_by_peer(tx: Tx, account_id: AccountId, line_id: LineId, peer: str) -> Address | None:
    """Find the account's chat with one person on the line, by the person's canonical handle."""
    return tx.one(Address, _CHAT_BY_PEER, account_id=account_id, line_id=line_id, key=peer)


def add_chat(tx: Tx, chat: NewChat) -> ChatId:
    """Create a chat without messages, and return its id: that of another's, where somebody was faster."""
    added = tx.change(
        _INSERT_CHAT,
        **chat._asdict(),
        last_message_at=tx.now_ms,
        activity_seq=0,
        created_at=tx.now_ms,
    )
    if added:
        return chat.id
    return tx.all(ChatId, _ID_OF_CHAT, line_id=chat.line_id, account_id=chat.account_id, key=chat.key)[0]


def known_guids(tx: Tx, chat_id: ChatId) -> list[str]:
    """Return the guids under which Messages knows the chat, the most recently seen first."""
    return tx.all(str, _CHAT_GUIDS, chat_id=chat_id)


def guid_by_id(tx: Tx, line_id: LineId, chat_id: ChatId, message_id: str) -> str | None:
    """Find the guid of the chat's message of that id."""
    return tx.one(str, _GUID_BY_ID, line_id=line_id, chat_id=chat_id, name=message_id)


def guid_by_guid(tx: Tx, line_id: LineId, chat_id: ChatId, guid: str) -> str | None:
    """Return *guid* if it is a message of the chat."""
    return tx.one(str, _GUID_BY_GUID, line_id=line_id, chat_id=chat_id, name=guid)
