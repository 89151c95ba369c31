"""Reads a request's JSON body and its query into the Struct that an endpoint names, strictly.

Two clients that disagree on what a body says must not both be served: duplicate keys, NaN and lone surrogates are
refused. A wrong type is never coerced. Unknown fields are ignored: code written for the hosted API must go on working.
"""

import functools
import json
import re
from collections.abc import Mapping
from typing import Annotated, Never, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET

from blueport.server.errors import ApiError

BODY_LIMIT = 256 * 1024
DEPTH_LIMIT = 32

# Possessive, and content with a string that never ends: else a body of escaped quotes takes minutes.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
_PATH = re.compile(r" - at `\$\.?([^\[`]*)")
_INTEGER = re.compile(r"-?[0-9]{1,1000}")
# A plus sign that was not encoded arrives as a space.
_UNENCODED_PLUS = re.compile(r" +(?=[0-9])")
_NOTHING = re.compile(r"[\s\ufffc\ufffd]*")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_SPACES = " \t\n\r"

Shape = TypeVar("Shape", bound=msgspec.Struct)
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def body_of(raw: bytes, shape: type[Shape]) -> Shape:
    """Read *raw* as a *shape*.

    Raises:
        ApiError: `invalid_json`, `missing_required_parameter` or `invalid_parameter_value`.
    """
    given = _json_object(raw) if raw or _names(shape) else {}  # of whom nothing is asked, he need not say it in JSON
    # null is the same as absent: clients of typed languages send it for what they leave out.
    present = {name: given[name] for name in _names(shape) if given.get(name) is not None}
    if nullable := _nullable(shape):
        present |= {name: None for name in nullable if name in given and given[name] is None}
    _require(present, shape)
    if b"\\u" in raw:  # valid JSON in UTF-8 holds neither NUL nor a surrogate, unless it is written so
        _refuse_unstorable(present)
    return _converted(present, shape)


def query_of(raw: bytes, shape: type[Shape]) -> Shape:
    """Read the query string *raw* as a *shape*.

    Raises:
        ApiError: `missing_required_parameter` or `invalid_parameter_value`.
    """
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise ApiError("invalid_parameter_value", "The query string is not valid UTF-8.") from None
    given: dict[str, Json] = {}
    for name, text in pairs:
        if name in given:
            raise ApiError("invalid_parameter_value", "A parameter was given more than once.", param=name or None)
        given[name] = f"+{text.lstrip()}" if _UNENCODED_PLUS.match(text) else text
    given = {name: given[name] for name in _names(shape) if name in given}
    _require(given, shape)
    _refuse_unstorable(given)
    for name in _integers(shape):
        digits = given.get(name)
        if isinstance(digits, str) and _INTEGER.fullmatch(digits):
            given[name] = int(digits)
    return _converted(given, shape)


def _json_object(raw: bytes) -> dict[str, Json]:
    try:
        text = raw.decode().strip(_SPACES)
        _refuse_depth(text)
        given: Json
        given, end = _json.raw_decode(text)
    except ValueError:
        raise ApiError("invalid_json", "The request body is not valid JSON.") from None
    if end != len(text):
        raise ApiError("invalid_json", "The request body is not valid JSON.")
    if not isinstance(given, dict):
        raise ApiError("invalid_json", "The request body is not a JSON object.")
    return given


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise ApiError("invalid_json", "The request body names a field twice.")
    return unique


def _refuse_number(_: str) -> Never:
    raise ValueError


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError
    return number


_json = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_number, parse_float=_finite)


def _refuse_depth(text: str) -> None:
    """Refuse what would exhaust a recursive parser; few bodies hold enough brackets to be looked at twice."""
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH_LIMIT:
            raise ApiError("invalid_json", f"The request body is nested deeper than {DEPTH_LIMIT} levels.")


@functools.cache
def _names(shape: type[Shape]) -> tuple[str, ...]:
    """Return what *shape* knows: everything else is ignored, whatever it is called and holds."""
    return tuple(field.encode_name for field in msgspec.structs.fields(shape))


@functools.cache
def _required(shape: type[Shape]) -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(shape) if field.required)


@functools.cache
def _nullable(shape: type[Shape]) -> tuple[str, ...]:
    """Return the fields of *shape* to which null says something: they know being absent from it."""
    return tuple(field.encode_name for field in msgspec.structs.fields(shape) if field.default is UNSET)


@functools.cache
def _integers(shape: type[Shape]) -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(shape) if _plain(field.type) == int | None)


def _plain(kind: object) -> object:
    """Return a field's type without what is said of it."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _require(given: Mapping[str, Json], shape: type[Shape]) -> None:
    for name in _required(shape):
        if name not in given:
            raise ApiError("missing_required_parameter", f"The parameter `{name}` is required.", param=name)
    # Of these one must hold more than what is given beside its name.
    one_of: Mapping[str, Json] = getattr(shape, "ONE_OF", {})
    for name, nothing in one_of.items():
        if not _is_empty(given.get(name), nothing):
            return
    if one_of:
        names = " and ".join(f"`{name}`" for name in one_of)
        raise ApiError("missing_required_parameter", f"One of {names} is required.", param=next(iter(one_of)))


def _is_empty(value: Json, nothing: Json) -> bool:
    """Tell whether *value* says as much as *nothing*."""
    return value is None or value == nothing or (nothing == "" and isinstance(value, str) and is_blank(value))


def is_blank(text: str | None) -> bool:
    """Tell whether a text says nothing: spaces and the marks of files do not."""
    return text is None or _NOTHING.fullmatch(text) is not None


def _refuse_unstorable(given: Mapping[str, Json]) -> None:
    for name, value in given.items():
        words = value if isinstance(value, list) else [value]
        if any(isinstance(word, str) and _UNSTORABLE.search(word) for word in words):
            message = f"`{name}` holds a NUL character or half of a surrogate pair."
            raise ApiError("invalid_parameter_value", message, param=name)


def _converted(given: Mapping[str, Json], shape: type[Shape]) -> Shape:
    try:
        return msgspec.convert(given, shape)
    except msgspec.ValidationError as error:
        path = _PATH.search(str(error))
        param = path[1] if path else None
        expectation = _PATH.split(str(error))[0].replace(" | null", "")
        raise ApiError("invalid_parameter_value", f"`{param}`: {expectation}.", param=param or None) from None
