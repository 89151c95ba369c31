"""Read receipts of a chat."""

from sqlalchemy import bindparam, select

from blueport.server.ids import ChatId
from blueport.server.shapes import ReadReceipt
from blueport.server.store.tables import receipts
from blueport.server.store.tx import Statement, Tx

_OF_CHAT = Statement(
    select(receipts.c.id, receipts.c.chat_id, receipts.c.handle, receipts.c.last_read_at, receipts.c.synced_at)
    .where(receipts.c.chat_id == bindparam("chat_id"))
    .order_by(receipts.c.id.desc())
)


def receipts_of(tx: Tx, chat_id: ChatId) -> list[ReadReceipt]:
    """Return who has read a chat, newest first."""
    return tx.all(ReadReceipt, _OF_CHAT, chat_id=chat_id)
