"""The words by which people opt out of messages and in again: those of Twilio, which carriers in the USA know."""

import string
from typing import Literal

Wish = Literal["stop", "start"]

_WISHES: dict[str, Wish] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"), "stop"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "start"),
}
_ENDS = string.punctuation + string.whitespace + "\N{HORIZONTAL ELLIPSIS}\N{FULLWIDTH EXCLAMATION MARK}"
# A text that is longer is none: who looks for one need not read it.
LONGEST = 20


def wish_in(text: str | None) -> Wish | None:
    """Return what a text asks for, None if it is not one of the words alone, whatever stands behind it."""
    if text is None or len(text) > LONGEST:
        return None
    return _WISHES.get(text.strip().rstrip(_ENDS).upper())
