"""`make fuzz`: asks a `blueport dev` of its own for an hour in ways that nobody foresaw, and reads cells like that.

Requests are made from the description that the server gives of itself, and from valid ones by changing values, headers,
bytes, and the way they are sent. The first answer that is a 5xx, has no envelope or no request id, or does not come,
ends it with what to say to have it again; so does a fault in the server's log, and a cell of chat.db that is neither
read nor refused, or takes too long. Nothing leaves this machine.
"""

import argparse
import contextlib
import faulthandler
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import requests
from hypothesis.errors import HypothesisException
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup

from fuzzing import bodies, described
from fuzzing.described import Asked
from fuzzing.requests import is_harmless, made
from fuzzing.serving import Target, serving
from fuzzing.wire import BrokenError, Sending, exchanged

SENDINGS = 1_000
CELLS = 5_000
STUCK_S = 300
EXAMPLES = 30

Only = Literal["requests", "bodies"]


class Round(NamedTuple):
    """A part of the hour that can be had again by itself."""

    seed: int
    number: int

    @property
    def chance(self) -> random.Random:
        return random.Random(f"{self.seed}.{self.number}")


def main() -> None:
    options = _options()
    with _target(options.only) as target:
        print(f"fuzzing, seed {options.seed}, for {options.minutes:g} minutes", flush=True)
        seen: Counter[str] = Counter()
        until = time.monotonic() + options.minutes * 60
        number = options.round
        try:
            while number == options.round or time.monotonic() < until:
                _once(options, target, Round(options.seed, number), seen, until)
                number += 1
        except (BrokenError, FailureGroup, HypothesisException, requests.RequestException, OSError) as error:
            _print_faults(target)
            print(f"\nIt broke in round {number}: {error}")
            sys.exit(f'To have it again: make fuzz ARGS="{_again(options, number)}"')
        finally:
            _print_summary(seen, number - options.round)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--only", choices=get_args(Only), help="one of the two; both if absent")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--round", type=int, default=0, help="the round to begin with")
    return parser.parse_args()


def _again(options: argparse.Namespace, number: int) -> str:
    only = f"--only {options.only} " if options.only else ""
    return f"{only}--seed {options.seed} --round {number}"


@contextlib.contextmanager
def _target(only: Only | None) -> Iterator[Target | None]:
    """Run a server to be asked, unless nothing is to be asked."""
    if only == "bodies":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="blueport-fuzz-") as folder, serving(Path(folder)) as target:
        print(f"on 127.0.0.1:{target.port}", flush=True)
        yield target


def _once(options: argparse.Namespace, target: Target | None, this: Round, seen: Counter[str], until: float) -> None:
    if options.only != "requests":
        _read(this, seen, until)
    if target is not None:
        _ask_all(target, this.chance, seen, until)


def _read(this: Round, seen: Counter[str], until: float) -> None:
    # What is stuck where nothing of ours can ring ends the whole.
    faulthandler.dump_traceback_later(STUCK_S, exit=True)
    for number in range(CELLS):
        sample = bodies.made(random.Random(f"{this.seed}.{this.number}.{number}"))
        seen[f"{sample.kind} {bodies.judge(sample)}"] += 1
        if time.monotonic() > until:
            break
    faulthandler.cancel_dump_traceback_later()


def _ask_all(target: Target, chance: random.Random, seen: Counter[str], until: float) -> None:
    for _ in range(SENDINGS):
        sending = made(chance, target)
        if is_harmless(sending):
            _send(target, sending, seen)
        if time.monotonic() > until:
            break
    _ask(target, chance, seen, until)
    if faults := target.faults():
        raise BrokenError("the log tells of a fault: " + faults[0])


def _send(target: Target, sending: Sending, seen: Counter[str]) -> None:
    try:
        answers = exchanged(target.port, sending)
    except BrokenError as error:
        raise BrokenError(f"{error}\nafter {sending}") from None
    seen["connections"] += 1
    seen.update(f"raw {answer.status}" for answer in answers)


def _ask(target: Target, chance: random.Random, seen: Counter[str], until: float) -> None:
    asked = Asked(f"http://127.0.0.1:{target.port}", target.key, target.known)
    schema = described.description(asked)
    described.ask_in_sequence(asked, schema, seed=chance.randrange(2**32), examples=EXAMPLES)
    seen["described sequences"] += EXAMPLES
    for operation in described.operations(schema):
        for mode in GenerationMode:
            if time.monotonic() < until:
                described.ask(asked, operation, mode, seed=chance.randrange(2**32), examples=EXAMPLES)
                seen["described requests"] += EXAMPLES


def _print_faults(target: Target | None) -> None:
    if target is None:
        return
    with contextlib.suppress(OSError):
        print("\n".join(target.log.read_text(errors="replace").splitlines()[-60:]))


def _print_summary(seen: Counter[str], rounds: int) -> None:
    print(f"{rounds} rounds, " + ", ".join(f"{name}: {times}" for name, times in sorted(seen.items())), flush=True)


if __name__ == "__main__":
    main()
