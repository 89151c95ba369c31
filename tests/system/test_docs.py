"""What the pages in docs/ and the README have people type exists, word by word and option by option."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from blueport.cli.daemon import WORDS
from tests.docs.blocks import pages
from tests.system.test_the_command_line import run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *pages()]
# Blocks of code, and code within a sentence.
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s(/])blueport ((?:[^\n|;&)]|\\\n)*)")
WORD = re.compile(r"[a-z]+")
# A link, and the heading that it leads to.
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


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


# The page of all commands is written from the parsers themselves.
TYPED = sorted({each for page in PAGES if page.name != "command-line.md" for each in typed_in(page)})


@pytest.mark.parametrize("each", TYPED, ids=lambda each: " ".join([*each.words, *each.options]))
def test_what_people_are_told_to_type_exists(tmp_path: Path, each: Typed) -> None:
    ended = run(*each.words, "--help", at=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert not [option for option in each.options if option.partition("=")[0] not in ended.stdout]


def test_there_is_something_to_judge() -> None:
    assert Typed(("daemon", "install"), ()) in TYPED
    assert Typed(("daemon", "uninstall"), ("--even-unfinished", "--purge")) in TYPED
    assert len(TYPED) > 20


def test_each_word_of_the_daemon_is_in_its_page() -> None:
    told = {each.words for each in typed_in(ROOT / "docs" / "guides" / "mac-mini.md")}

    assert {word for word in WORDS if ("daemon", word) not in told} <= {"run", "import"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = {(page.parent / path if path else page, heading) for path, heading in LINK.findall(page.read_text())}

    assert [str(leads) for leads, heading in links if not is_there(leads, heading)] == []


def is_there(page: Path, heading: str) -> bool:
    """Return whether *page* is there, with that heading as browsers find it, if one is named."""
    if not heading or not page.exists() or page.suffix == ".png":
        return page.exists()
    text = page.read_text()
    # What a page draws from the server has headings of its own; the reference's tests look at those.
    return "<!-- draw " in text or heading in {slug(each) for each in HEADING.findall(text)}


def slug(heading: str) -> str:
    text, _, named = heading.removesuffix("}").partition(" {#")
    return named or re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
