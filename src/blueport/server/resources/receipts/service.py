"""Marks chats as read, and lists who has read them."""

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Need
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_of_all, page_size
from blueport.server.ids import OutboxId, mint
from blueport.server.resources.receipts import queries
from blueport.server.resources.receipts.schema import ListReceipts, NewReceipt, ReadReceipt
from blueport.server.shapes import Accepted
from blueport.server.signalling import service as signalling
from blueport.server.signalling.queries import Accepted as Signal
from blueport.server.store.tx import Tx


def send(tx: Tx, call: Call[NewReceipt]) -> Accepted:
    """Mark a chat as read."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_write(call.asked.recipient, region=call.terms.region)
    line, chat = authorizing.target(tx, call.key, name, peer, Need("receipts"))
    signal = Signal(
        id=OutboxId(mint("obx", tx.now_ms)),
        account_id=call.key.account_id,
        line_id=line.id,
        chat_id=chat.chat_id,
        key_id=call.key.id,
        kind="read",
        payload=msgspec.json.encode(call.asked).decode(),
    )
    signalling.accept(tx, signal, max_attempts=call.terms.max_attempts)
    return Accepted(signal.id)


def list_receipts(tx: Tx, call: Call[ListReceipts]) -> Page[ReadReceipt]:
    """List who has read a chat, and up to when."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_read(call.asked.recipient, region=call.terms.region)
    page_size(call.asked)
    line = authorizing.line_for(tx, call.key, name)
    chat = addressing.chat_to_read(tx, call.key.account_id, line, peer)
    receipts = queries.receipts_of(tx, chat.chat_id)
    return page_of_all(receipts, f"receipts {chat.chat_id}", call.asked, call.terms.cursors)
