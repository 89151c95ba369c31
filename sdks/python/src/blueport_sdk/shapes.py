"""Makes typed, frozen objects of JSON, and refuses what is not as it should be.

A field that is absent has its default, or is None where it may be; fields that are not known are passed over, so that
a newer server breaks nothing. A wrong type is never coerced.
"""

import dataclasses
import functools
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_UNIONS = (Union, types.UnionType)
_TOLD = "_told"


class MismatchError(ValueError):
    """A value is not of the shape that was expected; the message names the place."""


def shaped(shape: type[T], value: object, where: str = "$") -> T:
    """Return *value* as a *shape*.

    Raises:
        MismatchError: It is none.
    """
    made: T = _of(shape, value, where)
    return made


def as_told(record: Any) -> dict[str, Any]:
    """Return *record* in the JSON that the server told it in, with the fields that this version does not know."""
    told: dict[str, Any] = getattr(record, _TOLD, None) or dataclasses.asdict(record)
    return told


def with_told(record: T, told: object) -> T:
    """Have *record* know in what JSON it was told; that is no field of it, and makes no difference to `==`."""
    object.__setattr__(record, _TOLD, told)
    return record


def _of(shape: Any, value: object, where: str) -> Any:
    origin = get_origin(shape)
    if shape is object:
        return value
    if dataclasses.is_dataclass(origin or shape):
        return _record(shape, value, where)
    if origin in _UNIONS:
        return _optional(shape, value, where)
    if origin is Literal:
        return _one_of(get_args(shape), value, where)
    return _several(shape, value, where) if origin is tuple else _plain(origin or shape, value, where)


def _record(shape: Any, value: object, where: str) -> Any:
    given = _plain(dict, value, where)
    fields = {
        name: _of(hint, given.get(name), f"{where}.{name}")
        for name, (hint, has_default) in _fields(shape).items()
        if name in given or not has_default
    }
    return with_told(shape(**fields), given)


def _optional(shape: Any, value: object, where: str) -> Any:
    if value is None:
        return None
    [inner] = [each for each in get_args(shape) if each is not types.NoneType]
    return _of(inner, value, where)


def _one_of(allowed: tuple[object, ...], value: object, where: str) -> object:
    for each in allowed:
        if type(value) is type(each) and value == each:
            return value
    raise MismatchError(f"{where} is {value!r}, which is none of {', '.join(map(repr, allowed))}")


def _several(shape: Any, value: object, where: str) -> Any:
    items, inner = _plain(list, value, where), get_args(shape)[0]
    return tuple(_of(inner, item, f"{where}[{index}]") for index, item in enumerate(items))


def _plain(kind: type, value: object, where: str) -> Any:
    # To JSON 5.0 is the same as 5, and to Python True is an int.
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind in (list, dict, str, int, bool) and type(value) is kind:
        return value
    raise MismatchError(f"{where} is {_named(value)} where there should be {kind.__name__}")


def _named(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


@functools.cache
def _fields(shape: Any) -> dict[str, tuple[Any, bool]]:
    """Return what each field is, and whether it may be absent."""
    plain = get_origin(shape) or shape
    hints = get_type_hints(plain)
    known = dict(zip(getattr(plain, "__parameters__", ()), get_args(shape), strict=True))
    return {
        field.name: (_with(known, hints[field.name]), field.default is not dataclasses.MISSING)
        for field in dataclasses.fields(plain)
    }


def _with(known: Mapping[Any, Any], hint: Any) -> Any:
    """Put in the place of a type variable what it stands for, in `tuple[Item, ...]` too."""
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(known[each] for each in parameters)] if parameters else known.get(hint, hint)
