"""What one endpoint is, and how a request goes through it.

A request is read and decoded in the event loop; then one unit of work does the rest, in the order in which errors are
judged: key, rate, scope, form of the body, values, and what the endpoint itself looks up. So a refusal undoes all but
the count of calls, and what is revoked is refused from the next request on.
"""

import hashlib
from collections.abc import Callable
from typing import Generic, Literal, Self, TypeVar

import msgspec

from blueport.server.auditing.service import Actor
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.keys import Scope
from blueport.server.authorizing.limits import Limits
from blueport.server.authorizing.service import Key, Visit
from blueport.server.blobs.links import Links
from blueport.server.errors import ApiError
from blueport.server.http import repeating
from blueport.server.http.answers import with_request_id
from blueport.server.http.bodies import body_of, query_of
from blueport.server.http.pages import Cursors
from blueport.server.http.repeating import Attempt, Done, Underway
from blueport.server.notifying.egress.guard import Guard
from blueport.server.sealing import PLAIN, Keyring
from blueport.server.store.tx import Tx

Method = Literal["GET", "POST", "DELETE"]
_METHODS: dict[str, Method] = {"GET": "GET", "POST": "POST", "DELETE": "DELETE"}
Asked = TypeVar("Asked", bound=msgspec.Struct)
Told = TypeVar("Told", bound=msgspec.Struct)


class Terms(msgspec.Struct, frozen=True):
    """What the operator laid down, as endpoints need it, and how much of it was used."""

    region: str
    max_attempts: int
    guard: Guard
    cursors: Cursors
    links: Links
    limits: Limits
    keyring: Keyring


class Call(msgspec.Struct, Generic[Asked], frozen=True):
    """An authorised request: who asks, and what; `links` lead to us as the caller knows us.

    `storage_key` is where the bytes of an upload are; `actor` is who asks as the audit log knows it.
    """

    key: Key
    asked: Asked
    terms: Terms
    origin: str | None
    storage_key: str
    actor: Actor

    @property
    def links(self) -> Links:
        """Return the links to files for who called us there."""
        return self.terms.links.seen_from(self.origin)


class Request(msgspec.Struct, frozen=True):
    """A request as it came: its query string if it is a GET, else its body, or the refusal that reading it came to.

    Of an upload, what is given is what was found out about its bytes, and `storage_key` where they are. `origin` is how
    the caller reached us, None if that is nothing to be repeated.
    """

    id: str
    visit: Visit
    idempotency: list[bytes]
    given: bytes | ApiError
    origin: str | None = None
    storage_key: str = ""


class Prepared(msgspec.Struct, frozen=True):
    """A decoded request, ready to be done: *unit* does it, or raises the refusal.

    No two of the same *name* are done at a time: they may be one request, said twice.
    """

    is_refused: bool
    name: str
    unit: Callable[[Tx, Terms, Underway], Done]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path; *asked* is the shape of its body, or of its query if it is a GET.

    The body of an upload is a file's bytes; *admit* judges who brings them before they are read.
    """

    method: Method
    path: str
    scope: Scope
    asked: type[msgspec.Struct]
    answer: type[msgspec.Struct]
    status: int
    purpose: str
    admit: Callable[[Tx, Terms, Visit], Key]
    is_upload: bool = False
    refusals: tuple[str, ...] = ()

    def refusing(self, *codes: str) -> Self:
        """Say which codes it may answer, beside those that come of its shape and of having a key."""
        return msgspec.structs.replace(self, refusals=codes)


class Plain(Endpoint, frozen=True, kw_only=True):
    """An endpoint whose requests are one unit of work each."""

    prepared: Callable[[Request], Prepared]


def endpoint(  # noqa: PLR0913 - one row of a table
    route: str,
    scope: Scope,
    asked: type[Asked],
    answer: type[Told],
    unit: Callable[[Tx, Call[Asked]], Told],
    status: int = 200,
    *,
    is_upload: bool = False,
    tells_secret: bool = False,
    location: Callable[[Told], str] | None = None,
) -> Plain:
    """Make the endpoint for *route*, as in `POST /v1/messages`: *unit* does it, once its Call has been authorised.

    Its answer is a redirect to *location*, if that is given; one that *tells_secret* is sealed while it is kept.
    """
    method, path = route.split()
    is_read = method == "GET"
    decode = query_of if is_read else _found if is_upload else body_of
    admitted = admission(scope)

    def prepared(request: Request) -> Prepared:
        decoded = decoded_by(decode, request, asked)

        def performed(tx: Tx, terms: Terms, underway: Underway) -> Done:
            key = admitted(tx, terms, request.visit)
            if isinstance(decoded, ApiError):
                raise decoded
            call = call_of(request, key, terms, decoded)
            if is_read:
                told = unit(tx, call)
                return Done(_encoded(told, request), location=location(told) if location else None)

            def do() -> bytes:
                return _encoded(unit(tx, call), request)

            name = repeating.name_of(request.idempotency)
            keyring = terms.keyring if tells_secret else PLAIN
            attempt = Attempt(key.account_id, key.id, request.id, fingerprint, name, keyring)
            return repeating.once(tx, attempt, underway, do)

        fingerprint = "" if is_read or isinstance(decoded, ApiError) else _fingerprint(route, request, decoded)
        return Prepared(isinstance(decoded, ApiError), _name(request, fingerprint), performed)

    return Plain(
        method=_METHODS[method],
        path=path,
        scope=scope,
        asked=asked,
        answer=answer,
        status=status,
        purpose=purpose_of(unit),
        prepared=prepared,
        admit=admitted,
        is_upload=is_upload,
    )


def admission(scope: Scope) -> Callable[[Tx, Terms, Visit], Key]:
    """Return what lets a visit in that may do what *scope* stands for."""

    def admitted(tx: Tx, terms: Terms, visit: Visit) -> Key:
        key = authorizing.admit(tx, terms.limits, visit)
        authorizing.require_scope(key, scope)
        return key

    return admitted


def call_of(request: Request, key: Key, terms: Terms, asked: Asked) -> Call[Asked]:
    """Return an authorised request as units see it."""
    actor = Actor(key.id, request.id, request.visit.address)
    return Call(key, asked, terms, request.origin, request.storage_key, actor)


def purpose_of(unit: Callable[..., object]) -> str:
    """Return what a unit is for, in its own words."""
    return (unit.__doc__ or "").partition("\n")[0]


def _encoded(told: msgspec.Struct, request: Request) -> bytes:
    """Return the body of the answer to *request*."""
    return with_request_id(msgspec.json.encode(told), request.id)


def _found(raw: bytes, shape: type[Asked]) -> Asked:
    """Take what was found out about an upload: it is our own word."""
    return msgspec.json.decode(raw, type=shape)


def decoded_by(decode: Callable[[bytes, type[Asked]], Asked], request: Request, shape: type[Asked]) -> Asked | ApiError:
    """Decode *request*. A refusal is kept until the key has been judged: a bad key is told first."""
    if isinstance(request.given, ApiError):
        return request.given
    try:
        return decode(request.given, shape)
    except ApiError as error:
        return error


def _fingerprint(route: str, request: Request, asked: msgspec.Struct) -> str:
    """Return what tells a request from others: who asks, for what."""
    content = msgspec.json.encode([request.visit.key_hash, route, asked])
    return hashlib.blake2b(content, digest_size=16).hexdigest()  # a third of the time that SHA-256 takes


def _name(request: Request, fingerprint: str) -> str:
    return f"{request.visit.key_hash} {request.idempotency}" if request.idempotency else fingerprint
