"""Statements on what accounts have set."""

from typing import NamedTuple

from sqlalchemy import bindparam, select, update

from blueport.server.ids import AccountId
from blueport.server.store.tables import accounts
from blueport.server.store.tx import Statement, Tx


class Preferences(NamedTuple):
    """What an account has set; flags are 0 or 1, and None is what the installation does.

    `pace_ms` is the time between two messages of a line, `pace_burst` how many may go without it, `loop_limit` how many
    messages each way make a loop of a chat; 0 means no pace, and no guard.
    """

    extended_events: int = 0
    stop_handling: int = 0
    pace_ms: int | None = None
    pace_burst: int | None = None
    loop_limit: int | None = None


_PREFERENCES = Statement(
    select(*[accounts.c[name] for name in Preferences._fields]).where(accounts.c.id == bindparam("account_id")),
    kept_of=accounts,
)
_SET = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values({name: bindparam(name) for name in Preferences._fields})
)


def preferences_of(tx: Tx, account_id: AccountId) -> Preferences:
    """Return what an account has set."""
    return tx.all(Preferences, _PREFERENCES, account_id=account_id)[0]


def set_preferences(tx: Tx, account_id: AccountId, preferences: Preferences) -> None:
    """Set all of it."""
    tx.change(_SET, account=account_id, **preferences._asdict())
