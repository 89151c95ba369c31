"""Archives made by hand, and the second reader's view of any archive.

The archiver here shares nothing with ours, and writes what ours never does: attributes of every type, mutable classes,
objects inside objects, one object in several places.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# A package from elsewhere, not blueport.typedstream.
import typedstream as oracle

PART = "__kIMMessagePartAttributeName"
TRANSFER_GUID = "__kIMFileTransferGUIDAttributeName"
SPOKEN = "IMAudioTranscription"
SPOKEN_TOO = "__kIMMessageTranscriptAttributeKey"

HEADER = b"\x04\x0bstreamtyped\x81\xe8\x03"
NEW, NIL, END = b"\x84", b"\x85", b"\x86"
FIRST_REFERENCE = -110


class Number(NamedTuple):
    """An NSNumber that was archived with a C type."""

    encoding: str
    number: float


class Url(NamedTuple):
    link: str


class Moment(NamedTuple):
    """An NSDate."""

    seconds: float


class Range(NamedTuple):
    """An NSValue that holds a struct."""

    location: int
    length: int


class Unheard(NamedTuple):
    """An object of a class that nobody knows, with any values."""

    values: tuple["Value", ...]


Value = str | bytes | Number | Url | Moment | Range | Unheard | Mapping[str, "Value"] | tuple["Value", ...] | None


class Stretch(NamedTuple):
    """A run: how many UTF-16 units, and its attributes."""

    length: int
    attributes: Mapping[str, Value]


def archived(text: str, runs: Iterable[Stretch], *, is_mutable: bool = False, shares: bool = True) -> bytes:
    """Archive an attributed string; with *shares* equal values are one object, as far as they can be."""
    return _Archiver(is_mutable=is_mutable, shares=shares).archive(text, runs)


class Reading(NamedTuple):
    """What the second reader finds."""

    text: str
    runs: list[tuple[int, dict[str, Any]]]


def read_by_oracle(blob: bytes) -> Reading:
    """Read an archive with pytypedstream."""
    root = oracle.unarchive_from_data(blob)
    assert root.clazz.name in (b"NSAttributedString", b"NSMutableAttributedString")
    [body, *groups] = [group.values for group in root.contents]
    known: dict[int, dict[str, Any]] = {}
    runs = []
    following = iter(groups)
    for index, length in following:
        if index not in known:
            [dictionary] = next(following)
            known[index] = {key.value: value for key, value in dictionary.contents.items()}
        runs.append((length, known[index]))
    return Reading(body[0].value, runs)


def plain(value: Any) -> Any:
    """Return the string or number that the second reader's object stands for, else the object."""
    return value.value if type(value).__name__ in ("NSString", "NSMutableString", "NSNumber") else value


