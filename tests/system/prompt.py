"""Says commands as somebody at a terminal would, in this process: to start one takes longer than most commands do."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from blueport.cli.main import main
from tests.system.blueport import Blueport, Json
from tests.warm import BLUEPORT

_OF_OTHERS = ("MESSAGES_", "BLUEPORT_")


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        return json.loads(self.out)

    @property
    def error(self) -> Json:
        return json.loads(self.err)


class Prompt:
    """Somebody with a home of his own, and with these variables."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        self.variables = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "COLUMNS": "100", **variables}

    @classmethod
    def of(cls, blueport: Blueport, home: Path) -> "Prompt":
        """Return somebody whose environment names the server and a key."""
        return cls(home, MESSAGES_API_URL=blueport.said["api_url"], MESSAGES_API_KEY=blueport.said["api_key"])

    def __call__(self, *words: str, standard_input: str | bytes = "") -> Ended:
        """Say `blueport` and *words*."""
        out, err = io.StringIO(), io.StringIO()
        with (
            _environment(self.variables),
            _standard_input(standard_input),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = _status(list(words))
        return Ended(status, out.getvalue(), err.getvalue())

    def does(self, *words: str, standard_input: str = "") -> Ended:
        """Say it, and have it succeed."""
        ended = self(*words, standard_input=standard_input)
        assert ended.status == 0, ended
        return ended

    def start(self, *words: str, **streams: int) -> subprocess.Popen[str]:
        """Say it to a process of its own, whose output and errors are pipes unless *streams* says otherwise."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_OTHERS)}
        return subprocess.Popen(
            [*BLUEPORT, *words],
            env=environment | self.variables,
            text=True,
            start_new_session=True,
            **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams),
        )


def operated(blueport: Blueport, *words: str) -> str:
    """Return what the operator of *blueport* is told when he says *words*: a secret, an id."""
    return Prompt(blueport.folder).does(*words, "--database", str(blueport.folder / "blueport.db")).out.strip()


def _status(words: list[str]) -> int:
    try:
        main(words)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    return 0


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if name.startswith(_OF_OTHERS):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _standard_input(words: str | bytes) -> Iterator[None]:
    raw = words.encode() if isinstance(words, str) else words
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(raw))
    try:
        yield
    finally:
        sys.stdin = before
