"""Lines and daemons as their pages show them, what a line has sent and still has to, and how a pairing stands."""

from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from blueport.server.ids import AccountId, DaemonId, LineId, lowest
from blueport.server.store.tables import accounts, daemons, lines, messages, outbox, pairings
from blueport.server.store.tx import Statement, Tx

# So much is looked through for what one line has sent, and counted of what it has to: a page is drawn again and again.
LOOKED_THROUGH = 5_000
COUNTED = 1_000


class LineCard(NamedTuple):
    """A line with whose it is and who serves it; flags are 0 or 1, capabilities are words, times Unix milliseconds.

    `fused_since` is when it began to be held back for what it has sent within an hour.
    """

    id: LineId
    account_id: AccountId
    account: str
    handle: str
    label: str | None
    service: str
    health: str
    hint: str | None
    capabilities: str
    is_sandbox: int
    is_contact_first: int
    fused_since: int | None
    created_at: int
    daemon_id: DaemonId | None
    daemon: str | None
    seen_at: int | None
    revoked_at: int | None


class Sent(NamedTuple):
    """How many messages of a line are among the newest of all, `looked_through`, since midnight and within an hour."""

    looked_through: int
    today: int
    hour: int


class Waiting(NamedTuple):
    """How much of a line's outbox has not ended, counted up to COUNTED, and since when the oldest waits."""

    how_many: int
    oldest_at: int | None


class Pairing(NamedTuple):
    """The latest code of a daemon; `is_used` (true, or 1) is whether it let a Mac in. `process` said hello last."""

    expires_at: int | None
    wrong_tries: int | None
    is_used: int
    process: str
    seen_at: int | None
    version: str | None


_LINE = (
    select(
        lines.c.id,
        lines.c.account_id,
        accounts.c.name,
        lines.c.handle,
        lines.c.label,
        lines.c.service,
        lines.c.health,
        lines.c.hint,
        lines.c.capabilities,
        lines.c.is_sandbox,
        lines.c.is_contact_first,
        lines.c.fused_since,
        lines.c.created_at,
        lines.c.daemon_id,
        daemons.c.name.label("daemon"),
        daemons.c.seen_at,
        daemons.c.revoked_at,
    )
    .join(accounts, accounts.c.id == lines.c.account_id)
    .outerjoin(daemons, daemons.c.id == lines.c.daemon_id)
)
_LINES = Statement(_LINE.order_by(lines.c.is_sandbox, lines.c.handle))
_ONE_LINE = Statement(_LINE.where(lines.c.id == bindparam("line_id")))
_newest = (
    select(messages.c.line_id, messages.c.is_from_me, messages.c.outbox_id, messages.c.synced_at)
    .where(messages.c.id >= bindparam("since_id"))
    .order_by(messages.c.id.desc())
    .limit(LOOKED_THROUGH)
    .subquery("newest")
)
_is_sent = (_newest.c.line_id == bindparam("line_id")) & (_newest.c.is_from_me == 1) & _newest.c.outbox_id.is_not(None)
_SENT = Statement(
    select(
        func.count(),
        func.count().filter(_is_sent & (_newest.c.synced_at >= bindparam("midnight"))),
        func.count().filter(_is_sent & (_newest.c.synced_at >= bindparam("hour_ago"))),
    ).select_from(_newest)
)
_open = (
    select(outbox.c.created_at)
    .where(outbox.c.line_id == bindparam("line_id"), outbox.c.completed_at.is_(None))
    .order_by(outbox.c.seq)
    .limit(COUNTED)
    .subquery("open")
)
_WAITING = Statement(select(func.count(), func.min(_open.c.created_at)).select_from(_open))
_PAIRING = Statement(
    select(
        pairings.c.expires_at,
        pairings.c.wrong_tries,
        pairings.c.token_hash.is_not(None),
        daemons.c.process,
        daemons.c.seen_at,
        daemons.c.version,
    )
    .select_from(daemons)
    .outerjoin(pairings, pairings.c.daemon_id == daemons.c.id)
    .where(daemons.c.id == bindparam("daemon_id"))
)


def lines_there_are(tx: Tx) -> list[LineCard]:
    """Return every line by its handle, the shared one last."""
    return tx.all(LineCard, _LINES)


def line(tx: Tx, line_id: str) -> LineCard | None:
    """Find a line by its id."""
    return tx.one(LineCard, _ONE_LINE, line_id=line_id)


def sent_lately(tx: Tx, line_id: LineId, midnight: int, hour_ago: int) -> Sent:
    """Count what a line has sent since *midnight*, and since *hour_ago* (Unix milliseconds)."""
    since_id = lowest("msg", min(midnight, hour_ago))
    return tx.all(Sent, _SENT, line_id=line_id, since_id=since_id, midnight=midnight, hour_ago=hour_ago)[0]


def waiting(tx: Tx, line_id: LineId) -> Waiting:
    """Count what a line still has to send."""
    return tx.all(Waiting, _WAITING, line_id=line_id)[0]


def pairing(tx: Tx, daemon_id: str) -> Pairing:
    """Return how the pairing of a daemon stands."""
    return tx.all(Pairing, _PAIRING, daemon_id=daemon_id)[0]
