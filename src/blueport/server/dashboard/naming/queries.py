"""What accounts, keys, lines, daemons, webhooks, users and chats are called, by their ids."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import null, select

from blueport.server.store.lists import among
from blueport.server.store.tables import accounts, api_keys, chats, daemons, lines, users, webhooks
from blueport.server.store.tx import Statement, Tx


class Called(NamedTuple):
    """A thing, what it is called, and what else it is known by."""

    id: str
    name: str
    more: str | None


# By the prefixes of ids.
_CALLED = {
    "acc": Statement(select(accounts.c.id, accounts.c.name, null()).where(among(accounts.c.id, "ids"))),
    "key": Statement(select(api_keys.c.id, api_keys.c.name, api_keys.c.last4).where(among(api_keys.c.id, "ids"))),
    "ln": Statement(select(lines.c.id, lines.c.handle, lines.c.label).where(among(lines.c.id, "ids"))),
    "dmn": Statement(select(daemons.c.id, daemons.c.name, null()).where(among(daemons.c.id, "ids"))),
    "wh": Statement(select(webhooks.c.id, webhooks.c.url, null()).where(among(webhooks.c.id, "ids"))),
    "usr": Statement(select(users.c.id, users.c.email, null()).where(among(users.c.id, "ids"))),
    "cht": Statement(select(chats.c.id, chats.c.key, chats.c.name).where(among(chats.c.id, "ids"))),
}
KINDS = frozenset(_CALLED)


def called(tx: Tx, kind: str, ids: Sequence[str]) -> list[Called]:
    """Return those things of a kind of KINDS that there are of *ids*."""
    return tx.all(Called, _CALLED[kind], ids=ids)
