"""Signs people in to the dashboard, and knows who is. Each function is one unit of work.

A session is 32 random bytes in a cookie, of which only the hash is kept. It ends after a week without use, and after a
month in any case. Passwords are judged between units, by `credentials`: that takes too long for a transaction.
"""

import hashlib
import hmac
import secrets

import msgspec

from blueport.server.auditing import service as auditing
from blueport.server.auditing.service import ANYBODY, OPERATOR, Actor
from blueport.server.authorizing.keys import digest
from blueport.server.ids import SessionId, UserId, mint
from blueport.server.signing_in import queries
from blueport.server.signing_in.queries import Login, SessionRow
from blueport.server.store.tx import Tx

MINUTE_MS = 60 * 1000
DAY_MS = 24 * 60 * MINUTE_MS
IDLE_MS = 7 * DAY_MS
LONGEST_MS = 30 * DAY_MS
LINK_MS = 15 * MINUTE_MS
# When a session was used last is written down so often at most.
TOUCH_MS = MINUTE_MS
TOKEN_BYTES = 32
AGENT_LENGTH = 200


class Session(msgspec.Struct, frozen=True):
    """Somebody who is signed in: a user, or without one whoever has the dashboard's token, called the operator.

    `csrf` is what each form has to bring along; `is_stale` is whether `touch` is due.
    """

    id: SessionId
    user_id: UserId | None
    email: str | None
    csrf: str
    is_stale: bool = False

    @property
    def name(self) -> str:
        """Return how a page calls them."""
        return self.email or "the operator"

    def actor(self, request_id: str, address: str) -> Actor:
        """Return them as the audit log has them."""
        return Actor(self.user_id or OPERATOR.name, request_id, address)


class Browser(msgspec.Struct, frozen=True):
    """Where a request comes from; `token` is that of the session that it had, which ends when another begins."""

    token: str | None
    address: str
    agent: str
    request_id: str | None

    def actor(self, name: str = ANYBODY) -> Actor:
        """Return who is there, as the audit log has them."""
        return Actor(name, self.request_id, self.address)


class MadeLink(msgspec.Struct, frozen=True):
    """A new link's token, which nobody can show again, and until when it is good (Unix milliseconds)."""

    token: str
    expires_at: int


class Owner(msgspec.Struct, frozen=True):
    """Who a link makes the owner; `email` None leaves it as it is."""

    email: str | None
    password_hash: str


def csrf_of(token: str) -> str:
    """Return what each form of the session with that token brings along: browsers add the cookie to any request."""
    return hmac.digest(token.encode(), b"csrf", hashlib.sha256).hex()


login_of = queries.login_of
owner = queries.first_login


def has_owner(tx: Tx) -> bool:
    """Tell whether somebody has become the owner."""
    return queries.first_login(tx) is not None


def signed_in(tx: Tx, cookie_token: str, operators_token: str | None = None) -> Session | None:
    """Return who is signed in with that token.

    A session that a token of the dashboard's opened is one only as long as *operators_token* is that.
    """
    row = queries.live_session(tx, digest(cookie_token), seen_after=tx.now_ms - IDLE_MS)
    if row is None or (row.user_id is None and row.opened_by != _digest_of(operators_token)):
        return None
    is_stale = not 0 <= tx.now_ms - row.seen_at < TOUCH_MS
    return Session(row.id, row.user_id, row.email, csrf_of(cookie_token), is_stale)


def _digest_of(token: str | None) -> str:
    return "" if token is None else digest(token)


def sign_in(tx: Tx, login: Login, browser: Browser, rehashed: str | None = None) -> str | None:
    """Begin a session of a user whose password was right; return its token, None if the password is another by now.

    *rehashed* is the same password under today's parameters, where that is due.
    """
    if not queries.note_sign_in(tx, login, rehashed or login.password_hash):
        return None
    auditing.note(tx, browser.actor(login.user_id), "sign_in.succeeded", account_id=None, target=login.user_id)
    return _begin(tx, browser, login.user_id, None)


def sign_in_operator(tx: Tx, browser: Browser, operators_token: str) -> str:
    """Begin a session of whoever has the dashboard's token; return the session's."""
    auditing.note(tx, browser.actor(OPERATOR.name), "sign_in.succeeded", account_id=None, target=None)
    return _begin(tx, browser, None, digest(operators_token))


