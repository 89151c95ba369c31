"""Counts beside a file of SQLite's, where all begin at once."""

import contextlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blueport.server.store.counting import Asked, Counted
from blueport.server.store.sqlite.counts import SqliteCounts
from tests.patience import PATIENCE_S

AT_ONCE = 4
A_CALL = Asked("key", AT_ONCE, 1000, 1)
ROUNDS = 50


def test_those_who_count_first_at_the_same_time_are_all_counted(tmp_path: Path) -> None:
    together = threading.Barrier(AT_ONCE, timeout=PATIENCE_S)

    def counted(path: Path) -> Counted:
        counts = SqliteCounts(path)  # of its own, as each process has
        together.wait()
        return counts.count(A_CALL)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for number in range(ROUNDS):
            found = list(threads.map(counted, [tmp_path / f"{number}.calls"] * AT_ONCE))

            assert sorted(each.calls for each in found) == list(range(1, AT_ONCE + 1))


def test_what_could_not_be_counted_keeps_nobody_from_counting(tmp_path: Path) -> None:
    counts, another = SqliteCounts(tmp_path / "calls"), SqliteCounts(tmp_path / "calls")
    counts.count(A_CALL)
    run(tmp_path / "calls", "CREATE TRIGGER full BEFORE UPDATE ON calls BEGIN SELECT RAISE(FAIL, 'disk full'); END")

    with pytest.raises(sqlite3.IntegrityError), counts.gathering():
        counts.count(A_CALL)
    run(tmp_path / "calls", "DROP TRIGGER full")

    assert [each.count(A_CALL).calls for each in (another, counts)] == [2, 3]


def run(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute(statement)
