"""Outbox items of all accounts, the newest first, and one with its story."""

from typing import NamedTuple

from sqlalchemy import Subquery, bindparam, select

from blueport.server.ids import OutboxId
from blueport.server.store.tables import accounts, api_keys, chats, daemons, lines, outbox
from blueport.server.store.tx import Statement, Tx, fits

# How many are looked through for those that are wanted, from a place on: what is rare does not have all of them read.
LOOKED_THROUGH = 5_000


class ItemRow(NamedTuple):
    """An item as it is listed; `chat` is the peer's handle, or the group's identifier."""

    seq: int
    id: str
    kind: str
    status: str
    attempts: int
    error: str | None
    created_at: int
    completed_at: int | None
    part_of: str | None
    line: str
    chat_id: str
    chat: str
    chat_name: str | None


class Story(NamedTuple):
    """All that is known of an item; `payload` is JSON, times are Unix milliseconds."""

    id: OutboxId
    account_id: str
    account: str
    line_id: str
    line: str
    chat_id: str
    chat: str
    chat_name: str | None
    key_id: str
    key_name: str
    key_last4: str
    daemon: str | None
    kind: str
    payload: str
    status: str
    attempts: int
    max_attempts: int
    available_at: int
    begun_at: int | None
    error: str | None
    warning: str | None
    sent_by: str | None
    created_at: int
    completed_at: int | None


_newest = (
    select(outbox)
    .where(outbox.c.seq < bindparam("before"))
    .order_by(outbox.c.seq.desc())
    .limit(bindparam("looked_through"))
    .subquery()
)
_open = outbox.select().where(outbox.c.seq < bindparam("before"), outbox.c.completed_at.is_(None)).subquery()


def _page_of(items: Subquery) -> Statement:
    return Statement(
        select(
            *[items.c[name] for name in ItemRow._fields[:9]],
            lines.c.handle.label("line"),
            chats.c.id.label("chat_id"),
            chats.c.key.label("chat"),
            chats.c.name.label("chat_name"),
        )
        .join(lines, lines.c.id == items.c.line_id)
        .join(chats, chats.c.id == items.c.chat_id)
        .where(
            items.c.part_of.is_(None),
            fits(items.c.status, "status"),
            fits(items.c.account_id, "account"),
            fits(items.c.line_id, "line"),
        )
        .order_by(items.c.seq.desc())
        .limit(bindparam("limit"))
    )


_PAGE = _page_of(_newest)
_OPEN = _page_of(_open)
_LOOKED_TO = Statement(
    select(outbox.c.seq)
    .where(outbox.c.seq < bindparam("before"))
    .order_by(outbox.c.seq.desc())
    .limit(1)
    .offset(bindparam("skipped"))
)
_STORY = Statement(
    select(
        outbox.c.id,
        outbox.c.account_id,
        accounts.c.name.label("account"),
        outbox.c.line_id,
        lines.c.handle.label("line"),
        outbox.c.chat_id,
        chats.c.key.label("chat"),
        chats.c.name.label("chat_name"),
        outbox.c.key_id,
        api_keys.c.name.label("key_name"),
        api_keys.c.last4.label("key_last4"),
        daemons.c.name.label("daemon"),
        *[outbox.c[name] for name in Story._fields[12:]],
    )
    .join(accounts, accounts.c.id == outbox.c.account_id)
    .join(lines, lines.c.id == outbox.c.line_id)
    .join(chats, chats.c.id == outbox.c.chat_id)
    .join(api_keys, api_keys.c.id == outbox.c.key_id)
    .outerjoin(daemons, daemons.c.id == lines.c.daemon_id)
    .where(outbox.c.id == bindparam("id"))
)


class Wanted(NamedTuple):
    """Which items: of a status, an account and a line, each empty for any; `seq` below `before`."""

    status: str
    account: str
    line: str
    before: int


def page(tx: Tx, wanted: Wanted, limit: int) -> list[ItemRow]:
    """Return the newest items that are wanted, of those that are looked through."""
    return tx.all(ItemRow, _PAGE, **wanted._asdict(), limit=limit, looked_through=LOOKED_THROUGH)


def looked_to(tx: Tx, before: int) -> int | None:
    """Return the place of the last item that `page` looks at, None if there is nothing older."""
    return tx.one(int, _LOOKED_TO, before=before, skipped=LOOKED_THROUGH - 1)


def open_items(tx: Tx, wanted: Wanted, limit: int) -> list[ItemRow]:
    """Return the newest items that have not ended."""
    return tx.all(ItemRow, _OPEN, **wanted._replace(status="")._asdict(), limit=limit)


def story(tx: Tx, outbox_id: str) -> Story | None:
    """Find an item."""
    return tx.one(Story, _STORY, id=outbox_id)
