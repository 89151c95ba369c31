"""Counts beside a file of SQLite's, where all begin at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blueport.server.store.counting import Asked, Counted
from blueport.server.store.sqlite.counts import SqliteCounts
from tests.patience import PATIENCE_S

AT_ONCE = 4
ROUNDS = 50


def test_those_who_count_first_at_the_same_time_are_all_counted(tmp_path: Path) -> None:
    together = threading.Barrier(AT_ONCE, timeout=PATIENCE_S)

    def counted(path: Path) -> Counted:
        counts = SqliteCounts(path)  # of its own, as each process has
        together.wait()
        return counts.count(Asked("key", AT_ONCE, 1000, 1))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for number in range(ROUNDS):
            found = list(threads.map(counted, [tmp_path / f"{number}.calls"] * AT_ONCE))

            assert sorted(each.calls for each in found) == list(range(1, AT_ONCE + 1))
