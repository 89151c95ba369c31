"""`make bench` writes one table: what is measured is real, what it is held against stands in it too."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import table
from benchmarks.measuring import Figure, medians

ROOT = Path(__file__).parent.parent.parent
# It takes a minute where nothing else runs.
QUICK_S = 580


class TestTable:
    def test_a_figure_is_divided_by_what_it_is_held_against(self) -> None:
        figures = [Figure("ours", 30, "1/s", against="theirs"), Figure("theirs", 40, "1/s")]

        ours, theirs = table.table_of(figures).rows

        assert (ours.value, ours.unit, ours.against, ours.ratio) == (30, "1/s", "theirs", 0.75)
        assert (theirs.against, theirs.ratio) == (None, None)

    def test_what_was_not_measured_is_held_against_nothing(self) -> None:
        figures = [Figure("ours", 30, "1/s", against="theirs")]

        (ours,) = table.table_of(figures).rows

        assert (ours.against, ours.ratio) == (None, None)

    def test_people_read_it_beside_the_file_for_machines(self, tmp_path: Path) -> None:
        told = table.table_of([Figure("ours", 1234.5, "1/s")])

        path = table.write(told, tmp_path)

        assert path.name == f"{told.date}-{told.commit}.json"
        assert "| ours | 1,234 | 1/s |  |  |" in path.with_suffix(".md").read_text()


class TestRounds:
    def test_contenders_take_turns_and_their_medians_are_kept(self) -> None:
        asked: list[str] = []
        values = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 5.0, 5.0])}

        def measured(name: str) -> list[Figure]:
            asked.append(name)
            return [Figure(name, next(values[name]), "ms")]

        figures = medians([lambda: measured("a"), lambda: measured("b")], rounds=3)

        assert asked == ["a", "b"] * 3
        assert [(figure.name, figure.value) for figure in figures] == [("a", 2.0), ("b", 5.0)]

    def test_a_ratio_is_of_what_was_measured_side_by_side(self) -> None:
        values = {"ours": iter([1.0, 40.0, 3.0]), "theirs": iter([2.0, 100.0, 4.0])}

        def measured(name: str, against: str | None) -> list[Figure]:
            return [Figure(name, next(values[name]), "1/s", against)]

        figures = medians([lambda: measured("ours", "theirs"), lambda: measured("theirs", None)], rounds=3)
        ours, theirs = table.table_of(figures).rows

        assert (ours.value, theirs.value) == (3, 4)
        assert (ours.ratio, theirs.ratio) == (0.5, None)


class TestBench:
    @pytest.mark.timeout(QUICK_S + 20)
    def test_a_quick_run_measures_each_of_it(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "benchmarks", "--quick", "--results", str(tmp_path)]

        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=QUICK_S)

        assert done.returncode == 0, done.stderr
        (path,) = tmp_path.glob("*.json")
        told = json.loads(path.read_text())
        assert list(told) == ["machine", "date", "commit", "rows"]
        names = [row["name"] for row in told["rows"]]
        assert len(names) == len(set(names))
        for part in ("bare Starlette", "SQLite's own", "p99.9", "webhook message.sent", "4,000 rows", "wait in"):
            assert any(part in name for name in names), part
        for row in told["rows"]:
            _judge(row, names)


def _judge(row: Any, names: list[str]) -> None:
    assert list(row) == ["name", "value", "unit", "against", "ratio"]
    assert row["unit"] in {"1/s", "ms", "MiB"}
    assert math.isfinite(row["value"])
    assert row["value"] > 0
    assert (row["against"] is None) == (row["ratio"] is None)
    assert row["against"] is None or row["against"] in names
    assert row["ratio"] is None or row["ratio"] > 0
