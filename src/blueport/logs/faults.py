"""What is told of an exception: its type, the name of its number if it has one, and where it was raised.

Never its message, which quotes values as those of SQLite, asyncpg, KeyError and UnicodeDecodeError do, and no lines of
source, which a traceback shows beside them.
"""

import errno
import re
import sys
from collections.abc import Iterator
from types import CodeType, TracebackType

import msgspec

# Of a chain, or of a group, so many are told; and of each so many frames, those nearest to the fault.
LONGEST_CHAIN = 8
DEEPEST = 30
_NAME = re.compile(r"[A-Z0-9_]{1,48}")


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One exception; `frames` are `file:line:function`, the innermost last."""

    type: str
    name: str | None = None
    frames: list[str] = []


def faults_of(error: BaseException) -> list[Fault]:
    """Return what *error* is, and what it came of, or consists of."""
    return [
        Fault(type(each).__qualname__, name_of(each), _frames(each.__traceback__))
        for each, _ in zip(_chain(error, set()), range(LONGEST_CHAIN), strict=False)
    ]


def name_of(error: BaseException) -> str | None:
    """Return the name that SQLite, PostgreSQL or the operating system has for it, as `SQLITE_FULL`, None if none."""
    number = errno.errorcode.get(error.errno or 0) if isinstance(error, OSError) else None
    names = (getattr(error, "sqlite_errorname", None), getattr(error, "sqlstate", None), number)
    return next((name for name in names if isinstance(name, str) and _NAME.fullmatch(name)), None)


def root_of(error: BaseException) -> BaseException:
    """Return what *error* came of in the first place."""
    return list(_chain(error, set()))[-1]


def place_of(code: CodeType, line: int) -> str:
    """Return where that is."""
    return f"{short(code.co_filename)}:{line}:{code.co_qualname}"


def short(path: str) -> str:
    """Return *path* as it is seen from where modules are found: the rest says only how this machine is set up."""
    roots = [root for root in sys.path if root and path.startswith(f"{root}/")]
    return path.removeprefix(max(roots, key=len) + "/") if roots else path.rpartition("/")[2]


def _chain(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for each in (*parts, *([] if before is None else [before])):
        yield from _chain(each, seen)


def _frames(traceback: TracebackType | None) -> list[str]:
    frames: list[str] = []
    while traceback is not None:
        frames.append(place_of(traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames[-DEEPEST:]
