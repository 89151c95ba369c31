"""Faults of the kind that a storm of webhooks is for, each planted into a copy of the source: the storm is to tell.

`make chaos ARGS="--only webhooks --planted"` plants all of them, `test_planted.py` some.
"""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.databases import Database, folder
from tests.system.webhook_storm import ROOT, Plan, storm

_SOURCE = ROOT / "src"
_NOTIFYING = "blueport/server/notifying"
_DELIVERING = f"{_NOTIFYING}/delivering"


class Edit(NamedTuple):
    """What is put in the place of some words that are in a file once."""

    file: str
    old: str
    new: str


class Plant(NamedTuple):
    """A fault, and how it comes into the source."""

    name: str
    edits: tuple[Edit, ...]

    def put_into(self, source: Path) -> None:
        """Plant it into a copy of the source."""
        for edit in self.edits:
            text = (source / edit.file).read_text()
            assert text.count(edit.old) == 1, f"{self.name}: {edit.file} has no longer, or twice: {edit.old}"
            (source / edit.file).write_text(text.replace(edit.old, edit.new))


PLANTS = [
    Plant(
        "who lost the lease has a say all the same",
        (
            Edit(
                f"{_DELIVERING}/service.py",
                "mine, others = _parted(tried, queries.held(tx, _seqs_of(tried)))",
                "mine, others = list(tried), list[Tried]()",
            ),
        ),
    ),
    Plant(
        "delivered is written down before the try",
        (
            Edit(
                f"{_DELIVERING}/dispatcher.py",
                "        url = claimed.due.url\n",
                "        outcome = Outcome(is_delivered=True, reason='http_200', status=200)\n"
                "        await self._store.write(service.settle, [Tried(claimed, outcome, began_at, 0)])\n"
                "        url = claimed.due.url\n",
            ),
        ),
    ),
    Plant(
        "a 5xx is written down by nobody",
        (
            Edit(
                f"{_DELIVERING}/dispatcher.py",
                "        return taken\n",
                "        return [each for each in taken if (each.outcome.status or 0) < 500]\n",
            ),
        ),
    ),
    Plant(
        "a 3xx is taken for a success",
        (Edit(f"{_DELIVERING}/sender.py", "answer.status // 100 == 2", "answer.status // 100 in (2, 3)"),),
    ),
    Plant(
        "what was being tried by who is gone is never tried again",
        (
            Edit(
                f"{_DELIVERING}/service.py",
                "    unknown = Outcome(is_delivered=False, reason=INTERRUPTED)\n",
                "    lost = []\n    unknown = Outcome(is_delivered=False, reason=INTERRUPTED)\n",
            ),
        ),
    ),
    Plant(
        "each try has another id",
        (
            Edit(
                f"{_DELIVERING}/preparing.py",
                "delivery_id=due.id, secrets=",
                "delivery_id=f'{due.id}{due.attempts}', secrets=",
            ),
        ),
    ),
    Plant(
        "the first try's signature is kept",
        (
            Edit(
                f"{_DELIVERING}/preparing.py",
                "secrets=secrets, now_ms=now_ms)",
                "secrets=secrets, now_ms=globals().setdefault(due.id, now_ms))",
            ),
        ),
    ),
    Plant(
        "deliveries are not committed with their event",
        (
            Edit(
                f"{_NOTIFYING}/service.py",
                "            deliver(tx, event, webhook.id, available_at)\n",
                "            LATER.append((event, webhook.id, available_at))\n",
            ),
            Edit(
                f"{_NOTIFYING}/service.py",
                "def deliver(tx: Tx,",
                "LATER = []\n\n\ndef deliver_later(tx):\n    while LATER:\n        deliver(tx, *LATER.pop(0))\n\n\n"
                "def deliver(tx: Tx,",
            ),
            Edit(
                "blueport/server/link/routes.py",
                "        return await self._done(scope, receive, Sightings, ",
                "        import asyncio\n"
                "        from blueport.server.notifying import service as notifying\n"
                "        noting = self._done(scope, receive, Sightings, partial(service.note, region=self._region))\n"
                "        done = await noting\n"
                "        await asyncio.sleep(0.2)\n"
                "        await self._store.write(notifying.deliver_later)\n"
                "        return done\n"
                "        return await self._done(scope, receive, Sightings, ",
            ),
        ),
    ),
    Plant(
        "nobody waits for his turn in a chat",
        (Edit(f"{_NOTIFYING}/service.py", '"waiting" if is_behind else "pending"', '"pending"'),),
    ),
    Plant(
        "a clock that was set back is not noticed",
        (Edit("blueport/server/housekeeping.py", "        delivering.set_right(tx)\n", ""),),
    ),
]


def told_of(plant: Plant, plan: Plan) -> str:
    """Return what a storm says of a fault, "" if it does not notice.

    Raises:
        AssertionError: The servers did not come up: with this plant nothing can be judged.
    """
    return told_by(plant, lambda database, source: storm(database, plan, source))


def told_by(plant: Plant, weather: Callable[[Database, Path], object]) -> str:
    """Return what *weather* says of a fault in the source that it is given, "" if it does not notice.

    Raises:
        AssertionError: As `told_of`.
    """
    with folder() as own:
        source = own / "source"
        shutil.copytree(_SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
        plant.put_into(source)
        try:
            weather(Database(str(own / "blueport.db"), own), source)
        except AssertionError as error:
            if "(seed " not in str(error):  # which all judgements name
                raise
            return str(error)
    return ""


def tell_of_all(say: Callable[[str], None], seed: int) -> None:
    """Plant one fault after the other, and say what is told of each.

    Raises:
        SystemExit: Of one nothing was.
    """
    tell_of_each(say, seed, {plant.name: partial(told_of, plant, Plan(events=400, seed=seed)) for plant in PLANTS})


def tell_of_each(say: Callable[[str], None], seed: int, plants: Mapping[str, Callable[[], str]]) -> None:
    """Say what is told of each of *plants*, by their names.

    Raises:
        SystemExit: Of one nothing was.
    """
    unnoticed = []
    for name, told_of_it in plants.items():
        told = told_of_it()
        say(f"{name}: {told[:200] or 'NOT NOTICED'}")
        unnoticed += [name] * (not told)
    if unnoticed:
        raise SystemExit(f"not noticed (seed {seed}): {', '.join(unnoticed)}")
