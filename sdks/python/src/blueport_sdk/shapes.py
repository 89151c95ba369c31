"""Makes typed, frozen objects of JSON, and refuses what is not as it should be.

A field that is absent has its default, or is None where it may be; fields that are not known are passed over, so that
a newer server breaks nothing. A wrong type is never coerced.
"""

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Reader: TypeAlias = Callable[[Any], Any]

_UNIONS = (Union, types.UnionType)
_TOLD = "_told"


class MismatchError(ValueError):
    """A value is not of the shape that was expected; the message names the place."""


class _OddError(Exception):
    """What is wrong with a value; its path grows on the way up."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path = ""

    def under(self, step: str) -> "_OddError":
        self.path = step + self.path
        return self


def shaped(shape: type[T], value: object, where: str = "$") -> T:
    """Return *value* as a *shape*.

    Raises:
        MismatchError: It is none.
    """
    wanted: Any = shape
    try:
        made: T = _reader(wanted)(value)
    except _OddError as odd:
        raise MismatchError(f"{where}{odd.path} is {odd.what}") from None
    return made


def as_told(record: Any) -> dict[str, Any]:
    """Return *record* in the JSON that the server told it in, with the fields that this version does not know."""
    told: dict[str, Any] = getattr(record, _TOLD, None) or dataclasses.asdict(record)
    return told


def with_told(record: T, told: object) -> T:
    """Have *record* know in what JSON it was told; that is no field of it, and makes no difference to `==`."""
    object.__setattr__(record, _TOLD, told)
    return record


@functools.cache
def _reader(shape: Any) -> Reader:
    """Return what reads a *shape*: it is made once, and then reads thousands of messages."""
    origin = get_origin(shape)
    if shape is object:
        return _anything
    if dataclasses.is_dataclass(origin or shape):
        return _record(shape)
    if origin in _UNIONS:
        return _optional(shape)
    if origin is Literal:
        return _one_of(get_args(shape))
    return _several(get_args(shape)[0]) if origin is tuple else _plain(origin or shape)


def _anything(value: object) -> object:
    return value


def _record(shape: Any) -> Reader:
    fields, as_object = _fields(shape), _plain(dict)

    def read(value: object) -> object:
        given, made = as_object(value), {}
        for name, (reader, has_default) in fields.items():
            if name in given or not has_default:
                try:
                    made[name] = reader(given.get(name))
                except _OddError as odd:
                    raise odd.under(f".{name}") from None
        return with_told(shape(**made), given)

    return read


def _optional(shape: Any) -> Reader:
    [inner] = [_reader(each) for each in get_args(shape) if each is not types.NoneType]
    return lambda value: None if value is None else inner(value)


def _one_of(allowed: tuple[object, ...]) -> Reader:
    def read(value: object) -> object:
        for each in allowed:
            if type(value) is type(each) and value == each:
                return value
        raise _OddError(f"{value!r}, which is none of {', '.join(map(repr, allowed))}")

    return read


def _several(shape: Any) -> Reader:
    inner, as_list = _reader(shape), _plain(list)

    def read(value: object) -> object:
        made = []
        for index, item in enumerate(as_list(value)):
            try:
                made.append(inner(item))
            except _OddError as odd:  # noqa: PERF203  # it costs nothing where nothing is odd
                raise odd.under(f"[{index}]") from None
        return tuple(made)

    return read


def _plain(kind: type) -> Reader:
    def read(value: object) -> object:
        if type(value) is kind:
            return value
        # To JSON 5.0 is the same as 5, and to Python True is an int.
        if kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        raise _OddError(f"{_named(value)} where there should be {kind.__name__}")

    return read


def _named(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


def _fields(shape: Any) -> dict[str, tuple[Reader, bool]]:
    """Return what reads each field, and whether it may be absent."""
    plain = get_origin(shape) or shape
    hints = get_type_hints(plain)
    known = dict(zip(getattr(plain, "__parameters__", ()), get_args(shape), strict=True))
    return {
        field.name: (_reader(_with(known, hints[field.name])), field.default is not dataclasses.MISSING)
        for field in dataclasses.fields(plain)
    }


def _with(known: Mapping[Any, Any], hint: Any) -> Any:
    """Put in the place of a type variable what it stands for, in `tuple[Item, ...]` too."""
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(known[each] for each in parameters)] if parameters else known.get(hint, hint)
