"""Tapbacks: of each sender one stands on each part of a message, and the latest takes the place of the one before.

They may come before their message, and are announced after it then.
"""

import msgspec

from blueport.handles import canonical_handle
from blueport.protocol.sightings import ReactionSeen
from blueport.server.addressing.queries import Line
from blueport.server.ids import MessageId, ReactionId, mint
from blueport.server.notifying import service as notifying
from blueport.server.receiving import chats, queries
from blueport.server.receiving.queries import ReactionRow
from blueport.server.sending import service as sending
from blueport.server.shapes import ChatKnown, LineHandle, Reaction
from blueport.server.store.tx import Tx

# How long a reaction whose message is not known yet is still news when that comes.
NEWS_FOR_MS = 24 * 60 * 60 * 1000


class ReactionData(Reaction, frozen=True):
    """The payload of `reaction.added` and `reaction.removed`."""

    chat_id: ChatKnown
    line_handle: LineHandle


def note(tx: Tx, line: Line, seen: ReactionSeen, *, region: str) -> None:
    """Keep a tapback, or that one was taken off."""
    if seen.proves is not None:
        sending.prove(tx, line.id, seen.proves)
    if queries.is_known_reaction(tx, line.id, seen.guid, seen.target_guid):
        return
    row = _row(tx, line, seen, region)
    earlier = queries.reactions_beside(tx, row)
    if seen.is_added:
        _put_on(tx, line, row, earlier, seen)
    else:
        _take_off(tx, line, row, earlier, seen)


def attach(tx: Tx, line: Line, message_id: MessageId, guid: str) -> None:
    """Give a message that has become known the reactions that came before it."""
    for row in queries.waiting_reactions(tx, line, guid):
        if row.added and row.news_until is not None and tx.now_ms <= row.news_until:
            _announce(tx, line, row._replace(message_id=message_id))
    queries.attach_reactions(tx, line, guid, message_id)


def _put_on(tx: Tx, line: Line, row: ReactionRow, earlier: list[ReactionRow], seen: ReactionSeen) -> None:
    overtaken_by = next((other for other in earlier if other.sent_at > row.sent_at), None)
    if overtaken_by is not None:
        queries.add_reaction(tx, row._replace(added=0, removed_by_guid=overtaken_by.guid))
        return
    for other in earlier:
        _end(tx, line, other, seen)
    queries.add_reaction(tx, row)
    if seen.announce:
        _announce(tx, line, row)


def _take_off(tx: Tx, line: Line, row: ReactionRow, earlier: list[ReactionRow], seen: ReactionSeen) -> None:
    standing = [other for other in earlier if other.added and _is_over_by(other, row)]
    for other in standing:
        _end(tx, line, other, seen)
    if not any(_is_alike(other, row) for other in standing):
        # Kept all the same: what it took off may be told later.
        queries.add_reaction(tx, row._replace(added=0, removed_by_guid=row.guid))


def _end(tx: Tx, line: Line, row: ReactionRow, seen: ReactionSeen) -> None:
    if queries.end_reaction(tx, row.id, seen.guid) and seen.announce:
        _announce(tx, line, row._replace(added=0, sent_at=seen.sent_at, synced_at=tx.now_ms))


def _is_over_by(row: ReactionRow, removal: ReactionRow) -> bool:
    """Say whether *row* no longer stands once *removal* has come.

    What that took off may be another, which had come after *row*, in its place, and of which no row is left.
    """
    return row.sent_at < removal.sent_at or (row.sent_at == removal.sent_at and _is_alike(row, removal))


def _is_alike(one: ReactionRow, other: ReactionRow) -> bool:
    return (one.type, one.emoji) == (other.type, other.emoji)


def _row(tx: Tx, line: Line, seen: ReactionSeen, region: str) -> ReactionRow:
    message = queries.known_message(tx, line.id, seen.target_guid)
    return ReactionRow(
        id=ReactionId(mint("rxn", tx.now_ms)),
        account_id=line.account_id,
        line_id=line.id,
        chat_id=chats.chat_of(tx, line, seen.chat, seen.sent_at, region=region),
        message_id=None if message is None else message.id,
        message_guid=seen.target_guid,
        part=seen.part,
        guid=seen.guid,
        removed_by_guid=None,
        type=seen.tapback,
        emoji=seen.emoji,
        sender=line.handle if seen.is_from_me else canonical_handle(seen.sender or "unknown", region=region),
        is_from_me=int(seen.is_from_me),
        added=1,
        sent_at=seen.sent_at,
        synced_at=tx.now_ms,
        news_until=tx.now_ms + NEWS_FOR_MS if seen.announce else None,
    )


def _announce(tx: Tx, line: Line, row: ReactionRow) -> None:
    """Tell of a reaction, if its message is known and it is one of the six: the outside knows no others."""
    if row.message_id is None or row.type is None:
        return
    data = ReactionData(
        id=row.id,
        message_id=row.message_id,
        type=row.type,
        sender=row.sender,
        is_from_me=bool(row.is_from_me),
        added=bool(row.added),
        sent_at=row.sent_at,
        synced_at=row.synced_at,
        chat_id=row.chat_id,
        line_handle=line.handle,
    )
    fact = notifying.Fact(
        account_id=row.account_id,
        line_id=row.line_id,
        chat_id=row.chat_id,
        type="reaction.added" if row.added else "reaction.removed",
        subject_id=row.id,
        data=msgspec.json.encode(data).decode(),
    )
    notifying.announce(tx, fact)
