"""Whether a message is to be told, passed over, or looked at again first: decided from the row alone.

Messages writes a message in several commits, some of them long after the first, and changes its mind on some. So an
unfinished row is held for a while from its first sight, for a reason, and each reason has its time.
"""

from typing import Literal, NamedTuple

from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.settings import Settings

DAY_MS = 86_400_000
BUBBLE_MS = 3_000
# Long enough for the row that has the very text to come first.
LIKELY_MS = 10_000
# So long an own row may show a file only by its mark, where we are just sending one.
FILE_MS = 60_000
# What is said in a voice memo is written down some seconds after the rest; of some, never.
_WORDS_MS = 2 * 60 * 1000
# A message that comes so much later than it was sent may be one that iCloud brings to a new Mac.
LATE_MS = 15 * 60 * 1000


class Judgement(NamedTuple):
    """What to do with a row; one that is held is to be judged anew `hold_ms` after its first sight."""

    verdict: Literal["tell", "pass", "hold"]
    hold_ms: int = 0


class Ties(NamedTuple):
    """What a row has to do with us.

    It came from an address of this Mac (an echo, or a word to oneself); it is an outbox item, or may yet turn out to be
    one, if only its files were there; it looks like somebody else's, but says what we are just sending to that chat; or
    its files are still on their way to this Mac.
    """

    is_own_sender: bool
    is_item: bool
    may_be_item: bool
    may_be_file: bool
    is_like_ours: bool
    awaits_files: bool


class Past(NamedTuple):
    """Moments (Unix ms) that tell history from news: since when nobody looked, the newest news, the daemon's birth."""

    unread_since: int
    newest_told_at: int | None
    born_at: int


def judge(row: MessageRow, *, age_ms: int, ties: Ties, settings: Settings) -> Judgement:
    """Judge a message that was not told yet and was first seen *age_ms* ago."""
    is_fact = row.kind == "message" or row.reaction is not None
    if not is_fact or row.is_deleted or row.is_unsent or row.link == "preview":
        return Judgement("pass")
    reasons = (
        (round(settings.settle_s * 1000), is_unfinished(row) or ties.awaits_files),
        (round(settings.ghost_s * 1000), row.is_from_me and is_unfinished(row)),
        (round(settings.flip_s * 1000), ties.is_like_ours),
        (LIKELY_MS, ties.may_be_item),
        (FILE_MS, ties.may_be_file),
        (BUBBLE_MS, row.link == "unclear"),
        (DAY_MS, _is_waiting(row) and not row.error and row.chat is not None),
    )
    hold_ms = max((hold_ms for hold_ms, holds in reasons if holds), default=0)
    if age_ms < hold_ms:
        return Judgement("hold", hold_ms)
    # One that waits for longer, as one to be sent later does, is told when it goes out.
    is_passed = ties.is_own_sender or _is_waiting(row) or (row.link == "repeats" and not ties.is_item)
    return Judgement("tell" if _is_news(row) and not is_passed else "pass")


def awaits_more_ms(row: MessageRow) -> int:
    """Return for how long more may come of a message that was told, 0 if nothing is missing."""
    if row.names_files or not all(file.total_bytes > 0 and file.filename for file in row.files):
        return DAY_MS
    is_wordless = row.is_audio and any(file.transcription is None for file in row.attachments)
    return _WORDS_MS if is_wordless else 0


def is_unfinished(row: MessageRow) -> bool:
    """Say whether something is still to come, as far as one can see."""
    return row.chat is None or row.names_files or not has_content(row)


def has_content(row: MessageRow) -> bool:
    """Say whether there is anything to read or to see."""
    return row.text is not None or bool(row.attachments) or row.reaction is not None


def is_ghost(row: MessageRow) -> bool:
    """Say whether an own row is an empty shell in no conversation, as macOS 26 leaves of some sends."""
    return row.is_from_me and row.kind == "message" and row.chat is None and not has_content(row)


def is_history(sent_at: int, *, seen_at: int, past: Past, catch_up_h: float) -> bool:
    """Say whether a message is only to be stored: it was old when first seen, and not because we were away."""
    if sent_at >= seen_at - LATE_MS:
        return False
    if sent_at > past.unread_since:
        return sent_at < seen_at - catch_up_h * 3_600_000
    return sent_at < max(past.newest_told_at or 0, past.born_at)


def _is_news(row: MessageRow) -> bool:
    is_whole = row.chat is not None and (has_content(row) or row.names_files)
    return is_whole and not (row.is_from_me and row.error)


def _is_waiting(row: MessageRow) -> bool:
    return row.is_from_me and not row.is_sent
