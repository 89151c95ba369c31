"""The texts for agents and people who build on the API: llms.txt, short, and llms-full.txt, complete."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec
from jinja2 import Environment, FileSystemLoader, select_autoescape

from blueport.server.authorizing.keys import SCOPES
from blueport.server.blobs.links import LASTING_DAYS, REDIRECT_MS
from blueport.server.describing import openapi, refusals, schemas
from blueport.server.describing.events import EVENTS, Event
from blueport.server.describing.schemas import Schema
from blueport.server.http.bodies import BODY_LIMIT
from blueport.server.http.endpoint import Endpoint
from blueport.server.http.following import AT_ONCE, LONGEST_WAIT_S
from blueport.server.http.pages import DEFAULT_LIMIT, LARGEST_LIMIT
from blueport.server.http.uploads import FILE_LIMIT
from blueport.server.ids import Prefix
from blueport.server.notifying.delivering.schedule import DELAYS_S
from blueport.server.notifying.log.service import KEPT_DAYS
from blueport.server.resources.messages.service import TEXT_LIMIT
from blueport.server.shapes import Accepted

NAMES = ("llms.txt", "llms-full.txt")
_DAY_S = 24 * 60 * 60
# What never leaves the server.
_INNER_PREFIXES = ("acc", "key", "dmn", "tok")


class _Field(NamedTuple):
    name: str
    words: str
    is_required: bool
    meaning: str


class _Shape(NamedTuple):
    name: str
    meaning: str
    fields: list[_Field]


class _Described(NamedTuple):
    """An endpoint as the templates show it."""

    title: str
    purpose: str
    scope: str
    asked_in: str
    asked: list[_Field]
    one_of: list[str]
    status: int
    answer: str
    example: str
    codes: str


class _Happening(NamedTuple):
    """An event as the templates show it."""

    name: str
    meaning: str
    shape: str
    example: str


def rendered(endpoints: Iterable[Endpoint], *, base: str, hourly_limit: int) -> dict[str, str]:
    """Return the texts by name, for an installation that is reached at *base*."""
    each = list(endpoints)
    templates = FileSystemLoader(Path(__file__).with_name("templates"))
    environment = Environment(
        loader=templates,
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    context = {**_contents(each), "base": base, "hourly_limit": hourly_limit}
    return {name: environment.get_template(name).render(context) for name in NAMES}


def _contents(endpoints: list[Endpoint]) -> dict[str, object]:
    answered = openapi.answers(endpoints)
    return {
        "endpoints": [_described(endpoint, answered) for endpoint in endpoints],
        "shapes": [_shape(name, schema) for name, schema in answered.items()],
        "events": [_happening(event, answered) for event in EVENTS if not event.is_extended],
        "extended_events": [_happening(event, answered) for event in EVENTS if event.is_extended],
        "scopes": {scope: [_title(endpoint) for endpoint in endpoints if endpoint.scope == scope] for scope in SCOPES},
        "errors": refusals.explained(),
        "accepted": _pretty(openapi.example_answer(Accepted, answered)),
        "codes_of_any": _listed(refusals.OF_ANY),
        "prefixes": _listed(f"{prefix}_" for prefix in get_args(Prefix) if prefix not in _INNER_PREFIXES),
        "default_limit": DEFAULT_LIMIT,
        "largest_limit": LARGEST_LIMIT,
        "text_limit": TEXT_LIMIT,
        "body_limit": BODY_LIMIT // 1024,
        "file_limit": FILE_LIMIT // (1024 * 1024),
        "redirect_minutes": REDIRECT_MS // 60_000,
        "lasting_days": LASTING_DAYS,
        "tries": len(DELAYS_S) + 1,
        "days": round(sum(DELAYS_S) / _DAY_S),
        "kept_days": KEPT_DAYS,
        "streams": AT_ONCE,
        "longest_wait": LONGEST_WAIT_S,
    }


def _described(endpoint: Endpoint, answered: dict[str, Schema]) -> _Described:
    return _Described(
        title=_title(endpoint),
        purpose=endpoint.purpose,
        scope=endpoint.scope,
        asked_in=_asked_in(endpoint),
        asked=_asked(endpoint),
        one_of=[f"`{name}`" for name in getattr(endpoint.asked, "ONE_OF", {})],
        status=endpoint.status,
        answer=schemas.named(endpoint.answer),
        example=_pretty(openapi.example_answer(endpoint.answer, answered)),
        codes=_listed(code for code in refusals.codes_of(endpoint) if code not in refusals.OF_ANY),
    )


def _asked_in(endpoint: Endpoint) -> str:
    if endpoint.is_upload:
        return "The body is the file as it is. Headers"
    return "Query" if endpoint.method == "GET" else "Body"


def _asked(endpoint: Endpoint) -> list[_Field]:
    if endpoint.is_upload:
        return [_Field(name, "string", False, meaning) for name, meaning in openapi.UPLOAD_HEADERS.items()]  # noqa: FBT003
    return _fields(openapi.asked_by(endpoint))


def _title(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def _shape(name: str, schema: Schema) -> _Shape:
    return _Shape(name, str(schema.get("description", "")), _fields(schema))


def _fields(schema: Schema) -> list[_Field]:
    names = schemas.required_of(schema)
    return [
        _Field(name, schemas.words(field), name in names, str(field.get("description", "")))
        for name, field in schemas.fields_of(schema).items()
    ]


def _happening(event: Event, answered: dict[str, Schema]) -> _Happening:
    example = _pretty(openapi.example_of(event, answered))
    return _Happening(event.name, event.meaning, schemas.named(event.shape), example)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
