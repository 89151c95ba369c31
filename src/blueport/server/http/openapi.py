"""The OpenAPI description, made from the endpoints and their Structs, so that it cannot drift from them."""

from collections.abc import Iterable

import msgspec

from blueport.server.errors import CODES
from blueport.server.http.endpoint import Endpoint

Schema = dict[str, object]
_FOUND = 302

_ERROR: Schema = {
    "type": "object",
    "required": ["error", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "code", "message"],
            "properties": {
                "type": {"type": "string", "enum": sorted({kind for kind, _ in CODES.values()})},
                "code": {"type": "string", "enum": sorted(CODES)},
                "message": {"type": "string"},
                "param": {"type": "string"},
            },
        },
        "request_id": {"type": "string"},
    },
}


_IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request under the same key has its effect once, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_UPLOAD_HEADERS: list[Schema] = [
    {
        "name": "Content-Type",
        "in": "header",
        "required": False,
        "description": "The file's media type; without it, what its first bytes look like.",
        "schema": {"type": "string"},
    },
    {
        "name": "X-Filename",
        "in": "header",
        "required": False,
        "description": "The file's name: UTF-8, percent-encoded UTF-8, or RFC 8187. Folders in it are dropped.",
        "schema": {"type": "string"},
    },
]
_LOCATION: Schema = {
    "Location": {
        "description": "A link to the file's bytes that works without a key for a quarter of an hour.",
        "schema": {"type": "string", "format": "uri"},
    }
}
# Any endpoint may answer these; a proxy before it, others.
_REFUSALS = ("400", "401", "403", "404", "408", "413", "429", "431", "503", "default")


def description(endpoints: Iterable[Endpoint], *, version: str) -> Schema:
    """Return the OpenAPI 3.1 document for *endpoints*."""
    each = list(endpoints)
    _, asked = _components({endpoint.asked for endpoint in each if endpoint.method != "GET" and not endpoint.is_upload})
    _, answered = _components({endpoint.answer for endpoint in each})
    paths: dict[str, Schema] = {}
    for endpoint in each:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Blueport", "version": version},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            # An answer holds all its fields, those too that have a default on our side.
            "schemas": {**asked, **{name: _whole(schema) for name, schema in answered.items()}, "Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> Schema:
    operation: Schema = {
        "operationId": f"{endpoint.method.lower()}_{endpoint.path.rpartition('/')[2]}".replace("-", "_"),
        "description": f"{endpoint.purpose} Scope: `{endpoint.scope}`.",
        "responses": {
            str(endpoint.status): _answer(endpoint),
            **dict.fromkeys(
                _REFUSALS, _json_answer("Refused; nothing was done.", {"$ref": "#/components/schemas/Error"})
            ),
        },
    }
    if endpoint.method == "GET":
        operation["parameters"] = _parameters(endpoint.asked)
    elif endpoint.is_upload:
        operation["parameters"] = [_IDEMPOTENCY_KEY, *_UPLOAD_HEADERS]
        operation["requestBody"] = _body("*/*", {"type": "string", "format": "binary"})
    else:
        operation["parameters"] = [_IDEMPOTENCY_KEY]
        operation["requestBody"] = _body("application/json", _reference(endpoint.asked))
    return operation


def _body(media_type: str, schema: Schema) -> Schema:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def _answer(endpoint: Endpoint) -> Schema:
    done = _json_answer("Done.", _with_request_id(endpoint.answer))
    return {**done, "headers": _LOCATION} if endpoint.status == _FOUND else done


def _json_answer(meaning: str, schema: Schema) -> Schema:
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def _with_request_id(shape: type[msgspec.Struct]) -> Schema:
    request_id: Schema = {
        "type": "object",
        "required": ["request_id"],
        "properties": {"request_id": {"type": "string"}},
    }
    return {"allOf": [_reference(shape), request_id]}


def _parameters(shape: type[msgspec.Struct]) -> list[Schema]:
    return [
        {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "schema": msgspec.json.schema(field.type),
        }
        for field in msgspec.structs.fields(shape)
    ]


def _reference(shape: type[msgspec.Struct]) -> Schema:
    (reference,), _ = _components([shape])
    return reference


def _components(shapes: Iterable[type[msgspec.Struct]]) -> tuple[tuple[Schema, ...], dict[str, Schema]]:
    return msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")


def _whole(schema: Schema) -> Schema:
    properties = schema.get("properties")
    return {**schema, "required": list(properties)} if isinstance(properties, dict) else schema