def note_wrong_password(tx: Tx, login: Login | None, browser: Browser) -> None:
    """Keep that somebody tried to sign in, and as whom, if that is somebody: what was said is not kept."""
    target = None if login is None else login.user_id
    auditing.note(tx, browser.actor(), "sign_in.failed", account_id=None, target=target)


def touch(tx: Tx, session: Session) -> None:
    """Note that a session is used."""
    queries.touch(tx, session.id)


def sign_out(tx: Tx, session: Session, by: Actor) -> None:
    """End a session."""
    if queries.end(tx, session.id):
        auditing.note(tx, by, "session.ended", account_id=None, target=session.id)


def sessions_of(tx: Tx, session: Session) -> list[SessionRow]:
    """Return all sessions of whose this one is, the one that was used last first; none of the operator's."""
    return [] if session.user_id is None else queries.sessions_of(tx, session.user_id, seen_after=tx.now_ms - IDLE_MS)


def end_others(tx: Tx, session: Session, by: Actor) -> int:
    """End all sessions of a user but this one; return how many those were."""
    ended = 0 if session.user_id is None else queries.end_others(tx, session.user_id, session.id)
    if ended:
        detail = f"{ended} others than {session.id}"
        auditing.note(tx, by, "session.ended", account_id=None, target=session.user_id, detail=detail)
    return ended


def change_password(tx: Tx, session: Session, login: Login, new_hash: str, by: Actor) -> bool:
    """Give a user whose old password was right a new one, and end his other sessions; False if it is another by now."""
    if not queries.set_password(tx, login, new_hash):
        return False
    queries.end_others(tx, login.user_id, session.id)
    auditing.note(tx, by, "password.changed", account_id=None, target=login.user_id)
    return True


def make_link(tx: Tx) -> MadeLink:
    """Make a link by which the owner is made, or gets another password; it takes the place of any earlier one."""
    made = MadeLink(secrets.token_urlsafe(TOKEN_BYTES), tx.now_ms + LINK_MS)
    queries.replace_links(tx, digest(made.token), made.expires_at)
    auditing.note(tx, OPERATOR, "link.made", account_id=None, target=None)
    return made


def is_good_link(tx: Tx, token: str) -> bool:
    """Tell whether a link can be used: looking at it does not use it up, since programs do that too."""
    return queries.is_good_link(tx, digest(token))


def use_link(tx: Tx, token: str, wanted: Owner, browser: Browser) -> str | None:
    """Make the owner, or give him another password, and sign him in; return his session's token, None if it is no link.

    All other sessions end: whoever forgot a password, or fears for it, had them.
    """
    if not queries.use_link(tx, digest(token)):
        return None
    login = queries.first_login(tx)
    if login is None:
        login = Login(UserId(mint("usr", tx.now_ms)), wanted.email or "", wanted.password_hash)
        queries.add_user(tx, login)
        auditing.note(tx, browser.actor(login.user_id), "owner.created", account_id=None, target=login.user_id)
    else:
        queries.set_password(tx, login, wanted.password_hash)
        queries.end_others(tx, login.user_id, None)
        by = browser.actor(login.user_id)
        auditing.note(tx, by, "password.changed", account_id=None, target=login.user_id, detail="by a link")
    return sign_in(tx, login._replace(password_hash=wanted.password_hash), browser)


def drop_old(tx: Tx) -> None:
    """Drop sessions and links that are over."""
    queries.drop_old(tx, seen_after=tx.now_ms - IDLE_MS)


def _begin(tx: Tx, browser: Browser, user_id: UserId | None, opened_by: str | None) -> str:
    """Begin a session under a token that nobody had before; the one that this browser had ends."""
    if browser.token is not None:
        queries.end_by_hash(tx, digest(browser.token))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = SessionRow(
        id=SessionId(mint("ses", tx.now_ms)),
        user_id=user_id,
        opened_by=opened_by,
        address=browser.address,
        agent=browser.agent,
        created_at=tx.now_ms,
        seen_at=tx.now_ms,
        expires_at=tx.now_ms + LONGEST_MS,
    )
    queries.add_session(tx, digest(token), row)
    return token
