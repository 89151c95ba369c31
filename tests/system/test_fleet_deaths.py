"""Every process of an installation dies, at random and at every named point, and so does its database."""

import random

import pytest

from tests import postgres
from tests.databases import Database, folder
from tests.postgres import MissingPostgresError
from tests.system.chaos import POSTGRES_OPTIONS, Plan, weather

# A failure prints its seed, and it is another one at each run.
PLAN = Plan(messages=300, seconds=0, pause_s=1, seed=random.randrange(2**32))


@pytest.mark.timeout(600)
class TestDeaths:
    def test_nothing_is_lost_doubled_or_stuck_on_postgres(self) -> None:
        try:
            # One of its own: whoever kills a backend takes all others' connections away.
            with postgres.running(**POSTGRES_OPTIONS) as server, folder() as own:
                weather(Database(server.new_database(), own), PLAN)
        except MissingPostgresError as missing:
            pytest.skip(str(missing))

    def test_nothing_is_lost_doubled_or_stuck_on_one_file(self) -> None:
        with folder() as own:
            weather(Database(str(own / "blueport.db"), own), PLAN)
