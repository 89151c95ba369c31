"""Keys and daemons, by the hash of their secret."""

from typing import NamedTuple

from sqlalchemy import bindparam, func, or_, select

from blueport.server.ids import AccountId, DaemonId, KeyId
from blueport.server.store.tables import accounts, api_keys, daemons
from blueport.server.store.tx import Statement, Tx, insert_into


class KeyRow(NamedTuple):
    """A live key; its scopes and line ids are words."""

    id: KeyId
    account_id: AccountId
    scopes: str
    line_ids: str | None


class DaemonRow(NamedTuple):
    """A live daemon."""

    id: DaemonId
    account_id: AccountId


_LIVE_KEY = Statement(
    select(api_keys.c.id, api_keys.c.account_id, api_keys.c.scopes, api_keys.c.line_ids).where(
        api_keys.c.hash == bindparam("hash"),
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > bindparam("now_ms")),
    )
)

_LIVE_DAEMON = Statement(
    select(daemons.c.id, daemons.c.account_id).where(
        daemons.c.token_hash == bindparam("hash"), daemons.c.revoked_at.is_(None)
    )
)

_HOW_MANY_ACCOUNTS = Statement(select(func.count()).select_from(accounts))
_INSERT_ACCOUNT = Statement(insert_into(accounts))
_INSERT_KEY = Statement(insert_into(api_keys))
_INSERT_DAEMON = Statement(insert_into(daemons))


def how_many_accounts(tx: Tx) -> int:
    """Count the accounts."""
    return tx.all(int, _HOW_MANY_ACCOUNTS)[0]


def add_account(tx: Tx, account_id: AccountId, name: str, owner: str | None = None) -> None:
    """Create an account."""
    tx.change(_INSERT_ACCOUNT, id=account_id, name=name, owner=owner, created_at=tx.now_ms)


def add_key(tx: Tx, key: KeyRow, *, name: str, hashed: str, last4: str) -> None:
    """Create an API key that lives until it is revoked."""
    tx.change(
        _INSERT_KEY,
        **key._asdict(),
        name=name,
        hash=hashed,
        last4=last4,
        hourly_limit=None,
        created_at=tx.now_ms,
        expires_at=None,
        revoked_at=None,
        last_used_at=None,
        window_began_at=None,
        window_calls=0,
    )


def add_daemon(tx: Tx, daemon: DaemonRow, *, name: str, hashed: str) -> None:
    """Create a daemon that has not said hello yet."""
    tx.change(
        _INSERT_DAEMON,
        **daemon._asdict(),
        name=name,
        token_hash=hashed,
        journal=None,
        version=None,
        created_at=tx.now_ms,
        seen_at=None,
        revoked_at=None,
    )


def live_key(tx: Tx, hashed: str) -> KeyRow | None:
    """Find the key with this hash, unless it is revoked or expired."""
    return tx.one(KeyRow, _LIVE_KEY, hash=hashed, now_ms=tx.now_ms)


def live_daemon(tx: Tx, hashed: str) -> DaemonRow | None:
    """Find the daemon whose token has this hash, unless it is revoked."""
    return tx.one(DaemonRow, _LIVE_DAEMON, hash=hashed)
