"""Programs that run a page's blocks one by one and keep what those before have set; started when they are needed."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.patience import PATIENCE_S

_ENDED = "\x1e"
# Python's and Node.js' ways to do what the next line of their standard input tells, and to tell how it ended.
_PYTHON = Path(__file__).with_name("python_session.py")
_NODE = Path(__file__).with_name("node_session.mjs")


class Ended(NamedTuple):
    """How a block ended, and what it said."""

    status: int
    output: str


class Session:
    """A program that reads a line for each block, and ends what the block said with a line of its own."""

    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._program = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def run(self, line: str) -> Ended:
        """Have a block done."""
        assert self._program.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._program.stdin.write(line + "\n")
            self._program.stdin.flush()
        said = ""
        for part in iter(self._next, None):
            words, ended, status = part.partition(_ENDED)
            said += words
            if ended:
                return Ended(int(status), said)
        return Ended(self._program.wait(PATIENCE_S) or 1, said)

    def output_until(self, is_enough: Callable[[str], bool]) -> str:
        """Return what is said, up to where it is enough or has ended."""
        said = ""
        deadline = time.monotonic() + PATIENCE_S
        while not is_enough(said) and time.monotonic() < deadline:
            part = self._next()
            if part is None:
                break
            said += part
        return said

    def stop(self) -> None:
        """End it, and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._program.pid, 9)
        self._program.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for stream in (self._program.stdin, self._program.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _next(self) -> str | None:
        try:
            return self._lines.get(timeout=PATIENCE_S)
        except queue.Empty:
            self.stop()
            return f"(nothing more within {PATIENCE_S} s)"

    def _read(self) -> None:
        assert self._program.stdout is not None
        for line in self._program.stdout:
            self._lines.put(line)
        self._lines.put(None)


class Sessions:
    """The programs of one page, all in one folder and with the same environment."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = environment
        self._started: dict[str, Session] = {}
        self._alone: list[Session] = []

    def shell(self, code: str) -> Ended:
        """Have the page's shell do *code*."""
        script = self.folder / ".block.sh"
        script.write_text(code + "\n")
        return self._of("bash", ["bash", "--noprofile", "--norc"]).run(
            f". ./.block.sh </dev/null; printf '{_ENDED}%s\\n' $?"
        )

    def python(self, code: str, line: int, page: str, *, is_hidden: bool) -> Ended:
        """Have the page's Python do *code*, which stands at *line* of *page*."""
        session = self._of("python", [sys.executable, "-W", "error", str(_PYTHON)])
        return session.run(json.dumps({"code": "\n" * (line - 1) + code, "page": page, "is_hidden": is_hidden}))

    def node(self, module: Path, at: int, ids: Mapping[str, str]) -> Ended:
        """Have the page's Node.js do the block that begins at line *at* in *module*."""
        return self._of("node", ["node", str(_NODE)]).run(
            json.dumps({"module": str(module), "at": at, "ids": dict(ids)})
        )

    def alone(self, command: list[str]) -> Session:
        """Start something that does not end by itself; it ends with the page."""
        session = Session(command, self.folder, self._environment)
        self._alone.append(session)
        return session

    def stop(self) -> None:
        """End them all."""
        for session in [*self._started.values(), *self._alone]:
            session.stop()

    def _of(self, name: str, command: list[str]) -> Session:
        if name not in self._started:
            self._started[name] = Session(command, self.folder, self._environment)
        return self._started[name]


@contextlib.contextmanager
def opened(folder: Path, environment: Mapping[str, str]) -> Iterator[Sessions]:
    """Return the sessions of a page."""
    sessions = Sessions(folder, environment)
    try:
        yield sessions
    finally:
        sessions.stop()
