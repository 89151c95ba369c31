"""What a message says: its text and the order of its files, from the archived body if that can be read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from blueport.typedstream import ATTACHMENT_MARK, TypedStreamError, decode

# An app's bubble, or what is left of a body that could not be read.
_UNREADABLE_MARK = "\ufffd"
_NOTHING_SAID: Mapping[str, str] = MappingProxyType({})


class Body(NamedTuple):
    """The text without the marks of files, None if none; the guids of the files; whether there is a mark of a file.

    `transcriptions` are of voice memos, by the guid of the file.
    """

    text: str | None
    attachment_guids: tuple[str, ...] = ()
    has_marks: bool = False
    transcriptions: Mapping[str, str] = _NOTHING_SAID


def body_of(archived: bytes | None, plain: str | None, *, may_be_unsent: bool = False) -> Body:
    """Read a body; *plain*, which Messages often leaves empty, counts only where *archived* says nothing.

    Nothing is the last word on a message that may be unsent.
    """
    body = _archived_body(archived) if archived else None
    if body is not None and (body.text is not None or body.attachment_guids or may_be_unsent or not plain):
        return body
    return _body(plain or "", (), _NOTHING_SAID)


def _archived_body(archived: bytes) -> Body | None:
    try:
        attributed = decode(archived)
    except TypedStreamError:
        return None
    files = [run for run in attributed.runs if run.attachment_guid is not None]
    said = {run.attachment_guid or "": run.transcription for run in files if run.transcription}
    return _body(attributed.text, attributed.attachment_guids if files else (), said or _NOTHING_SAID)


def _body(marked: str, guids: tuple[str, ...], said: Mapping[str, str]) -> Body:
    text = _without_marks(marked).replace("\x00", "")
    is_empty = not text.strip(_UNREADABLE_MARK)
    return Body(None if is_empty else text, guids, ATTACHMENT_MARK in marked, said)


def _without_marks(marked: str) -> str:
    """Take out the marks of files; what separates one from the text goes too, if nothing stands on its other side."""
    first, *others = marked.split(ATTACHMENT_MARK)
    if not others:
        return first
    text = first + "".join(others)
    text = text if first.strip() else text.lstrip()
    return text if others[-1].strip() else text.rstrip()
