"""Looks at the log of events, from a place on."""

import itertools
import re
from typing import get_args

import msgspec
from msgspec.structs import replace

from blueport.server.addressing import service as addressing
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Key
from blueport.server.blobs.links import Links
from blueport.server.errors import ApiError
from blueport.server.http import following
from blueport.server.http.bells import LOOK_EVERY_S
from blueport.server.http.endpoint import Call
from blueport.server.http.following import Looked, Start
from blueport.server.http.pages import size_of
from blueport.server.ids import EventId, lowest
from blueport.server.notifying.delivering.schedule import FILES_WAIT_MS
from blueport.server.notifying.log import queries
from blueport.server.notifying.log.queries import BEFORE_ALL, EventRow, Place, Sought
from blueport.server.notifying.log.service import KEPT_MS
from blueport.server.notifying.rendering import rendered
from blueport.server.notifying.service import EventType, ExtendedEventType
from blueport.server.resources.events.schema import Event, EventPage, ListEvents
from blueport.server.shapes import StoredAttachment
from blueport.server.store.tx import Tx

EVENT_TYPES: tuple[str, ...] = (*get_args(EventType), *get_args(ExtendedEventType))
# An id older than any: what comes after it is everything.
NOTHING_YET = EventId("evt_" + "0" * 26)

_ID = re.compile("evt_[0-9a-hjkmnp-tv-z]{26}")
_stored = msgspec.json.Decoder(tuple[StoredAttachment, ...])


def look(tx: Tx, call: Call[ListEvents], since: following.Place | Start) -> Looked:
    """Read what happened, oldest first, and wait for what happens next."""
    size = size_of(call.asked.limit)
    sought = _sought(tx, call)
    if since == "newest" and call.asked.after is None:
        return _from_now_on(tx, call.key)
    place = Place(*since) if isinstance(since, tuple) else _place_after(tx, call.key, call.asked.after)
    rows = queries.after(tx, sought, place, size + 1)
    ready = [*itertools.takewhile(lambda row: _is_ready(row, tx.now_ms), rows)]
    shown = ready[:size]
    events = [told(row, call.links, tx.now_ms) for row in shown]
    page = EventPage(events, len(ready) > size, shown[-1].id if shown else call.asked.after)
    place = shown[-1].place if shown else place
    if len(shown) < len(rows):
        return Looked(sought.account_id, page, place, _ready_in_s(rows[len(shown)], tx.now_ms))
    return _at_the_end(tx, call.key, sought, page, place)


def _sought(tx: Tx, call: Call[ListEvents]) -> Sought:
    """Judge what is asked, values before what they name, and return what to look for."""
    asked, key = call.asked, call.key
    types = None if asked.events is None else _types(asked.events)
    if asked.after is not None and not _ID.fullmatch(asked.after):
        raise _no_cursor()
    if asked.line_handle is not None:
        name = addressing.line_name(asked.line_handle, region=call.terms.region)
        return Sought(key.account_id, [authorizing.line_for(tx, key, name).id], types)
    return Sought(key.account_id, _lines(key), types)


def _lines(key: Key) -> list[str] | None:
    return None if key.line_ids is None else [*key.line_ids]


def _types(words: str) -> list[str]:
    types = words.split(",")
    if not set(types).issubset(EVENT_TYPES):
        allowed = ", ".join(f"`{event}`" for event in EVENT_TYPES)
        message = f"`events` takes one or more of {allowed}, joined by commas."
        raise ApiError("invalid_parameter_value", message, param="events")
    return types


def _from_now_on(tx: Tx, key: Key) -> Looked:
    """Begin behind what happened so far, where the client can find again."""
    last = queries.newest(tx, key.account_id, _lines(key))
    if last is None:
        return Looked(key.account_id, EventPage([], has_more=False, next_cursor=NOTHING_YET), BEFORE_ALL)
    return Looked(key.account_id, EventPage([], has_more=False, next_cursor=last.id), last.place)


def _place_after(tx: Tx, key: Key, after: str | None) -> Place:
    """Return where to go on after that event; what is older than all that is kept leads to the beginning."""
    if after is None:
        return BEFORE_ALL
    found = queries.spot_of(tx, key.account_id, after)
    if found is not None and key.may_use(found.line_id):
        return found.place
    if after < lowest("evt", tx.now_ms - KEPT_MS):
        return BEFORE_ALL
    raise _no_cursor()


def _no_cursor() -> ApiError:
    return ApiError("invalid_parameter_value", "`after` takes the id of an event, `evt_...`.", param="after")


def _is_ready(row: EventRow, now_ms: int) -> bool:
    return bool(row.is_settled) and not _awaits_files(row, now_ms)


def _awaits_files(row: EventRow, now_ms: int) -> bool:
    """Tell whether news of a message waits for its files, as it does before webhooks are told of it."""
    is_young = 0 <= now_ms - row.created_at < FILES_WAIT_MS
    return is_young and any(each.is_awaited for each in _stored.decode(row.attachments or "[]"))


def _ready_in_s(row: EventRow, now_ms: int) -> float:
    """Return when to look again for one that is not ready: soon, unless it turns out to take long."""
    age_ms = now_ms - row.created_at
    wait_s = (FILES_WAIT_MS - age_ms) / 1000 if row.is_settled else min(age_ms / 10_000, 1)
    return max(wait_s, LOOK_EVERY_S)


def _at_the_end(tx: Tx, key: Key, sought: Sought, page: EventPage, place: Place) -> Looked:
    """Go on behind all that is there, also what was not sought: it need not be looked at again."""
    is_all = sought.line_ids is None and sought.types is None
    last = None if is_all else queries.newest(tx, sought.account_id)
    if last is None or last.place <= place:
        return Looked(sought.account_id, page, place)
    # A key that is restricted to some lines does not hear of others, not even that something happened there.
    heard = last if key.line_ids is None else queries.newest(tx, sought.account_id, _lines(key))
    told = page if heard is None or heard.place <= place else replace(page, next_cursor=heard.id)
    return Looked(sought.account_id, told, last.place)


def told(row: EventRow, links: Links, now_ms: int) -> Event:
    """Return an event as its account is told of it."""
    data = rendered(row.data, row.attachments, links, now_ms)
    return Event(
        id=row.id,
        event=row.type,
        data=msgspec.Raw(data.encode()),
        created_at=row.created_at,
        line_id=row.line_id,
        chat_id=row.chat_id,
    )
