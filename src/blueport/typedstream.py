"""NSAttributedString archives, the form in which Messages keeps a body, read and written.

A typedstream is a header and then typed values. A value is preceded by the C type that it was archived with. Type
strings, classes and objects are written in full once and by number afterwards: type strings count in one table,
objects and classes (and C strings) together in another. A whole number takes one byte where it can, else a tag and
two, four or eight bytes, little endian and signed; that goes for lengths too, which are counted in UTF-8 bytes. What
cannot be negative is read as unsigned all the same: from some hand it might be.

    header  "@"  NSAttributedString [ "@" NSString  ( "iI" run index, run length  ["@" NSDictionary] )* ]

A run whose index was seen before has the attributes of that index and no dictionary. Run lengths are UTF-16 units.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

import msgspec

ATTACHMENT_MARK = "\ufffc"
MAX_BLOB_BYTES = 1 << 20
MAX_NESTING = 64

_PART = "__kIMMessagePartAttributeName"
_TRANSFER_GUID = "__kIMFileTransferGUIDAttributeName"
_TRANSCRIPTION = "IMAudioTranscription"
# One report has it under this name.
_TRANSCRIPT = "__kIMMessageTranscriptAttributeKey"

_NAMES = frozenset((_PART, _TRANSFER_GUID, _TRANSCRIPTION, _TRANSCRIPT))

_HEADER = b"\x04\x0bstreamtyped\x81\xe8\x03"
_SHORT = 0x81
_INTEGER_SIZES = {_SHORT: 2, 0x82: 4, 0x83: 8}
_UNSIGNED = "SILQ"
_FLOATING = 0x83  # where a float or double is expected
_NEW, _NIL, _END = 0x84, 0x85, 0x86
_FIRST_REFERENCE = -110  # all below are tags
_INT8_MAX = 0x7F

_KIND = re.compile(r"\[[0-9]{1,9}|[]cCsSiIlLqQfdB@#:*%+]")
# A struct is written as its fields; of `const` and its like, and of a field to be passed over, nothing is written.
_UNWRITTEN = re.compile(r"\{[^={}]*=|[}rnNoORV!]")
_MAX_ENCODING_LENGTH = 256

_T = TypeVar("_T")


class TypedStreamError(ValueError):
    """The bytes are no archive of an attributed string, or not a whole one."""


class _UnknownTypeError(TypedStreamError):
    """From here on nobody can say which byte is what; what was read before stands."""


class Run(msgspec.Struct, frozen=True):
    """A stretch of text with one set of attributes, those of other names left out; `length` in UTF-16 units."""

    length: int
    part: int | None = None
    attachment_guid: str | None = None
    transcription: str | None = None


class AttributedText(msgspec.Struct, frozen=True):
    """A body: its text, U+FFFC where an attachment stands, and the runs that cover it in order."""

    text: str
    runs: tuple[Run, ...] = ()

    @property
    def attachment_guids(self) -> tuple[str, ...]:
        """The transfer guids of the attachments, in the order of the body."""
        return tuple(run.attachment_guid for run in self.runs if run.attachment_guid is not None)


def message_body(text: str, *, attachment_guids: Sequence[str] = ()) -> AttributedText:
    """Lay out a body as Messages does: each attachment is a part of its own, the text is the last part."""
    runs = [Run(1, part, guid) for part, guid in enumerate(attachment_guids)]
    if text:
        runs.append(Run(_utf16_length(text), len(attachment_guids)))
    return AttributedText(ATTACHMENT_MARK * len(attachment_guids) + text, tuple(runs))


def encode(attributed: AttributedText) -> bytes:
    """Archive *attributed*.

    Raises:
        UnicodeEncodeError: The text holds a lone surrogate.
    """
    return _Writer().archive(attributed)


def decode(blob: bytes) -> AttributedText:
    """Read an archive; bytes in the text that are no UTF-8 become U+FFFD.

    Behind a value of a type that nobody knows, the text stands without the runs that are not whole.

    Raises:
        TypedStreamError: Not an attributed string, cut short, larger than 1 MiB or nested deeper than 64.
    """
    if len(blob) > MAX_BLOB_BYTES:
        raise TypedStreamError(f"larger than {MAX_BLOB_BYTES} bytes")
    if not blob.startswith(_HEADER):
        raise TypedStreamError("no typedstream header")
    return _decoded_in_frame(blob) or _decoded(blob)


def _decoded(blob: bytes) -> AttributedText:
    reader = _Reader(blob)
    try:
        return _attributed_text(reader.root())
    except _UnknownTypeError:
        return _attributed_text(reader.begun(), is_whole=False)


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# Reading what most bodies are: a text in a frame that was seen before
#
# Around their texts bodies of one length are alike to the byte, and what stands around a text means the same whatever
# the text is. So a frame is read once, with another text in it; if that comes out as the text, what was cut out was it.
# A hit takes a thirtieth of the time of reading all anew.

_TEXT_FOLLOWS = b"\x84\x01+"
_TEXT_FOLLOWS_WITHIN = 200
_LONGEST_REST = 256
_OTHER_TEXT = "another text"


def _decoded_in_frame(blob: bytes) -> AttributedText | None:
    """Read an archive whose frame is known, or can be; None if that says nothing about it."""
    before = blob.find(_TEXT_FOLLOWS, len(_HEADER), _TEXT_FOLLOWS_WITHIN) + len(_TEXT_FOLLOWS)
    begin, count = _extent(blob, before)
    raw, rest = blob[begin : begin + count], blob[begin + count :]
    if before < len(_HEADER) or not 0 <= count == len(raw) or len(rest) > _LONGEST_REST:
        return None
    runs, text = _runs_of_frame(blob[:before], rest), _text(raw)
    # The name of an attribute may be written as a reference to the text.
    return None if runs is None or text in _NAMES else AttributedText(text, runs)


def _extent(blob: bytes, at: int) -> tuple[int, int]:
    """Return where the bytes begin whose length stands at *at*, and how many there are; -1 if that is a rare form."""
    head = int.from_bytes(blob[at : at + 1])
    if head <= _INT8_MAX:
        return at + 1, head
    is_short = head == _SHORT
    return at + 3, int.from_bytes(blob[at + 1 : at + 3], "little", signed=True) if is_short else -1


@lru_cache(maxsize=4096)
def _runs_of_frame(before: bytes, rest: bytes) -> tuple[Run, ...] | None:
    """Return the runs of a text between these bytes, None if they are not around the text of a whole archive."""
    other = _OTHER_TEXT.encode()
    try:
        found = _attributed_text(_Reader(b"%b%c%b%b" % (before, len(other), other, rest)).root())
    except TypedStreamError:
        return None
    is_sure = found.text == _OTHER_TEXT and not any(
        _OTHER_TEXT in (run.attachment_guid, run.transcription) for run in found.runs
    )
    return found.runs if is_sure else None


# Reading: bytes to values


class _Object(msgspec.Struct):
    """An archived object of a class that is neither string nor data: its class, that one's ancestors, its values."""

    lineage: tuple[str, ...]
    values: list["_Value"]


