import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport.server.store.schema import upgrade
from tests.server.receiver import Receiver, receiving
from tests.server.world import Clock, Customer, World

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 2**30


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of the newest schema with nothing in it: to copy it is faster than to make it."""
    path = tmp_path_factory.mktemp("migrated") / "blueport.db"
    upgrade(path)
    return path


@pytest.fixture
def database(migrated: Path) -> Iterator[Path]:
    """Return a database of the test's own, in memory where that can be.

    It waits for the disk at every commit, of which a test has dozens; none of them takes the power away from the disk.
    """
    has_room = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES
    with tempfile.TemporaryDirectory(prefix="blueport-", dir=_MEMORY if has_room else None) as folder:
        yield Path(shutil.copy(migrated, folder))


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
