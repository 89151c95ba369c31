"""Tables for people in a terminal, whatever strangers have written into the cells."""

import unicodedata
from collections.abc import Sequence

# Joins the parts of one emoji; all other characters that are not seen only deceive.
_JOINER = "\u200d"
_REPLACEMENT = "\ufffd"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return *rows*, the first of which are the heads of the columns, in columns."""
    lines = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(_width, cells)) for cells in zip(*lines, strict=True)]
    padded = [[cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def printable(words: str) -> str:
    """Return *words* on one line, without what would have a terminal do something."""
    plain = (character if _is_plain(character) else _REPLACEMENT for character in " ".join(words.splitlines()))
    return "".join(plain)


def _is_plain(character: str) -> bool:
    return character.isprintable() or character == _JOINER


def _width(words: str) -> int:
    """Return how many columns of a terminal *words* take."""
    return sum(map(_columns, words))


def _columns(character: str) -> int:
    if character == _JOINER or unicodedata.combining(character) or unicodedata.category(character) == "Mn":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
