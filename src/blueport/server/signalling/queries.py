"""Statements on signals; each change names the state that it expects and says whether it found it."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, FromClause, bindparam, exists, or_, select, update

from blueport.server.ids import AccountId, ChatId, DaemonId, KeyId, LineId, OutboxId
from blueport.server.signalling.states import ATTEMPTS_EXHAUSTED, EXPIRED, LEASE_MS, SUPERSEDED, Kind
from blueport.server.store.tables import chats, lines, signals
from blueport.server.store.tx import Statement, Tx, Value, Values, add_row


class NewSignal(NamedTuple):
    """A signal that is asked for; `payload` is the JSON of that."""

    account_id: AccountId
    line_id: LineId
    chat_id: ChatId
    key_id: KeyId
    kind: Kind
    payload: str


class Offered(NamedTuple):
    """A signal that may be claimed now, with what its doing needs."""

    id: OutboxId
    kind: Kind
    payload: str
    line_handle: str
    chat_id: ChatId
    is_group: int
    chat_key: str


class Holder(NamedTuple):
    """Who holds a signal: a daemon, by which token."""

    daemon: DaemonId
    signal_id: str
    token: str


class Held(NamedTuple):
    """A claimed signal; `expires_at` is Unix milliseconds."""

    attempts: int
    max_attempts: int
    expires_at: int


def _is_free(signal: FromClause) -> ColumnElement[bool]:
    """Say whether nobody is at it; only a clock that was set back puts a lease's end further away than it can be."""
    until = signal.c.lease_until
    return or_(until.is_(None), until <= bindparam("now"), until > bindparam("latest"))


_OLDER_TYPING = update(signals).where(
    signals.c.line_id == bindparam("line"),
    signals.c.chat_id == bindparam("chat"),
    signals.c.kind == "typing",
    signals.c.completed_at.is_(None),
)
_SUPERSEDE = Statement(
    _OLDER_TYPING.where(signals.c.status == "pending").values(
        status="failed", error=SUPERSEDED, completed_at=bindparam("completed")
    )
)
_NEVER_AGAIN = Statement(_OLDER_TYPING.values(expires_at=bindparam("expires")))

_OF_DAEMON = signals.c.line_id.in_(select(lines.c.id).where(lines.c.daemon_id == bindparam("daemon")))
_UNATTENDED = update(signals).where(signals.c.completed_at.is_(None), _is_free(signals))
# Made in the future: the clock was set back since.
_EXPIRE = _UNATTENDED.where(
    or_(signals.c.expires_at <= bindparam("now"), signals.c.created_at > bindparam("now"))
).values(status="failed", error=EXPIRED, completed_at=bindparam("now"))
_EXPIRE_ALL = Statement(_EXPIRE)
_EXPIRE_OF_DAEMON = Statement(_EXPIRE.where(_OF_DAEMON))
_EXHAUST = Statement(
    _UNATTENDED.where(_OF_DAEMON, signals.c.attempts >= signals.c.max_attempts).values(
        status="failed", error=ATTEMPTS_EXHAUSTED, completed_at=bindparam("now")
    )
)

_earlier = signals.alias("earlier")
# "off" must not overtake the "on" that a daemon is at.
_is_next = ~exists().where(
    _earlier.c.line_id == signals.c.line_id,
    _earlier.c.chat_id == signals.c.chat_id,
    _earlier.c.kind == signals.c.kind,
    _earlier.c.completed_at.is_(None),
    _earlier.c.seq < signals.c.seq,
    ~_is_free(_earlier),
)
_OFFERED = Statement(
    select(
        signals.c.id,
        signals.c.kind,
        signals.c.payload,
        lines.c.handle,
        signals.c.chat_id,
        chats.c.is_group,
        chats.c.key,
    )
    .join(lines, lines.c.id == signals.c.line_id)
    .join(chats, chats.c.id == signals.c.chat_id)
    .where(
        lines.c.daemon_id == bindparam("daemon"),
        signals.c.completed_at.is_(None),
        signals.c.available_at <= bindparam("now"),
        _is_free(signals),
        _is_next,
    )
    .order_by(signals.c.seq)
    .limit(bindparam("limit"))
)
_CLAIM = Statement(
    update(signals)
    .where(
        signals.c.id == bindparam("signal_id"),
        or_(signals.c.status == "pending", signals.c.status == "claimed"),
        _is_free(signals),
    )
    .values(
        status="claimed",
        attempts=signals.c.attempts + 1,
        claim_token=bindparam("token"),
        lease_until=bindparam("latest"),
    )
)
_IS_HELD = (
    _OF_DAEMON,
    signals.c.id == bindparam("signal_id"),
    signals.c.claim_token == bindparam("token"),
    signals.c.status == "claimed",
)
_HELD = Statement(select(signals.c.attempts, signals.c.max_attempts, signals.c.expires_at).where(*_IS_HELD))
_END = Statement(
    update(signals)
    .where(*_IS_HELD)
    .values(status=bindparam("ended"), error=bindparam("word"), completed_at=bindparam("completed"))
)
_PUT_BACK = Statement(
    update(signals)
    .where(*_IS_HELD)
    .values(
        status="pending",
        error=bindparam("word"),
        available_at=bindparam("available"),
        claim_token=None,
        lease_until=None,
    )
)


