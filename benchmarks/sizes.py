"""What lists and claims cost in tables of ten thousand rows, of a million, and of ten million.

It is the units of work that are measured, without the requests around them, which would hide what grows. Deep pages are
asked for at a few places again and again, so that they are in memory: what a disk costs is another question.
"""

import itertools
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from benchmarks import filling
from benchmarks.measuring import Bench, Probe, SkippedError
from benchmarks.stores import Store, ids, stores
from benchmarks.units import Case, Unit, compared
from blueport.protocol.door import Claim
from blueport.server.ids import ChatId, DaemonId
from blueport.server.notifying.delivering import service as delivering
from blueport.server.notifying.delivering.dispatcher import PLACES
from blueport.server.resources.chats import queries as chats
from blueport.server.resources.chats.queries import Shelf
from blueport.server.resources.messages import queries as messages
from blueport.server.sending import service as sending
from blueport.server.store.tx import Tx

# A row of each table that is filled, with all that finds it: in SQLite, and in PostgreSQL with its log.
ROW_BYTES = 1_600 + 2_500
# How much of the disk may be filled.
DISK_SHARE = 0.8
PAGE = 50
OPEN_ITEMS = 10
OPEN_DELIVERIES = 40
DAEMONS_CLAIM = "a daemon's claim"
DISPATCHERS_CLAIM = "the dispatcher's claim"
_NEVER_MS = 2**62
_BIG_CHAT = ChatId(filling.BIG_CHAT)
# How deep in a list pages begin, as a share of it.
_depths = itertools.cycle((0.9, 0.4, 0.7, 0.1, 0.6, 0.3, 0.8, 0.2))

Row = TypeVar("Row")


def probes(bench: Bench) -> Sequence[Probe]:
    """Fill a database for each size and store, and return what measures them one after the other."""
    sizes = [rows for rows in bench.options.rows if _has_room(bench, rows)]
    if not sizes:
        raise SkippedError("there is no room for the smallest of these databases")
    filled = [[_filled(store, rows) for rows in sizes] for store in stores(bench)]
    alike = [cases for of_store in filled for cases in zip(*of_store, strict=True)]
    return [partial(compared, cases, bench.options.repeated_s) for cases in alike]


def spelled(rows: int) -> str:
    """Return a number of rows as it stands in the names of figures."""
    exponent = len(str(rows)) - 1
    return f"10^{exponent}" if rows == 10**exponent else f"{rows:,}"


def claims(daemon_id: DaemonId) -> dict[str, Unit[object]]:
    """Return what is asked for work, by name."""
    return {
        DAEMONS_CLAIM: partial(_claim, daemon_id=daemon_id),
        DISPATCHERS_CLAIM: partial(delivering.turn, tried=[], places=PLACES, process="a process", lease_s=40),
    }


def _filled(store: Store, rows: int) -> list[Case]:
    print(f"filling {store.name} with {spelled(rows)} rows of each kind ...", file=sys.stderr)
    database, filler, settle = store.opened(f"{rows}")
    filling.add_webhooks(filler)
    filling.fill(filler, rows)
    filling.add_open(filler, rows, items=OPEN_ITEMS, deliveries=OPEN_DELIVERIES)
    settle()
    units = database.done(partial(_units, rows=rows))
    return [Case(f"{name}, {store.name}, {spelled(rows)} rows", database, unit) for name, unit in units.items()]


def _units(tx: Tx, *, rows: int) -> dict[str, Unit[object]]:
    """Return what is measured, by name."""
    shelf, daemon_id = ids(tx)
    return {
        "first page of messages": _first_messages,
        "page deep in the messages": partial(_deep_messages, rows=rows),
        "first page of chats": partial(_first_chats, shelf=shelf),
        "page deep in the chats": partial(_deep_chats, shelf=shelf, rows=rows),
        **claims(daemon_id),
    }


def _first_messages(tx: Tx) -> object:
    return _whole_page(messages.messages_after(tx, _BIG_CHAT, messages.Place(_NEVER_MS, ""), PAGE))


def _deep_messages(tx: Tx, *, rows: int) -> object:
    return _whole_page(messages.messages_after(tx, _BIG_CHAT, messages.Place(_any_moment(rows), ""), PAGE))


def _first_chats(tx: Tx, *, shelf: Shelf) -> object:
    newest = chats.newest_activity(tx, shelf)
    return _whole_page(chats.chats_after(tx, shelf, chats.Place(newest, _NEVER_MS, ""), PAGE))


def _deep_chats(tx: Tx, *, shelf: Shelf, rows: int) -> object:
    # Each of the others has its last message among as many as they are, and as many of the big chat between them.
    moment = filling.FIRST_MS + (rows - 2 * round((filling.how_many_chats(rows) - PAGE) * next(_depths))) * 1000
    return _whole_page(chats.chats_after(tx, shelf, chats.Place(rows, moment, ""), PAGE))


def _claim(tx: Tx, *, daemon_id: DaemonId) -> object:
    claimed = sending.claim(tx, daemon_id, Claim("journal", (), tx.now_ms), lease_s=60)
    assert len(claimed.items) == OPEN_ITEMS
    return claimed


def _any_moment(rows: int) -> int:
    """Return a moment behind which the big chat has a whole page."""
    return filling.FIRST_MS + round(2 * PAGE + (rows - 2 * PAGE) * next(_depths)) * 1000


def _whole_page(rows: list[Row]) -> list[Row]:
    assert len(rows) == PAGE
    return rows


def _has_room(bench: Bench, rows: int) -> bool:
    """Tell whether there is room for a database of that size in each store, and say so if there is not."""
    if rows * ROW_BYTES < shutil.disk_usage(bench.folder).free * DISK_SHARE:
        return True
    print(f"sizes: {spelled(rows)} rows skipped: they take {rows * ROW_BYTES >> 30} GiB", file=sys.stderr)
    return False
