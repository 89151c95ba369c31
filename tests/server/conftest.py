from collections.abc import Iterator

import pytest

from tests.databases import Database
from tests.server.receiver import Receiver, receiving
from tests.server.world import Clock, Customer, World


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
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
