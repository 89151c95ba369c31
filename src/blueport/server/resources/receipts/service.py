"""Marks chats as read, and lists who has read them."""

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Need
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_of_all, page_size
from blueport.server.resources.receipts import queries
from blueport.server.resources.receipts.schema import ListReceipts, NewReceipt
from blueport.server.shapes import Accepted, ReadReceipt
from blueport.server.signalling import service as signalling
from blueport.server.signalling.queries import NewSignal
from blueport.server.store.tx import Tx


def send(tx: Tx, call: Call[NewReceipt]) -> Accepted:
    """Mark a chat as read."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_write(call.asked.recipient, region=call.terms.region)
    line, chat = authorizing.target(tx, call.key, name, peer, Need("receipts"))
    payload = msgspec.json.encode(call.asked).decode()
    signal = NewSignal(call.key.account_id, line.id, chat.chat_id, call.key.id, "read", payload)
    return Accepted(signalling.accept(tx, signal, max_attempts=call.terms.max_attempts))


def list_receipts(tx: Tx, call: Call[ListReceipts]) -> Page[ReadReceipt]:
    """List who has read a chat, and up to when."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_read(call.asked.recipient, region=call.terms.region)
    page_size(call.asked)
    chat = authorizing.chat_to_read(tx, call.key, name, peer)
    receipts = queries.receipts_of(tx, chat.chat_id)
    return page_of_all(receipts, f"receipts {chat.chat_id}", call.asked, call.terms.cursors)
