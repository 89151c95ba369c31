"""The one place where whatever goes wrong becomes an answer."""

from collections.abc import Awaitable, Callable
from time import perf_counter

from starlette.types import Receive, Scope, Send

from blueport.clock import now_ms
from blueport.logs.lines import is_verbose, logger, named
from blueport.server.errors import ApiError, StoreUnavailableError
from blueport.server.http.answers import Answer, is_said_at_once, refusal, send_answer
from blueport.server.http.recording import Recording
from blueport.server.ids import mint
from blueport.server.tallies import Tallies

log = logger(__name__)

# A method that is none of these is its caller's own word.
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})

Answering = Callable[[Scope, Receive, str], Awaitable[Answer]]


class ClientGoneError(Exception):
    """The client hung up before its request was whole."""


class Answered:
    """An ASGI app out of a function that is given a request and its id, and answers or raises.

    A class, since Starlette takes a plain function for something else; and it counts what it answers, by method, status
    and code. `path` is that of its route, as a template; it is empty for what has none. `recording` is where requests
    are kept, if they are.
    """

    def __init__(self, answering: Answering, path: str = "") -> None:
        self._answering = answering
        self.path = path
        self.tallies: Tallies[tuple[str, int, str]] = Tallies()
        self.recording: Recording | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began_s = perf_counter()
        request_id = mint("req", now_ms())
        try:
            # None of our paths needs an escape, and some that hold one look like ours: `/v1%2Flines`, `/v1/lines%0A`.
            found = nowhere if b"%" in scope["raw_path"] else self._answering
            answer = await found(scope, receive, request_id)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered, and what is ours is logged
            answer = answer_to(error, request_id)
        if self.recording is not None:
            self.recording.keep(scope, answer, request_id, perf_counter() - began_s)
        if not is_said_at_once(send, answer, request_id):
            await send_answer(send, answer, request_id)
        took_s = perf_counter() - began_s
        self.tallies[scope["method"], answer.status, answer.code].add(took_s)
        if is_verbose():
            self._tell(request_id, scope["method"], answer, took_s)

    def _tell(self, request_id: str, method: str, answer: Answer, took_s: float) -> None:
        log.debug(
            "request_answered",
            request_id=request_id,
            endpoint=self.path,
            method=method_of(method).lower(),
            status=answer.status,
            error_code=answer.code or None,
            duration_ms=round(took_s * 1000, 1),
        )


def method_of(given: str) -> str:
    """Return the method that was *given*, or `other`, for logs and figures."""
    return given if given in _METHODS else "other"


async def nowhere(_scope: Scope, _receive: Receive, _request_id: str) -> Answer:
    """Refuse a path that is none of ours."""
    raise ApiError("route_not_found", "There is nothing at this path.")


def busy() -> ApiError:
    """Return the refusal of what cannot be done just now."""
    return ApiError("service_unavailable", "The service is busy; nothing was done. Try again.", retry_after_s=1)


def answer_to(error: Exception, request_id: str) -> Answer:
    """Return what is answered to whom *error* befell.

    Raises:
        ClientGoneError: It is that: nobody waits for an answer.
    """
    if isinstance(error, ClientGoneError):
        raise error
    if isinstance(error, StoreUnavailableError):
        log.warning("database_not_available", request_id=request_id, **named(error))
        error = busy()
    elif not isinstance(error, ApiError):
        log.error("request_failed", request_id=request_id, exc_info=error)
        error = ApiError("internal_error", "Something went wrong on our side.")
    return refusal(error, request_id)
