"""When we looked, and when we did not: what came while this Mac slept, or this daemon was down, is news however late.

Messages, too, was away then: it fetches what it missed only after it woke, and may need minutes for it. So for a while
after our first look what is dated within the gap still counts as missed, not as old.
"""

from blueport.daemon.journal.reading import Presence

GAP_MS = 5 * 60 * 1000
_CATCHING_UP_MS = 10 * 60 * 1000


def after_look(before: Presence, moment: int) -> Presence:
    """Return the presence of one who looked again at *moment* (Unix ms), and saw everything."""
    if moment - before.read_at <= GAP_MS:
        return Presence(moment, before.away_since, before.back_at)
    # A Mac that wakes for moments only has been away since the first of its gaps.
    return Presence(moment, unread_since(before, before.read_at), moment)


def unread_since(presence: Presence, moment: int) -> int:
    """Return from when on (Unix ms) a message may have come unseen, for one that is first seen at *moment*."""
    is_catching_up = moment - presence.back_at < _CATCHING_UP_MS
    return min(presence.away_since, presence.read_at) if is_catching_up else presence.read_at
