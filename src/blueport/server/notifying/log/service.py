"""Keeps the log for a while, and in order."""

from blueport.server.ids import lowest
from blueport.server.notifying.log import queries
from blueport.server.store.tx import Tx

KEPT_DAYS = 30
KEPT_MS = KEPT_DAYS * 24 * 60 * 60 * 1000
DROPPED_AT_ONCE = 500


def drop_old(tx: Tx) -> bool:
    """Drop some of what is older than KEPT_DAYS; False once nothing of that is left. What is open stays."""
    since_ms = tx.now_ms - KEPT_MS
    ended = queries.ended_deliveries(tx, lowest("dlv", since_ms), DROPPED_AT_ONCE)
    if ended:
        queries.drop_deliveries(tx, ended)
    told = queries.told_events(tx, lowest("evt", since_ms), DROPPED_AT_ONCE)
    if told:
        queries.drop_events(tx, told)
    return DROPPED_AT_ONCE in (len(ended), len(told))


def set_right(tx: Tx) -> None:
    """Make readable what was brought from another PostgreSQL past `store copy`, as a dump is.

    There transactions had other numbers: what is numbered beyond ours would stay hidden for ever, and the next events
    would come to stand before it.
    """
    if queries.has_strange_numbers(tx):
        queries.lower_numbers(tx)
