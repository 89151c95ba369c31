"""The documentation's pages with what they draw from the server, and the texts made of them."""

import posixpath
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
from jinja2 import Environment, FileSystemLoader, select_autoescape

from blueport.server.authorizing.keys import SCOPES
from blueport.server.blobs.links import LASTING_DAYS, REDIRECT_MS
from blueport.server.describing import failures, openapi, pages, refusals, schemas
from blueport.server.describing.events import EVENTS, Event
from blueport.server.describing.pages import Page
from blueport.server.describing.remedies import REMEDIES
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

SHORT, FULL = "llms.txt", "llms-full.txt"
# It is about Blueport's own past.
_LEFT_OUT = ("changelog.md",)
_ERRORS = "reference/errors.md"
_DAY_S = 24 * 60 * 60
# What never leaves the server.
_INNER_PREFIXES = ("acc", "key", "dmn", "tok")
# Where a page draws on the server: a number between braces, or a line that becomes what it names.
_NUMBER = re.compile(r"\{\{ (\w+) \}\}")
_PLACE = re.compile(r"^<!-- draw (\w+)(?:: (.+?))? -->$", re.MULTILINE)
# Takes what stands behind the word, and the way to the page of errors.
_Drawing = Callable[[str, str], str]
_GAP = re.compile(r"\n{3,}")


_HEAD = """# Blueport, complete

The documentation of the installation at `{base}`, on one page, made from the program that serves it. The same for
programs: {base}/openapi.json. A summary: {base}/llms.txt.
"""


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
    """An endpoint as the templates show it; `page` is the one that tells of it."""

    title: str
    purpose: str
    scope: str
    asked_in: str
    asked: list[_Field]
    one_of: list[str]
    status: int
    answer: str
    codes: list[str]
    page: str


class _Happening(NamedTuple):
    """An event as the templates show it."""

    name: str
    meaning: str
    shape: str
    example: str


def filled(endpoints: Iterable[Endpoint], *, base: str, hourly_limit: int) -> list[Page]:
    """Return the pages for an installation that is reached at *base*.

    Raises:
        LookupError: A page draws on what there is not.
    """
    each = list(endpoints)
    numbers = {**_numbers(), "base": base, "hourly_limit": f"{hourly_limit:,}"}
    drawn = _drawn(each)
    return [_filled(page, numbers, drawn) for page in pages.pages()]


def names() -> list[str]:
    """Return the path of each text, of which `rendered` makes the words."""
    return [SHORT, FULL, *(f"docs/{name}" for name in pages.names() if name not in _LEFT_OUT)]


def rendered(endpoints: Iterable[Endpoint], *, base: str, hourly_limit: int) -> dict[str, str]:
    """Return each text by its path: llms.txt, llms-full.txt, and each page by itself."""
    each = list(endpoints)
    read = [page for page in filled(each, base=base, hourly_limit=hourly_limit) if page.name not in _LEFT_OUT]
    whole = "\n".join([_HEAD.format(base=base), *(pages.plain(page, base) for page in read)])
    context = {
        "base": base,
        "pages": read,
        "endpoints": [_described(endpoint, _page_of(endpoint, pages.pages())) for endpoint in each],
        "events": [event for event in EVENTS if not event.is_extended],
        "extended_events": [event for event in EVENTS if event.is_extended],
    }
    short = _environment().get_template(SHORT).render(context)
    return {SHORT: short, FULL: _GAP.sub("\n\n", whole)} | {
        f"docs/{page.name}": pages.plain(page, base) for page in read
    }


