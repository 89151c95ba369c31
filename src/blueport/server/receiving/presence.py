"""What somebody does without a word: begins to type, reads."""

from blueport.handles import canonical_handle
from blueport.protocol.sightings import ReceiptSeen, TypingSeen
from blueport.server.addressing.queries import Line
from blueport.server.ids import ReceiptId, TypingId, mint
from blueport.server.receiving import chats, queries
from blueport.server.store.tx import Tx

TYPING_LASTS_MS = 60_000


def note_receipt(tx: Tx, line: Line, seen: ReceiptSeen, *, region: str) -> None:
    """Keep up to when somebody has read; that never goes back."""
    chat_id = chats.chat_of_peer(tx, line, seen.chat, region=region)
    if chat_id is None:
        return
    reader = queries.Person(line.account_id, chat_id, canonical_handle(seen.handle, region=region))
    queries.keep_receipt(tx, ReceiptId(mint("rcp", tx.now_ms)), reader, seen.read_at)


def note_typing(tx: Tx, line: Line, seen: TypingSeen, *, region: str) -> None:
    """Keep that somebody types, or no longer does, unless it is told too late to be true still."""
    chat_id = chats.chat_of_peer(tx, line, seen.chat, region=region)
    if chat_id is None or seen.at < tx.now_ms - TYPING_LASTS_MS:
        return
    typist = queries.Person(line.account_id, chat_id, canonical_handle(seen.handle, region=region))
    # A Mac whose clock is ahead would make of it the future, which nothing could follow.
    at = min(seen.at, tx.now_ms)
    queries.keep_typing(tx, TypingId(mint("ind", tx.now_ms)), typist, at, is_typing=seen.is_typing)
