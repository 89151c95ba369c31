from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings
from tests.simulator.scripting import LINE, SECOND_LINE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(folder=tmp_path / "the mac", lines=(LINE, SECOND_LINE))


@pytest.fixture
async def mac(settings: Settings) -> AsyncIterator[SimulatedMac]:
    async with running(settings) as mac:
        yield mac
