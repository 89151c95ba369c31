"""What the page of usage shows: charts of the last days, and each line's part of them."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from blueport.server.dashboard.lines.queries import LineCard, lines_there_are
from blueport.server.dashboard.narrowing import accounts_for
from blueport.server.dashboard.pages import Asked, Found, Page
from blueport.server.dashboard.usage import queries
from blueport.server.dashboard.usage.charts import DAY_MS, drawn, name_of
from blueport.server.dashboard.usage.queries import Deliveries, Messages
from blueport.server.notifying.log.service import KEPT_DAYS
from blueport.server.store.tx import Tx

Each = TypeVar("Each", Messages, Deliveries)

RANGES = (7, 30, 90)
_USUAL = 30
_OUTCOMES = {"delivered": "delivered", "failed": "failed", "cancelled": "failed"}


class LineUse(NamedTuple):
    """How much a line took in and gave out."""

    line: LineCard
    received: int
    sent: int


def view(tx: Tx, asked: Asked) -> Found:
    """Count what happened in the last days, today's too."""
    accounts = accounts_for(tx, asked)
    chosen = next((each for each in RANGES if str(each) == asked.query.get("days")), _USUAL)
    today = tx.now_ms // DAY_MS
    days = range(today - chosen + 1, today + 1)
    said = queries.messages_since(tx, days.start * DAY_MS)
    made = queries.deliveries_since(tx, days.start * DAY_MS)
    messages = _shown(said, asked, days)
    return {
        "accounts": accounts,
        "chosen": chosen,
        "ranges": RANGES,
        "kept_days": KEPT_DAYS,
        "is_cut": queries.LOOKED_THROUGH in (_sum(said), _sum(made)),
        "looked_through": queries.LOOKED_THROUGH,
        "first": name_of(days.start),
        "last": name_of(today),
        "messages": drawn(days, ("sent", "received"), _by_direction(messages)),
        "deliveries": drawn(days, ("delivered", "to come", "failed"), _by_outcome(_shown(made, asked, days))),
        "lines": _of_lines(lines_there_are(tx), messages),
    }


def _shown(counted: list[Each], asked: Asked, days: range) -> list[Each]:
    """Return what is of the account that is looked at, and of these days: what is told now may be of long ago."""
    return [each for each in counted if asked.account in (None, each.account_id) and each.day in days]


def _sum(counted: Sequence[Messages | Deliveries]) -> int:
    return sum(each.how_many for each in counted)


def _by_direction(counted: list[Messages]) -> Counter[tuple[int, str]]:
    sums: Counter[tuple[int, str]] = Counter()
    for each in counted:
        sums[each.day, "sent" if each.is_from_me else "received"] += each.how_many
    return sums


def _by_outcome(counted: list[Deliveries]) -> Counter[tuple[int, str]]:
    sums: Counter[tuple[int, str]] = Counter()
    for each in counted:
        sums[each.day, _OUTCOMES.get(each.state, "to come")] += each.how_many
    return sums


def _of_lines(lines: list[LineCard], counted: list[Messages]) -> list[LineUse]:
    """Return what each line did that did anything, the busiest first."""
    received, sent = (_of_each(counted, is_from_me=way) for way in (0, 1))
    uses = [LineUse(line, received[line.id], sent[line.id]) for line in lines]
    return sorted(
        (use for use in uses if use.received or use.sent), key=lambda use: use.received + use.sent, reverse=True
    )


def _of_each(counted: list[Messages], *, is_from_me: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for each in counted:
        if each.is_from_me == is_from_me:
            sums[each.line_id] += each.how_many
    return sums


PAGE = Page("/dashboard/usage", "Usage", "usage", "usage/page.html", view, is_live=False)
