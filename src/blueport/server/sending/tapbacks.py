"""The names by which callers ask for a tapback."""

import re

from blueport.protocol.commands import Tapback

_NAMES: dict[str, Tapback] = {
    "love": "love",
    "heart": "love",
    "\N{HEAVY BLACK HEART}": "love",
    "like": "like",
    "\N{THUMBS UP SIGN}": "like",
    "dislike": "dislike",
    "\N{THUMBS DOWN SIGN}": "dislike",
    "laugh": "laugh",
    "\N{FACE WITH TEARS OF JOY}": "laugh",
    "emphasize": "emphasize",
    "\N{DOUBLE EXCLAMATION MARK}": "emphasize",
    "question": "question",
    "\N{BLACK QUESTION MARK ORNAMENT}": "question",
}
# An emoji may bear a selector of its look, and a thumb a tone of skin.
_LOOK = re.compile("(?<=[^a-z])[\ufe0e\ufe0f]$")
_TONE = re.compile("(?<=[\U0001f44d\U0001f44e])[\U0001f3fb-\U0001f3ff]$")


def tapback_named(name: str) -> Tapback:
    """Return the tapback that a word or an emoji names.

    Raises:
        KeyError: It is none of the six.
    """
    return _NAMES[_TONE.sub("", _LOOK.sub("", name))]
