"""Names of files: as customers and Macs give them, as any disk takes them, as headers carry them.

A name is told, and never part of a path.
"""

import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

NAME_BYTES = 255

_EXTENDED = re.compile(r"(utf-8|iso-8859-1)'[a-z0-9-]*'(.*)", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# Control characters, what turns the direction of writing, halves of pairs, and breaks of lines.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_NOT_IN_QUOTES = re.compile(r"[^ !#-$&-\[\]-~]")


def from_header(raw: bytes) -> str | None:
    """Return the name in an `X-Filename` header: UTF-8, else Latin-1, or escaped in one of the usual ways."""
    text = _text(raw)
    extended = _EXTENDED.fullmatch(text)
    if extended:
        return cleaned(unquote_to_bytes(extended[2]).decode(extended[1], "replace"))
    return cleaned(_unescaped(text))


def cleaned(name: str) -> str | None:
    """Return *name* as any disk takes it, without what would hide its true end; None if nothing is left."""
    seen = _UNSEEN.sub("", unicodedata.normalize("NFC", name))
    last = re.split(r"[/\\]", seen)[-1].strip().rstrip(". ")
    if not last:
        return None
    return _shortened(f"_{last}" if _RESERVED.fullmatch(last) else last)


def disposition(filename: str | None, *, is_shown: bool) -> bytes:
    """Return a Content-Disposition (RFC 6266): plain for old receivers, in full for the others."""
    kind = "inline" if is_shown else "attachment"
    if filename is None:
        return kind.encode()
    plain = _NOT_IN_QUOTES.sub("_", filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}".encode()


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _unescaped(text: str) -> str:
    if not _ESCAPE.search(text):
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


def _shortened(name: str) -> str:
    """Cut what is in front of the suffix, between two characters."""
    encoded = name.encode()
    if len(encoded) <= NAME_BYTES:
        return name
    suffix = re.search(r"\.[^.\s]{1,15}$", name)
    end = suffix[0].encode() if suffix else b""
    stem = encoded[: NAME_BYTES - len(end)].decode(errors="ignore").rstrip(". ")
    return stem + end.decode()
