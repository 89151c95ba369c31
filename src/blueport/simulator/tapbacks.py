"""Tapbacks as chat.db has them: their numbers, and the sentence that old devices show in their place."""

from typing import Literal, NamedTuple, get_args

from blueport.typedstream import AttributedText

Tapback = Literal["love", "like", "dislike", "laugh", "emphasize", "question"]

_FIRST_KIND = 2000  # message.associated_message_type of a love that was put on; the others follow in order
_EMOJI_KIND = 2006
_REMOVED = 1000  # more, for one that was taken off
_PUT_ON = {
    "love": "Loved",
    "like": "Liked",
    "dislike": "Disliked",
    "laugh": "Laughed at",
    "emphasize": "Emphasized",
    "question": "Questioned",
}
_TAKEN_OFF = {
    "love": "a heart",
    "like": "a like",
    "dislike": "a dislike",
    "laugh": "a laugh",
    "emphasize": "an exclamation",
    "question": "a question mark",
}


class Sign(NamedTuple):
    """What is put on a message: one of the six, or else an emoji."""

    tapback: Tapback | None
    emoji: str | None


def kind_of(sign: Sign, *, is_removed: bool) -> int:
    """Return the `associated_message_type`."""
    kind = _EMOJI_KIND if sign.tapback is None else _FIRST_KIND + get_args(Tapback).index(sign.tapback)
    return kind + _REMOVED if is_removed else kind


def sentence(sign: Sign, quoted: str, *, is_removed: bool) -> str:
    """Return what the row has as its text."""
    if sign.tapback is None:
        return f"Removed {sign.emoji} from {quoted}" if is_removed else f"Reacted {sign.emoji} to {quoted}"
    if is_removed:
        return f"Removed {_TAKEN_OFF[sign.tapback]} from {quoted}"
    return f"{_PUT_ON[sign.tapback]} {quoted}"


def quoted(body: AttributedText, part: int, file: str) -> str:
    """Return how a sentence names *part* of a message: a text in quotation marks, or *file* for what is none."""
    raw, at, words = body.text.encode("utf-16-le"), 0, b""
    for run in body.runs:
        if run.part == part and run.attachment_guid is not None:
            return file
        if run.part == part:
            words += raw[at * 2 : (at + run.length) * 2]
        at += run.length
    return f"\u201c{words.decode('utf-16-le', 'replace')}\u201d"
