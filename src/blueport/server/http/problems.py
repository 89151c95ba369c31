"""The one place where whatever goes wrong becomes an answer."""

import logging
from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from blueport.clock import now_ms
from blueport.server.errors import ApiError, StoreUnavailableError
from blueport.server.http.answers import Answer, is_said_at_once, refusal, send_answer
from blueport.server.ids import mint

log = logging.getLogger(__name__)

Answering = Callable[[Scope, Receive, str], Awaitable[Answer]]


class ClientGoneError(Exception):
    """The client hung up before its request was whole."""


class Answered:
    """An ASGI app out of a function that is given a request and its id, and answers or raises.

    A class, since Starlette takes a plain function for something else.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = mint("req", now_ms())
        try:
            # None of our paths needs an escape, and some that hold one look like ours: `/v1%2Flines`, `/v1/lines%0A`.
            found = nowhere if b"%" in scope["raw_path"] else self._answering
            answer = await found(scope, receive, request_id)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered, and what is ours is logged
            answer = answer_to(error, request_id)
        if not is_said_at_once(send, answer, request_id):
            await send_answer(send, answer, request_id)


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
        log.warning("%s: the database is not available: %s", request_id, error)
        error = busy()
    elif not isinstance(error, ApiError):
        log.error("%s failed", request_id, exc_info=error)
        error = ApiError("internal_error", "Something went wrong on our side.")
    return refusal(error, request_id)
