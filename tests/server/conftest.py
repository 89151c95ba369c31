import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport.server.store.schema import upgrade
from tests.server.receiver import Receiver, receiving
from tests.server.world import Clock, Customer, World


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of the newest schema with nothing in it: to copy it is faster than to make it."""
    path = tmp_path_factory.mktemp("migrated") / "blueport.db"
    upgrade(path)
    return path


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "blueport.db"))


@pytest.fixture
def world(database: Path) -> Iterator[World]:
    with World(database, Clock()).open() as world:
        yield world


@pytest.fixture
def alice(world: World) -> Customer:
    return world.customer("Alice", "+15550101000")


@pytest.fixture
def bob(world: World) -> Customer:
    return world.customer("Bob", "+15550102000")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
