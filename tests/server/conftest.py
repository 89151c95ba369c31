from collections.abc import Callable, Iterator

import pytest

from blueport.server.http import repeating
from tests.databases import Database
from tests.server.browsers import Browser
from tests.server.receiver import Receiver, receiving
from tests.server.world import Clock, Customer, World


@pytest.fixture(autouse=True)
def _nobody_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two equal calls are two: a machine busy with other tests may stand still, and would not know who heard it."""
    monkeypatch.setattr(repeating, "PATIENCE_S", 600)


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with World(database, Clock()).open() as world:
        yield world


@pytest.fixture
def alice(world: World) -> Customer:
    return world.customer("Alice", "+15550101000")


@pytest.fixture
def bob(world: World) -> Customer:
    return world.customer("Bob", "+15550102000")


@pytest.fixture
def owner(world: World) -> Browser:
    """Return the browser of the dashboard's owner, signed in."""
    return Browser(world).owns()


@pytest.fixture(scope="module")
def still_world(shared_database: Database) -> Iterator[World]:
    """Run one server for all tests of a module that change nothing: most of their time was the start of their own.

    Every call of theirs is of the same hour.
    """
    with World(shared_database, Clock(), hourly_limit=1_000_000).open() as world:
        yield world


@pytest.fixture(scope="module")
def still_alice(still_world: World) -> Customer:
    """Return Alice, for a module to prepare in a fixture of its scope; a test also needs `unchanged`."""
    return still_world.customer("Alice", "+15550101000")


@pytest.fixture(scope="module")
def rows_of_still_world(still_world: World) -> Iterator[Callable[[], list[str]]]:
    with still_world.database.watched(but=("unanswered", "api_keys.last_used_at")) as rows:
        yield rows


@pytest.fixture
def unchanged(rows_of_still_world: Callable[[], list[str]]) -> Iterator[None]:
    """Fail if the test changes anything in the still world, but for what is kept of every call."""
    before = rows_of_still_world()
    assert before
    yield
    assert rows_of_still_world() == before


@pytest.fixture
def still(still_alice: Customer, unchanged: None) -> Customer:  # noqa: ARG001 - it looks afterwards
    """Return Alice for a test that changes nothing."""
    return still_alice


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
