"""Moves the clock of servers by hours, forward and back, while they run.

Each is started as `python -m tests.system.elsewhen` instead of `python -m blueport.cli.main`, and counts what a file
says to its own clock. Processes on one PostgreSQL go by that one's clock, for which they ask `clock_timestamp()`: there
a function of this name in a schema that is looked into first counts the same to the real one's.
"""

import os
import sys
import time
from pathlib import Path

from blueport import clock
from blueport.cli import main
from tests.databases import Database

FILE = "ELSEWHEN"
PROGRAM = (sys.executable, "-m", "tests.system.elsewhen")
HOUR_MS = 3_600_000
# Within which every process goes by a clock that was moved: those on PostgreSQL ask it every five seconds, and one that
# cannot ask goes on by what it knows.
KNOWN_WITHIN_S = 30
# What the SDK has receivers accept.
TOLERANCE_MS = 5 * 60_000

_FUNCTION = """
CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
'SELECT pg_catalog.clock_timestamp() + interval ''{} milliseconds''';
"""


class Elsewhen:
    """The clock of all servers on one database: ours, moved."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.file = database.folder / "elsewhen"
        self._leads: list[tuple[float, int]] = []  # since when it is how far ahead
        self._set(0)
        if database.is_postgres:
            database.sql(f"ALTER DATABASE {database.named.rpartition('/')[2]} SET search_path = public, pg_catalog")

    @property
    def moves(self) -> int:
        return len(self._leads) - 1

    def move(self, hours: float) -> None:
        self._set(self._leads[-1][1] + round(hours * HOUR_MS))

    def has_been(self, at_ms: int) -> bool:
        """Tell whether it may just have been that moment, at a process that has not yet heard of the last move too."""
        now_s, now_ms = time.monotonic(), clock.now_ms()
        ends_s = [since_s for since_s, _ in self._leads[1:]] + [now_s]
        recent = [lead for (_, lead), end_s in zip(self._leads, ends_s, strict=True) if end_s > now_s - KNOWN_WITHIN_S]
        return any(abs(at_ms - now_ms - lead) <= TOLERANCE_MS for lead in recent)

    def _set(self, lead_ms: int) -> None:
        self._leads = [*self._leads, (time.monotonic(), lead_ms)]
        draft = self.file.with_suffix(".draft")
        draft.write_text(f"{lead_ms}")
        draft.replace(self.file)  # nobody reads half of it
        if self._database.is_postgres:
            self._database.sql(_FUNCTION.format(lead_ms))


def _begin(file: Path) -> None:
    now_ms = clock.now_ms
    clock.now_ms = lambda: now_ms() + int(file.read_text())
    main.main()


if __name__ == "__main__":
    _begin(Path(os.environ[FILE]))
