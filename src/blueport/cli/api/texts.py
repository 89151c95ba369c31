"""Text from elsewhere than the command line: standard input, and files."""

import sys
from typing import BinaryIO

from blueport.cli.api.errors import UsageError


def text() -> str:
    """Return all of standard input.

    Raises:
        UsageError: There is none, or it is not UTF-8.
    """
    return decoded(_standard_input().read(), "standard input")


def line() -> str:
    """Return the next line of standard input.

    Raises:
        UsageError: There is none, or it is not UTF-8.
    """
    return decoded(_standard_input().readline(), "standard input").strip()


def decoded(raw: bytes, name: str) -> str:
    """Return what was read from what is called *name*, without the mark that some editors put before it.

    Raises:
        UsageError: It is not UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not UTF-8") from None


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise UsageError("there is no standard input to read")
    return sys.stdin.buffer
