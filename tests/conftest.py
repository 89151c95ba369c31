import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from blueport.logs import lines
from blueport.server.store.schema import upgrade
from tests import postgres
from tests.databases import Database, Reused, database_like, file_like, folder
from tests.postgres import MissingPostgresError, Postgres
from tests.system.blueport import Blueport, running

Kind = Literal["sqlite", "postgres"]


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's own form
    """Have whatever must not be logged fail the test that wants to log it, and no server trust whom this machine does.

    Each reads the certificates of all those as it starts, and most of the time of most tests was that.
    """
    lines.be_strict()
    os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("nobody.pem"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those that may take longest: what is begun last is waited for by all."""
    items.sort(key=lambda item: -_own_timeout_s(item))


def _own_timeout_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return 0 if marker is None else marker.args[0]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of the newest schema with nothing in it: to copy it is faster than to make it."""
    path = tmp_path_factory.mktemp("migrated") / "blueport.db"
    upgrade(str(path))
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    try:
        with postgres.running() as server:
            yield server
    except MissingPostgresError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def migrated_in_postgres(postgres_server: Postgres) -> Iterator[str]:
    url = postgres_server.new_database()
    upgrade(url)
    yield postgres.name_of(url)
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def reused(postgres_server: Postgres, migrated_in_postgres: str) -> Iterator[Reused]:
    reused = Reused(postgres_server, migrated_in_postgres)
    yield reused
    reused.close()


@pytest.fixture(scope="module")
def blueport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blueport]:
    """Return a `blueport dev` that the tests of a module have together."""
    with running(tmp_path_factory.mktemp("dev")) as blueport:
        yield blueport


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def store_kind(request: pytest.FixtureRequest) -> Kind:
    """Have a test run on each kind of store."""
    return request.param


@pytest.fixture
def database(store_kind: Kind, request: pytest.FixtureRequest) -> Iterator[Database]:
    if store_kind == "sqlite":
        with file_like(request.getfixturevalue("migrated")) as database:
            yield database
    else:
        with request.getfixturevalue("reused").lent() as database:
            yield database


@pytest.fixture(scope="module")
def shared_database(store_kind: Kind, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Return a database that the tests of a module have together, those of them that change nothing."""
    if store_kind == "sqlite":
        with file_like(request.getfixturevalue("migrated")) as database:
            yield database
    else:
        server, migrated = map(request.getfixturevalue, ("postgres_server", "migrated_in_postgres"))
        with database_like(server, migrated) as database:
            yield database


@pytest.fixture
def empty(store_kind: Kind, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Return a database without tables."""
    if store_kind == "sqlite":
        with folder() as own:
            yield Database(str(own / "new.db"), own)
    else:
        with database_like(request.getfixturevalue("postgres_server"), "template0") as database:
            yield database