def add(tx: Tx, signal_id: OutboxId, signal: NewSignal, *, max_attempts: int, expires_at: int) -> None:
    """Put a new signal at the end of its line."""
    asked: dict[str, Value] = signal._asdict()
    state: Values = {"status": "pending", "attempts": 0, "max_attempts": max_attempts, "available_at": 0}
    times: Values = {"expires_at": expires_at, "created_at": tx.now_ms}
    add_row(tx, signals, {"id": signal_id, **asked, **state, **times})


def supersede_typing(tx: Tx, line_id: LineId, chat_id: ChatId) -> None:
    """End what was to be shown of the line's typing in a chat; what a daemon is at already is not tried again."""
    tx.change(_SUPERSEDE, line=line_id, chat=chat_id, completed=tx.now_ms)
    tx.change(_NEVER_AGAIN, line=line_id, chat=chat_id, expires=tx.now_ms)


def end_expired(tx: Tx) -> None:
    """End signals that are worth nothing any more, unless a daemon is at them."""
    tx.change(_EXPIRE_ALL, now=tx.now_ms, latest=tx.now_ms + LEASE_MS)


def end_hopeless(tx: Tx, daemon_id: DaemonId) -> None:
    """End those of a daemon that are worth nothing any more, or were tried often enough."""
    tx.change(_EXPIRE_OF_DAEMON, daemon=daemon_id, now=tx.now_ms, latest=tx.now_ms + LEASE_MS)
    tx.change(_EXHAUST, daemon=daemon_id, now=tx.now_ms, latest=tx.now_ms + LEASE_MS)


def offered(tx: Tx, daemon_id: DaemonId, limit: int) -> list[Offered]:
    """Return what a daemon's lines may be asked to do now, the oldest first."""
    return tx.all(Offered, _OFFERED, daemon=daemon_id, now=tx.now_ms, latest=tx.now_ms + LEASE_MS, limit=limit)


def claim(tx: Tx, signal_id: OutboxId, token: str) -> bool:
    """Lease the signal for LEASE_MS; False if another was faster."""
    return tx.change(_CLAIM, signal_id=signal_id, token=token, now=tx.now_ms, latest=tx.now_ms + LEASE_MS) == 1


def held(tx: Tx, holder: Holder) -> Held | None:
    """Find a signal that *holder* holds, on a line of that daemon."""
    return tx.one(Held, _HELD, **holder._asdict())


def mark_sent(tx: Tx, holder: Holder) -> bool:
    """End the signal as done; False if *holder* no longer holds it."""
    return tx.change(_END, **holder._asdict(), ended="sent", word=None, completed=tx.now_ms) == 1


def mark_failed(tx: Tx, holder: Holder, word: str) -> bool:
    """End the signal as failed; False if *holder* no longer holds it."""
    return tx.change(_END, **holder._asdict(), ended="failed", word=word, completed=tx.now_ms) == 1


def put_back(tx: Tx, holder: Holder, word: str, available_at: int) -> bool:
    """Let the signal be claimed again later; False if *holder* no longer holds it."""
    return tx.change(_PUT_BACK, **holder._asdict(), word=word, available=available_at) == 1
