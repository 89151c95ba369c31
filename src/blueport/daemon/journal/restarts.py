"""What is remembered of Messages itself: whether it ever answered, and when it was started anew.

A daemon that dies and comes back must not start it anew again and again.
"""

from blueport.daemon.journal.file import Journal

EVERY_MS = 10 * 60 * 1000


def note_answer(journal: Journal) -> None:
    """Note that Messages answers to this daemon."""
    journal.change("UPDATE messages_app SET has_answered = 1 WHERE NOT has_answered")


def has_answered(journal: Journal) -> bool:
    """Say whether Messages ever answered to a daemon with this journal."""
    return bool(journal.find(tuple[int], "SELECT 1 FROM messages_app WHERE has_answered"))


def is_due(journal: Journal, moment: int) -> bool:
    """Say whether Messages may be started anew at *moment* (Unix milliseconds).

    If the clock was set back since the last time, ten minutes count from now.
    """
    journal.change("UPDATE messages_app SET restarted_at = ? WHERE restarted_at > ?", moment, moment)
    return bool(journal.find(tuple[int], "SELECT 1 FROM messages_app WHERE restarted_at <= ?", moment - EVERY_MS))


def note(journal: Journal, moment: int) -> None:
    """Note that Messages is about to be started anew (Unix milliseconds)."""
    journal.change("UPDATE messages_app SET restarted_at = ?", moment)
