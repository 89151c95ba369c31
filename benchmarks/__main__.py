"""`make bench`: one table of ratios, of one run on one machine.

Blueport stands beside what everybody can judge: a bare Starlette endpoint, SQLite and PostgreSQL by themselves, a
gateway of the same trade; and its lists and claims beside themselves in smaller tables.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import (
    backlogs,
    commits,
    delivering,
    end_to_end,
    hostile,
    kannel,
    on_postgres,
    rates,
    reading,
    sizes,
    steady,
    table,
)
from benchmarks.measuring import Bench, Figure, Options, Part, Probe, SkippedError, medians

RESULTS = Path(__file__).parent / "results"
# The parts of a group are measured in turns, the groups one after the other.
GROUPS: tuple[dict[str, Part], ...] = (
    {
        "bare": rates.bare,
        "sqlite": rates.sqlite,
        "commits": commits.probes,
        "postgres": on_postgres.rates,
        "kannel": kannel.probes,
    },
    {"steady-bare": steady.bare, "steady-sqlite": steady.sqlite, "steady-postgres": on_postgres.steadiness},
    {"end-to-end": end_to_end.probes},
    {"deliveries": delivering.probes},
    {"hostile": hostile.probes},
    {"reading": reading.cold, "imessage-chatdb": reading.theirs},
    {"noticing": reading.noticing, "quiet": reading.quiet},
    {"sizes": sizes.probes},
    {"backlogs": backlogs.probes},
)
PEERS = {"kannel", "imessage-chatdb"}
FULL = Options(
    rounds=5,
    seconds=5,
    repeated_s=0.5,
    page_rows=1_000_000,
    rows=(10**4, 10**6, 10**7),
    backlogs=(100, 1_000),
    texts=100,
    library_rows=1_000_000,
    with_peers=False,
)
QUICK = Options(
    rounds=1,
    seconds=0.5,
    repeated_s=0.02,
    page_rows=1_000,
    rows=(2_000, 4_000),
    backlogs=(20, 40),
    texts=2,
    library_rows=2_000,
    with_peers=False,
)


def main(arguments: list[str]) -> None:
    """Measure, print the table, and write it down if it is the whole one or if it is said where."""
    options = _parser().parse_args(arguments)
    told = table.table_of([figure for group in GROUPS for figure in _measured(group, options)])
    print(told.markdown())
    is_whole = not options.quick and not options.only
    if is_whole or options.results:
        print(f"written: {table.write(told, options.results or RESULTS)}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parts = [name for group in GROUPS for name in group]
    parser.add_argument("--only", choices=parts, action="append", default=[], help="measure this part; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a little of everything: figures that say nothing")
    parser.add_argument(
        "--peers", action="store_true", help="measure Kannel and imessage-chatdb too, where they can be had"
    )
    parser.add_argument("--rounds", type=int, help=f"how often each is measured ({FULL.rounds})")
    parser.add_argument("--seconds", type=float, help=f"how long a load lasts in each round ({FULL.seconds})")
    parser.add_argument("--rows", type=_numbers, help="sizes of tables, as in 10000,1000000,10000000")
    parser.add_argument("--folder", type=Path, help="where files of SQLite's are made (a temporary folder)")
    parser.add_argument("--results", type=Path, help="where the table is written (benchmarks/results, if it is whole)")
    return parser


def _measured(group: dict[str, Part], options: argparse.Namespace) -> list[Figure]:
    amounts = _amounts(options)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="blueport-bench-", dir=options.folder)))
        bench = Bench(stack, folder, amounts)
        wanted = {name: part for name, part in group.items() if name in (options.only or group)}
        probes = [probe for name, part in wanted.items() for probe in _opened(name, part, bench)]
        return medians(probes, amounts.rounds)


def _opened(name: str, part: Part, bench: Bench) -> list[Probe]:
    print(f"{name} ...", file=sys.stderr)
    try:
        return list(part(bench))
    except SkippedError as why:
        print(f"{name}: skipped: {why}", file=sys.stderr)
        return []


def _amounts(options: argparse.Namespace) -> Options:
    amounts = QUICK if options.quick else FULL
    given = {name: getattr(options, name) for name in ("rounds", "seconds", "rows")}
    given |= {"with_peers": options.peers or bool(PEERS & {*options.only})}
    return amounts._replace(**{name: value for name, value in given.items() if value is not None})


def _numbers(words: str) -> tuple[int, ...]:
    return tuple(int(word) for word in words.split(","))


if __name__ == "__main__":
    main(sys.argv[1:])
