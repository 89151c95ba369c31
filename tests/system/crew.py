"""Processes of `blueport` that are kept running, as an init does: whichever ends is started again a moment later."""

import contextlib
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.patience import PATIENCE_S
from tests.warm import BLUEPORT

LOOK_EVERY_S = 0.05
LONGEST_PAUSE_S = 1.0
# What uvicorn says when one that is told to end cuts off who still waits, say for a database that is away: they ask
# again.
_CUT_SHORT = re.compile(r'"place":"uvicorn/server\.py:\d+:shutdown"')


class Member:
    """One process, and those that take its place; `ends` counts how they ended, by exit status."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.ends: Counter[int] = Counter()
        # However we end, they end with us: its standard input closes.
        self._command = [*command, "--lifeline"]
        self._environment = environment
        self._starts_at = 0.0
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        self._is_counted = False

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)  # which does nothing to one that has ended

    def look(self, pause_s: float) -> None:
        """Start it again, if it has ended and the pause is over."""
        status = self.process.poll()
        if status is None:
            return
        if not self._is_counted:
            self._is_counted = True
            self.ends[status] += 1
            self._let_go()
            self._starts_at = time.monotonic() + pause_s
        elif time.monotonic() >= self._starts_at:
            self.start()

    def end(self) -> None:
        self.process.terminate()
        try:
            status = self.process.wait(timeout=PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            self._let_go()
        if not self._is_counted:
            self.ends[status] += 1

    def _let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


class Crew:
    """The members, by name, and the thread that watches over them."""

    def __init__(
        self, folder: Path, seed: int, longest_pause_s: float, program: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.members: dict[str, Member] = {}
        self._folder = folder
        self._program = program
        self._environment = {name: value for name, value in environment.items() if not name.startswith("BLUEPORT_")}
        self._rng = random.Random(seed)
        self._longest_pause_s = longest_pause_s
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._keep_alive, name="crew")
        self._watch.start()

    def add(self, name: str, *arguments: str, **settings: str) -> None:
        """Start `blueport ARGUMENTS`; the settings' names lack their prefix BLUEPORT_."""
        environment = self._environment | {f"BLUEPORT_{name}": value for name, value in settings.items()}
        member = Member(name, [*self._program, *arguments], environment, self._folder / f"{name}.log")
        self.members = {**self.members, name: member}  # another one: the thread may be walking through this

    def faults(self) -> list[str]:
        """Return what the members' logs tell of as an error, each with its member's name."""
        lines = [(name, line) for name, member in self.members.items() for line in member.log.read_text().splitlines()]
        return [f"{name}: {line}" for name, line in lines if _is_fault(line)]

    def close(self) -> None:
        """End all, those first that came last."""
        self._is_over.set()
        self._watch.join()
        for member in reversed(self.members.values()):
            member.end()

    def _keep_alive(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            for member in self.members.values():
                member.look(self._rng.uniform(0, self._longest_pause_s))


def _is_fault(line: str) -> bool:
    is_error = '"level":"error"' in line or line.startswith("Traceback")
    return is_error and not _CUT_SHORT.search(line)


@contextlib.contextmanager
def crew(
    folder: Path,
    seed: int,
    *,
    longest_pause_s: float = LONGEST_PAUSE_S,
    program: Sequence[str] = BLUEPORT,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[Crew]:
    """Return a crew without members; those that are there in the end are ended.

    *program* is started in the place of Blueport's own; of *environment* settings of ours are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hands = Crew(folder, seed, longest_pause_s, program, environment)
    try:
        yield hands
    finally:
        hands.close()
