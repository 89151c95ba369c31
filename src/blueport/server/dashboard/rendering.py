"""Draws pages: Jinja2's templates, what they can call, and the files that a page brings with it."""

import functools
import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from blueport import __version__
from blueport.server.dashboard.installation import Facts
from blueport.server.dashboard.naming.names import place_of
from blueport.server.dashboard.notices import NOTICES
from blueport.server.dashboard.pages import Asked, Found, Page, Told
from blueport.server.http.answers import Answer, Header, Stream

_HERE = Path(__file__).parent
# The phones of the simulator have it too.
_CAF = _HERE.parents[1] / "caf.js"
_HTML = b"text/html; charset=utf-8"
_POLICY = b"""default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; \
connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"""
# What a browser is told with each page: nothing comes from elsewhere (a `blob:` is made by the page itself), nothing is
# run that stands in the page, nobody frames it, and nothing of it stays in a cache.
HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_CODE = re.compile("`([^`]*)`")
_TYPES = {".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8", ".svg": b"image/svg+xml"}
# They are named by what is in them.
_KEPT = ((b"cache-control", b"public, max-age=31536000, immutable"), (b"cross-origin-resource-policy", b"same-origin"))

ROOMS = (
    ("overview", "Overview", "/dashboard"),
    ("chats", "Chats", "/dashboard/chats"),
    ("outbox", "Outbox", "/dashboard/outbox"),
    ("webhooks", "Webhooks", "/dashboard/webhooks"),
    ("lines", "Lines", "/dashboard/lines"),
    ("keys", "API keys", "/dashboard/keys"),
    ("sandbox", "Sandbox", "/dashboard/sandbox"),
    ("usage", "Usage", "/dashboard/usage"),
    ("audit", "Audit log", "/dashboard/audit"),
    ("settings", "Settings", "/dashboard/settings"),
)


class Drawing:
    """All templates, and the files that pages bring with them."""

    def __init__(self, installation: tuple[Facts, ...]) -> None:
        self._files = {path.name: path.read_bytes() for path in (*(_HERE / "static").iterdir(), _CAF)}
        self._tags = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in self._files.items()}
        self._jinja = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters |= {"qr": qr, "pretty_json": pretty_json, "iso": iso, "moment": moment, "number": number}
        self._jinja.filters |= {"place": place_of, "prose": prose}
        self._jinja.globals |= {"asset": self._asset, "rooms": ROOMS, "version": __version__, "link": link}
        self._jinja.globals["installation"] = installation

    def page(self, page: Page, asked: Asked, found: Found, *, problem: str | None = None, status: int = 200) -> Answer:
        """Draw *page*, with the *problem* that what was posted there met."""
        notice = NOTICES.get(asked.query.get("notice", ""))
        told = {"page": page, "problem": problem, "notice": notice, "live": live_of(page, asked), "title": page.title}
        instead = address_of(page, asked) if problem else None
        return self.answer(
            "page.html", {**_of_all(asked), **told, **found, "instead": instead, "body": page.template}, status
        )

    def told(self, told: Told, page: Page, asked: Asked) -> Answer:
        """Draw what is told just once."""
        shown = {"page": page, "problem": None, "notice": None, "live": None, "title": told.title}
        instead = address_of(page, asked)
        return self.answer(
            "page.html", {**_of_all(asked), **shown, **told.found, "instead": instead, "body": told.template}
        )

    def part(self, page: Page, asked: Asked, found: Found) -> str:
        """Draw what is in *page* alone, without what is around it."""
        return self._jinja.get_template(page.template).render(
            {**_of_all(asked), "page": page, "title": page.title, **found, "problem": None}
        )

    def answer(self, template: str, shown: Found, status: int = 200) -> Answer:
        """Draw a whole page."""
        drawn = self._jinja.get_template(template).render(shown).encode()
        return Answer(status, drawn, HEADERS, _HTML, for_us_alone=True)

    def file(self, name: str) -> Answer | None:
        """Return a file that pages bring with them, None if there is no such file."""
        content = self._files.get(name)
        if content is None:
            return None
        stream = Stream(len(content), _parts(content))
        return Answer(200, b"", _KEPT, _TYPES[Path(name).suffix], stream=stream, for_us_alone=True)

    def _asset(self, name: str) -> str:
        return f"/dashboard/static/{name}?{self._tags[name]}"


def led_to(address: str, *headers: Header) -> Answer:
    """Lead a browser on to another page, by a GET."""
    return Answer(303, b"", (*HEADERS, (b"location", address.encode()), *headers), _HTML, for_us_alone=True)


def live_of(page: Page, asked: Asked) -> str | None:
    """Return from where a page hears of its changes, None if it does not."""
    if not page.is_live:
        return None
    return "/dashboard/live?" + urlencode({"of": address_of(page, asked)})


def address_of(page: Page, asked: Asked) -> str:
    """Return where a page is to be had, also where a form was posted whose answer it is."""
    at = page.path.format(**asked.path)
    query = {name: value for name, value in asked.query.items() if name != "notice"}
    return f"{at}?{urlencode(query)}" if query else at


def link(path: str, **query: object) -> str:
    """Return *path* with a query, or more of one, of what is neither None nor empty."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}{'&' if '?' in path else '?'}{urlencode(given)}" if given else path


def iso(at: int) -> str:
    """Return a moment (Unix milliseconds) as machines read it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(at: int) -> str:
    """Return a moment (Unix milliseconds) as people read it where no script says it nicer."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def number(value: int) -> str:
    """Return a number in groups of three digits."""
    return f"{value:,}"


def pretty_json(value: str) -> str:
    """Return JSON over several lines; what is none, as it is."""
    try:
        return json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except ValueError:
        return value


def prose(words: str) -> Markup:
    """Return words with what stands in `backticks` in them as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(words))))  # noqa: S704 - escaped, all but the tags


@functools.lru_cache(maxsize=128)
def qr(text: str) -> Markup:
    """Return a picture of *text* for a camera, light in dark mode too: cameras look for that."""
    drawn = segno.make(text).svg_inline(scale=4, border=2, light="#fff", svgclass="qr", lineclass=None, omitsize=True)
    return Markup(drawn)  # noqa: S704 - a drawing of squares, in which no word of the text stands


def _of_all(asked: Asked) -> Found:
    return {"session": asked.session, "asked": asked, "account": asked.account}


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    yield content
