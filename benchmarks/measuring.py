"""What is measured: probes that are asked once a round, each for a few figures, of which the medians are kept.

Machines that are shared drift from minute to minute: so whatever is compared is measured in turns, and ratios hold
where the figures themselves do not.
"""

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple


class Figure(NamedTuple):
    """One number; `against` names the figure that it is held against, None if there is none.

    `ratio` is to that one, if it was measured beside it.
    """

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None


class Options(NamedTuple):
    """How much is measured.

    `rows` are the sizes of the tables that lists and claims are asked of, `backlogs` how much waits in them, and
    `library_rows` the size of a chat.db; a load lasts for `seconds`, a unit of work is repeated for `repeated_s`,
    `texts` go from end to end.
    """

    rounds: int
    seconds: float
    repeated_s: float
    page_rows: int
    rows: tuple[int, ...]
    backlogs: tuple[int, ...]
    texts: int
    library_rows: int
    with_peers: bool


class Bench(NamedTuple):
    """Where something is measured: what it starts ends with `stack`, what it writes goes to `folder`."""

    stack: ExitStack
    folder: Path
    options: Options


class SkippedError(Exception):
    """This cannot be measured here; the text says why."""


Probe = Callable[[], Sequence[Figure]]
Part = Callable[[Bench], Sequence[Probe]]


def medians(probes: Sequence[Probe], rounds: int) -> list[Figure]:
    """Ask all probes in turns, so many times; a ratio is the median of those of each round."""
    seen: dict[str, list[Figure]] = {}
    for _ in range(rounds):
        for figure in _with_ratios([figure for probe in probes for figure in probe()]):
            seen.setdefault(figure.name, []).append(figure)
    return [_median(figures) for figures in seen.values()]


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that is not exceeded by *share* (0 to 1) of *ordered*."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _with_ratios(figures: Sequence[Figure]) -> list[Figure]:
    values = {figure.name: figure.value for figure in figures}
    references = [values.get(figure.against or "") for figure in figures]
    return [
        figure._replace(ratio=figure.value / reference) if reference else figure
        for figure, reference in zip(figures, references, strict=True)
    ]


def _median(figures: list[Figure]) -> Figure:
    ratios = [figure.ratio for figure in figures if figure.ratio is not None]
    value = statistics.median(figure.value for figure in figures)
    return figures[0]._replace(value=value, ratio=statistics.median(ratios) if ratios else None)
