from collections.abc import Iterator

import pytest

from tests.sdks.player import Player, playing


@pytest.fixture
def player() -> Iterator[Player]:
    """Play at a port of its own for each test: a client that broke off may be heard only when its test is over."""
    with playing() as player:
        yield player
