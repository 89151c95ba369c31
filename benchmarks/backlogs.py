"""What claims cost when much waits: a line with many items to send, a chat of which much is still to be told.

The backlog comes after a while of calm, as backlogs do: what a database planned for a handful of rows must do for many.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from benchmarks import filling
from benchmarks.measuring import Bench, Figure, Probe
from benchmarks.sizes import OPEN_ITEMS, claims
from benchmarks.stores import Store, ids, stores
from benchmarks.units import Database, Unit, median_ms
from blueport.server.store.tx import Tx

# What has ended before.
PAST_ROWS = 10_000


class Waiting(NamedTuple):
    """A database in which so much waits."""

    store: str
    rows: int
    database: Database
    units: dict[str, Unit[object]]


def probes(bench: Bench) -> Sequence[Probe]:
    """Let much and little wait in each store, and return what measures the claims one after the other."""
    backlogs = bench.options.backlogs
    waiting = [_waiting(store, rows) for store in stores(bench) for rows in backlogs]
    measured = partial(_measured, bench.options.repeated_s, backlogs[0])
    return [partial(measured, each, name) for name in waiting[0].units for each in waiting]


def _measured(repeated_s: float, least: int, waiting: Waiting, name: str) -> list[Figure]:
    told, reference = (f"{name}, {waiting.store}, {rows:,} wait in one chat" for rows in (waiting.rows, least))
    took_ms = median_ms(waiting.database, waiting.units[name], repeated_s)
    return [Figure(told, took_ms, "ms", None if told == reference else reference)]


def _waiting(store: Store, rows: int) -> Waiting:
    database, filler, settle = store.opened(f"backlog-{rows}")
    filling.add_webhooks(filler)
    filling.fill(filler, PAST_ROWS)
    filling.add_open_of_one_chat(filler, PAST_ROWS, OPEN_ITEMS)
    settle()
    units = database.done(_claims)
    for unit in units.values():
        median_ms(database, unit, repeated_s=0)
    filling.add_open_of_one_chat(filler, PAST_ROWS + OPEN_ITEMS, rows - OPEN_ITEMS)
    return Waiting(store.name, rows, database, units)


def _claims(tx: Tx) -> dict[str, Unit[object]]:
    return claims(ids(tx).daemon_id)
