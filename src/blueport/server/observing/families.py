"""What is told, as families of metrics.

Labels are templates of paths, codes and words of ours: no id, nobody's name or address, and nothing that a caller could
make up.
"""

import platform
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from blueport import __version__
from blueport.server.http.in_flight import InFlight
from blueport.server.http.problems import Answered, method_of
from blueport.server.observing.queries import Open, Standing
from blueport.server.store.measuring import StoreTallies
from blueport.server.tallies import BOUNDS_S, Tallies, Tally

Labels = tuple[str, ...]
Kind = TypeVar("Kind", bound=Hashable)

# Told even while there are none, so that an alarm can tell none from not known.
_ITEMS = ("pending", "claimed")
_DELIVERIES = ("pending", "running")


class Observed(NamedTuple):
    """What a process counts of itself; of deliveries by how their tries ended."""

    answered: Sequence[Answered]
    in_flight: InFlight
    store: StoreTallies
    deliveries: Tallies[str]


class Families(Collector):
    """All families at one moment; without *standing* the database is not there."""

    def __init__(self, observed: Observed, standing: Standing | None) -> None:
        self._observed = observed
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        """Return the families."""
        yield _gauge("build_info", "What runs here.", {(__version__, platform.python_version()): 1}, "version python")
        yield from _of_requests(self._observed)
        yield from _of_store(self._observed.store)
        yield _histogram(
            "delivery_try_duration_seconds",
            "Tries to deliver an event to a webhook, by how they ended.",
            {(reason,): tally for reason, tally in self._observed.deliveries.items()},
            "reason",
        )
        yield _gauge("database_up", "Whether the database could be read just now.", {(): self._standing is not None})
        if self._standing is not None:
            yield from _of_standing(self._standing)


def _of_requests(observed: Observed) -> Iterator[Metric]:
    answers = _summed(
        ((each.path, method_of(method), str(status), code), tally)
        for each in observed.answered
        for (method, status, code), tally in each.tallies.items()
    )
    yield _counter(
        "requests",
        "Answers given, by the path's template (empty: no such path, or too busy), method, status and error code.",
        {labels: tally.count for labels, tally in answers.items()},
        "endpoint method status code",
    )
    yield _histogram(
        "request_duration_seconds",
        "From a request's head to the end of its answer; a daemon that waits for work is answered when there is some.",
        _summed(((endpoint, method), tally) for (endpoint, method, _, _), tally in answers.items()),
        "endpoint method",
    )
    yield _gauge(
        "requests_in_flight",
        "Requests that are answered now, but for those that wait for work.",
        {(): observed.in_flight.requests},
    )


def _of_store(store: StoreTallies) -> Iterator[Metric]:
    yield _histogram(
        "store_unit_duration_seconds",
        "Units of work in the database, from when they were asked for until their result was durable.",
        {("read",): store.reads, ("write",): store.writes},
        "kind",
    )
    yield _counter(
        "store_unit_failures",
        "Units of work that the database did not take.",
        {("read",): store.reads.failed, ("write",): store.writes.failed},
        "kind",
    )


def _of_standing(now: Standing) -> Iterator[Metric]:
    ages: dict[Labels, float] = {(state,): 0 for state in _ITEMS}
    ages |= {(item.state,): _seconds(now, item.oldest_at) for item in now.items}
    late_s = 0 if now.late_since is None else _seconds(now, now.late_since)
    lines: dict[Labels, float] = {
        ("true" if each.is_active else "false", each.health): each.how_many for each in now.lines
    }
    yield _gauge("outbox_open_items", "Accepted items that have not ended.", _by_state(_ITEMS, now.items), "status")
    yield _gauge(
        "outbox_oldest_item_age_seconds",
        "How long ago the oldest of them was accepted.",
        ages,
        "status",
    )
    yield _gauge("deliveries_open", "Deliveries that have not ended.", _by_state(_DELIVERIES, now.deliveries), "state")
    yield _gauge("delivery_lateness_seconds", "For how long the most overdue delivery has been due.", {(): late_s})
    yield _gauge("signals_open", "Typing and read marks that have not ended.", _by_state(_ITEMS, now.signals), "status")
    yield _gauge("lines", "Lines, by whether they can send and by their health.", lines, "active health")
    yield _gauge(
        "lines_fused",
        "Lines that are held back, since they would have sent more than `line_hourly_limit` within an hour.",
        {(): sum(each.are_fused for each in now.lines)},
    )
    yield _gauge("daemons_seen", "Daemons that were heard of within the last minute.", {(): now.daemons_seen})
    yield _gauge("database_size_bytes", "The size of the database.", {(): now.database_bytes})


def _by_state(known: Iterable[str], found: Iterable[Open]) -> dict[Labels, int]:
    return {**{(state,): 0 for state in known}, **{(each.state,): each.how_many for each in found}}


def _seconds(now: Standing, since_ms: int) -> float:
    return max(0, now.now_ms - since_ms) / 1000


def _counter(name: str, documentation: str, values: Mapping[Labels, float], labels: str = "") -> Metric:
    family = CounterMetricFamily(f"blueport_{name}", documentation, labels=labels.split())
    for each, value in values.items():
        family.add_metric(each, value)
    return family


def _gauge(name: str, documentation: str, values: Mapping[Labels, float], labels: str = "") -> Metric:
    family = GaugeMetricFamily(f"blueport_{name}", documentation, labels=labels.split())
    for each, value in values.items():
        family.add_metric(each, value)
    return family


def _histogram(name: str, documentation: str, tallies: Mapping[Labels, Tally], labels: str) -> Metric:
    family = HistogramMetricFamily(f"blueport_{name}", documentation, labels=labels.split())
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    for each, tally in tallies.items():
        family.add_metric(each, list(zip(bounds, tally.below, strict=True)), tally.sum_s)
    return family


def _summed(tallies: Iterable[tuple[Labels, Tally]]) -> dict[Labels, Tally]:
    sums: dict[Labels, Tally] = {}
    for labels, tally in tallies:
        sums.setdefault(labels, Tally()).add_all(tally)
    return sums
