"""How much goes through in a second: the bare endpoint, and Blueport on SQLite."""

from collections.abc import Callable, Sequence

from benchmarks import asking, filling, servers
from benchmarks.load import Load
from benchmarks.measuring import Bench, Figure, Probe

CONNECTIONS = 64
BARE = "bare Starlette, POST"
POST = "POST /v1/messages, SQLite"
PAGE = "GET /v1/messages, a page of 50, SQLite"


def bare(bench: Bench) -> Sequence[Probe]:
    """Load an endpoint that does nothing: the ceiling that everything is held against."""
    server = bench.stack.enter_context(servers.bare())
    return [rate(BARE, None, lambda: asking.post(server, connections=CONNECTIONS, seconds=bench.options.seconds))]


def sqlite(bench: Bench) -> Sequence[Probe]:
    """Load Blueport on a durable SQLite file."""
    database = bench.folder / "sqlite" / "blueport.db"
    server = bench.stack.enter_context(servers.blueport(database.parent, str(database), servers.new_key()))
    filling.add_messages(filling.sqlite(database, is_in_use=True), bench.options.page_rows)
    seconds = bench.options.seconds
    return [
        rate(POST, BARE, lambda: asking.post(server, connections=CONNECTIONS, seconds=seconds)),
        rate(PAGE, BARE, lambda: asking.page(server, connections=CONNECTIONS // 2, seconds=seconds)),
    ]


def rate(name: str, against: str | None, load: Callable[[], Load]) -> Probe:
    """Return what measures the answers a second to a load."""
    return lambda: [Figure(name, servers.loaded(load()).per_second, "1/s", against)]
