"""What somebody does without a word: begins to type, reads."""

import msgspec

from blueport.handles import canonical_handle
from blueport.protocol.sightings import ReceiptSeen, TypingSeen
from blueport.server.addressing.queries import Line
from blueport.server.ids import ReceiptId, TypingId, mint
from blueport.server.notifying import service as notifying
from blueport.server.receiving import chats, queries
from blueport.server.receiving.queries import Person, Typing
from blueport.server.shapes import LineHandle, LineKnown, ReadReceipt, TypingIndicator
from blueport.server.store.tx import Tx

TYPING_LASTS_MS = 60_000


class TypingData(TypingIndicator, frozen=True):
    """The payload of `typing.started` and `typing.stopped`."""

    line_id: LineKnown
    line_handle: LineHandle


class ReceiptData(ReadReceipt, frozen=True):
    """The payload of `receipt.read`."""

    line_id: LineKnown
    line_handle: LineHandle


def note_receipt(tx: Tx, line: Line, seen: ReceiptSeen, *, region: str) -> None:
    """Keep up to when somebody has read; that never goes back."""
    chat_id = chats.chat_of_peer(tx, line, seen.chat, region=region)
    if chat_id is None:
        return
    reader = Person(line.account_id, chat_id, canonical_handle(seen.handle, region=region))
    is_told = notifying.is_extended(tx, line.account_id)
    before = queries.receipt(tx, reader) if is_told else None
    receipt_id = ReceiptId(mint("rcp", tx.now_ms)) if before is None else before.id
    queries.keep_receipt(tx, receipt_id, reader, seen.read_at)
    if is_told and (before is None or before.last_read_at < seen.read_at):
        _tell_reading(tx, line, ReadReceipt(receipt_id, chat_id, reader.handle, seen.read_at, tx.now_ms))


def note_typing(tx: Tx, line: Line, seen: TypingSeen, *, region: str) -> None:
    """Keep that somebody types, or no longer does, unless it is told too late to be true still."""
    chat_id = chats.chat_of_peer(tx, line, seen.chat, region=region)
    if chat_id is None or seen.at < tx.now_ms - TYPING_LASTS_MS:
        return
    typist = Person(line.account_id, chat_id, canonical_handle(seen.handle, region=region))
    # A Mac whose clock is ahead would make of it the future, which nothing could follow.
    at = min(seen.at, tx.now_ms)
    is_told = notifying.is_extended(tx, line.account_id)
    before = queries.typing(tx, typist) if is_told else None
    typing_id = TypingId(mint("ind", tx.now_ms)) if before is None else before.id
    queries.keep_typing(tx, typing_id, typist, at, is_typing=seen.is_typing)
    if is_told and _is_turn(before, tx.now_ms, at=at, is_typing=seen.is_typing):
        _tell_typing(tx, line, TypingIndicator(typing_id, chat_id, typist.handle, seen.is_typing, at))


def _is_turn(before: Typing | None, now_ms: int, *, at: int, is_typing: bool) -> bool:
    """Say whether somebody began to type, or stopped; what has run out may begin anew."""
    if before is None:
        return is_typing
    if before.updated_at > at:
        return False
    has_run_out = is_typing and before.updated_at <= now_ms - TYPING_LASTS_MS
    return has_run_out or bool(before.is_typing) != is_typing


def _tell_reading(tx: Tx, line: Line, receipt: ReadReceipt) -> None:
    data = ReceiptData(**msgspec.structs.asdict(receipt), line_id=line.id, line_handle=line.handle)
    notifying.announce_extended(
        tx,
        notifying.Fact(
            account_id=line.account_id,
            line_id=line.id,
            chat_id=receipt.chat_id,
            type="receipt.read",
            subject_id=receipt.id,
            data=msgspec.json.encode(data).decode(),
            occasion=receipt.last_read_at,
        ),
    )


def _tell_typing(tx: Tx, line: Line, indicator: TypingIndicator) -> None:
    data = TypingData(**msgspec.structs.asdict(indicator), line_id=line.id, line_handle=line.handle)
    notifying.announce_extended(
        tx,
        notifying.Fact(
            account_id=line.account_id,
            line_id=line.id,
            chat_id=indicator.chat_id,
            type="typing.started" if indicator.is_typing else "typing.stopped",
            subject_id=indicator.id,
            data=msgspec.json.encode(data).decode(),
            occasion=indicator.updated_at,
        ),
    )
