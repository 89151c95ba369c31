"""Webhooks whose receivers fail, servers that die, stand still and have their clocks set: each pair is delivered."""

import random

import pytest

from tests import postgres
from tests.databases import Database, folder
from tests.postgres import MissingPostgresError
from tests.system.chaos import POSTGRES_OPTIONS
from tests.system.webhook_storm import Plan, storm

# A failure prints its seed, and it is another one at each run.
PLAN = Plan(events=250, seed=random.randrange(2**32))


@pytest.mark.timeout(600)
class TestStorm:
    def test_each_pair_is_delivered_under_one_id_on_one_file(self) -> None:
        with folder() as own:
            storm(Database(str(own / "blueport.db"), own), PLAN)

    def test_each_pair_is_delivered_under_one_id_on_postgres(self) -> None:
        try:
            # One of its own: whoever kills a backend takes all others' connections away.
            with postgres.running(**POSTGRES_OPTIONS) as server, folder() as own:
                storm(Database(server.new_database(), own), PLAN)
        except MissingPostgresError as missing:
            pytest.skip(str(missing))
