"""Finds chats: a page of the latest, or where words stand in names, handles and messages.

No index finds part of a word: what is newest is looked through, and only so much of it for one page.
"""

import msgspec

from blueport.handles import canonical_handle
from blueport.server.dashboard.chats import queries
from blueport.server.dashboard.chats.queries import SaidRow, Wanted
from blueport.server.dashboard.pages import LATEST
from blueport.server.resources.chats import queries as chats
from blueport.server.resources.chats.queries import ChatRow, Place, Shelf
from blueport.server.resources.messages.searching import folded
from blueport.server.store.tx import Tx

CHATS_LOOKED_THROUGH = 2_000
MESSAGES_LOOKED_THROUGH = 5_000
AT_A_TIME = 500
_names = msgspec.json.Decoder(tuple[str, ...])


def latest(tx: Tx, wanted: Wanted, below: str, limit: int) -> list[ChatRow]:
    """Return the chats that were active last, below the place of the chat *below* at the moment that is wanted."""
    found: list[ChatRow] = []
    place = Place(LATEST, wanted.active_at, below)
    for shelf in queries.shelves(tx, wanted):
        if len(found) == limit and (shelf.active_at or 0) < found[-1].active_at:
            break
        found += chats.chats_after(tx, Shelf(shelf.line_id, shelf.account_id), place, limit)
        found = sorted(found, key=lambda row: (row.active_at, row.id), reverse=True)[:limit]
    return found


def with_people(tx: Tx, wanted: Wanted, words: str, region: str) -> list[ChatRow]:
    """Return those of the latest chats that *words* name: by a name, a handle or part of one."""
    handle = canonical_handle(words, region=region)
    named = folded(words)
    rows = latest(tx, wanted, "", CHATS_LOOKED_THROUGH)
    return [row for row in rows if any(named in folded(name) or (handle and handle in name) for name in _called(row))]


def _called(row: ChatRow) -> tuple[str, ...]:
    return (row.name or "", row.identifier, *_names.decode(row.participants))


def said(tx: Tx, wanted: Wanted, words: str, before: int, limit: int) -> tuple[list[SaidRow], int | None]:
    """Return the latest messages with *words* in their texts, and before which one to go on; None at the end."""
    found: list[SaidRow] = []
    named = folded(words)
    for _ in range(MESSAGES_LOOKED_THROUGH // AT_A_TIME):
        rows = queries.said_before(tx, before, AT_A_TIME)
        found += [row for row in rows if _is_wanted(row, wanted) and row.text and named in folded(row.text)]
        if len(found) > limit:
            return found[:limit], found[limit - 1].seq
        if len(rows) < AT_A_TIME:
            return found, None
        before = rows[-1].seq
    return found, before


def _is_wanted(row: SaidRow, wanted: Wanted) -> bool:
    return wanted.account in ("", row.account_id) and wanted.line in ("", row.line_id)
