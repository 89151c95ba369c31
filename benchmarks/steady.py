"""How long an accept takes at a fixed rate, counted from the moment at which it was due."""

from collections.abc import Sequence
from functools import partial

from benchmarks import asking, filling, servers
from benchmarks.measuring import Bench, Figure, Probe
from benchmarks.open_loop import Pace
from benchmarks.rates import CONNECTIONS
from benchmarks.servers import Server

CALM_PER_S = 200
# Of what goes through at most.
BUSY_SHARE = 0.5
_BARE = f"bare Starlette, POST at {CALM_PER_S}/s"


def bare(bench: Bench) -> Sequence[Probe]:
    """Send to the endpoint that does nothing, at the calm rate."""
    server = bench.stack.enter_context(servers.bare())
    return [partial(_measured, server, _BARE, CALM_PER_S, bench.options.seconds, against=None)]


def sqlite(bench: Bench) -> Sequence[Probe]:
    """Send to Blueport on a durable SQLite file."""
    database = bench.folder / "steady" / "blueport.db"
    server = bench.stack.enter_context(servers.blueport(database.parent, str(database), servers.new_key()))
    filling.add_messages(filling.sqlite(database, is_in_use=True), 1)
    return probes(bench, server, "SQLite")


def probes(bench: Bench, server: Server, store: str) -> Sequence[Probe]:
    """Send at a calm rate, and at half of the greatest."""
    seconds = bench.options.seconds
    calm = f"POST /v1/messages at {CALM_PER_S}/s, {store}"
    busy = f"POST /v1/messages at half of the greatest rate, {store}"
    greatest = servers.loaded(asking.post(server, connections=CONNECTIONS, seconds=seconds)).per_second
    return [
        partial(_measured, server, calm, CALM_PER_S, seconds, against=_BARE),
        lambda: [Figure(busy, greatest * BUSY_SHARE, "1/s")],
        partial(_measured, server, busy, greatest * BUSY_SHARE, seconds, against=None),
    ]


def _measured(server: Server, name: str, per_second: float, seconds: float, *, against: str | None) -> list[Figure]:
    # Twice as long as others: of a few hundred requests nobody can tell the slowest of a thousand.
    load = asking.post(server, connections=CONNECTIONS, seconds=2 * seconds)
    paced = servers.paced(Pace(load, per_second))
    by_share = {"p50": paced.p50_ms, "p99": paced.p99_ms, "p99.9": paced.p999_ms}
    return [
        Figure(f"{name}: {share}", took_ms, "ms", f"{against}: {share}" if against else None)
        for share, took_ms in by_share.items()
    ]
