"""The OpenAPI description, made from the endpoints, their Structs and the codes, so that it cannot drift from them."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from blueport.server.authorizing.keys import SCOPES
from blueport.server.describing import refusals, schemas
from blueport.server.describing.events import EVENTS, Event
from blueport.server.describing.schemas import Schema
from blueport.server.errors import CODES
from blueport.server.http.endpoint import Endpoint
from blueport.server.http.following import KEEP_ALIVE, RETRY_MS, STREAM, Followed
from blueport.server.notifying.delivering.signing import Delivery

_ID = "req_01k742sg000000000000000001"
_LINK = "https://blueport.example.com/files/file_01k742sg000000000000000001?expires=...&signature=..."
_REQUEST_ID: Schema = {"type": "string", "description": "What to quote when you ask about it.", "examples": [_ID]}
_FAULT: Schema = {
    "type": "object",
    "required": ["type", "code", "message"],
    "properties": {
        "type": {
            "type": "string",
            "enum": list(dict.fromkeys(code.type for code in CODES.values())),
            "description": "What kind of refusal it is.",
        },
        "code": {"type": "string", "enum": list(CODES), "description": "Why; made for programs, and stable."},
        "message": {"type": "string", "description": "Why; made for people, and not stable."},
        "param": {"type": "string", "description": "The parameter at fault; absent where there is none."},
    },
}
_ERROR: Schema = {
    "description": "A request that was refused; nothing of it was done.",
    "type": "object",
    "required": ["error", "request_id"],
    "properties": {"error": _FAULT, "request_id": _REQUEST_ID},
}
_WITH_REQUEST_ID: Schema = {
    "type": "object",
    "required": ["request_id"],
    "properties": {"request_id": _REQUEST_ID},
}
_IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request under the same key has its effect once, for a day.",
    "example": "order-1042-confirmation",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
# A header named Content-Type is no parameter to OpenAPI: it is told with the body.
UPLOAD_HEADERS = {
    "Content-Type": "The file's media type; without it, what its first bytes look like.",
    "X-Filename": "The file's name: UTF-8, percent-encoded UTF-8 or RFC 8187; folders in it are dropped.",
}
_FILENAME: Schema = {
    "name": "X-Filename",
    "in": "header",
    "required": False,
    "description": UPLOAD_HEADERS["X-Filename"],
    "example": "cat.jpg",
    "schema": {"type": "string"},
}
_LAST_EVENT_ID: Schema = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The same as `after`, and before it: browsers send it when a stream was cut off.",
    "example": "evt_01k742sg000000000000000001",
    "schema": {"type": "string"},
}
_BYTES: Schema = {"type": "string", "format": "binary"}


def _header(meaning: str, kind: str, example: object) -> Schema:
    return {"description": meaning, "schema": {"type": kind}, "example": example}


_HEADERS: dict[str, Schema] = {
    "X-Request-Id": _header("The `request_id` of the body.", "string", _ID),
    "RateLimit-Limit": _header("How many requests the key may make in an hour.", "integer", 1000),
    "RateLimit-Remaining": _header("How many of them are left.", "integer", 998),
    "RateLimit-Reset": _header("In how many seconds they are all there again.", "integer", 1742),
    "RateLimit-Policy": _header("The limit in the form of the IETF's draft.", "string", '"default";q=1000;w=3600'),
    "RateLimit": _header("What is left in the form of the IETF's draft.", "string", '"default";r=998;t=1742'),
    "Location": _header("A link to the bytes; it needs no key, and is to be followed at once.", "string", _LINK),
    "Retry-After": _header("After how many seconds to ask again.", "integer", 30),
    "Idempotent-Replayed": _header(
        "`true` if this is the first answer again, and nothing was done anew.", "string", "true"
    ),
}
_FOUND = 302
_ALWAYS = ("X-Request-Id",)
_LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy", "RateLimit")
_UNDER_A_KEY = (*_ALWAYS, *_LIMITS)
_WHEN_TO_ASK_AGAIN = ("429", "503")
_ANSWER = "Answer 2xx in time; else it is tried again for about three days."
_EXTENDED = "Only for accounts that have switched extended events on. "
_DELIVERY_HEADERS = {
    "X-Webhook-Signature": "HMAC-SHA256 of `{timestamp}.{raw body}` under the webhook's secret, in lower-case hex.",
    "X-Webhook-Timestamp": "When this try was sent (Unix milliseconds); refuse what is off by more than five minutes.",
    "X-Webhook-Delivery-Id": "The same for every try of one delivery.",
}


def description(endpoints: Iterable[Endpoint], *, version: str) -> Schema:
    """Return the OpenAPI 3.1 document for *endpoints*."""
    each = list(endpoints)
    asked = schemas.of_requests(endpoint.asked for endpoint in each if _takes_json(endpoint))
    answered = answers(each)
    paths: dict[str, Schema] = {}
    for endpoint in each:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, answered)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Blueport",
            "version": version,
            "summary": "An open, self-hosted iMessage API for agents.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The installation that this document came from."}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in sorted({_noun(endpoint) for endpoint in each})],
        "paths": paths,
        "webhooks": {event.name: {"post": _delivered(event, answered)} for event in EVENTS},
        "components": {
            "schemas": {**asked, **answered, "Error": _ERROR},
            "headers": _HEADERS,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "sk_live_...",
                    "description": f"An API key. Its scopes are some of {', '.join(f'`{scope}`' for scope in SCOPES)}.",
                }
            },
        },
    }


def _operation(endpoint: Endpoint, answered: dict[str, Schema]) -> Schema:
    operation: Schema = {
        "operationId": re.sub(r"\W+", "_", f"{endpoint.method.lower()}{endpoint.path.removeprefix('/v1')}"),
        "tags": [_noun(endpoint)],
        "summary": endpoint.purpose.removesuffix("."),
        "description": f"{endpoint.purpose} Scope: `{endpoint.scope}`.",
        "security": [{"key": [endpoint.scope]}],
    }
    operation["parameters"] = _parameters(endpoint)
    operation.update(_body(endpoint))
    operation["responses"] = {str(endpoint.status): _done(endpoint, answered), **_refused(endpoint)}
    return operation


def _body(endpoint: Endpoint) -> Schema:
    if endpoint.is_upload:
        meaning, content = UPLOAD_HEADERS["Content-Type"], {"*/*": {"schema": _BYTES}}
        return {"requestBody": {"required": True, "description": meaning, "content": content}}
    if not _takes_json(endpoint):
        return {}
    content = {"application/json": {"schema": schemas.reference(schemas.named(endpoint.asked))}}
    return {"requestBody": {"required": True, "content": content}}


def _takes_json(endpoint: Endpoint) -> bool:
    is_something_asked = bool(schemas.fields_of(asked_by(endpoint)))
    return endpoint.method != "GET" and not endpoint.is_upload and is_something_asked


def _noun(endpoint: Endpoint) -> str:
    """Return what an endpoint is about: `webhooks` of `/v1/webhooks/rotate`."""
    return endpoint.path.split("/")[2]


def _parameters(endpoint: Endpoint) -> list[Schema]:
    if endpoint.is_upload:
        return [_IDEMPOTENCY_KEY, _FILENAME]
    if endpoint.method != "GET":
        return [_IDEMPOTENCY_KEY]
    asked = asked_by(endpoint)
    required = schemas.required_of(asked)
    fields = schemas.fields_of(asked).items()
    headers = [_LAST_EVENT_ID] if isinstance(endpoint, Followed) else []
    return [*(_parameter(name, field, is_required=name in required) for name, field in fields), *headers]


def _parameter(name: str, field: Schema, *, is_required: bool) -> Schema:
    schema = {word: value for word, value in field.items() if word not in ("description", "default")}
    meaning = field.get("description", "")
    return {"name": name, "in": "query", "required": is_required, "description": meaning, "schema": schema}


def _done(endpoint: Endpoint, answered: dict[str, Schema]) -> Schema:
    name = schemas.named(endpoint.answer)
    schema = {"allOf": [schemas.reference(name), _WITH_REQUEST_ID]}
    shown = example_answer(endpoint.answer, answered)
    headers = _UNDER_A_KEY if endpoint.method == "GET" else (*_UNDER_A_KEY, "Idempotent-Replayed")
    if endpoint.status == _FOUND:
        headers = (*headers, "Location")
    answer = _json_answer("Done.", schema, headers, shown)
    return _or_stream(answer, shown) if isinstance(endpoint, Followed) else answer


def _or_stream(answer: Schema, shown: Schema) -> Schema:
    """Describe that the same can be had as server-sent events."""
    meaning = (
        "With `Accept: text/event-stream`: without end, each item of `data` as an event whose `id` and `event` are its"
        " own, and whose `data` is the item as JSON. It begins with what happens from now on, unless `after` or"
        " `Last-Event-ID` say where; comments keep it alive."
    )
    (item,) = msgspec.convert(shown["data"], list[Schema])
    frame = f"id: {item['id']}\nevent: {item['event']}\ndata: {msgspec.json.encode(item).decode()}\n\n"
    example = f"retry: {RETRY_MS}\n\n{frame}{KEEP_ALIVE.decode()}"
    stream: Schema = {"schema": {"type": "string", "description": meaning}, "example": example}
    content = msgspec.convert(answer["content"], Schema)
    return {**answer, "content": {**content, STREAM.decode(): stream}}


def _refused(endpoint: Endpoint) -> dict[str, Schema]:
    each = {str(status): _refusal(str(status), codes) for status, codes in refusals.by_status(endpoint).items()}
    # A proxy before the server has words of its own.
    return {**each, "default": _json_answer("Refused.", schemas.reference("Error"), _ALWAYS)}


def _refusal(status: str, codes: list[str]) -> Schema:
    meaning = "\n".join(f"- `{code}`: {CODES[code].meaning}" for code in codes)
    only: Schema = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    headers = [*(_ALWAYS if status == "401" else _UNDER_A_KEY)]
    if status in _WHEN_TO_ASK_AGAIN:
        headers.append("Retry-After")
    return _json_answer(meaning, {"allOf": [schemas.reference("Error"), only]}, headers)


def _json_answer(meaning: str, schema: Mapping[str, object], headers: Iterable[str], example: object = None) -> Schema:
    content: Schema = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {
        "description": meaning,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {"application/json": content},
    }


def _delivered(event: Event, answered: dict[str, Schema]) -> Schema:
    return {
        "operationId": event.name.replace(".", "_"),
        "tags": ["webhooks"],
        "summary": event.meaning.removesuffix("."),
        "description": _EXTENDED + _ANSWER if event.is_extended else _ANSWER,
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": meaning, "schema": {"type": "string"}}
            for name, meaning in _DELIVERY_HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body_of(event), "example": example_of(event, answered)}},
        },
        "responses": {"2XX": {"description": "Taken; it will not come again."}},
    }


def asked_by(endpoint: Endpoint) -> Schema:
    """Return the shape of what is asked of *endpoint*; in a query nothing is null."""
    asked = schemas.of_requests([endpoint.asked])[schemas.named(endpoint.asked)]
    if endpoint.method != "GET":
        return asked
    fields = {name: schemas.without_null(field) for name, field in schemas.fields_of(asked).items()}
    return {**asked, "properties": fields}


def answers(endpoints: Iterable[Endpoint]) -> dict[str, Schema]:
    """Return the shapes of all that leaves, by name."""
    return schemas.of_answers([*(endpoint.answer for endpoint in endpoints), *(event.shape for event in EVENTS)])


def example_answer(shape: type[msgspec.Struct], answered: dict[str, Schema]) -> Schema:
    """Return an answer of that shape."""
    return {**schemas.example(answered[schemas.named(shape)], answered), "request_id": _ID}


def body_of(event: Event) -> Schema:
    """Return the schema of the body of a delivery."""
    (delivery,) = schemas.of_answers([Delivery]).values()
    fields = schemas.fields_of(delivery)
    said = {"event": {**fields["event"], "const": event.name}, "data": schemas.reference(schemas.named(event.shape))}
    return {**delivery, "properties": {**fields, **said}}


def example_of(event: Event, answered: dict[str, Schema]) -> Schema:
    """Return the body of a delivery."""
    shown = schemas.example(body_of(event), answered)
    return {**shown, "data": {**schemas.example(answered[schemas.named(event.shape)], answered), **event.example}}
