"""What a page of the dashboard says, and what became of a form that was posted there."""

import html
import re
from html.parser import HTMLParser

import httpx2

from blueport.server.operating import service as operating
from tests.server.browsers import Browser
from tests.server.world import Customer


def seen(browser: Browser, path: str) -> str:
    """Return what a page says, without its markup."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return words(answer)


def words(answer: httpx2.Response) -> str:
    """Return what is in the page itself, without its markup."""
    body = answer.text[answer.text.index("<main") :]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)))


def led_to(answer: httpx2.Response) -> str:
    assert answer.status_code == 303, words(answer)
    return answer.headers["location"]


def refused(answer: httpx2.Response) -> str:
    """Return why."""
    assert answer.status_code == 422, answer.text
    why = re.search(r'role="alert">(.*?)</p>', answer.text)
    assert why is not None
    return html.unescape(re.sub("</?code>", "`", why[1]))


def older(page: str) -> str:
    """Return where a page leads on to what is older, empty if nothing is."""
    found = re.search(r'href="([^"]*before=[^"]*)">Older', page)
    return html.unescape(found[1]) if found else ""


def entries(customer: Customer, how_many: int = 1) -> list[tuple[str, str, str | None]]:
    found = customer.world.do(operating.entries, customer.account_id, how_many)
    return [(entry.actor, entry.action, entry.detail) for entry in found]


class Running(HTMLParser):
    """Finds what a browser would run, or take for htmx's, that is not in a file of ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_foreign = tag == "script" and not given.get("src", "").startswith("/dashboard/static/")
        acts = [name for name in given if name.startswith("on") or name == "style" or name in ("hx-get", "hx-post")]
        leads = [
            link for name in ("href", "src", "action") if not (link := given.get(name, "/")).startswith(("/", "#"))
        ]
        if is_foreign or tag in ("style", "iframe", "base", "object", "embed") or acts or leads:
            self.found.append(self.get_starttag_text() or tag)
