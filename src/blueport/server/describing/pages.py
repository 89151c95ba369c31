"""The pages of the documentation as they are written: Markdown in docs/, in the order of the site."""

import posixpath
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# In a wheel they lie within the package.
_PACKAGED = Path(__file__).with_name("docs")
DOCS = _PACKAGED if _PACKAGED.exists() else Path(__file__).parents[4] / "docs"

_FRONT_MATTER = re.compile(r"---\ndescription: (.*)\n---\n\n")
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
# What tells the tests what to do with a block; and what only they see.
_FOR_TESTS = re.compile(
    r"^ *<!-- (?:not run|nothing here is run|keeps running|exits|hidden)\b.*?-->\n\n?", re.MULTILINE | re.DOTALL
)
_PAGE_LINK = re.compile(r"\]\((?!\w+:|/)([^)#\s]+)\.md(#[^)]*)?\)")
_TAB = re.compile(r'^=== "(.+)"\n\n((?:    .*\n|\n)+)', re.MULTILINE)
_PICTURE = re.compile(r"^!\[.*\]\(.*\).*\n\n?", re.MULTILINE)
_TITLE_OF_BLOCK = re.compile(r'^(```\w+) title="(\w+)"$', re.MULTILINE)


class Page(NamedTuple):
    """One page; *name* is its path in docs/."""

    name: str
    description: str
    text: str

    @property
    def title(self) -> str:
        """Return its first heading."""
        title = _TITLE.search(self.text)
        return title[1] if title else self.name

    @property
    def path(self) -> str:
        """Return its path in the site."""
        return self.name.removesuffix(".md").removesuffix("index").rstrip("/") + "/"


def names() -> list[str]:
    """Return the names of the pages, in the order of the site; none where the sources lie without them."""
    order = DOCS / "zensical.toml"
    return list(_names(tomllib.loads(order.read_text())["project"]["nav"])) if order.exists() else []


def pages() -> list[Page]:
    """Return the pages in the order of the site."""
    return [_page(name) for name in names()]


def plain(page: Page, base: str) -> str:
    """Return a page as one reads it who has but text: tabs one below the other, and links that lead to *base*."""
    text = _TITLE_OF_BLOCK.sub(r"\2:\n\n\1", _PICTURE.sub("", page.text))
    text = _TAB.sub(lambda tab: f"{tab[1]}:\n\n{_dedented(tab[2])}", text)
    return _PAGE_LINK.sub(lambda link: f"]({base}/docs/{_target(page, link)})", text)


def _target(page: Page, link: re.Match[str]) -> str:
    name = posixpath.normpath(posixpath.join(posixpath.dirname(page.name), f"{link[1]}.md"))
    return f"{Page(name, '', '').path.removeprefix('/')}{link[2] or ''}"


def _dedented(text: str) -> str:
    return "".join(line.removeprefix("    ") for line in text.splitlines(keepends=True))


def _page(name: str) -> Page:
    source = (DOCS / name).read_text()
    front = _FRONT_MATTER.match(source)
    if front is None:
        raise ValueError(f"{name} does not begin with its description")
    return Page(name, front[1], _FOR_TESTS.sub("", source[front.end() :]))


def _names(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for each in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _names(each)
