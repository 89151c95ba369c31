"""Finds the blocks of code on a page, and what is marked about them; docs/README.md says how a page is written."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>```+)(?P<language>[\w+-]*)(?P<about>[^`]*)")
_MARK = re.compile(r" *<!-- (?P<word>not run|keeps running|exits \d+)(?:: (?P<reason>.+))? -->")
_NOTHING = re.compile(r"^<!-- nothing here is run: (.+) -->$", re.MULTILINE)
_HIDDEN = re.compile(r" *<!-- hidden (?P<language>\w+)(?:: (?P<about>.+))?")
_TITLE = re.compile(r'title="([^"]*)"')


class Block(NamedTuple):
    """One block; `line` is that of its first line of code, from 1, and `depth` how far all of it is indented."""

    line: int
    language: str
    code: str
    title: str = ""
    mark: str = ""
    reason: str = ""
    depth: int = 0
    ids: tuple[str, ...] = ()
    is_hidden: bool = False

    @property
    def is_run(self) -> bool:
        """Whether it is done: not where it is marked, with a reason."""
        return self.mark != "not run"

    @property
    def status(self) -> int:
        """Return the exit status that it is to end with."""
        return int(self.mark.removeprefix("exits ")) if self.mark.startswith("exits ") else 0

    @property
    def keeps_running(self) -> bool:
        """Whether it does not end by itself."""
        return self.mark == "keeps running"


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of a page, in their order."""
    blocks = list(_blocks(text.splitlines()))
    nothing = _NOTHING.search(text)
    return [block._replace(mark="not run", reason=nothing[1]) for block in blocks] if nothing else blocks


def pages() -> list[Path]:
    """Return the pages of the documentation; README.md tells how they are written, and is none."""
    return sorted(page for page in DOCS.rglob("*.md") if page != DOCS / "README.md")


def _blocks(lines: list[str]) -> Iterator[Block]:
    at = 0
    mark: re.Match[str] | None = None
    while at < len(lines):
        line = lines[at]
        if hidden := _HIDDEN.fullmatch(line):
            end = _index_of(lines, at + 1, "-->")
            ids = tuple((hidden["about"] or "").split())
            code = "\n".join(lines[at + 1 : end])
            yield Block(at + 2, hidden["language"], code, ids=ids, is_hidden=True)
            at = end
        elif fence := _FENCE.fullmatch(line):
            end = _index_of(lines, at + 1, fence["ticks"])
            yield _block(fence, mark, at + 2, lines[at + 1 : end])
            at = end
        if line.strip():
            mark = _MARK.fullmatch(line)
        at += 1


def _block(fence: re.Match[str], mark: re.Match[str] | None, line: int, code: list[str]) -> Block:
    depth = len(fence["indent"])
    title = _TITLE.search(fence["about"])
    return Block(
        line,
        fence["language"],
        "\n".join(each[depth:] for each in code),
        title[1] if title else "",
        mark["word"] if mark else "",
        (mark["reason"] or "") if mark else "",
        depth,
    )


def _index_of(lines: list[str], begin: int, end: str) -> int:
    for at in range(begin, len(lines)):
        if lines[at].strip() == end:
            return at
    raise AssertionError(f"line {begin}: no `{end}` ends what begins here")
