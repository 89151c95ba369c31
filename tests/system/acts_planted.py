"""Faults of the kind that the storm of acts is for, each planted into a copy of the source: the storm is to tell.

`make chaos ARGS="--only acts --planted"` plants all of them, `test_acts_storm.py` some.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from tests.system.acts_storm import Blow, Plan, storm
from tests.system.planted import Edit, Plant, tell_of_each, told_by

_WATCHING = "blueport/daemon/watching"
_RECEIVING = "blueport/server/receiving"
ACTS = 200


class Planted(NamedTuple):
    """A fault, and the blows that bring it to light; most show in any weather."""

    plant: Plant
    deck: tuple[Blow, ...] = ()
    blows: int = 0

    def plan(self, acts: int, seed: int) -> Plan:
        return Plan(acts, seed, self.blows, self.deck)


def _plant(name: str, file: str, old: str, new: str) -> Plant:
    return Plant(name, (Edit(file, old, new),))


PLANTED = [
    Planted(
        _plant(
            "an edit is not told",
            f"{_WATCHING}/noting.py",
            "        if told != known.told:\n",
            "        if told != known.told and (row.is_unsent or not row.was_changed):\n",
        )
    ),
    Planted(
        _plant(
            "an unsend is told as an edit",
            f"{_WATCHING}/facts.py",
            "        edited_at=None if row.is_unsent else changed_at,\n"
            "        unsent_at=changed_at if row.is_unsent else None,\n",
            "        edited_at=changed_at,\n",
        )
    ),
    Planted(
        _plant(
            "a replaced tapback leaves the old one",
            f"{_RECEIVING}/reactions.py",
            "    for other in earlier:\n        _end(tx, line, other, seen)\n",
            "",
        )
    ),
    Planted(
        _plant(
            "a tapback that is taken off stays",
            f"{_RECEIVING}/reactions.py",
            "    for other in standing:\n        _end(tx, line, other, seen)\n",
            "",
        )
    ),
    Planted(
        _plant(
            "a late attachment is never brought",
            f"{_WATCHING}/noting.py",
            "        if row.chat is not None:\n            self._queue_files(row, line, seq, now)\n",
            "",
        )
    ),
    Planted(
        _plant(
            "the cursor is written before the sightings",
            f"{_WATCHING}/reader.py",
            "        read = await self._read(seen.readings)\n",
            "        with self._journal.transaction():\n"
            "            self._move_to(seen, self._presence)\n"
            "        reached('daemon.seen')\n"
            "        read = await self._read(seen.readings)\n",
        ),
        (("point", "daemon.seen"),),
        8,
    ),
    Planted(
        _plant(
            "a sighting is acknowledged before it is told",
            "blueport/daemon/telling.py",
            '    reached("daemon.telling")\n',
            '    sightings.acknowledge(journal, batch)\n    reached("daemon.telling")\n',
        ),
        (("point", "daemon.telling"),),
        4,
    ),
    Planted(
        Plant(
            "a row is told twice, as two",
            (
                Edit(
                    f"{_WATCHING}/noting.py",
                    "        return sightings.queue(self._journal, message_seen(row, known))\n",
                    "        seq = sightings.queue(self._journal, message_seen(row, known))\n"
                    "        twin = message_seen(row, known._replace(proof=None))\n"
                    "        sightings.queue(self._journal, replace(twin, guid=f'{row.guid}-2'))\n"
                    "        return seq\n",
                ),
                Edit(
                    f"{_WATCHING}/noting.py",
                    "from math import inf\n",
                    "from math import inf\nfrom msgspec.structs import replace\n",
                ),
            ),
        )
    ),
    Planted(
        _plant(
            "what is told again is another event",
            "blueport/server/notifying/service.py",
            " and not queries.is_event(tx, fact.subject_id, fact.type, fact.occasion)",
            "",
        ),
        (("point", "daemon.told"),),
        6,
    ),
    Planted(
        _plant(
            "what Messages has taken is handed over again",
            "blueport/daemon/performing/handing.py",
            '            reached("daemon.handed")\n',
            "            await self._transport.perform(item.command, Path(item.staged) if item.staged else None)\n"
            '            reached("daemon.handed")\n',
        )
    ),
    Planted(
        _plant(
            "what a rebuilt file has is not looked for",
            f"{_WATCHING}/reader.py",
            "            for row in unknown:\n",
            "            for row in unknown[:0]:\n",
        ),
        (("rebuild", "unseen"),),
        3,
    ),
    Planted(
        _plant(
            "an echo is told",
            f"{_WATCHING}/judging.py",
            "is_passed = ties.is_own_sender or ",
            "is_passed = ",
        ),
        (("odd", "echo"),),
        2,
    ),
    Planted(
        _plant(
            "the bubble of a link is a message",
            f"{_WATCHING}/judging.py",
            ' or row.is_unsent or row.link == "preview":',
            " or row.is_unsent:",
        )
    ),
    Planted(
        _plant(
            "what may have been sent is called surely not sent",
            "blueport/daemon/journal/items.py",
            "    has_ended = journal.change(\n",
            "    permanent, word = True, 'recipient_not_on_imessage'\n    has_ended = journal.change(\n",
        ),
        (("fault", '{"next": "late", "after_ms": 8000}'),),
        3,
    ),
]


def told_of(planted: Planted, acts: int, seed: int) -> str:
    """Return what a storm says of a fault, "" if it does not notice."""
    plan = planted.plan(acts, seed)
    return told_by(planted.plant, lambda database, source: storm(database, plan, source))


def tell_of_all(say: Callable[[str], None], seed: int) -> None:
    """Plant one fault after the other, and say what is told of each.

    Raises:
        SystemExit: Of one nothing was.
    """
    tell_of_each(say, seed, {planted.plant.name: partial(told_of, planted, ACTS, seed) for planted in PLANTED})
