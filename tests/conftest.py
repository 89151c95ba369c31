import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Literal

import pytest

from blueport.logs import lines
from blueport.server.store.schema import upgrade
from tests import postgres
from tests.databases import Database, Reused, database_like, file_like, folder
from tests.pages.every_action import EVERY_ACTION
from tests.postgres import MissingPostgresError, Postgres
from tests.system.blueport import Blueport, running

Kind = Literal["sqlite", "postgres"]
_HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Have whatever must not be logged fail the test that wants to log it, and no process load what it has no use for.

    A server reads the certificates of all whom this machine trusts as it starts, and most of the time of most tests was
    that.
    """
    lines.be_strict()
    config.pluginmanager.register(EVERY_ACTION)
    os.environ["SSL_CERT_FILE"] = str(_HERE / "nobody.pem")
    given = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_HERE / "as_installed"), *([given] if given else [])])


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test that is marked with why one kind of store will do run on that one alone."""
    marker = metafunc.definition.get_closest_marker("one_store")
    if marker is not None and "store_kind" in metafunc.fixturenames:
        kind = _chosen(*marker.args, **marker.kwargs)
        metafunc.definition.add_marker(pytest.mark.parametrize("store_kind", [kind], indirect=True))


def _chosen(why: str, kind: Kind = "sqlite") -> Kind:
    assert why
    return kind


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among thousands of tests: each of them stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those that may take longest: what is begun last is waited for by all."""
    items.sort(key=lambda item: -_own_timeout_s(item))


def _own_timeout_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return 0 if marker is None else marker.args[0]


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_where_tests_are_run() -> Iterator[None]:
    """Have what a test leaves in the project's own folder fail: each has a folder of its own."""
    before = _here()
    yield
    assert _here() - before == set()


def _here() -> set[str]:
    return {path.name for path in _HERE.parent.iterdir() if not path.name.startswith(".")}


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
