"""What kind of file it is: by its declared media type, and by its first bytes.

Only what its first bytes prove to be a picture, a sound or a film is shown in a browser. Everything else is saved: a
page from our origin could act as its visitor there.
"""

import re

import puremagic

OCTETS = "application/octet-stream"
CAF = "audio/x-caf"
# As much of a file as is looked at.
HEAD_BYTES = 4096

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_AUDIO = frozenset(
    f"audio/{name}"
    for name in (
        *("x-m4a", "m4a", "mp4", "mp4a-latm", "mpeg", "mp3", "mpeg3", "x-mpeg", "x-mpeg-3", "x-mp3"),
        *("wav", "x-wav", "wave", "vnd.wave", "x-pn-wav", "caf", "x-caf"),
        *("aiff", "x-aiff", "aif", "aac", "x-aac", "aacp", "x-hx-aac-adts"),
    )
)
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"caff\x00\x01", CAF),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    # Any of a hundred formats: the library would name one of them.
    (b"PK\x03\x04", "application/zip"),
)
_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "audio/x-m4a": ".m4a",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/x-wav": ".wav",
    CAF: ".caf",
    "application/pdf": ".pdf",
    "text/vcard": ".vcf",
    "text/plain": ".txt",
}
_FORMS = {
    b"RIFF": {b"WEBP": "image/webp", b"WAVE": "audio/x-wav"},
    b"FORM": {b"AIFF": "audio/x-aiff", b"AIFC": "audio/x-aiff"},
}
_HEIC = ("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1")
_BRANDS = {
    **dict.fromkeys(_HEIC, "image/heic"),
    **dict.fromkeys(("M4A ", "M4B "), "audio/x-m4a"),
    **dict.fromkeys(("isom", "iso2", "iso4", "iso5", "iso6", "mp41", "mp42", "avc1", "M4V "), "video/mp4"),
    "qt  ": "video/quicktime",
}
_SHOWN = frozenset(
    {kind for _, kind in _STARTS if kind != "application/zip"}
    | {kind for kinds in _FORMS.values() for kind in kinds.values()}
    | set(_BRANDS.values())
)


def media_type(header: bytes) -> str | None:
    """Return the media type that a Content-Type header names, without its parameters; None if it is none."""
    name = header.decode("latin-1").partition(";")[0].strip().lower()
    return name if _MEDIA_TYPE.fullmatch(name) else None


def is_audio_type(mime_type: str) -> bool:
    """Tell whether a file that was declared so may be sent as a voice message."""
    return mime_type.lower() in _AUDIO


def suffix(mime_type: str) -> str:
    """Return the usual end of the names of such files, as in `.jpg`; empty if there is none."""
    return _SUFFIXES.get(mime_type, "")


def sniffed(head: bytes) -> str:
    """Return the media type that the first bytes of a file look like."""
    return _signature(head) or _guess(head) or OCTETS


def shown_as(head: bytes) -> str | None:
    """Return the media type as which a browser may show a file with these first bytes; None if it must save it."""
    kind = _signature(head)
    return kind if kind in _SHOWN else None


def _signature(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12].decode("latin-1"))
    form = _FORMS.get(head[:4], {}).get(head[8:12])
    return form or next((kind for start, kind in _STARTS if head.startswith(start)), None)


def _guess(head: bytes) -> str | None:
    try:
        named = puremagic.from_string(head, mime=True)
    except (puremagic.PureError, ValueError):
        return None
    return media_type(named.encode("latin-1", "replace"))
