"""What a message says: its text and the order of its files, from the archived body if that can be read."""

import re
from typing import NamedTuple

from blueport.typedstream import ATTACHMENT_MARK, TypedStreamError, decode

# An app's bubble, or what is left of a body that could not be read.
_UNREADABLE_MARK = "\ufffd"
# What separates a file from the text was not written by the person either, if nothing stands on its other side.
_MARKS_AT_AN_END = re.compile(rf"^(?:\s*{ATTACHMENT_MARK})+\s*|(?:\s*{ATTACHMENT_MARK})+\s*$")


class Body(NamedTuple):
    """The text without the marks of files, None if none; the guids of the files; whether there is a mark of a file."""

    text: str | None
    attachment_guids: tuple[str, ...] = ()
    has_marks: bool = False


def body_of(archived: bytes | None, plain: str | None) -> Body:
    """Read a body; *plain*, which Messages often leaves empty, counts only where *archived* is unreadable."""
    if archived:
        try:
            attributed = decode(archived)
        except TypedStreamError:
            return _body(plain or "", ())
        return _body(attributed.text, attributed.attachment_guids)
    return _body(plain or "", ())


def _body(marked: str, guids: tuple[str, ...]) -> Body:
    text = _MARKS_AT_AN_END.sub("", marked).replace(ATTACHMENT_MARK, "").replace("\x00", "")
    is_empty = not text.strip(_UNREADABLE_MARK)
    return Body(None if is_empty else text, guids, ATTACHMENT_MARK in marked)
