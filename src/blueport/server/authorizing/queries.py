"""Keys and daemons, by the hash of their secret."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, update

from blueport.server.ids import AccountId, DaemonId, KeyId
from blueport.server.store.tables import accounts, api_keys, daemons
from blueport.server.store.tx import Statement, Tx, Values, add_row, insert_into


class KeyRow(NamedTuple):
    """A key; its scopes and line ids are words."""

    id: KeyId
    account_id: AccountId
    scopes: str
    line_ids: str | None


class LiveKey(NamedTuple):
    """A live key, and how often it may be used an hour, unless it is as often as others."""

    id: KeyId
    account_id: AccountId
    scopes: str
    line_ids: str | None
    hourly_limit: int | None
    expires_at: int | None


class Bounds(NamedTuple):
    """When a key ends (Unix milliseconds), and how often it may be used; None: never, and as often as others.

    `lives_ms` is what it was made for, however soon it is made to end.
    """

    expires_at: int | None = None
    lives_ms: int | None = None
    hourly_limit: int | None = None


UNBOUNDED = Bounds()


class DaemonRow(NamedTuple):
    """A live daemon."""

    id: DaemonId
    account_id: AccountId


_LIVE_KEY = Statement(
    select(
        api_keys.c.id,
        api_keys.c.account_id,
        api_keys.c.scopes,
        api_keys.c.line_ids,
        api_keys.c.hourly_limit,
        api_keys.c.expires_at,
    ).where(api_keys.c.hash == bindparam("hash"), api_keys.c.revoked_at.is_(None)),
    kept_of=api_keys,
)

_LIVE_DAEMON = Statement(
    select(daemons.c.id, daemons.c.account_id).where(
        daemons.c.token_hash == bindparam("hash"), daemons.c.revoked_at.is_(None)
    )
)

_KEEP_USE = Statement(
    update(api_keys).where(api_keys.c.id == bindparam("key_id")).values(last_used_at=bindparam("used_at"))
)

_HOW_MANY_ACCOUNTS = Statement(select(func.count()).select_from(accounts))
_INSERT_KEY = Statement(insert_into(api_keys))
_INSERT_DAEMON = Statement(insert_into(daemons))


def how_many_accounts(tx: Tx) -> int:
    """Count the accounts."""
    return tx.all(int, _HOW_MANY_ACCOUNTS)[0]


def add_account(tx: Tx, account_id: AccountId, name: str, owner: str | None = None) -> None:
    """Create an account."""
    add_row(tx, accounts, {"id": account_id, "name": name, "owner": owner, "created_at": tx.now_ms})


def add_key(tx: Tx, key: KeyRow, *, name: str, hashed: str, last4: str, bounds: Bounds = UNBOUNDED) -> None:
    """Create an API key that lives until it is revoked, or until it expires."""
    tx.change(
        _INSERT_KEY,
        **key._asdict(),
        name=name,
        hash=hashed,
        last4=last4,
        **bounds._asdict(),
        created_at=tx.now_ms,
        revoked_at=None,
        last_used_at=None,
    )


def add_daemon(tx: Tx, daemon: DaemonRow, *, name: str, hashed: str | None) -> None:
    """Create a daemon that has not said hello yet; without the hash of a token nobody is let in as it."""
    tx.change(
        _INSERT_DAEMON,
        **daemon._asdict(),
        name=name,
        token_hash=hashed,
        process="",
        journal=None,
        version=None,
        created_at=tx.now_ms,
        seen_at=None,
        revoked_at=None,
    )


def live_key(tx: Tx, hashed: str) -> LiveKey | None:
    """Find the key with this hash, unless it is revoked or expired."""
    key = tx.one(LiveKey, _LIVE_KEY, hash=hashed)
    is_live = key is not None and (key.expires_at is None or key.expires_at > tx.now_ms)
    return key if is_live else None


def keep_uses(tx: Tx, used_at: Mapping[KeyId, int]) -> None:
    """Keep when keys were used last (Unix milliseconds)."""
    each: list[Values] = [{"key_id": key_id, "used_at": at} for key_id, at in sorted(used_at.items())]
    tx.change_each(_KEEP_USE, each)


def live_daemon(tx: Tx, hashed: str) -> DaemonRow | None:
    """Find the daemon whose token has this hash, unless it is revoked."""
    return tx.one(DaemonRow, _LIVE_DAEMON, hash=hashed)
