"""Blueport on PostgreSQL, beside what PostgreSQL does by itself with the same statements.

One API process on one core; PostgreSQL and the load share another, as pgbench and PostgreSQL do.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import asking, filling, pgbench, servers, steady
from benchmarks.measuring import Bench, Figure, Probe, SkippedError
from benchmarks.rates import BARE, rate
from benchmarks.servers import Server
from tests import postgres
from tests.postgres import Postgres

CONNECTIONS = (16, 64)
PGBENCH = "pgbench with the same statements"


def rates(bench: Bench) -> Sequence[Probe]:
    """Load one API process, and have pgbench run the statements that it runs."""
    database = bench.stack.enter_context(_running(log_line_prefix=pgbench.LOG_LINE_PREFIX))
    url, key, folder = _plain(database), servers.new_key(), bench.folder / "postgres"
    script = folder / "accept.sql"
    with _blueport(folder, url, key) as server:
        filling.add_messages(filling.postgresql(database.database(postgres.name_of(url))), bench.options.page_rows)
    database.run(f"ALTER DATABASE {postgres.name_of(url)} SET log_statement = 'all'")
    with _blueport(folder, url, key) as server:
        script.write_text(pgbench.captured(database, url, server))
    database.run(f"ALTER DATABASE {postgres.name_of(url)} RESET log_statement")
    server = bench.stack.enter_context(_blueport(folder, url, key))
    return [*_posts(bench, server), *_pgbenches(bench, database, url, script)]


def _plain(database: Postgres) -> str:
    """Return a new database of one who may not say what is logged: the server would leave out the values."""
    url = database.new_database()
    database.run(f"CREATE ROLE plain LOGIN; ALTER DATABASE {postgres.name_of(url)} OWNER TO plain")
    return url.replace("//postgres@", "//plain@")


def steadiness(bench: Bench) -> Sequence[Probe]:
    """Send at fixed rates."""
    database = bench.stack.enter_context(_running())
    url, folder = database.new_database(), bench.folder / "postgres"
    server = bench.stack.enter_context(_blueport(folder, url, servers.new_key()))
    filling.add_messages(filling.postgresql(url), 1)
    return steady.probes(bench, server, "PostgreSQL")


def _posts(bench: Bench, server: Server) -> Iterator[Probe]:
    seconds = bench.options.seconds
    for connections in CONNECTIONS:
        name = f"POST /v1/messages, PostgreSQL, {connections} connections"
        yield rate(name, PGBENCH, partial(asking.post, server, connections=connections, seconds=seconds))
    name = "GET /v1/messages, a page of 50, PostgreSQL"
    yield rate(name, BARE, partial(asking.page, server, connections=32, seconds=seconds))


def _pgbenches(bench: Bench, database: Postgres, url: str, script: Path) -> Iterator[Probe]:
    seconds = bench.options.seconds

    def pinned() -> list[Figure]:
        return [Figure(PGBENCH, pgbench.measured(url, script, seconds, is_pinned=True), "1/s")]

    def free() -> list[Figure]:
        with _unpinned(database):
            per_second = pgbench.measured(url, script, seconds, is_pinned=False)
        return [Figure(f"{PGBENCH}, on all cores", per_second, "1/s", PGBENCH)]

    yield pinned
    yield free


@contextmanager
def _running(**options: str) -> Iterator[Postgres]:
    """Run a PostgreSQL that flushes what it commits, on the core of the load."""
    try:
        with postgres.running(is_durable=True, **options) as database:
            for pid in _processes(database):
                servers.pin(pid, is_load=True)
            yield database
    except postgres.MissingPostgresError as missing:
        raise SkippedError(str(missing)) from missing


@contextmanager
def _unpinned(database: Postgres) -> Iterator[None]:
    for pid in _processes(database):
        servers.unpin(pid)
    yield
    for pid in _processes(database):
        servers.pin(pid, is_load=True)


def _processes(database: Postgres) -> list[int]:
    """Return the process of a server that is ours, and those that it started."""
    if database.process is None:
        return []
    pid = database.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *map(int, children.read_text().split())] if children.exists() else [pid]


@contextmanager
def _blueport(folder: Path, url: str, key: str) -> Iterator[Server]:
    with servers.blueport(folder, url, key) as server:
        if not postgres.psql(url, "SELECT to_regclass('outbox')"):
            raise SkippedError("`blueport serve` does not keep its data in PostgreSQL")
        yield server