class _Archiver:
    def __init__(self, *, is_mutable: bool, shares: bool) -> None:
        self._out = bytearray(HEADER)
        self._mutable = "Mutable" if is_mutable else ""
        self._shares = shares
        self._strings: dict[str, int] = {}
        self._classes: dict[str, int] = {}
        self._known: dict[object, int] = {}
        self._objects = 0

    def archive(self, text: str, runs: Iterable[Stretch]) -> bytes:
        self._type("@")
        self._begin(*self._kinds("AttributedString"))
        self._type("@")
        self._value(text)
        indexes: dict[str, int] = {}
        for run in runs:
            self._type("iI")
            index = indexes.setdefault(repr(run.attributes), len(indexes))
            self._integer(index)
            self._integer(run.length)
            if index == len(indexes) - 1 and repr(run.attributes) not in self._known:
                self._known[repr(run.attributes)] = index
                self._type("@")
                self._dictionary(run.attributes)
        self._out += END
        return bytes(self._out)

    def _kinds(self, name: str) -> tuple[str, ...]:
        bare = (f"NS{name}", "NSObject")
        return (f"NSMutable{name}", *bare) if self._mutable else bare

    def _value(self, value: Value) -> None:
        if value is None:
            self._out += NIL
        elif self._shares and (number := self._known.get((type(value), repr(value)))) is not None:
            self._integer(number + FIRST_REFERENCE)
        else:
            self._known[type(value), repr(value)] = self._objects
            self._new(value)

    def _new(self, value: Value) -> None:
        match value:
            case Number(encoding, number):
                self._boxed("NSNumber", encoding, self._cell(encoding, number))
            case Range(location, length):
                self._boxed("NSValue", "{_NSRange=QQ}", self._bytes_of(location) + self._bytes_of(length))
            case Moment() | Url() | Unheard():
                self._named(value)
            case str() | bytes():
                self._counted_object(value)
            case tuple():
                self._begin(*self._kinds("Array"))
                self._type("i")
                self._integer(len(value))
                self._each(value)
            case _:
                self._dictionary(value)

    def _named(self, value: Moment | Url | Unheard) -> None:
        match value:
            case Moment(seconds):
                self._begin("NSDate", "NSObject")
                self._type("d")
                self._out += self._cell("d", seconds) + END
            case Url(link):
                self._begin("NSURL", "NSObject")
                self._type("c")
                self._out += b"\x00"
                self._each((link,))
            case Unheard(values):
                self._begin("IMSomething", "NSObject")
                self._each(values)

    def _counted_object(self, value: str | bytes) -> None:
        if isinstance(value, str):
            self._begin(*self._kinds("String"))
            self._type("+")
            self._counted(value.encode())
        else:
            self._begin(*self._kinds("Data"))
            self._type("i")
            self._integer(len(value))
            self._type(f"[{len(value)}c]")
            self._out += value
        self._out += END

    def _each(self, values: tuple[Value, ...]) -> None:
        for one in values:
            self._type("@")
            self._value(one)
        self._out += END

    def _dictionary(self, entries: Mapping[str, Value]) -> None:
        self._begin(*self._kinds("Dictionary"))
        self._type("i")
        self._integer(len(entries))
        for key, value in entries.items():
            self._type("@")
            self._value(key)
            self._type("@")
            self._value(value)
        self._out += END

    def _boxed(self, name: str, encoding: str, cell: bytes) -> None:
        self._begin(name, *(("NSValue",) if name == "NSNumber" else ()), "NSObject")
        self._type("*")
        self._out += NEW
        self._objects += 1
        self._type(encoding)
        self._type(encoding)
        self._out += cell + END

    def _cell(self, encoding: str, number: float) -> bytes:
        if encoding in "fd":
            return b"\x83" + struct.pack(f"<{encoding}", number)
        if encoding in "cCB":
            return int(number).to_bytes(1, "little", signed=number < 0)
        return self._bytes_of(int(number))

    def _begin(self, *lineage: str) -> None:
        self._out += NEW
        self._objects += 1
        for name in lineage:
            if name in self._classes:
                self._integer(self._classes[name] + FIRST_REFERENCE)
                return
            self._classes[name] = self._objects
            self._objects += 1
            self._out += NEW
            self._type(name)
            self._integer(int(name in ("NSString", "NSMutableString")))
        self._out += NIL

    def _type(self, encoding: str) -> None:
        if encoding in self._strings:
            self._integer(self._strings[encoding] + FIRST_REFERENCE)
            return
        self._strings[encoding] = len(self._strings)
        self._out += NEW
        self._counted(encoding.encode())

    def _counted(self, raw: bytes) -> None:
        self._integer(len(raw))
        self._out += raw

    def _integer(self, number: int) -> None:
        self._out += self._bytes_of(number)

    def _bytes_of(self, number: int) -> bytes:
        if FIRST_REFERENCE <= number <= 127:
            return number.to_bytes(1, "little", signed=True)
        if -(2**15) <= number < 2**15:
            return b"\x81" + number.to_bytes(2, "little", signed=True)
        return b"\x82" + number.to_bytes(4, "little", signed=True)
