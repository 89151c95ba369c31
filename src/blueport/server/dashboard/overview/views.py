"""What the first page shows: whether people can be reached, what waits, and what went wrong lately."""

from blueport.server.dashboard.lines.queries import lines_there_are
from blueport.server.dashboard.lines.views import condition_of
from blueport.server.dashboard.lines.words import CONDITIONS
from blueport.server.dashboard.overview import queries
from blueport.server.dashboard.pages import Asked, Found, Page
from blueport.server.observing import queries as observing
from blueport.server.observing.queries import SEEN_WITHIN_MS, Open
from blueport.server.operating import service as operating
from blueport.server.sending.failures import meaning_of
from blueport.server.store.tx import Tx

LATEST = 8
DAY_MS = 86_400_000


def view(tx: Tx, _asked: Asked) -> Found:
    """Find how everything stands."""
    standing = observing.standing(tx)
    lines = [(line, condition_of(line, tx.now_ms)) for line in lines_there_are(tx)]
    return {
        "lines": lines,
        "conditions": CONDITIONS,
        "unwell": [line for line, condition in lines if condition != "ok" or line.fused_since is not None],
        "daemons": [daemon for daemon in operating.list_daemons(tx, None) if daemon.revoked_at is None],
        "seen_since": tx.now_ms - SEEN_WITHIN_MS,
        "outbox": _many(standing.items),
        "outbox_oldest_at": _oldest(standing.items),
        "deliveries": _many(standing.deliveries),
        "deliveries_oldest_at": _oldest(standing.deliveries),
        "late_since": standing.late_since,
        "failing": queries.failing_webhooks(tx),
        "day": queries.day(tx, tx.now_ms - DAY_MS),
        "meaning_of": meaning_of,
        "failures": queries.latest_failures(tx, tx.now_ms - DAY_MS, LATEST),
        "happened": queries.latest_events(tx, LATEST),
    }


def _many(counted: list[Open]) -> int:
    return sum(each.how_many for each in counted)


def _oldest(counted: list[Open]) -> int | None:
    return min((each.oldest_at for each in counted), default=None)


PAGE = Page("/dashboard", "Overview", "overview", "overview/page.html", view)
