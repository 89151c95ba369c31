"""The table of one run: figures beside what they are held against, on which machine, of which commit."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.measuring import Figure

_COLUMNS = ("", "value", "unit", "ratio", "against")
_GIB = 2**30


class Machine(msgspec.Struct, frozen=True):
    """What it ran on; memory in GiB."""

    cpu: str
    cores: int
    memory_gib: float
    os: str
    python: str


class Row(msgspec.Struct, frozen=True):
    """One figure; the ratio is to the row named `against`, of what was measured side by side."""

    name: str
    value: float
    unit: str
    against: str | None
    ratio: float | None


class Table(msgspec.Struct, frozen=True):
    """All figures of a run."""

    machine: Machine
    date: str
    commit: str
    rows: tuple[Row, ...]

    def markdown(self) -> str:
        """Return the table as people read it."""
        lines = [_COLUMNS, ("---", "---:", "---", "---:", "---"), *map(_cells, self.rows)]
        told = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        of = self.machine
        place = f"{of.cpu}, {of.cores} cores, {of.memory_gib} GiB, {of.os}, Python {of.python}"
        return f"{self.date}, commit {self.commit}; {place}\n\n{told}\n"


def table_of(figures: Sequence[Figure]) -> Table:
    """Put *figures* together; what is held against something that was not measured has no ratio."""
    values = {figure.name: figure.value for figure in figures}
    return Table(_machine(), f"{datetime.now(UTC):%Y-%m-%d}", _commit(), tuple(_row(each, values) for each in figures))


def write(table: Table, folder: Path) -> Path:
    """Write it for machines and, beside that, for people; return the first of the two."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table.date}-{table.commit}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(table)) + b"\n")
    path.with_suffix(".md").write_text(table.markdown())
    return path


def _row(figure: Figure, values: dict[str, float]) -> Row:
    reference = values.get(figure.against or "")
    if not reference:
        return Row(figure.name, _rounded(figure.value), figure.unit, None, None)
    ratio = figure.value / reference if figure.ratio is None else figure.ratio
    return Row(figure.name, _rounded(figure.value), figure.unit, figure.against, _rounded(ratio))


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    value = f"{row.value:,.3f}" if row.value < 1 else f"{row.value:,.1f}" if row.value < 100 else f"{row.value:,.0f}"
    return row.name, value, row.unit, ratio, row.against or ""


def _rounded(value: float) -> float:
    """Return as much of it as may mean something."""
    return float(f"{value:.4g}")


def _machine() -> Machine:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    system = f"{platform.system()} {platform.release()}"
    return Machine(_cpu(), os.cpu_count() or 1, round(memory_gib, 1), system, platform.python_version())


def _cpu() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        models = [line.partition(":")[2].strip() for line in told.read_text().splitlines() if "model name" in line]
        return models[0] if models else platform.machine()
    return _said_by("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()


def _commit() -> str:
    """Return the commit that is measured, with a mark if what is measured was changed since."""
    commit = _said_by("git", "rev-parse", "--short", "HEAD") or "unknown"
    return f"{commit}-changed" if _said_by("git", "status", "--porcelain", "src") else commit


def _said_by(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
