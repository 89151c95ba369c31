"""What one endpoint is, and how a request goes through it.

A request is read and decoded in the event loop; then one unit of work does the rest, in the order in which errors are
judged: key, scope, form of the body, values, and what the endpoint itself looks up. So a refusal undoes everything, and
what is revoked is refused from the next request on.
"""

from collections.abc import Callable
from typing import Generic, Literal, TypeVar

import msgspec

from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.keys import Scope
from blueport.server.authorizing.service import Key
from blueport.server.errors import ApiError
from blueport.server.http.bodies import body_of, query_of
from blueport.server.http.pages import Cursors
from blueport.server.notifying.guard import Guard
from blueport.server.store.tx import Tx

Method = Literal["GET", "POST", "DELETE"]
_METHODS: dict[str, Method] = {"GET": "GET", "POST": "POST", "DELETE": "DELETE"}
Asked = TypeVar("Asked", bound=msgspec.Struct)


class Terms(msgspec.Struct, frozen=True):
    """What the operator laid down, as endpoints need it."""

    region: str
    max_attempts: int
    guard: Guard
    cursors: Cursors


class Call(msgspec.Struct, Generic[Asked], frozen=True):
    """An authorised request: who asks, and what."""

    key: Key
    asked: Asked
    terms: Terms


class Request(msgspec.Struct, frozen=True):
    """A request as it came: its query string if it is a GET, else its body, or the refusal that reading it came to."""

    authorization: list[bytes]
    given: bytes | ApiError


class Prepared(msgspec.Struct, frozen=True):
    """A decoded request, ready to be done: *unit* returns the answer's JSON, or raises the refusal."""

    is_refused: bool
    unit: Callable[[Tx, Terms], bytes]


class Endpoint(msgspec.Struct, frozen=True):
    """One method on one path; *asked* is the shape of its body, or of its query if it is a GET."""

    method: Method
    path: str
    scope: Scope
    asked: type[msgspec.Struct]
    answer: type[msgspec.Struct]
    status: int
    purpose: str
    prepared: Callable[[Request], Prepared]


def endpoint(
    route: str,
    scope: Scope,
    asked: type[Asked],
    answer: type[msgspec.Struct],
    unit: Callable[[Tx, Call[Asked]], msgspec.Struct],
    status: int = 200,
) -> Endpoint:
    """Make the endpoint for *route*, as in `POST /v1/messages`: *unit* does it, once its Call has been authorised."""
    method, path = route.split()
    read = query_of if method == "GET" else body_of

    def prepared(request: Request) -> Prepared:
        return _prepared(request, scope, unit, lambda raw: read(raw, asked))

    purpose = (unit.__doc__ or "").partition("\n")[0]
    return Endpoint(_METHODS[method], path, scope, asked, answer, status, purpose, prepared)


def _prepared(
    request: Request,
    scope: Scope,
    unit: Callable[[Tx, Call[Asked]], msgspec.Struct],
    read: Callable[[bytes], Asked],
) -> Prepared:
    """Decode *request*. A refusal waits until the key has been judged: a bad key is told first."""
    asked = _read(request, read)

    def performed(tx: Tx, terms: Terms) -> bytes:
        key = authorizing.authenticated(tx, request.authorization)
        authorizing.require_scope(key, scope)
        if isinstance(asked, ApiError):
            raise asked
        return msgspec.json.encode(unit(tx, Call(key, asked, terms)))

    return Prepared(isinstance(asked, ApiError), performed)


def _read(request: Request, read: Callable[[bytes], Asked]) -> Asked | ApiError:
    if isinstance(request.given, ApiError):
        return request.given
    try:
        return read(request.given)
    except ApiError as error:
        return error
