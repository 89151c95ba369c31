"""Stores secrets anew, as a keyring has it: under its first key, or as they are.

What is so already is left alone. So whoever died half way just begins again, and servers may work meanwhile, if they
have all the keys: each unit has the database to itself.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from blueport.server.auditing import service as auditing
from blueport.server.auditing.service import OPERATOR
from blueport.server.ids import WebhookId
from blueport.server.notifying.delivering.signing import new_secret
from blueport.server.operating import queries
from blueport.server.operating.queries import Answer, WebhookSecrets
from blueport.server.sealing import Keyring, NotReadableError
from blueport.server.store.tx import Tx

Row = TypeVar("Row")

AT_A_TIME = 500


class Resealed(NamedTuple):
    """How many secrets were stored anew, and what held some that could not be opened, by name.

    `last` is the last webhook that was looked at, None if there are no more.
    """

    how_many: int
    lost: list[str]
    last: WebhookId | None = None


def reseal_webhooks(
    tx: Tx, keyring: Keyring, after: WebhookId | None = None, *, replaces_lost: bool = False
) -> Resealed:
    """Store the secrets of some webhooks anew, of those behind *after*.

    With *replaces_lost* others, which nobody knows, take the place of those that cannot be opened.
    """
    rows = queries.secrets_of_webhooks(tx, after, AT_A_TIME)
    work = _Work(keyring, replaces_lost=replaces_lost)
    queries.keep_secrets(tx, work.changed(rows, work.webhook_anew))
    return work.done(tx, rows[-1].id if len(rows) == AT_A_TIME else None)


def reseal_answers(tx: Tx, keyring: Keyring) -> Resealed:
    """Store anew the answers in which secrets were told, and that are kept for a day: who asked may ask again."""
    work = _Work(keyring)
    for kind in (queries.NAMED, queries.UNHEARD):
        queries.keep_answers(tx, kind, work.changed(queries.answers_with_secrets(tx, kind), work.answer_anew))
    return work.done(tx)


class _Work:
    """Counts what is stored anew, and lists what cannot be."""

    def __init__(self, keyring: Keyring, *, replaces_lost: bool = False) -> None:
        self._keyring = keyring
        self._replaces_lost = replaces_lost
        self._count = 0
        self._lost: dict[str, None] = {}

    def changed(self, rows: Sequence[Row], anew: Callable[[Row], Row]) -> list[Row]:
        """Return the rows that are to be stored in another form, in that."""
        return [new for old, new in ((row, anew(row)) for row in rows) if new != old]

    def webhook_anew(self, row: WebhookSecrets) -> WebhookSecrets:
        """Return a webhook as it is to be stored."""
        earlier = None if row.earlier_secret is None else self._anew(row.earlier_secret, row.id, row.id)
        return row._replace(secret=self._anew(row.secret, row.id, row.id), earlier_secret=earlier)

    def answer_anew(self, row: Answer) -> Answer:
        """Return an answer as it is to be stored."""
        return row._replace(body=self._anew(row.body, row.fingerprint, f"answer {row.fingerprint}"))

    def done(self, tx: Tx, last: WebhookId | None = None) -> Resealed:
        """Return what was done, and leave a note of it."""
        if self._count:
            target = self._keyring.key_id or "plain"
            auditing.note(tx, OPERATOR, "secrets.resealed", account_id=None, target=target, detail=str(self._count))
        return Resealed(self._count, [*self._lost], last)

    def _anew(self, stored: str, place: str, name: str) -> str:
        if self._keyring.is_current(stored):
            return stored
        try:
            plain = self._keyring.plain(stored, place=place)
        except NotReadableError:
            self._lost[name] = None
            if not self._replaces_lost:
                return stored
            plain = new_secret()
        self._count += 1
        return self._keyring.stored(plain, place=place)
