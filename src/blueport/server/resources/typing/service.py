"""Shows the line's typing, and lists others'."""

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Need
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_of_all, page_size
from blueport.server.receiving.presence import TYPING_LASTS_MS
from blueport.server.resources.typing import queries
from blueport.server.resources.typing.queries import TypingRow
from blueport.server.resources.typing.schema import ListTyping, NewTyping
from blueport.server.shapes import Accepted, TypingIndicator
from blueport.server.signalling import service as signalling
from blueport.server.signalling.queries import NewSignal
from blueport.server.store.tx import Tx


def send(tx: Tx, call: Call[NewTyping]) -> Accepted:
    """Show, or no longer show, that the line is typing."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_write(call.asked.recipient, region=call.terms.region)
    line, chat = authorizing.target(tx, call.key, name, peer, Need("typing"))
    payload = msgspec.json.encode(call.asked).decode()
    signal = NewSignal(call.key.account_id, line.id, chat.chat_id, call.key.id, "typing", payload)
    return Accepted(signalling.accept(tx, signal, max_attempts=call.terms.max_attempts))


def list_typing(tx: Tx, call: Call[ListTyping]) -> Page[TypingIndicator]:
    """List the typing indicators of a chat."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_read(call.asked.recipient, region=call.terms.region)
    page_size(call.asked)
    chat = authorizing.chat_to_read(tx, call.key, name, peer)
    indicators = [_indicator(row, tx.now_ms) for row in queries.typing_of(tx, chat.chat_id)]
    return page_of_all(indicators, f"typing {chat.chat_id}", call.asked, call.terms.cursors)


def _indicator(row: TypingRow, now_ms: int) -> TypingIndicator:
    is_typing = bool(row.is_typing) and row.updated_at > now_ms - TYPING_LASTS_MS
    return TypingIndicator(row.id, row.chat_id, row.handle, is_typing=is_typing, updated_at=row.updated_at)
