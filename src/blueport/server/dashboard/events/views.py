"""What the pages of events show."""

from typing import get_args

from blueport.server.dashboard.events import queries
from blueport.server.dashboard.events.queries import EventRow, Wanted
from blueport.server.dashboard.events.showing import data_of
from blueport.server.dashboard.pages import LATEST, Asked, Found, NothingHereError, Page
from blueport.server.dashboard.rendering import link
from blueport.server.describing.events import EVENTS
from blueport.server.notifying.delivering.failures import meaning_of
from blueport.server.notifying.log.service import KEPT_DAYS
from blueport.server.notifying.service import EventType, ExtendedEventType
from blueport.server.operating import service as operating
from blueport.server.store.tx import Tx

ROOM = "/dashboard/events"
SHOWN = 50
TYPES: tuple[str, ...] = (*get_args(EventType), *get_args(ExtendedEventType))


def view(tx: Tx, asked: Asked) -> Found:
    """Find the events that are asked for, the newest first."""
    kind = asked.query.get("type", "")
    if kind not in ("", *TYPES):
        raise NothingHereError
    wanted = Wanted(kind, asked.account or "", asked.before)
    found = queries.page(tx, wanted, SHOWN)
    return {
        "accounts": operating.account_names(tx),
        "events": found,
        "type": kind,
        "types": TYPES,
        "kept_days": KEPT_DAYS,
        "is_first": wanted.before == LATEST,
        "older": _older(tx, asked, wanted, found),
    }


def view_one(tx: Tx, asked: Asked) -> Found:
    """Find one event, and whom it was told."""
    story = queries.story(tx, asked.path["id"])
    if story is None:
        raise NothingHereError
    return {
        "event": story,
        "meaning": next(event.meaning for event in EVENTS if event.name == story.type),
        "data": data_of(story.data, story.attachments, asked.terms.links, tx.now_ms),
        "told": queries.told(tx, story.id, SHOWN),
        "meaning_of": meaning_of,
    }


def _older(tx: Tx, asked: Asked, wanted: Wanted, found: list[EventRow]) -> str | None:
    """Return where one reads on, even if what is wanted was not among what was looked at."""
    at = found[-1].seq if len(found) == SHOWN else queries.looked_to(tx, wanted.before)
    return None if at is None else link(ROOM, type=wanted.type, account=asked.account, before=at)


LIST = Page(ROOM, "Events", "webhooks", "events/list.html", view)
ONE = Page(f"{ROOM}/{{id}}", "Event", "webhooks", "events/one.html", view_one)
PAGES = (LIST, ONE)
