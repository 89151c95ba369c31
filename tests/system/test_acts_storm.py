"""Three people and an agent do all that one can do while everything dies: in the end the lists equal the phones."""

import random
import shutil
from pathlib import Path

import pytest

from tests import postgres
from tests.databases import Database, folder
from tests.postgres import MissingPostgresError
from tests.system.acts_place import ROOT
from tests.system.acts_planted import PLANTED, Planted, told_of
from tests.system.acts_storm import Plan, storm
from tests.system.chaos import POSTGRES_OPTIONS

# A failure prints its seed, and it is another one at each run.
SEED = random.randrange(2**32)
# Of these a storm tells soon; `make chaos ARGS="--only acts --planted"` has all.
CHEAP = [each for each in PLANTED if each.plant.name == "an unsend is told as an edit"]


def _names(planted: list[Planted]) -> list[str]:
    return [each.plant.name for each in planted]


@pytest.mark.timeout(600)
class TestStorm:
    def test_the_lists_equal_the_phones_on_one_file(self) -> None:
        with folder() as own:
            storm(Database(str(own / "blueport.db"), own), Plan(acts=250, seed=SEED, blows=12))

    def test_the_lists_equal_the_phones_on_postgres(self) -> None:
        try:
            with postgres.running(**POSTGRES_OPTIONS) as server, folder() as own:
                storm(Database(server.new_database(), own), Plan(acts=120, seed=SEED + 1, blows=6))
        except MissingPostgresError as missing:
            pytest.skip(str(missing))


@pytest.mark.parametrize("planted", PLANTED, ids=_names(PLANTED))
def test_a_plant_fits_the_source(planted: Planted, tmp_path: Path) -> None:
    source = shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))

    planted.plant.put_into(source)

    for edit in planted.plant.edits:
        compile((source / edit.file).read_text(), edit.file, "exec")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("planted", CHEAP, ids=_names(CHEAP))
def test_a_storm_tells_of_what_is_planted(planted: Planted) -> None:
    # One in some hundreds of storms has nobody unsend anything: here it is known that somebody does.
    assert told_of(planted, 60, seed=1)