class _Array(msgspec.Struct, frozen=True):
    """The type of so many values, each of *kinds*, of which there is at least one."""

    count: int
    kinds: tuple["_Kind", ...]


_Kind = str | _Array
_Value = int | float | str | bytes | _Object | dict[str, "_Value"] | list["_Value"] | tuple[str, ...] | None


class _Reader:
    """One pass over a blob, with the tables of what was written in full so far."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._at = len(_HEADER)
        self._depth = 0
        self._strings: list[str] = []
        self._objects: list[_Value] = []
        self._readers: dict[str, Callable[[], _Value]] = {
            **dict.fromkeys("CB", self._byte),
            "c": self._char,
            **dict.fromkeys(":%", self._shared_string),
            "@": self._object,
            "#": self._class,
            "*": self._c_string,
            "+": self._counted_bytes,
        }

    def root(self) -> _Value:
        values = self._typed_values()
        return values[0] if values else None

    def begun(self) -> _Value:
        """Return the root as far as it was read."""
        return self._objects[0] if self._objects else None

    def _typed_values(self) -> list[_Value]:
        return [self._value(kind) for kind in _kinds(self._shared_string())]

    def _value(self, kind: _Kind) -> _Value:
        if isinstance(kind, _Array):
            return self._array(kind)
        if kind in self._readers:
            return self._readers[kind]()
        if kind in "fd":
            return self._floating(kind)
        return self._integer(self._byte(), is_signed=kind not in _UNSIGNED)

    def _array(self, array: _Array) -> _Value:
        if array.kinds in (("c",), ("C",)):
            return self._take(array.count)
        self._enter()
        values = [self._value(kind) for _ in range(array.count) for kind in array.kinds]
        self._depth -= 1
        return values

    def _object(self) -> _Value:
        head = self._byte()
        if head == _NIL:
            return None
        if head != _NEW:
            return self._referred(self._objects, head)
        number = len(self._objects)
        # The number is taken before the parts are read: they may refer back to the whole.
        self._objects.append(None)
        self._enter()
        self._objects[number] = whole = _Object(self._class(), [])
        while self._next() != _END:
            whole.values.extend(self._typed_values())
        self._at += 1
        self._depth -= 1
        self._objects[number] = _simplest(whole)
        return self._objects[number]

    def _class(self) -> tuple[str, ...]:
        head = self._byte()
        if head == _NIL:
            return ()
        if head != _NEW:
            known = self._referred(self._objects, head)
            if not isinstance(known, tuple):
                raise TypedStreamError("a class was expected")
            return known
        number = len(self._objects)
        self._objects.append(())
        self._enter()
        name = self._shared_string()
        self._integer(self._byte())  # the version of the class
        lineage = (name, *self._class())
        self._depth -= 1
        if len(lineage) > MAX_NESTING:
            raise TypedStreamError("too many ancestors")
        self._objects[number] = lineage
        return lineage

    def _c_string(self) -> _Value:
        head = self._byte()
        if head == _NIL:
            return None
        if head != _NEW:
            return self._referred(self._objects, head)
        self._objects.append(self._shared_string())
        return self._objects[-1]

    def _shared_string(self) -> str:
        head = self._byte()
        if head == _NIL:
            return ""
        if head != _NEW:
            return self._referred(self._strings, head)
        self._strings.append(self._counted_bytes().decode("utf-8", "replace"))
        return self._strings[-1]

    def _counted_bytes(self) -> bytes:
        return self._take(self._integer(self._byte(), is_signed=False))

    def _integer(self, head: int, *, is_signed: bool = True) -> int:
        if head <= _INT8_MAX:
            return head
        if head in _INTEGER_SIZES:
            return int.from_bytes(self._take(_INTEGER_SIZES[head]), "little", signed=is_signed)
        if head - 256 < _FIRST_REFERENCE:
            raise TypedStreamError("a tag stands where a number was expected")
        return head - 256 if is_signed else head

    def _floating(self, kind: str) -> float:
        head = self._byte()
        if head != _FLOATING:
            return self._integer(head)
        [value] = struct.unpack(f"<{kind}", self._take(struct.calcsize(kind)))
        return float(value)

    def _referred(self, table: list[_T], head: int) -> _T:
        number = self._integer(head) - _FIRST_REFERENCE
        if not 0 <= number < len(table):
            raise TypedStreamError("a reference to nothing")
        return table[number]

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise TypedStreamError(f"nested deeper than {MAX_NESTING}")

    def _byte(self) -> int:
        head = self._next()
        self._at += 1
        return head

    def _char(self) -> int:
        return int.from_bytes(self._take(1), signed=True)

    def _next(self) -> int:
        try:
            return self._blob[self._at]
        except IndexError:
            raise TypedStreamError("cut short") from None

    def _take(self, count: int) -> bytes:
        taken = self._blob[self._at : self._at + count]
        if count < 0 or len(taken) < count:
            raise TypedStreamError("cut short")
        self._at += count
        return taken


@lru_cache(maxsize=256)
def _kinds(encoding: str) -> tuple[_Kind, ...]:
    """Split a type string into the kinds of the values that are written."""
    if len(encoding) > _MAX_ENCODING_LENGTH:
        raise _UnknownTypeError("a type of value too long to be one")
    bare = _UNWRITTEN.sub("", encoding)
    pieces = _KIND.findall(bare)
    following = iter(pieces)
    kinds = _kinds_among(following)
    is_closed = bare.count("[") == bare.count("]") and next(following, None) is None
    if "".join(pieces) != bare or not is_closed:
        raise _UnknownTypeError("an unknown type of value")
    return kinds


def _kinds_among(pieces: Iterator[str]) -> tuple[_Kind, ...]:
    """Return the kinds up to the end of the array that has begun, without those of which nothing is written."""
    kinds: list[_Kind] = []
    for piece in pieces:
        if piece == "]":
            break
        kind = _Array(int(piece[1:]), _kinds_among(pieces)) if piece.startswith("[") else piece
        if not isinstance(kind, _Array) or (kind.count and kind.kinds):
            kinds.append(kind)
    return tuple(kinds)


def _simplest(whole: _Object) -> _Value:
    """Return the string, number or dictionary that an object stands for, else the object."""
    match whole.values:
        case [bytes(raw)] if "NSString" in whole.lineage:
            return _text(raw)
        case [_, int(number) | float(number)] if "NSNumber" in whole.lineage:
            return number
        case [_, *entries] if "NSDictionary" in whole.lineage:
            # Here and not where a run needs it: a thousand runs may share one.
            return {key: entry for key, entry in zip(entries[::2], entries[1::2], strict=False) if isinstance(key, str)}
        case _:
            return whole


def _text(raw: bytes) -> str:
    # One report has a body in UTF-16 with its mark in front, where all others have UTF-8.
    if raw.startswith(b"\xff\xfe"):
        return raw[2:].decode("utf-16-le", "replace")
    return raw.decode("utf-8", "replace")


# Reading: values to text


def _attributed_text(root: _Value, *, is_whole: bool = True) -> AttributedText:
    if not isinstance(root, _Object) or "NSAttributedString" not in root.lineage:
        raise TypedStreamError("not an attributed string")
    match root.values:
        case [str(text), *rest]:
            return AttributedText(text, _runs(rest, is_whole=is_whole))
        case _:
            raise TypedStreamError("an attributed string without its string")


def _runs(values: list[_Value], *, is_whole: bool) -> tuple[Run, ...]:
    attributes: dict[int, dict[str, _Value]] = {}
    runs: list[Run] = []
    following = iter(values)
    for index in following:
        length = next(following, None)
        if not isinstance(index, int) or not isinstance(length, int):
            raise TypedStreamError("a run without its length")
        known = attributes[index] if index in attributes else next(following, None)
        if not isinstance(known, dict):
            if is_whole:
                raise TypedStreamError("a run without its attributes")
            break
        attributes[index] = known
        runs.append(_run(length, known))
    return tuple(runs)


def _run(length: int, attributes: dict[str, _Value]) -> Run:
    part, guid = attributes.get(_PART), attributes.get(_TRANSFER_GUID)
    said = attributes.get(_TRANSCRIPTION, attributes.get(_TRANSCRIPT))
    return Run(
        length,
        part if isinstance(part, int) else None,
        guid if isinstance(guid, str) else None,
        said if isinstance(said, str) else None,
    )


# Writing


class _Writer:
    """One archive in the making, with the numbers of what was written in full so far."""

    def __init__(self) -> None:
        self._out = bytearray(_HEADER)
        self._string_numbers: dict[str, int] = {}
        self._class_numbers: dict[str, int] = {}
        self._key_numbers: dict[str, int] = {}
        self._objects = 0

    def archive(self, attributed: AttributedText) -> bytes:
        self._shared_string("@")
        self._begin("NSAttributedString", "NSObject")
        self._string(attributed.text)
        self._runs(attributed.runs)
        self._out.append(_END)
        return bytes(self._out)

    def _runs(self, runs: Sequence[Run]) -> None:
        indexes: dict[tuple[int | str | None, ...], int] = {}
        for run in runs:
            attributes = (run.part, run.attachment_guid, run.transcription)
            is_new = attributes not in indexes
            index = indexes.setdefault(attributes, len(indexes) + 1)
            self._shared_string("iI")
            self._integer(index)
            self._integer(run.length)
            if is_new:
                self._dictionary(run)

    def _dictionary(self, run: Run) -> None:
        self._shared_string("@")
        self._begin("NSDictionary", "NSObject")
        self._shared_string("i")
        words = {_TRANSFER_GUID: run.attachment_guid, _TRANSCRIPTION: run.transcription}
        given = {name: word for name, word in words.items() if word is not None}
        self._integer(len(given) + (run.part is not None))
        for name, word in given.items():
            self._key(name)
            self._string(word)
        if run.part is not None:
            self._key(_PART)
            self._number(run.part)
        self._out.append(_END)

    def _key(self, name: str) -> None:
        if name in self._key_numbers:
            self._shared_string("@")
            self._reference(self._key_numbers[name])
        else:
            self._key_numbers[name] = self._objects
            self._string(name)

    def _string(self, text: str) -> None:
        self._shared_string("@")
        self._begin("NSString", "NSObject", version=1)
        self._shared_string("+")
        self._counted(text.encode())
        self._out.append(_END)

    def _number(self, number: int) -> None:
        self._shared_string("@")
        self._begin("NSNumber", "NSValue", "NSObject")
        self._shared_string("*")
        self._out.append(_NEW)
        self._objects += 1
        self._shared_string("i")
        self._shared_string("i")
        self._integer(number)
        self._out.append(_END)

    def _begin(self, *lineage: str, version: int = 0) -> None:
        self._out.append(_NEW)
        self._objects += 1
        self._class(lineage, version)

    def _class(self, lineage: Sequence[str], version: int) -> None:
        if not lineage:
            self._out.append(_NIL)
        elif lineage[0] in self._class_numbers:
            self._reference(self._class_numbers[lineage[0]])
        else:
            self._class_numbers[lineage[0]] = self._objects
            self._objects += 1
            self._out.append(_NEW)
            self._shared_string(lineage[0])
            self._integer(version)
            self._class(lineage[1:], version=0)

    def _shared_string(self, text: str) -> None:
        if text in self._string_numbers:
            self._reference(self._string_numbers[text])
        else:
            self._string_numbers[text] = len(self._string_numbers)
            self._out.append(_NEW)
            self._counted(text.encode())

    def _reference(self, number: int) -> None:
        self._integer(number + _FIRST_REFERENCE)

    def _counted(self, raw: bytes) -> None:
        self._integer(len(raw))
        self._out += raw

    def _integer(self, number: int) -> None:
        if _FIRST_REFERENCE <= number <= _INT8_MAX:
            self._out += number.to_bytes(1, "little", signed=True)
            return
        tag, size = next(form for form in _INTEGER_SIZES.items() if number.bit_length() < form[1] * 8)
        self._out.append(tag)
        self._out += number.to_bytes(size, "little", signed=True)
