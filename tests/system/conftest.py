from collections.abc import Iterator

import pytest

from tests.system.forking import Forking, forking


@pytest.fixture(scope="session")
def forked() -> Iterator[Forking]:
    """Return what runs commands that are to be refused."""
    with forking() as forked:
        yield forked
