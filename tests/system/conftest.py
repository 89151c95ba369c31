from collections.abc import Iterator

import pytest

from tests import postgres
from tests.postgres import MissingPostgresError, Postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    try:
        with postgres.running() as server:
            yield server
    except MissingPostgresError as missing:
        pytest.skip(str(missing))
