"""A `blueport ...` that runs beside the test, as in a terminal of its own."""

import contextlib
import os
import pty
import signal
import threading
from typing import TextIO

from tests.patience import PATIENCE_S
from tests.system.blueport import until
from tests.system.prompt import Prompt


class Running:
    """A command that goes on until it is interrupted; its lines are read as they come."""

    def __init__(self, prompt: Prompt, *words: str) -> None:
        self.process = prompt.start(*words)
        self.out: list[str] = []
        self.err: list[str] = []
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        streams = ((self.process.stdout, self.out), (self.process.stderr, self.err))
        self._threads = [threading.Thread(target=_read, args=each) for each in streams]
        for thread in self._threads:
            thread.start()

    def says(self, word: str) -> str:
        """Wait until it says *word* to people, and return the line."""
        return until(lambda: next((line for line in self.err if word in line), None))

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit status."""
        return self.ends(signal.SIGINT)

    def ends(self, by: signal.Signals | None = None) -> int:
        if by is not None:
            self.process.send_signal(by)
        status = self.process.wait(PATIENCE_S)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        return status

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.ends(signal.SIGKILL)


def shown(prompt: Prompt, *words: str) -> str:
    """Run a command on a terminal to its end, and return what the terminal was sent."""
    leader, follower = pty.openpty()
    process = prompt.start(*words, stdout=follower, stderr=follower)
    os.close(follower)
    parts: list[bytes] = []
    # Linux ends a terminal that nobody holds any more with an error.
    with contextlib.suppress(OSError):
        while part := os.read(leader, 4096):
            parts.append(part)
    os.close(leader)
    process.wait(PATIENCE_S)
    return b"".join(parts).decode()


def _read(stream: TextIO, lines: list[str]) -> None:
    with stream:
        lines.extend(iter(stream.readline, ""))
