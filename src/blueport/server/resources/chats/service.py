"""Lists a line's chats."""

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.authorizing import service as authorizing
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_size
from blueport.server.resources.chats import queries
from blueport.server.resources.chats.queries import ChatRow, Place, Shelf
from blueport.server.resources.chats.schema import Chat, ListChats
from blueport.server.shapes import unset_if_none
from blueport.server.store.tx import Tx

_NEVER_MS = 2**62  # later than any activity


def list_chats(tx: Tx, call: Call[ListChats]) -> Page[Chat]:
    """List the chats of a line, the most recently active first."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    size = page_size(call.asked)
    line = authorizing.line_for(tx, call.key, name)
    shelf = Shelf(line.id, call.key.account_id)
    list_name = f"chats {shelf.line_id} {shelf.account_id}"
    if call.asked.cursor is None:
        place = Place(queries.newest_activity(tx, shelf), _NEVER_MS, "")
    else:
        place = call.terms.cursors.place(list_name, call.asked.cursor, Place)
    rows = queries.chats_after(tx, shelf, place, size + 1)
    shown, next_cursor = call.terms.cursors.page(
        rows, size, list_name, lambda row: Place(place.as_of, row.active_at, row.id)
    )
    return Page([_chat(row, tx.now_ms) for row in shown], next_cursor is not None, next_cursor)


def _chat(row: ChatRow, now_ms: int) -> Chat:
    is_looping = row.looping_until is not None and row.looping_until > now_ms
    return Chat(
        id=row.id,
        line_id=row.line_id,
        identifier=row.identifier,
        service=row.service,
        name=row.name,
        is_group=bool(row.is_group),
        participants=msgspec.json.decode(row.participants, type=tuple[str, ...]),
        last_message_at=row.last_message_at,
        opted_out_at=unset_if_none(row.opted_out_at),
        looping_until=unset_if_none(row.looping_until if is_looping else None),
    )
