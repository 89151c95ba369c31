"""The storm of webhooks tells of the faults that it is for; `make chaos ARGS="--only webhooks --planted"` has all."""

import random
import shutil
from pathlib import Path

import pytest

from tests.system.planted import PLANTS, Plant, told_of
from tests.system.webhook_storm import ROOT, Plan

# Of these a storm tells in any weather; of the others once some blow has fallen.
CHEAP = [plant for plant in PLANTS if plant.name in ("each try has another id", "a 3xx is taken for a success")]
PLAN = Plan(events=100, seed=random.randrange(2**32), has_blows=False)


def _names(plants: list[Plant]) -> list[str]:
    return [plant.name for plant in plants]


@pytest.mark.parametrize("plant", PLANTS, ids=_names(PLANTS))
def test_a_plant_fits_the_source(plant: Plant, tmp_path: Path) -> None:
    source = shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))

    plant.put_into(source)

    for edit in plant.edits:
        compile((source / edit.file).read_text(), edit.file, "exec")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", CHEAP, ids=_names(CHEAP))
def test_a_storm_tells_of_what_is_planted(plant: Plant) -> None:
    assert told_of(plant, PLAN)
