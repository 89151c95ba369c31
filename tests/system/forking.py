"""Runs commands in processes that are forked from one that knows all modules already: to read them takes a second.

It is for tables of what is refused. That a command starts from nothing is for all other tests to say.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from blueport.cli import main

_ROOT = Path(__file__).parents[2]
_NEW = os.O_WRONLY | os.O_CREAT


class Forking:
    """A process that forks one for each command."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.system.forking"]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def run(self, *arguments: str, at: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command as `run` of `test_the_command_line` does."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            asked = [arguments, str(at), environment | settings, str(out), str(err)]
            print(json.dumps(asked), file=self._process.stdin, flush=True)
            status = int(self._process.stdout.readline())
            return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


@contextlib.contextmanager
def forking() -> Iterator[Forking]:
    forking = Forking()
    try:
        yield forking
    finally:
        forking.close()


def _serve() -> None:
    for verb in main.VERBS:
        importlib.import_module(f"blueport.cli.{verb}")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(*json.loads(line))
            main.main()
            return
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _become(arguments: list[str], at: str, environment: dict[str, str], out: str, err: str) -> None:
    """Be as if this process had been started so."""
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, _NEW), (2, err, _NEW)):
        os.dup2(os.open(path, flags, 0o600), number)
    os.chdir(at)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [main.__file__, *arguments]


if __name__ == "__main__":
    _serve()
