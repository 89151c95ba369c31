from collections.abc import Iterator

import pytest

from tests.sdks.player import Player, playing


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    with playing() as player:
        yield player
