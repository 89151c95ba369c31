"""The site as `make docs` built it hangs together, and asks nothing of any other host."""

import html
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from blueport.server.describing.site import BUILT
from docs.screenshots import IMAGES, PICTURES

ROOT = "http://site/docs/"
LOADED = re.compile(r'<(?:script|img|iframe|source)[^>]*\ssrc="([^"]+)"|<link[^>]*\shref="([^"]+)"')
LINK = re.compile(r'<a[^>]*\shref="([^"]*)"')
PICTURE = re.compile(r"(<img[^>]*\bimages/([\w-]+)\.png[^>]*>)")
ID = re.compile(r'\s(?:id|name)="([^"]+)"')


@pytest.fixture(scope="module")
def site() -> dict[str, str]:
    """Return each page by its path."""
    if not BUILT.exists():
        pytest.skip("the documentation is not built: `make docs`")
    return {_path(page): page.read_text() for page in BUILT.rglob("*.html") if page.name != "404.html"}


def _path(page: Path) -> str:
    return page.relative_to(BUILT).as_posix().removesuffix("index.html")


def test_every_link_leads_to_a_page_and_a_place_on_it(site: dict[str, str]) -> None:
    ids = {path: {html.unescape(each) for each in ID.findall(text)} for path, text in site.items()}
    wrong: list[tuple[str, str]] = []
    for path, text in site.items():
        for link in {html.unescape(each) for each in LINK.findall(text)}:
            target = urlsplit(urljoin(ROOT + path, link))
            name = target.path.removeprefix("/docs/")
            is_ours = target.netloc == "site" and target.path.startswith("/docs/")
            is_file = is_ours and (BUILT / name).is_file()
            if is_ours and not is_file and (name not in site or unquote(target.fragment or "") not in {*ids[name], ""}):
                wrong.append((path, link))

    assert len(site) > 30
    assert wrong == []


def test_whoever_is_lost_is_led_to_the_pages_from_any_address(site: dict[str, str]) -> None:
    lost = (BUILT / "404.html").read_text()
    links = {html.unescape(link).partition("#")[0] for link in LINK.findall(lost)} - {""}

    assert "There is no page at this address." in lost
    assert links >= {"/docs/", "/docs/quickstart/"}
    assert [link for link in links if link.removeprefix("/docs/") not in site] == []


def test_each_picture_is_shown_in_words_too_and_is_one_that_the_script_takes(site: dict[str, str]) -> None:
    shown = [(tag, name) for text in site.values() for tag, name in PICTURE.findall(text)]

    assert {name for _, name in shown} == {picture.name for picture in PICTURES}
    assert [tag for tag, _ in shown if not re.search(r'\balt="\w', tag)] == []
    assert {picture.name for picture in PICTURES} == {file.stem for file in IMAGES.glob("*.png")}


def test_a_page_loads_nothing_from_elsewhere(site: dict[str, str]) -> None:
    loaded = {(path, "".join(each)) for path, text in site.items() for each in LOADED.findall(text)}

    assert [(path, url) for path, url in loaded if re.match(r"[a-z]+:|//", url)] == []


def test_no_list_has_become_text(site: dict[str, str]) -> None:
    shown = {path: re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL) for path, text in site.items()}
    marks = re.compile(r"<(?:p|li)>(?:(?!</?(?:p|li|ul|ol)\b)[\s\S])*?(?:\n(?:\d+\.|[-*]) |\[ \])")

    assert {path: found[0] for path, text in shown.items() if (found := marks.search(text))} == {}


def test_no_table_has_a_head_without_words(site: dict[str, str]) -> None:
    heads = {path: re.findall(r"<thead>.*?</thead>", text, re.DOTALL) for path, text in site.items()}

    assert [path for path, each in heads.items() if any(not re.sub(r"<[^>]*>|\s", "", head) for head in each)] == []
    assert sum(map(len, heads.values())) > 50


def test_no_page_has_a_style_of_its_own(site: dict[str, str]) -> None:
    assert [path for path, text in site.items() if "<style" in text or re.search(r'<[^>]+\sstyle="', text)] == []
