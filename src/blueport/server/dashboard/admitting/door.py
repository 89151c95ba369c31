"""The door of the dashboard: who asks, by the cookie of their browser or by the token, and whose forms are believed.

A form is believed if the browser says that a page of ours sent it, and, of whoever is signed in, if it brings what only
such a page knows. Before that there is nothing to know: a token in a cookie could be planted by a neighbouring site
together with its form, while no site can change what the browser says.
"""

import contextlib
import secrets
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.types import Receive, Scope

from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.limits import Limits
from blueport.server.dashboard.admitting.cookies import SessionCookie
from blueport.server.dashboard.admitting.origins import HOME, is_from_us, page_of_ours
from blueport.server.dashboard.forms import LIMIT, Form, form_of
from blueport.server.dashboard.rendering import led_to
from blueport.server.errors import ApiError, StoreUnavailableError
from blueport.server.http.answers import Answer
from blueport.server.http.reading import body_within_limit, too_slow
from blueport.server.http.routing import header_values, visit_of
from blueport.server.signing_in import service as signing_in
from blueport.server.signing_in.service import AGENT_LENGTH, LONGEST_MS, Browser, Session
from blueport.server.store.interface import Store

SIGN_IN = "/dashboard/sign-in"


class Premises(msgspec.Struct, frozen=True):
    """What the door is told of its server.

    Args:
        secret: The installation's.
        token: Lets in whoever shows it; None lets nobody in.
        public_url: Where others reach it.
    """

    secret: bytes
    token: str | None
    public_url: str | None


class Door:
    """The door of one server's dashboard."""

    def __init__(self, store: Store, limits: Limits, premises: Premises) -> None:
        self._store = store
        self._limits = limits
        self._premises = premises
        self._cookie = SessionCookie(is_secure=(premises.public_url or "").startswith("https://"))

    @property
    def has_token(self) -> bool:
        """Tell whether a token lets in whoever shows it."""
        return bool(self._premises.token)

    async def session(self, scope: Scope) -> Session | Answer:
        """Return who asks, or where they are sent instead.

        Raises:
            ApiError: They have a wrong token of the dashboard's.
        """
        token = query_of(scope).get("token")
        if scope["path"] == HOME and token is not None and self._premises.token:
            return await self._sign_in_operator(scope, token, self._premises.token)
        return await self.signed_in(scope) or led_to(_sign_in_before(scope))

    async def posted(self, scope: Scope, receive: Receive) -> tuple[Session, Form]:
        """Return who posts a form, and what stands in it.

        Raises:
            ApiError: Nobody who is signed in, or not from a page of ours, or what is no form.
        """
        session = await self.signed_in(scope)
        form = await self.form(scope, receive, admits=session is not None)
        if session is None:
            raise forbidden("You are not signed in any more. Sign in again; nothing was done.")
        said = header_values(scope, b"x-csrf-token") or [form.text("csrf").encode()]
        if len(said) != 1 or not secrets.compare_digest(said[0], session.csrf.encode()):
            raise forbidden("This form is of an earlier sign-in. Go back, load the page again, and send it once more.")
        return session, form

    async def signed_in(self, scope: Scope) -> Session | None:
        """Return who asks, None if they are not signed in."""
        token = self._cookie.token_in(scope)
        if token is None:
            return None
        session = await self._store.read(signing_in.signed_in, token, self._premises.token)
        if session is not None and session.is_stale:
            # Who can only read looks on all the same.
            with contextlib.suppress(StoreUnavailableError):
                await self._store.write_holding(None, signing_in.touch, session)
        return session

    async def form(self, scope: Scope, receive: Receive, *, admits: bool = False) -> Form:
        """Return what stands in a form of ours, which may take its time to arrive if it *admits*.

        Raises:
            ApiError: It is not from a page of ours, or is none.
        """
        if not is_from_us(scope, self._premises.public_url):
            raise forbidden("This form was not sent by a page of this dashboard, so nothing was done.")

        async def admit() -> None:
            if not admits:
                raise too_slow()

        body = await body_within_limit(receive, admit, LIMIT)
        if isinstance(body, ApiError):
            raise body
        return form_of(body)

    def browser(self, scope: Scope, request_id: str | None) -> Browser:
        """Return what is known of the browser that asks."""
        agent = b" ".join(header_values(scope, b"user-agent")).decode("ascii", "replace")[:AGENT_LENGTH]
        address = visit_of(scope).address
        return Browser(self._cookie.token_in(scope), address, agent, request_id)

    def let_in(self, address: str, token: str) -> Answer:
        """Have a browser keep the token of its session, and lead it on."""
        return led_to(address, self._cookie.holding(token, LONGEST_MS))

    def let_out(self) -> Answer:
        """Have a browser forget its session, and lead it to where one signs in."""
        return led_to(SIGN_IN, self._cookie.gone())

    def wrong_secret(self, address: str, told: ApiError) -> ApiError:
        """Count what was shown in vain; return *told*, or that it was too often."""
        return authorizing.wrong_secret(self._limits, address, self._store.now_ms(), told)

    async def _sign_in_operator(self, scope: Scope, given: str, token: str) -> Answer:
        browser = self.browser(scope, None)
        if not secrets.compare_digest(given.encode("latin-1"), token.encode()):
            told = forbidden("This is not the dashboard's token.")
            raise self.wrong_secret(browser.address, told)
        return self.let_in(HOME, await self._store.write_holding(None, signing_in.sign_in_operator, browser, token))


def query_of(scope: Scope) -> dict[str, str]:
    """Return what stands in the query, as Latin-1, which takes any byte: what makes no sense is no fault of ours."""
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, encoding="latin-1"))


def _sign_in_before(scope: Scope) -> str:
    """Return where to sign in, to be led to what was asked for then; a token is not repeated."""
    query = scope["query_string"].decode("latin-1")
    asked = scope["path"] + (f"?{query}" if query and "token" not in query_of(scope) else "")
    leads_to = page_of_ours(asked)
    return SIGN_IN if leads_to == HOME else f"{SIGN_IN}?next={quote(leads_to, safe='/')}"


def forbidden(message: str) -> ApiError:
    """Return the refusal of who may not."""
    return ApiError("insufficient_scope", message)
