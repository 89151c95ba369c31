"""Charts of bars that stand on each other, a column for each day, as numbers that a template draws."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

DAY_MS = 86_400_000
# In the units of a drawing that is stretched to whatever room there is.
STEP = 10
GAP = 2
HEIGHT = 100


class Bar(NamedTuple):
    """A rectangle; `part` is of which of the chart's parts, from 1."""

    x: float
    y: float
    width: float
    height: float
    part: int


class Column(NamedTuple):
    """A day with its name, how much there was of each part, and its bars."""

    name: str
    x: float
    counts: tuple[int, ...]
    bars: list[Bar]


class Chart(NamedTuple):
    """The parts by name, their sums, the days, and the number that the top line stands for."""

    parts: tuple[str, ...]
    totals: tuple[int, ...]
    columns: list[Column]
    width: int
    top: int


def drawn(days: range, parts: tuple[str, ...], counts: Mapping[tuple[int, str], int]) -> Chart:
    """Draw how much there was, *counts* by day (since 1970, UTC) and part, the first part at the bottom."""
    rows = [tuple(counts.get((day, part), 0) for part in parts) for day in days]
    top = rounded_up(max(map(sum, rows), default=0))
    columns = [
        Column(name_of(day), at * STEP, row, _bars(at, row, top))
        for at, (day, row) in enumerate(zip(days, rows, strict=True))
    ]
    totals = tuple(map(sum, zip(*rows, strict=True)))
    return Chart(parts, totals, columns, len(days) * STEP, top)


def rounded_up(most: int) -> int:
    """Return the next number that reads well as the top of a chart: 1, 2 or 5 with noughts behind it."""
    power = int("1" + "0" * (len(str(most)) - 1))
    return next((step * power for step in (1, 2, 5) if step * power >= most), 10 * power)


def name_of(day: int) -> str:
    """Return a day as people write it."""
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%-d %b %Y")


def _bars(at: int, row: Sequence[int], top: int) -> list[Bar]:
    bars: list[Bar] = []
    floor = float(HEIGHT)
    for part, count in enumerate(row, start=1):
        height = round(count / top * HEIGHT, 2)
        floor -= height
        if count:
            bars.append(Bar(at * STEP + GAP / 2, round(floor, 2), STEP - GAP, height, part))
    return bars
