"""What Messages calls the types of files."""

import mimetypes
from pathlib import PurePath
from typing import NamedTuple

VOICE_MEMO_NAME = "Audio Message.caf"


class FileType(NamedTuple):
    """A type by both of its names; `mime_type` is None where Messages knows none."""

    uti: str
    mime_type: str | None


VOICE_MEMO = FileType("com.apple.coreaudio-format", "audio/x-caf")

_KNOWN = {
    ".aac": FileType("public.aac-audio", "audio/aac"),
    ".aif": FileType("public.aiff-audio", "audio/aiff"),
    ".aiff": FileType("public.aiff-audio", "audio/aiff"),
    ".caf": VOICE_MEMO,
    ".gif": FileType("com.compuserve.gif", "image/gif"),
    ".heic": FileType("public.heic", "image/heic"),
    ".jpeg": FileType("public.jpeg", "image/jpeg"),
    ".jpg": FileType("public.jpeg", "image/jpeg"),
    ".m4a": FileType("com.apple.m4a-audio", "audio/x-m4a"),
    ".mov": FileType("com.apple.quicktime-movie", "video/quicktime"),
    ".mp3": FileType("public.mp3", "audio/mpeg"),
    ".mp4": FileType("public.mpeg-4", "video/mp4"),
    ".pdf": FileType("com.adobe.pdf", "application/pdf"),
    ".png": FileType("public.png", "image/png"),
    ".txt": FileType("public.plain-text", "text/plain"),
    ".vcf": FileType("public.vcard", "text/vcard"),
    ".wav": FileType("com.microsoft.waveform-audio", "audio/x-wav"),
    ".webp": FileType("org.webmproject.webp", "image/webp"),
}


def type_of(filename: str) -> FileType:
    """Return the type that a name stands for."""
    known = _KNOWN.get(PurePath(filename).suffix.lower())
    return known or FileType("public.data", mimetypes.guess_type(filename)[0])
