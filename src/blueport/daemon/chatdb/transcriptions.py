"""`attachment.user_info`: what was said in a voice memo, where it stands with the file."""

import msgspec

from blueport.daemon.chatdb.plists import PlistError, loaded


class _Plist(msgspec.Struct):
    transcription: str | None = msgspec.field(name="audio-transcription", default=None)


def transcription_of(blob: bytes | None) -> str | None:
    """Return the words; None if there are none, or if nobody can read what is there."""
    if not blob:
        return None
    try:
        return msgspec.convert(loaded(blob), _Plist).transcription or None
    except (PlistError, msgspec.ValidationError):
        return None
