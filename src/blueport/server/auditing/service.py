"""Writes the audit log, in the transaction of what it tells of.

An entry names things by their ids. It holds no secret, no URL, no text and nobody's address: the log is kept for
longer than what it tells of, and read by others.
"""

from typing import Literal

import msgspec

from blueport.server.auditing import queries
from blueport.server.auditing.queries import Entry
from blueport.server.ids import AccountId
from blueport.server.store.tx import Tx

Action = Literal[
    "account.created",
    "account.changed",
    "key.created",
    "key.rolled",
    "key.revoked",
    "line.created",
    "line.changed",
    "line.fused",
    "daemon.created",
    "daemon.code_made",
    "daemon.paired",
    "daemon.revoked",
    "settings.changed",
    "chat.opted_out",
    "chat.opted_in",
    "chat.paused",
    "webhook.created",
    "webhook.deleted",
    "webhook.disabled",
    "webhook.enabled",
    "webhook.rotated",
    "webhook.replayed",
    "sandbox.begun",
    "sandbox.paired",
    "sandbox.unpaired",
    "secrets.resealed",
    "owner.created",
    "link.made",
    "sign_in.succeeded",
    "sign_in.failed",
    "password.changed",
    "session.ended",
]

latest = queries.latest
latest_of_account = queries.latest_of_account


class Actor(msgspec.Struct, frozen=True):
    """Who does something: the id of a key or a user, with the request that it made, or one of those below."""

    name: str
    request_id: str | None = None
    address: str | None = None


OPERATOR = Actor("operator")
# Who texts a line acts without a key, and so does a server that starts for the first time.
SYSTEM = Actor("system")
# The name of who tries to sign in, until it is known who that is.
ANYBODY = "anybody"


def note(
    tx: Tx, actor: Actor, action: Action, *, account_id: AccountId | None, target: str | None, detail: str | None = None
) -> None:
    """Keep that *actor* did *action* to *target*, an id, or None if nobody knows of what."""
    entry = Entry(tx.now_ms, account_id, actor.name, action, target, detail, actor.address, actor.request_id)
    queries.add(tx, entry)
