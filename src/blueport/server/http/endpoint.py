"""What one endpoint is, and how a request goes through it.

A request is read and decoded in the event loop; then one unit of work does the rest, in the order in which errors are
judged: key, scope, form of the body, values, and what the endpoint itself looks up. So a refusal undoes everything, and
what is revoked is refused from the next request on.
"""

import hashlib
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

import msgspec

from blueport.server.auditing.service import Actor
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.keys import Scope
from blueport.server.authorizing.service import Key
from blueport.server.errors import ApiError
from blueport.server.http import repeating
from blueport.server.http.answers import with_request_id
from blueport.server.http.bodies import body_of, query_of
from blueport.server.http.pages import Cursors
from blueport.server.http.repeating import Attempt, Done, Underway
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
    request_id: str

    @property
    def actor(self) -> Actor:
        """Return who asks as the audit log knows it."""
        return Actor(self.key.id, self.request_id)


class Request(msgspec.Struct, frozen=True):
    """A request as it came: its query string if it is a GET, else its body, or the refusal that reading it came to."""

    id: str
    authorization: list[bytes]
    idempotency: list[bytes]
    given: bytes | ApiError


class Prepared(msgspec.Struct, frozen=True):
    """A decoded request, ready to be done: *unit* does it, or raises the refusal."""

    is_refused: bool
    unit: Callable[[Tx, Terms, Underway], Done]


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
    refusals: tuple[str, ...] = ()

    def refusing(self, *codes: str) -> "Endpoint":
        """Say which codes it may answer, beside those that come of its shape and of having a key."""
        return msgspec.structs.replace(self, refusals=codes)


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
    is_read = method == "GET"
    decode = query_of if is_read else body_of

    def prepared(request: Request) -> Prepared:
        decoded = _decoded(request, lambda raw: decode(raw, asked))

        def performed(tx: Tx, terms: Terms, underway: Underway) -> Done:
            key = authorizing.authenticated(tx, request.authorization)
            authorizing.require_scope(key, scope)
            if isinstance(decoded, ApiError):
                raise decoded

            def do() -> bytes:
                return with_request_id(msgspec.json.encode(unit(tx, Call(key, decoded, terms, request.id))), request.id)

            if is_read:
                return Done(do())
            return repeating.once(tx, _attempt(route, key, request, decoded), underway, do)

        return Prepared(isinstance(decoded, ApiError), performed)

    purpose = (unit.__doc__ or "").partition("\n")[0]
    return Endpoint(_METHODS[method], path, scope, asked, answer, status, purpose, prepared)


def _decoded(request: Request, decode: Callable[[bytes], Asked]) -> Asked | ApiError:
    """Decode *request*. A refusal is kept until the key has been judged: a bad key is told first."""
    if isinstance(request.given, ApiError):
        return request.given
    try:
        return decode(request.given)
    except ApiError as error:
        return error


def _attempt(route: str, key: Key, request: Request, asked: msgspec.Struct) -> Attempt:
    content = msgspec.json.encode([key.id, route, asked])
    return Attempt(
        account_id=key.account_id,
        key_id=key.id,
        request_id=request.id,
        fingerprint=hashlib.sha256(content).hexdigest()[:32],
        name=repeating.name_of(request.idempotency),
    )
