"""The pages by which one gets in to the dashboard, and out: by e-mail and password, or by a link of the operator's."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.types import Receive, Scope

from blueport.server.dashboard.admitting.door import SIGN_IN, Door, forbidden, query_of
from blueport.server.dashboard.admitting.guessing import Guessing
from blueport.server.dashboard.admitting.hashing import Hashing
from blueport.server.dashboard.admitting.origins import HOME, page_of_ours
from blueport.server.dashboard.forms import Form
from blueport.server.dashboard.rendering import Drawing, led_to
from blueport.server.errors import ApiError
from blueport.server.http.answers import Answer
from blueport.server.http.routing import visit_of
from blueport.server.signing_in import credentials
from blueport.server.signing_in import service as signing_in
from blueport.server.signing_in.queries import Login
from blueport.server.signing_in.service import Browser, Owner, Session
from blueport.server.store.interface import Store

SIGN_OUT = "/dashboard/sign-out"
OWNER = "/dashboard/owner"
PASSWORD = "/dashboard/password"  # noqa: S105 - a path

_Way = Callable[[Scope, Receive, str], Awaitable[Answer]]


class Admission:
    """What is done at the door of one server's dashboard."""

    def __init__(self, store: Store, drawing: Drawing, door: Door, secret: bytes) -> None:
        self._store = store
        self._drawing = drawing
        self._door = door
        self._hashing = Hashing()
        self._guessing = Guessing(store, secret)

    def ways(self) -> Mapping[str, Mapping[str, _Way]]:
        """Return what answers on the paths by which one gets in and out, by method."""
        return {
            SIGN_IN: {"GET": self._show_sign_in, "POST": self._sign_in},
            SIGN_OUT: {"POST": self._sign_out},
            OWNER: {"GET": self._show_owner, "POST": self._become_owner},
            PASSWORD: {"GET": self._show_password, "POST": self._change_password},
        }

    # By e-mail and password

    async def _show_sign_in(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        leads_to = page_of_ours(query_of(scope).get("next", ""))
        if await self._door.signed_in(scope):
            return led_to(leads_to)
        return await self._sign_in_page(leads_to)

    async def _sign_in(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        form = await self._door.form(scope, receive)
        said, password = form.text("email"), _only(form, "password")
        leads_to = page_of_ours(form.text("next"))
        browser = self._door.browser(scope, request_id)
        try:
            login = await self._login(said, password, browser)
        except ApiError as refusal:
            return await self._sign_in_page(leads_to, email=said, refusal=refusal)
        rehashed = None
        if credentials.is_outdated(login.password_hash):
            rehashed = await self._hashing.done(credentials.hashed, password)
        token = await self._store.write_holding(None, signing_in.sign_in, login, browser, rehashed)
        if token is None:
            return await self._sign_in_page(leads_to, email=said, refusal=_wrong_password())
        return self._door.let_in(leads_to, token)

    async def _sign_in_page(self, leads_to: str, email: str = "", refusal: ApiError | None = None) -> Answer:
        has_owner = await self._store.read(signing_in.has_owner)
        shown = {"next": leads_to, "email": email, "has_owner": has_owner, "has_token": self._door.has_token}
        return self._drawn("sign-in.html", shown, refusal)

    async def _login(self, said: str, password: str, browser: Browser) -> Login:
        """Return whom an e-mail and a password fit; who that could be shows neither in what is answered nor in when.

        Raises:
            ApiError: They fit nobody, or that was tried too often.
        """
        email = credentials.canonical_email(said)
        await self._guessing.count(email or said, browser.address)
        login = None if email is None else await self._store.read(signing_in.login_of, email)
        kept = None if login is None else login.password_hash
        if await self._hashing.done(credentials.is_right, password, kept) and login is not None:
            return login
        told = _wrong_password()
        refusal = self._door.wrong_secret(browser.address, told)
        if refusal is told:
            await self._store.write_holding(None, signing_in.note_wrong_password, login, browser)
        raise refusal

    async def _sign_out(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        session, _ = await self._door.posted(scope, receive)
        by = session.actor(request_id, visit_of(scope).address)
        await self._store.write_holding(None, signing_in.sign_out, session, by)
        return self._door.let_out()

    # By a link

    async def _show_owner(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        link = query_of(scope).get("link", "")
        return self._owner_page(link, await self._owner_by(link, scope))

    async def _become_owner(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        form = await self._door.form(scope, receive)
        link, password = form.text("link"), _only(form, "password")
        owner = await self._owner_by(link, scope)
        said = form.text("email") if owner is None else owner.email
        try:
            email = _email(said)
            _require_strength(password, email)
        except ApiError as refusal:
            return self._owner_page(link, owner, said, refusal)
        wanted = Owner(email, await self._hashing.done(credentials.hashed, password))
        token = await self._store.write(signing_in.use_link, link, wanted, self._door.browser(scope, request_id))
        if token is None:
            raise self._wrong_link(scope)
        return self._door.let_in(HOME, token)

    async def _owner_by(self, link: str, scope: Scope) -> Login | None:
        """Return the owner, if there is one, to whoever has a good link.

        Raises:
            ApiError: It is none.
        """
        if not await self._store.read(signing_in.is_good_link, link):
            raise self._wrong_link(scope)
        return await self._store.read(signing_in.owner)

    def _wrong_link(self, scope: Scope) -> ApiError:
        told = forbidden(
            "This link was used, is older than 15 minutes, or there is a newer one. On the server, the command"
            " blueport dashboard link makes another."
        )
        return self._door.wrong_secret(visit_of(scope).address, told)

    def _owner_page(self, link: str, owner: Login | None, email: str = "", refusal: ApiError | None = None) -> Answer:
        return self._drawn("owner.html", {"link": link, "owner": owner, "email": email}, refusal)

    # The password

    async def _show_password(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        session = await self._door.session(scope)
        return session if isinstance(session, Answer) else self._password_page(session)

    async def _change_password(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        session, form = await self._door.posted(scope, receive)
        old, new = _only(form, "old_password"), _only(form, "password")
        if session.email is None:
            raise forbidden("Whoever comes by the dashboard's token has no password.")
        browser = self._door.browser(scope, request_id)
        try:
            _require_strength(new, session.email)
            login = await self._login(session.email, old, browser)
        except ApiError as refusal:
            return self._password_page(session, refusal)
        hashed = await self._hashing.done(credentials.hashed, new)
        by = session.actor(request_id, browser.address)
        if not await self._store.write_holding(None, signing_in.change_password, session, login, hashed, by):
            return self._password_page(session, _wrong_password())
        return led_to(HOME)

    def _password_page(self, session: Session, refusal: ApiError | None = None) -> Answer:
        return self._drawn("password.html", {"session": session}, refusal)

    # What they have in common

    def _drawn(self, template: str, shown: Mapping[str, object], refusal: ApiError | None) -> Answer:
        problem = None if refusal is None else refusal.message
        answer = self._drawing.answer(template, {**shown, "problem": problem})
        return answer if refusal is None else refusing(answer, refusal)


def refusing(answer: Answer, refusal: ApiError) -> Answer:
    """Give a page the status of what it refuses, and say how long to wait."""
    answer.status = refusal.status
    if refusal.retry_after_s is not None:
        answer.headers += ((b"retry-after", b"%d" % refusal.retry_after_s),)
    return answer


def _only(form: Form, name: str) -> str:
    """Return what was written in a field, just as it is: the space around a password is part of it.

    Raises:
        ApiError: `malformed_request`: there is no such field, or several.
    """
    values = form.all(name)
    if len(values) != 1:
        raise ApiError("malformed_request", f"The form has to have one field `{name}`.")
    return values[0]


def _email(said: str) -> str:
    email = credentials.canonical_email(said)
    if email is None:
        raise ApiError("invalid_parameter_value", "This is no e-mail address.")
    return email


def _require_strength(password: str, email: str) -> None:
    weakness = credentials.weakness_of(password, email)
    if weakness is not None:
        raise ApiError("invalid_parameter_value", weakness)


def _wrong_password() -> ApiError:
    return forbidden("E-mail or password is wrong.")
