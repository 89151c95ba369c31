"""Lines and chats, always within one account."""

from typing import Literal, NamedTuple

from sqlalchemy import bindparam, select

from blueport.server.ids import AccountId, ChatId, DaemonId, LineId
from blueport.server.store.tables import chats, lines
from blueport.server.store.tx import Statement, Tx, insert_into


class Line(NamedTuple):
    """A line as the engines see it; flags are 0 or 1, capabilities are words."""

    id: LineId
    account_id: AccountId
    handle: str
    label: str | None
    service: Literal["imessage", "sms", "auto"]
    is_active: int
    capabilities: str


class Address(NamedTuple):
    """A chat on a line; `first_inbound_at` is when somebody else first wrote there (Unix milliseconds), or None."""

    chat_id: ChatId
    is_group: int
    first_inbound_at: int | None


_LINE = select(
    lines.c.id,
    lines.c.account_id,
    lines.c.handle,
    lines.c.label,
    lines.c.service,
    lines.c.is_active,
    lines.c.capabilities,
)
_INSERT_LINE = Statement(insert_into(lines))
_LINES = Statement(_LINE.where(lines.c.account_id == bindparam("account_id")).order_by(lines.c.id.desc()))
_LINE_BY_ID = Statement(_LINE.where(lines.c.account_id == bindparam("account_id"), lines.c.id == bindparam("id")))
_LINE_BY_HANDLE = Statement(
    _LINE.where(lines.c.account_id == bindparam("account_id"), lines.c.handle == bindparam("handle"))
)
_LINE_OF_DAEMON = Statement(
    _LINE.where(lines.c.daemon_id == bindparam("daemon_id"), lines.c.handle == bindparam("handle"))
)

_CHAT = select(chats.c.id, chats.c.is_group, chats.c.first_inbound_at).where(chats.c.line_id == bindparam("line_id"))
_CHAT_BY_ID = Statement(_CHAT.where(chats.c.id == bindparam("id")))
_CHAT_BY_PEER = Statement(_CHAT.where(chats.c.key == bindparam("key"), chats.c.is_group == 0))


def add_line(tx: Tx, line: Line, daemon_id: DaemonId | None) -> None:
    """Create a line, served by that daemon once it says hello."""
    tx.change(
        _INSERT_LINE,
        **line._asdict(),
        daemon_id=daemon_id,
        health="never_seen",
        hint=None,
        created_at=tx.now_ms,
    )


def lines_of(tx: Tx, account_id: AccountId) -> list[Line]:
    """Return the account's lines, newest first."""
    return tx.all(Line, _LINES, account_id=account_id)


def line_by_id(tx: Tx, account_id: AccountId, line_id: str) -> Line | None:
    """Find a line by its id."""
    return tx.one(Line, _LINE_BY_ID, account_id=account_id, id=line_id)


def line_by_handle(tx: Tx, account_id: AccountId, handle: str) -> Line | None:
    """Find a line by its canonical handle."""
    return tx.one(Line, _LINE_BY_HANDLE, account_id=account_id, handle=handle)


def line_of_daemon(tx: Tx, daemon_id: DaemonId, handle: str) -> Line | None:
    """Find a line by its handle among those that a daemon serves."""
    return tx.one(Line, _LINE_OF_DAEMON, daemon_id=daemon_id, handle=handle)


def chat_by_id(tx: Tx, line_id: LineId, chat_id: str) -> Address | None:
    """Find a chat of the line by its id."""
    return tx.one(Address, _CHAT_BY_ID, line_id=line_id, id=chat_id)


def chat_by_peer(tx: Tx, line_id: LineId, peer: str) -> Address | None:
    """Find the line's chat with one person, by the person's canonical handle."""
    return tx.one(Address, _CHAT_BY_PEER, line_id=line_id, key=peer)
