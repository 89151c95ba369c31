"""The outbox: what waits, what was sent, and what failed and why."""

from blueport.server.dashboard.lines.queries import lines_there_are
from blueport.server.dashboard.outbox import queries
from blueport.server.dashboard.outbox.queries import ItemRow, Wanted
from blueport.server.dashboard.pages import Asked, Found, NothingHereError, Page
from blueport.server.operating import service as operating
from blueport.server.sending import service as sending
from blueport.server.sending.failures import meaning_of
from blueport.server.store.tx import Tx

SHOWN = 50
STATUSES = {"": "", "open": "open", "sent": "sent", "failed": "failed"}


def view(tx: Tx, asked: Asked) -> Found:
    """Find the items that are asked for."""
    status = asked.query.get("status", "")
    if status not in STATUSES:
        raise NothingHereError
    wanted = Wanted(status, asked.account or "", asked.query.get("line", ""), asked.before)
    items, older = _open(tx, wanted) if status == "open" else _looked_through(tx, wanted)
    return {
        "items": items,
        "older": older,
        "status": status,
        "line": wanted.line,
        "lines": lines_there_are(tx),
        "accounts": operating.accounts(tx),
        "meaning_of": meaning_of,
    }


def view_item(tx: Tx, asked: Asked) -> Found:
    """Find one item, with its story."""
    story = queries.story(tx, asked.path["id"])
    if story is None:
        raise NothingHereError
    held_until = sending.held_until(tx, story.id) if story.status == "pending" else None
    title = f"{story.kind.capitalize()} to {story.chat_name or story.chat}"
    return {
        "title": title,
        "item": story,
        "held_until": held_until,
        "meaning": meaning_of(story.error) if story.error else None,
    }


def _open(tx: Tx, wanted: Wanted) -> tuple[list[ItemRow], int | None]:
    items = queries.open_items(tx, wanted, SHOWN)
    return items, items[-1].seq if len(items) == SHOWN else None


def _looked_through(tx: Tx, wanted: Wanted) -> tuple[list[ItemRow], int | None]:
    """Return a page, and from where the next one goes on, even if what is wanted was not among what was looked at."""
    items = queries.page(tx, wanted, SHOWN)
    return items, items[-1].seq if len(items) == SHOWN else queries.looked_to(tx, wanted.before)


LIST = Page("/dashboard/outbox", "Outbox", "outbox", "outbox/list.html", view)
ITEM = Page("/dashboard/outbox/{id}", "Outbox item", "outbox", "outbox/item.html", view_item)
PAGES = (LIST, ITEM)