def _environment() -> Environment:
    templates = FileSystemLoader(Path(__file__).with_name("templates"))
    return Environment(
        loader=templates,
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _filled(page: Page, numbers: dict[str, str], drawn: dict[str, _Drawing]) -> Page:
    errors_page = posixpath.relpath(_ERRORS, posixpath.dirname(page.name) or ".")

    def fragment(place: re.Match[str]) -> str:
        return drawn[place[1]](place[2] or "", errors_page).strip()

    text = _PLACE.sub(fragment, page.text)
    return page._replace(text=_NUMBER.sub(lambda found: numbers[found[1]], text))


def _drawn(endpoints: list[Endpoint]) -> dict[str, _Drawing]:
    """Return what each word after `draw` makes."""
    macros: Any = _environment().get_template("fragments.md").module
    titled = {_title(endpoint): endpoint for endpoint in endpoints}
    shapes = {**_asked_shapes(endpoints), **openapi.answers(endpoints)}
    answered = openapi.answers(endpoints)
    opened = {scope: [_title(each) for each in endpoints if each.scope == scope] for scope in SCOPES}
    remedied = [(name, code, REMEDIES[name]) for name, code in refusals.explained().items()]

    usual = [_happening(event, answered) for event in EVENTS if not event.is_extended]
    extended = [_happening(event, answered) for event in EVENTS if event.is_extended]
    return {
        "endpoint": lambda title, errors: str(macros.endpoint(_described(titled[title]), errors)),
        "shape": lambda name, _: str(macros.shape(_shape(name, shapes[name]))),
        "events": lambda _, __: str(macros.events(usual)),
        "extended_events": lambda _, __: str(macros.events(extended)),
        "scopes": lambda _, __: str(macros.scopes(opened)),
        "errors": lambda _, __: str(macros.errors(refusals.explained())),
        "remedies": lambda _, __: str(macros.remedies(remedied)),
        "send_failures": lambda _, __: str(macros.failures("error", failures.of_sends())),
        "delivery_failures": lambda _, __: str(macros.failures("reason", failures.of_deliveries())),
        "codes_of_any": lambda _, __: ", ".join(f"[`{code}`](#{code})" for code in refusals.OF_ANY),
    }


def _numbers() -> dict[str, str]:
    numbers: dict[str, object] = {
        "prefixes": _listed(f"{prefix}_" for prefix in get_args(Prefix) if prefix not in _INNER_PREFIXES),
        "default_limit": DEFAULT_LIMIT,
        "largest_limit": LARGEST_LIMIT,
        "text_limit": f"{TEXT_LIMIT:,}",
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
    return {name: str(number) for name, number in numbers.items()}


def _page_of(endpoint: Endpoint, each: list[Page]) -> str:
    return next((page.name for page in each if f"<!-- draw endpoint: {_title(endpoint)} -->" in page.text), "")


def _asked_shapes(endpoints: list[Endpoint]) -> dict[str, Schema]:
    return schemas.of_requests(endpoint.asked for endpoint in endpoints if not endpoint.is_upload)


def _described(endpoint: Endpoint, page: str = "") -> _Described:
    return _Described(
        title=_title(endpoint),
        purpose=endpoint.purpose,
        scope=endpoint.scope,
        asked_in=_asked_in(endpoint),
        asked=_asked(endpoint),
        one_of=[f"`{name}`" for name in getattr(endpoint.asked, "ONE_OF", {})],
        status=endpoint.status,
        answer=schemas.named(endpoint.answer),
        codes=[code for code in refusals.codes_of(endpoint) if code not in refusals.OF_ANY],
        page=page,
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
        _Field(name, _words(field), name in names, str(field.get("description", "")))
        for name, field in schemas.fields_of(schema).items()
    ]


def _words(field: Schema) -> str:
    """Return the type of *field* and its bounds, as one cell of a table."""
    bounds = [words.format(f"{field[name]:,}") for name, words in _BOUNDS.items() if name in field]
    return ", ".join([schemas.words(field), *bounds]).replace("|", r"\|")


_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "from {}",
    "maxLength": "to {} characters",
    "minItems": "at least {}",
}


def _happening(event: Event, answered: dict[str, Schema]) -> _Happening:
    example = _pretty(openapi.example_of(event, answered))
    return _Happening(event.name, event.meaning, schemas.named(event.shape), example)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
