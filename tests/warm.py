# ruff: noqa: SLF001 - how processes come into being, and end, can be chosen nowhere else
"""Starts processes of `blueport` forked from one that has loaded it: to load it is most of what a start takes.

A command that begins with `BLUEPORT` is started so, be it by `subprocess` or by `asyncio`. The process is a child of
who started it, as any other is: it has its own environment, streams, folder and session, is shown by `ps`, is waited
for and killed, and ends by its own status; what is `blueport` among its own children is forked from it. All that it has
not done is to begin from nothing. Tests that are about that, or about another source, begin with `FROM_NOTHING`.
"""

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from blueport.cli import main

FROM_NOTHING = (sys.executable, "-m", "blueport.cli.main")
# On Linux alone can one be made the parent of an orphan.
BLUEPORT = ("blueport, forked",) if sys.platform == "linux" else FROM_NOTHING
_ROOT = Path(__file__).parents[1]
_ADOPTING_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER
_ABOVE_ALL = 512
_LONGEST = 2**17
_MOST_FILES = 64
_ROOM_FOR_WORDS = " " * 4096
_LOADED = (
    *(f"blueport.cli.{verb}" for verb in main.VERBS),
    *(f"blueport.cli.mac.{word}" for word in ("doctor", "importing", "install", "pair", "run", "status", "uninstall")),
)
_execute = subprocess._fork_exec
_one_at_a_time = threading.Lock()


class _Execution(NamedTuple):
    """What `subprocess` has executed, in its order, as far as that concerns us."""

    args: Sequence[str]
    executables: Any
    close_fds: bool
    passed: Sequence[int]
    folder: str | None
    environment: Sequence[bytes] | None
    stdin: int
    ours_in: int
    ours_out: int
    stdout: int
    ours_err: int
    stderr: int
    failure_seen_in: int
    failure_told_to: int
    restores_signals: bool
    begins_session: bool


class _Start(NamedTuple):
    """What a process is to be: what it is told, where, and which of its starter's files it has by which number."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    begins_session: bool
    numbers: list[int]
    files: list[int]


def _fork_or_execute(*how: Any) -> int:
    asked = _Execution(*how[: len(_Execution._fields)])
    return _adopted(_start(asked, BLUEPORT)) if _begins_with(BLUEPORT, asked.args) else _execute(*how)


if BLUEPORT != FROM_NOTHING:
    subprocess._fork_exec = _fork_or_execute


def _begins_with(program: Sequence[str], args: Sequence[str]) -> bool:
    return tuple(args[: len(program)]) == tuple(program)


def _start(asked: _Execution, program: Sequence[str]) -> _Start:
    given = (asked.stdin, asked.stdout, asked.stderr)
    streams = [own if stream == -1 else stream for own, stream in enumerate(given)]
    passed = [file for file in asked.passed if file != asked.failure_told_to]
    environment = [b"%s=%s" % each for each in os.environb.items()] if asked.environment is None else asked.environment
    return _Start(
        list(map(os.fsdecode, asked.args[len(program) :])),
        os.fsdecode(asked.folder or Path.cwd()),
        dict(os.fsdecode(each).split("=", 1) for each in environment),
        asked.begins_session,
        [0, 1, 2, *passed],
        [*streams, *passed],
    )


def _adopted(start: _Start) -> int:
    """Have the warm process bear one that is our child from then on; return its id."""
    with _one_at_a_time, _adopting():
        asking = _warm()
        socket.send_fds(asking, [json.dumps(start[:-1]).encode()], start.files)
        child = int(asking.recv(_LONGEST))
        assert asking.recv(_LONGEST) == b"orphaned"
    return child


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """Be the parent of those below us that lose theirs: only for a moment, as all others are not for us to wait for."""
    libc = ctypes.CDLL(None)
    libc.prctl(_ADOPTING_ORPHANS, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_ADOPTING_ORPHANS, 0, 0, 0, 0)


@functools.cache
def _warm() -> socket.socket:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        command = [sys.executable, "-m", "tests.warm", str(its.fileno()), _ROOM_FOR_WORDS]
        process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()])
    atexit.register(lambda: (ours.close(), process.wait()))
    return ours


def _bear(asking: socket.socket) -> None:
    """Bear a process for each start that is asked for, until nobody is there to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in _LOADED:
        importlib.import_module(module)
    gc.freeze()
    while (received := socket.recv_fds(asking, _LONGEST, _MOST_FILES))[0]:
        start = _Start(*json.loads(received[0]), files=received[1])
        _load(start.words)
        between = os.fork()
        if between == 0:
            _bear_one(asking, start)
        os.waitpid(between, 0)
        asking.send(b"orphaned")
        for file in received[1]:
            os.close(file)


def _load(words: list[str]) -> None:
    """Load what users' verbs need, MCP above all, once one of them is asked for."""
    if words and words[0] in main.USERS_VERBS:
        importlib.import_module(main.module_of(words[0], words[1:]))
        gc.freeze()


def _bear_one(asking: socket.socket, start: _Start) -> NoReturn:
    """Bear one, and make an orphan of it."""
    child = os.fork()
    if child == 0:
        _be(start)
    asking.send(str(child).encode())
    os._exit(0)


def _be(start: _Start) -> NoReturn:
    """Be what an interpreter would be that had been started so, until it ends."""
    gc.freeze()  # what nobody needs any more is not for us to close
    _have_only(dict(zip(start.numbers, start.files, strict=True)))
    if start.begins_session:
        os.setsid()
    os.chdir(start.folder)
    os.environ.clear()
    os.environ.update(start.environment)
    sys.argv = [main.__file__, *start.words]
    _show([*FROM_NOTHING, *start.words])
    _forget_signals()
    subprocess._fork_exec = _fork_alike_or_execute
    os._exit(_status())


def _have_only(files: Mapping[int, int]) -> None:
    """Have these files by these numbers, and no other."""
    above = {number: fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, _ABOVE_ALL) for number, file in files.items()}
    for number, file in above.items():
        os.dup2(file, number)
    for before, after in itertools.pairwise([*sorted(files), 2**31 - 1]):
        os.closerange(before + 1, after)


def _show(command: Sequence[str]) -> None:
    """Have `ps` show what would have been executed: it reads that where the kernel once wrote it."""
    begin, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[45:47])
    shown = "\0".join(command).encode()[: end - begin - 1]
    ctypes.memmove(begin, shown.ljust(end - begin, b"\0"), end - begin)


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    for each in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(each, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _fork_alike_or_execute(*how: Any) -> int:
    asked = _Execution(*how[: len(_Execution._fields)])
    if not _begins_with(FROM_NOTHING, asked.args):
        return _execute(*how)
    start = _start(asked, FROM_NOTHING)
    child = os.fork()
    if child == 0:
        _be(start)
    return child


def _status() -> int:
    """Run it, end it as an interpreter does, and return its status."""
    try:
        main.main()
        status = 0
    except SystemExit as ended:
        status = _said(ended.code)
    except BaseException:  # noqa: BLE001 - as an interpreter does
        sys.excepthook(*sys.exc_info())
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return status


def _said(code: int | str | None) -> int:
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        return 1
    return code or 0


if __name__ == "__main__":
    _bear(socket.socket(fileno=int(sys.argv[1])))
