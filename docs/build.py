"""Builds the documentation's site: writes the pages with what they draw from the server, then has Zensical set them.

`python docs/build.py` leaves it in build/docs/site, which the server serves at /docs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from blueport.server.app import ENDPOINTS
from blueport.server.describing import texts
from blueport.server.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BUILD = ROOT / "build" / "docs"
# Whoever reads it may have reached any installation; this is what `make run` begins with.
BASE = "http://127.0.0.1:8080"
# What is taken as it is.
BESIDE = ("images", "javascripts", "stylesheets")
_SECTION = re.compile(
    r'<nav class="md-nav" data-md-level="\d" (?P<name>aria-labelledby="\w+")[^>]*>\s*'
    r'<label class="md-nav__title"[^>]*>(?P<title>.*?)</label>',
    re.DOTALL,
)
CHANGELOG = "<!-- changelog -->"
LOST = '<p>There is no page at this address. <a href="/">Begin at the first one</a>, or search.</p>'
SECTIONS = {"added": "Added", "changed": "Changed", "fixed": "Fixed", "security": "Security", "removed": "Removed"}


def main() -> None:
    """Build the site anew."""
    shutil.rmtree(BUILD, ignore_errors=True)
    for page in texts.filled(ENDPOINTS, base=BASE, hourly_limit=Settings().hourly_limit):
        place = BUILD / "pages" / page.name
        place.parent.mkdir(parents=True, exist_ok=True)
        description = json.dumps(page.description)
        place.write_text(f"---\ndescription: {description}\n---\n\n{page.text.replace(CHANGELOG, changelog())}")
    for name in BESIDE:
        shutil.copytree(DOCS / name, BUILD / "pages" / name)
    shutil.copytree(DOCS / "theme", BUILD / "theme")
    shutil.copy(DOCS / "zensical.toml", BUILD)
    _set()


def changelog() -> str:
    """Return what has changed: first what no version has yet, then version by version."""
    _, _, versions = (ROOT / "CHANGELOG.md").read_text().partition("\n## ")
    return "\n".join(["## Not released yet", *_unreleased(), f"## {versions}" if versions else ""])


def _unreleased() -> Iterator[str]:
    for kind, title in SECTIONS.items():
        news = [file.read_text().strip() for file in sorted((ROOT / "changes").glob(f"*.{kind}.md"))]
        if news:
            yield f"\n### {title}\n"
            yield from ("- " + re.sub(r"\s*\n\s*", " ", each) for each in news)


def _set() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", BUILD / "zensical.toml"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    if ended.returncode:
        sys.exit(f"The site was not built:\n{ended.stdout}{ended.stderr}")
    for page in (BUILD / "site").rglob("*.html"):
        page.write_text(_mended(page.read_text()))
    lost = BUILD / "site" / "404.html"
    # It stands at any depth, so its links begin at the root, where the generator takes the site to be.
    told = lost.read_text().replace("</h1>", f"</h1>\n{LOST}", 1)
    lost.write_text(re.sub(r'((?:href=|src=|":)")/', r"\1/docs/", told))


def _mended(page: str) -> str:
    """Return a page without empty heads of tables, and without what those stumble over who have it read to them."""
    named = _SECTION.sub(_named, page)
    return re.sub(r"<thead>\s*<tr>(\s*<th></th>)+\s*</tr>\s*</thead>", "", named).replace("<th></th>", "<td></td>")


def _named(section: re.Match[str]) -> str:
    """Give a part of the navigation a name of its own: the generator's names several alike."""
    words = re.sub(r"<[^>]*>", "", section["title"]).strip()
    return section[0].replace(section["name"], f'aria-label="Pages under {words}"', 1)


if __name__ == "__main__":
    main()
