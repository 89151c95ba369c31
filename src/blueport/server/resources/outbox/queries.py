"""One outbox item; a signal looks to callers like any other."""

from typing import NamedTuple

from sqlalchemy import bindparam, null, select

from blueport.server.ids import AccountId, LineId, OutboxId
from blueport.server.shapes import Status
from blueport.server.store.tables import outbox, signals
from blueport.server.store.tx import Statement, Tx


class ItemRow(NamedTuple):
    """An outbox item or a signal, each numbered in its own table; `payload` is JSON."""

    id: OutboxId
    account_id: AccountId
    line_id: LineId
    kind: str
    status: Status
    payload: str
    completed_at: int | None
    error: str | None
    attempts: int
    max_attempts: int
    created_at: int
    warning: str | None
    sent_by: str | None
    seq: int


_OF_ITEMS_ALONE = ("warning", "sent_by")
ITEMS = select(*[outbox.c[name] for name in ItemRow._fields]).where(outbox.c.part_of.is_(None))
SIGNALS = select(*[null().label(name) if name in _OF_ITEMS_ALONE else signals.c[name] for name in ItemRow._fields])

_ITEM = Statement(ITEMS.where(outbox.c.account_id == bindparam("account_id"), outbox.c.id == bindparam("id")))
_SIGNAL = Statement(SIGNALS.where(signals.c.account_id == bindparam("account_id"), signals.c.id == bindparam("id")))


def item(tx: Tx, account_id: AccountId, outbox_id: str) -> ItemRow | None:
    """Find the account's item of that id."""
    found = tx.one(ItemRow, _ITEM, account_id=account_id, id=outbox_id)
    return found or tx.one(ItemRow, _SIGNAL, account_id=account_id, id=outbox_id)
