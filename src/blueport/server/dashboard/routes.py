"""The dashboard: pages for the operator of an installation, under /dashboard."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.routing import Route, compile_path
from starlette.types import Receive, Scope

from blueport.logs.lines import logger
from blueport.server.dashboard import live
from blueport.server.dashboard.admitting.door import Door, Premises
from blueport.server.dashboard.admitting.origins import HOME
from blueport.server.dashboard.admitting.signing_in import Admission, refusing
from blueport.server.dashboard.forms import NO_FORM, Form
from blueport.server.dashboard.installation import Facts
from blueport.server.dashboard.live import Live
from blueport.server.dashboard.pages import Action, Asked, NothingHereError, Page, Told
from blueport.server.dashboard.rendering import Drawing, led_to, link
from blueport.server.dashboard.rooms import ACTIONS, PAGES
from blueport.server.errors import ApiError, StoreUnavailableError
from blueport.server.http.answers import Answer
from blueport.server.http.endpoint import Terms
from blueport.server.http.problems import ClientGoneError, nowhere
from blueport.server.http.routing import origin_of, route, visit_of, wants_a_page
from blueport.server.operating.service import OperatorError
from blueport.server.signing_in.service import Session
from blueport.server.store.interface import Store

log = logger(__name__)


_Way = Callable[[Scope, Receive, str], Awaitable[Answer]]


class Dashboard:
    """The pages of one server."""

    def __init__(self, store: Store, terms: Terms, premises: Premises, installation: tuple[Facts, ...]) -> None:
        self._store = store
        self._terms = terms
        self._drawing = Drawing(installation)
        self._door = Door(store, terms.limits, premises)
        self._admission = Admission(store, self._drawing, self._door, premises.secret)
        self._live = Live()

    def close(self) -> None:
        """End what pages listen to."""
        self._live.close()

    def routes(self) -> list[Route]:
        """Return all pages, what is done there, and the files that they bring."""
        ways: dict[str, dict[str, _Way]] = {}
        for page in PAGES:
            ways.setdefault(page.path, {})["GET"] = functools.partial(self._page, page)
        for action in ACTIONS:
            found = ways.setdefault(action.path, {"GET": functools.partial(self._lead_back, action.page)})
            found["POST"] = functools.partial(self._act, action)
        ways[live.PATH] = {"GET": self._follow}
        ways["/dashboard/static/{name}"] = {"GET": self._file}
        ways |= {path: dict(by_method) for path, by_method in self._admission.ways().items()}
        ways["/dashboard/{nowhere:path}"] = {"GET": self._find_nothing, "POST": self._find_nothing}
        return [route("/", {"GET": _lead_in}), *(self._route(path, by_method) for path, by_method in ways.items())]

    def _route(self, path: str, ways: Mapping[str, _Way]) -> Route:
        return route(path, {method: functools.partial(self._shown, way) for method, way in ways.items()})

    async def _shown(self, way: _Way, scope: Scope, receive: Receive, request_id: str) -> Answer:
        """Answer; what goes wrong is a page too."""
        try:
            return await way(scope, receive, request_id)
        except ClientGoneError:
            raise
        except NothingHereError:
            return self._wrong(404, "There is nothing here", "It was deleted, or the address is mistyped.")
        except ApiError as error:
            wrong = self._wrong(error.status, "That was not done", error.message)
            return refusing(wrong, error)
        except StoreUnavailableError:
            return self._wrong(503, "The database is away", "Nothing was done. Try again in a moment.")
        except Exception:
            log.exception("request_failed", request_id=request_id)
            return self._wrong(
                500, "Something went wrong on our side", f"The log of the server has it as {request_id}."
            )

    def _wrong(self, status: int, title: str, why: str) -> Answer:
        return self._drawing.answer("wrong.html", {"title": title, "why": why}, status)

    async def _page(self, page: Page, scope: Scope, _receive: Receive, request_id: str) -> Answer:
        session = await self._door.session(scope)
        if isinstance(session, Answer):
            return session
        asked = self._asked(scope, session, request_id)
        return self._drawing.page(page, asked, await self._store.read(page.view, asked))

    async def _act(self, action: Action, scope: Scope, receive: Receive, request_id: str) -> Answer:
        session, form = await self._door.posted(scope, receive)
        asked = self._asked(scope, session, request_id, form)
        try:
            done = await self._store.write(action.unit, asked)
        except (OperatorError, ApiError) as error:
            found = await self._store.read(action.page.view, asked)
            return self._drawing.page(action.page, asked, found, problem=_sentence(error), status=422)
        if isinstance(done, Told):
            return self._drawing.told(done, action.page, asked)
        return led_to(link(done.to, notice=done.notice))

    async def _lead_back(self, page: Page, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        """Lead who opens the address of a form, which browsers show where it was refused, to the form's page."""
        return led_to(page.path.format(**{name: quote(said) for name, said in scope.get("path_params", {}).items()}))

    async def _find_nothing(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        if scope["path_params"]["nowhere"]:
            raise NothingHereError
        return led_to(HOME)

    async def _follow(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        session = await self._door.session(scope)
        of = urlsplit(dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("of", ""))
        found = _page_at(of.path)
        if isinstance(session, Answer) or found is None:
            raise NothingHereError
        page, path = found
        query = query_of(of.query)

        async def look() -> str | None:
            again = await self._door.session(scope)
            if isinstance(again, Answer):
                return None
            actor = again.actor(request_id, visit_of(scope).address)
            asked = Asked(again, actor, self._terms, origin_of(scope), path, query)
            try:
                return self._drawing.part(page, asked, await self._store.read(page.view, asked))
            except NothingHereError:
                return None

        return self._live.streamed(look, receive)

    async def _file(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        found = self._drawing.file(scope["path_params"]["name"])
        if found is None:
            raise NothingHereError
        return found

    def _asked(self, scope: Scope, session: Session, request_id: str, form: Form = NO_FORM) -> Asked:
        actor = session.actor(request_id, visit_of(scope).address)
        path = _storable(scope.get("path_params", {}))
        query = query_of(scope["query_string"].decode("latin-1"))
        return Asked(session, actor, self._terms, origin_of(scope), path, query, form)


async def _lead_in(scope: Scope, receive: Receive, request_id: str) -> Answer:
    """Lead people who open the server's bare address to the dashboard; to programs there is nothing."""
    return led_to(HOME) if wants_a_page(scope) else await nowhere(scope, receive, request_id)


def query_of(words: str) -> Mapping[str, str]:
    """Return what stands in a query; of a name that is there twice the last counts."""
    return _storable(dict(parse_qsl(words, keep_blank_values=True, errors="replace")))


def _storable(asked: Mapping[str, str]) -> Mapping[str, str]:
    """Return what PostgreSQL can be asked for, too: it takes no NUL, and nothing there is named by one."""
    return {name: words.replace("\0", "\ufffd") for name, words in asked.items()}


_PATTERNS = tuple((compile_path(page.path)[0], page) for page in PAGES if page.is_live)


def _page_at(path: str) -> tuple[Page, Mapping[str, str]] | None:
    found = ((pattern.match(path), page) for pattern, page in _PATTERNS)
    return next(((page, _storable(match.groupdict())) for match, page in found if match), None)


def _sentence(error: Exception) -> str:
    """Return why something was refused, as a sentence."""
    words = str(error)
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")
