"""Pages of a chat: all of it, or where words stand in its texts as they are kept here; chat.db has most in no column.

No index finds part of a word, and each database has letters of its own that it takes for equal. So texts are compared
here, in pages of the list's own statement, and only so many of them for one request.
"""

import unicodedata
from typing import NamedTuple

from blueport.server.ids import ChatId
from blueport.server.resources.messages import queries
from blueport.server.resources.messages.queries import Place
from blueport.server.resources.messages.schema import LOOKED_THROUGH
from blueport.server.store.rows import MessageRow
from blueport.server.store.tx import Tx

_AT_A_TIME = 500


class Found(NamedTuple):
    """The messages of a page, newest first, and behind which place to go on; None at the end."""

    rows: list[MessageRow]
    place: Place | None


def folded(text: str) -> str:
    """Return *text* in the form in which it is the same in any case, however its accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def page(tx: Tx, chat_id: ChatId, place: Place, size: int) -> Found:
    """Return up to *size* messages after *place*."""
    rows = queries.messages_after(tx, chat_id, place, size + 1)
    return Found(rows[:size], _place_of(rows[size - 1]) if len(rows) > size else None)


def find(tx: Tx, chat_id: ChatId, words: str, place: Place, size: int) -> Found:
    """Return up to *size* messages after *place* whose texts have *words*, which are folded, in them."""
    found: list[MessageRow] = []
    for _ in range(LOOKED_THROUGH // _AT_A_TIME):
        rows = queries.messages_after(tx, chat_id, place, _AT_A_TIME)
        found += [row for row in rows if row.text is not None and words in folded(row.text)]
        if len(found) > size:
            return Found(found[:size], _place_of(found[size - 1]))
        if len(rows) < _AT_A_TIME:
            return Found(found, None)
        place = _place_of(rows[-1])
    return Found(found, place)


def _place_of(row: MessageRow) -> Place:
    return Place(row.sent_at, row.id)
