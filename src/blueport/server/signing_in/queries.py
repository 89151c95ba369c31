"""Users, their sessions, and the links by which the owner is made."""

from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, update

from blueport.server.ids import SessionId, UserId
from blueport.server.store.tables import sessions, sign_in_links, users
from blueport.server.store.tx import Statement, Tx, insert_into


class Login(NamedTuple):
    """A user, and what his password is judged by."""

    user_id: UserId
    email: str
    password_hash: str


class SessionRow(NamedTuple):
    """A session; times are Unix milliseconds."""

    id: SessionId
    user_id: UserId | None
    opened_by: str | None
    address: str
    agent: str
    created_at: int
    seen_at: int
    expires_at: int


class LiveSession(NamedTuple):
    """A session that lives, and whose it is."""

    id: SessionId
    user_id: UserId | None
    email: str | None
    opened_by: str | None
    seen_at: int


_LIVES = (sessions.c.expires_at > bindparam("now_ms"), sessions.c.seen_at > bindparam("seen_after"))
_LOGINS = select(users.c.id, users.c.email, users.c.password_hash)
_LOGIN = Statement(_LOGINS.where(users.c.email == bindparam("email")))
_FIRST_LOGIN = Statement(_LOGINS.order_by(users.c.id).limit(1))
_INSERT_USER = Statement(insert_into(users))
_SET_PASSWORD = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("old_hash"))
    .values(password_hash=bindparam("new_hash"))
)
_NOTE_SIGN_IN = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("old_hash"))
    .values(password_hash=bindparam("new_hash"), last_signed_in_at=bindparam("now_ms"))
)
_LIVE_SESSION = Statement(
    select(sessions.c.id, sessions.c.user_id, users.c.email, sessions.c.opened_by, sessions.c.seen_at)
    .outerjoin(users, users.c.id == sessions.c.user_id)
    .where(sessions.c.hash == bindparam("hash"), *_LIVES)
)
_SESSIONS_OF = Statement(
    select(*[sessions.c[name] for name in SessionRow._fields])
    .where(sessions.c.user_id == bindparam("user_id"), *_LIVES)
    .order_by(sessions.c.seen_at.desc(), sessions.c.id)
)
_INSERT_SESSION = Statement(insert_into(sessions))
_TOUCH = Statement(update(sessions).where(sessions.c.id == bindparam("session_id")).values(seen_at=bindparam("now_ms")))
_END_BY_HASH = Statement(delete(sessions).where(sessions.c.hash == bindparam("hash")))
_END = Statement(delete(sessions).where(sessions.c.id == bindparam("session_id")))
_END_OTHERS = Statement(
    delete(sessions).where(sessions.c.user_id == bindparam("user_id"), sessions.c.id != bindparam("session_id"))
)
_DROP_SESSIONS = Statement(
    delete(sessions).where(
        (sessions.c.expires_at <= bindparam("now_ms")) | (sessions.c.seen_at <= bindparam("seen_after"))
    )
)
_INSERT_LINK = Statement(insert_into(sign_in_links))
_DROP_LINKS = Statement(delete(sign_in_links))
_DROP_OLD_LINKS = Statement(delete(sign_in_links).where(sign_in_links.c.expires_at <= bindparam("now_ms")))
_IS_GOOD = (
    sign_in_links.c.hash == bindparam("given"),
    sign_in_links.c.used_at.is_(None),
    sign_in_links.c.expires_at > bindparam("now_ms"),
    # A clock that is set back makes none last longer.
    sign_in_links.c.created_at <= bindparam("now_ms"),
)
_LIVE_LINK = Statement(select(sign_in_links.c.created_at).where(*_IS_GOOD))
_USE_LINK = Statement(update(sign_in_links).where(*_IS_GOOD).values(used_at=bindparam("now_ms")))


def login_of(tx: Tx, email: str) -> Login | None:
    """Return the user with that canonical e-mail."""
    return tx.one(Login, _LOGIN, email=email)


def first_login(tx: Tx) -> Login | None:
    """Return the user who was there first: the owner."""
    return tx.one(Login, _FIRST_LOGIN)


def add_user(tx: Tx, login: Login) -> None:
    """Create a user."""
    row = {"id": login.user_id, "email": login.email, "password_hash": login.password_hash}
    tx.change(_INSERT_USER, **row, created_at=tx.now_ms, last_signed_in_at=None)


def set_password(tx: Tx, login: Login, new_hash: str) -> bool:
    """Give a user another password; False if he has another one than in *login* by now."""
    return tx.change(_SET_PASSWORD, user_id=login.user_id, old_hash=login.password_hash, new_hash=new_hash) == 1


def note_sign_in(tx: Tx, login: Login, new_hash: str) -> bool:
    """Note that a user signed in, and the hash of the same password; False if he has another one by now."""
    given = {"user_id": login.user_id, "old_hash": login.password_hash, "new_hash": new_hash}
    return tx.change(_NOTE_SIGN_IN, **given, now_ms=tx.now_ms) == 1


def live_session(tx: Tx, hashed: str, *, seen_after: int) -> LiveSession | None:
    """Find the session with that hash, if it was used after a moment and has not expired."""
    return tx.one(LiveSession, _LIVE_SESSION, hash=hashed, now_ms=tx.now_ms, seen_after=seen_after)


def sessions_of(tx: Tx, user_id: UserId, *, seen_after: int) -> list[SessionRow]:
    """Return a user's sessions, the one that was used last first."""
    return tx.all(SessionRow, _SESSIONS_OF, user_id=user_id, now_ms=tx.now_ms, seen_after=seen_after)


def add_session(tx: Tx, hashed: str, row: SessionRow) -> None:
    """Begin a session."""
    tx.change(_INSERT_SESSION, hash=hashed, **row._asdict())


def touch(tx: Tx, session_id: SessionId) -> None:
    """Note that a session is used."""
    tx.change(_TOUCH, session_id=session_id, now_ms=tx.now_ms)


def end(tx: Tx, session_id: SessionId) -> bool:
    """End a session; False if it had ended."""
    return tx.change(_END, session_id=session_id) == 1


def end_by_hash(tx: Tx, hashed: str) -> None:
    """End the session with that hash, if there is one."""
    tx.change(_END_BY_HASH, hash=hashed)


def end_others(tx: Tx, user_id: UserId, session_id: SessionId | None) -> int:
    """End a user's sessions but for one; return how many those were."""
    return tx.change(_END_OTHERS, user_id=user_id, session_id=session_id or "")


def drop_old(tx: Tx, *, seen_after: int) -> None:
    """Drop sessions and links that are over."""
    tx.change(_DROP_SESSIONS, now_ms=tx.now_ms, seen_after=seen_after)
    tx.change(_DROP_OLD_LINKS, now_ms=tx.now_ms)


def replace_links(tx: Tx, hashed: str, expires_at: int) -> None:
    """Make a link, in the place of all that there were."""
    tx.change(_DROP_LINKS)
    tx.change(_INSERT_LINK, hash=hashed, created_at=tx.now_ms, expires_at=expires_at, used_at=None)


def is_good_link(tx: Tx, hashed: str) -> bool:
    """Tell whether a link can still be used."""
    return tx.one(int, _LIVE_LINK, given=hashed, now_ms=tx.now_ms) is not None


def use_link(tx: Tx, hashed: str) -> bool:
    """Use a link up; False if it was used, is too old, or never was."""
    return tx.change(_USE_LINK, given=hashed, now_ms=tx.now_ms) == 1
