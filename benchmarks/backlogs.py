"""What claims cost when much waits: a line with many items to send, a chat of which much is still to be told.

The backlog comes after a while of calm, as backlogs do: what a database planned for a handful of rows must do for many.
"""

from collections.abc import Sequence
from functools import partial

from benchmarks import filling
from benchmarks.measuring import Bench, Probe
from benchmarks.sizes import OPEN_ITEMS, claims
from benchmarks.stores import Store, ids, stores
from benchmarks.units import Case, Unit, compared
from blueport.server.store.tx import Tx

# What has ended before.
PAST_ROWS = 10_000


def probes(bench: Bench) -> Sequence[Probe]:
    """Let much and little wait in each store, and return what measures the claims one after the other."""
    waiting = [[_waiting(store, rows) for rows in bench.options.backlogs] for store in stores(bench)]
    alike = [cases for of_store in waiting for cases in zip(*of_store, strict=True)]
    return [partial(compared, cases, bench.options.repeated_s) for cases in alike]


def _waiting(store: Store, rows: int) -> list[Case]:
    database, filler, settle = store.opened(f"backlog-{rows}")
    filling.add_webhooks(filler)
    filling.fill(filler, PAST_ROWS)
    filling.add_open_of_one_chat(filler, PAST_ROWS, OPEN_ITEMS)
    settle()
    units = database.done(_claims)
    cases = [Case(f"{name}, {store.name}, {rows:,} wait in one chat", database, unit) for name, unit in units.items()]
    for case in cases:
        compared([case], repeated_s=0)
    filling.add_open_of_one_chat(filler, PAST_ROWS + OPEN_ITEMS, rows - OPEN_ITEMS)
    return cases


def _claims(tx: Tx) -> dict[str, Unit[object]]:
    return claims(ids(tx).daemon_id)
