"""The status page: /dashboard?token=..., plain and live. Without a token in the settings there is no page."""

import functools
import secrets
from pathlib import Path
from urllib.parse import parse_qsl, quote

import segno
from jinja2 import Environment, FileSystemLoader
from starlette.routing import Route
from starlette.types import Receive, Scope

from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.limits import Limits
from blueport.server.dashboard import queries
from blueport.server.dashboard.queries import PairingStanding
from blueport.server.errors import ApiError
from blueport.server.http.answers import Answer
from blueport.server.http.routing import route, visit_of
from blueport.server.store.interface import Store
from blueport.server.store.tx import Tx

LATEST = 15
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'",
    ),
    (b"referrer-policy", b"no-referrer"),
)


class Dashboard:
    """The pages of one server."""

    def __init__(self, store: Store, limits: Limits, token: str) -> None:
        self._store = store
        self._limits = limits
        self._token = token.encode()
        templates = FileSystemLoader(Path(__file__).with_name("templates"))
        self._templates = Environment(loader=templates, autoescape=True)
        self._templates.filters["qr"] = _qr

    def routes(self) -> list[Route]:
        """Return the page, and the part of it that is fetched anew."""
        return [
            route("/dashboard", {"GET": self.page}),
            route("/dashboard/status", {"GET": self.status}),
        ]

    async def page(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        """Show the page."""
        self._admit(scope)
        return self._rendered("page.html", await self._store.read(_standing))

    async def status(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        """Show the part of the page that changes."""
        self._admit(scope)
        return self._rendered("status.html", await self._store.read(_standing))

    def _admit(self, scope: Scope) -> None:
        # Latin-1 takes any byte: a token that makes no sense is a wrong one, not a fault of ours.
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), encoding="latin-1"))
        if secrets.compare_digest(query.get("token", "").encode("latin-1"), self._token):
            return
        told = ApiError("route_not_found", "There is nothing at this path.")
        raise authorizing.wrong_secret(self._limits, visit_of(scope).address, self._store.now_ms(), told)

    def _rendered(self, template: str, standing: dict[str, object]) -> Answer:
        return Answer(
            200, self._templates.get_template(template).render(standing).encode(), _HEADERS, b"text/html; charset=utf-8"
        )


@functools.lru_cache(LATEST)
def _qr(pairing: PairingStanding) -> str:
    """Return a picture that opens, on a phone, the text that pairs it."""
    text = f"sms:{pairing.line}?body={quote(pairing.activation_code)}"
    return segno.make(text).svg_inline(scale=2, light="#fff")  # light in dark mode too: cameras look for that


def _standing(tx: Tx) -> dict[str, object]:
    return {
        "now_ms": tx.now_ms,
        "lines": queries.line_standings(tx),
        "pairings": queries.latest_pairings(tx, LATEST),
        "open_items": queries.open_items(tx),
        "open_deliveries": queries.open_deliveries(tx),
        "items": queries.latest_items(tx, LATEST),
        "deliveries": queries.latest_deliveries(tx, LATEST),
    }
