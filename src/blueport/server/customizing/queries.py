"""Statements on what accounts have set."""

import functools
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, update

from blueport.server.ids import AccountId
from blueport.server.store.tables import accounts, installation
from blueport.server.store.tx import Statement, Tx


class Preferences(NamedTuple):
    """What an account has set; flags are 0 or 1, and None is what the installation does.

    `pace_ms` is the time between two messages of a line, `pace_burst` how many may go without it; `loop_limit` is how
    many messages each way within `loop_window_s` make a loop of a chat, which then rests for `loop_pause_s`. 0 of
    `pace_ms` and of `loop_limit` means no pace, and no guard.
    """

    extended_events: int = 0
    stop_handling: int = 0
    pace_ms: int | None = None
    pace_burst: int | None = None
    loop_limit: int | None = None
    loop_window_s: int | None = None
    loop_pause_s: int | None = None


class InForce(NamedTuple):
    """What holds for an account, as Preferences: what it has set, and else what the installation does."""

    extended_events: int
    stop_handling: int
    pace_ms: int
    pace_burst: int
    loop_limit: int
    loop_window_s: int
    loop_pause_s: int


_NOTHING = InForce(0, 0, 0, 1, 0, 1, 1)
_INHERITED = ("pace_ms", "pace_burst", "loop_limit", "loop_window_s", "loop_pause_s")

_PREFERENCES = Statement(
    select(*[accounts.c[name] for name in Preferences._fields]).where(accounts.c.id == bindparam("account_id")),
    kept_of=accounts,
)
# An installation's own change with the start of a server: from outside, as the one who keeps rows sees it.
_IN_FORCE = Statement(
    select(
        accounts.c.extended_events,
        accounts.c.stop_handling,
        *[func.coalesce(accounts.c[name], installation.c[name]) for name in _INHERITED],
    ).where(accounts.c.id == bindparam("account_id"), installation.c.id == 1),
    kept_of=accounts,
)


def preferences_of(tx: Tx, account_id: AccountId) -> Preferences:
    """Return what an account has set."""
    return tx.one(Preferences, _PREFERENCES, account_id=account_id) or Preferences()


def in_force(tx: Tx, account_id: AccountId) -> InForce:
    """Return what holds for an account; nothing before a server was first started."""
    return tx.one(InForce, _IN_FORCE, account_id=account_id) or _NOTHING


def change_preferences(tx: Tx, account_id: AccountId, changes: Mapping[str, int | None]) -> None:
    """Set those of an account's Preferences that are in *changes*, by name, and leave the others."""
    if changes:
        tx.change(_changing(tuple(sorted(changes))), account=account_id, **changes)


@functools.cache
def _changing(names: tuple[str, ...]) -> Statement:
    """Return what sets those alone: somebody else may set others at the same time."""
    values: dict[str, object] = {name: bindparam(name) for name in names}
    return Statement(update(accounts).where(accounts.c.id == bindparam("account")).values(values))
