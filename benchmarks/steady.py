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


def sqlite(bench: Bench) -> Sequence[Probe]:
    """Send to Blueport on a durable SQLite file."""
    database = bench.folder / "steady" / "blueport.db"
    server = bench.stack.enter_context(servers.blueport(database.parent, str(database), servers.new_key()))
    filling.add_messages(filling.sqlite(database, is_in_use=True), 1)
    return probes(bench, server, "SQLite")


def probes(bench: Bench, server: Server, store: str) -> Sequence[Probe]:
    """Send at a calm rate, and at half of the greatest."""
    seconds = bench.options.seconds
    greatest = servers.loaded(asking.post(server, connections=CONNECTIONS, seconds=seconds)).per_second
    busy = partial(_measured, server, f"half of the greatest rate, {store}", greatest * BUSY_SHARE, 2 * seconds)
    return [partial(_measured, server, f"{CALM_PER_S}/s, {store}", CALM_PER_S, 2 * seconds), busy]


def _measured(server: Server, what: str, per_second: float, seconds: float) -> list[Figure]:
    load = asking.post(server, connections=CONNECTIONS, seconds=seconds)
    paced = servers.paced(Pace(load, per_second))
    by_name = {"p50": paced.p50_ms, "p99": paced.p99_ms, "p99.9": paced.p999_ms}
    rate = Figure(f"POST /v1/messages at {what}: the rate", per_second, "1/s")
    return [rate, *(Figure(f"POST /v1/messages at {what}: {name}", took_ms, "ms") for name, took_ms in by_name.items())]
