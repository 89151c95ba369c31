"""Bubbles of links, which Messages writes as messages of their own behind the text that holds the link.

A text with a link is two rows, the bubble 0.5 to 2 s after the text; sometimes the bubble comes a second time within
about a minute. A link alone may be one row only, which is then the message.
"""

import re
import string
from collections.abc import Iterable

from blueport.daemon.chatdb.bodies import body_of
from blueport.daemon.chatdb.columns import RawMessage
from blueport.daemon.chatdb.dates import unix_ms
from blueport.daemon.chatdb.rows import URL_BALLOON, Link

BEHIND_TEXT_MS = 5_000
BEHIND_BUBBLE_MS = 120_000
# None of these is part of a link; another link may begin without any of them.
_BETWEEN_LINKS = re.compile(
    r"[\s<>\"\u201c\u201d\u2018\u2019\u00ab\u00bb\u2026\u3001\u3002\uff0c\uff01\uff1f]+|(?=https?://)", re.IGNORECASE
)


def link_of(bubble: RawMessage, before: Iterable[RawMessage]) -> Link:
    """Say how *bubble* stands to the messages *before* it of the same sender in the same chat."""
    url = _bare(_text(bubble))
    repeats = unclear = False
    for message in before:
        behind_ms = abs((unix_ms(bubble.date) or 0) - (unix_ms(message.date) or 0))
        if _repeats(url, message, behind_ms):
            if message.balloon_bundle_id != URL_BALLOON:
                return "preview"
            repeats = True
        unclear = unclear or (behind_ms <= BEHIND_TEXT_MS and not _text(message))
    if repeats:
        return "repeats"
    return "unclear" if unclear else "alone"


def _repeats(url: str, message: RawMessage, behind_ms: int) -> bool:
    if message.balloon_bundle_id == URL_BALLOON:
        return behind_ms <= BEHIND_BUBBLE_MS and bool(url) and url == _bare(_text(message))
    return behind_ms <= BEHIND_TEXT_MS and bool(url) and url in map(_bare, _BETWEEN_LINKS.split(_text(message)))


def _text(raw: RawMessage) -> str:
    return body_of(raw.attributed_body, raw.text).text or ""


def _bare(link: str) -> str:
    """Return a link in the form in which two spellings of it are equal, without the punctuation around it."""
    whole = link.lower().strip(string.whitespace + string.punctuation)
    return whole.removeprefix("http://").removeprefix("https://").removeprefix("www.")
