"""What the pages in docs/ and the README have people type exists, word by word and option by option."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from blueport.cli.daemon import WORDS
from tests.system.forking import Forking

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Blocks of code, and code within a sentence.
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s(/])blueport ((?:[^\n|;&)]|\\\n)*)")
WORD = re.compile(r"[a-z]+")
LINK = re.compile(r"\]\(([^)#:]+)\)")


class Typed(NamedTuple):
    """A command, as `daemon install`, and the options with which it is typed."""

    words: tuple[str, ...]
    options: tuple[str, ...]


def typed_in(page: Path) -> Iterator[Typed]:
    for blocks in CODE.findall(page.read_text()):
        for command in COMMAND.findall("".join(blocks)):
            yield typed(shlex.split(command.replace("\\\n", " "), comments=True))


def typed(parts: list[str]) -> Typed:
    words: list[str] = []
    for part in parts:
        if not WORD.fullmatch(part) or len(words) == 2:
            break
        words.append(part)
    has_second = words[:1] and words[0] not in ("dev", "serve", "simulate", "key", "migrate", "audit")
    return Typed(tuple(words[: 2 if has_second else 1]), tuple(sorted(part for part in parts if part.startswith("--"))))


TYPED = sorted({each for page in PAGES for each in typed_in(page)})


@pytest.mark.parametrize("each", TYPED, ids=lambda each: " ".join([*each.words, *each.options]))
def test_what_people_are_told_to_type_exists(forked: Forking, tmp_path: Path, each: Typed) -> None:
    ended = forked.run(*each.words, "--help", at=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert not [option for option in each.options if option.partition("=")[0] not in ended.stdout]


def test_there_is_something_to_judge() -> None:
    assert Typed(("daemon", "install"), ()) in TYPED
    assert Typed(("daemon", "uninstall"), ("--even-unfinished", "--purge")) in TYPED
    assert len(TYPED) > 20


def test_each_word_of_the_daemon_is_in_its_page() -> None:
    told = {each.words for each in typed_in(ROOT / "docs" / "mac-mini.md")}

    assert {word for word in WORDS if ("daemon", word) not in told} <= {"run", "import"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []
