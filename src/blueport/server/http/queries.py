"""Statements on answers that are kept for who may ask again."""

from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, update

from blueport.server.ids import AccountId, KeyId
from blueport.server.store.tables import idempotency_keys, unanswered
from blueport.server.store.tx import Statement, Tx, Values, insert_into


class Kept(NamedTuple):
    """An answer under an Idempotency-Key, and what was asked with it."""

    fingerprint: str
    body: str


class Unanswered(NamedTuple):
    """An answer of which it is not known that it left; `process` is to tell, empty if nobody waits for it any more."""

    request_id: str
    process: str
    body: str


_KEPT = Statement(
    select(idempotency_keys.c.fingerprint, idempotency_keys.c.body).where(
        idempotency_keys.c.key_id == bindparam("key_id"), idempotency_keys.c.name == bindparam("name")
    )
)
_KEEP = Statement(insert_into(idempotency_keys))
_DROP_OLD_KEYS = Statement(delete(idempotency_keys).where(idempotency_keys.c.created_at < bindparam("before")))

_UNANSWERED = Statement(
    select(unanswered.c.request_id, unanswered.c.process, unanswered.c.body).where(
        unanswered.c.fingerprint == bindparam("fingerprint"), unanswered.c.created_at >= bindparam("since")
    )
)
_NOTE = Statement(insert_into(unanswered))
_FORGET = Statement(
    delete(unanswered).where(
        unanswered.c.fingerprint == bindparam("fingerprint"), unanswered.c.request_id == bindparam("request_id")
    )
)
_ABANDON = Statement(
    update(unanswered)
    .where(unanswered.c.fingerprint == bindparam("mark"), unanswered.c.request_id == bindparam("request"))
    .values(process="")
)
_DROP_OLD_UNANSWERED = Statement(delete(unanswered).where(unanswered.c.created_at < bindparam("before")))


def kept(tx: Tx, key_id: KeyId, name: str) -> Kept | None:
    """Find the answer that was given under an Idempotency-Key."""
    return tx.one(Kept, _KEPT, key_id=key_id, name=name)


def keep(tx: Tx, account_id: AccountId, key_id: KeyId, name: str, answer: Kept) -> None:
    """Keep an answer under an Idempotency-Key."""
    tx.change(_KEEP, account_id=account_id, key_id=key_id, name=name, **answer._asdict(), created_at=tx.now_ms)


def unanswered_since(tx: Tx, fingerprint: str, since_ms: int) -> list[Unanswered]:
    """Return the answers to such a request, made since *since_ms*, that may never have left."""
    return tx.all(Unanswered, _UNANSWERED, fingerprint=fingerprint, since=since_ms)


def note_unanswered(
    tx: Tx, *, account_id: AccountId, fingerprint: str, request_id: str, process: str, body: str
) -> None:
    """Keep an answer until it has left."""
    row: Values = {
        "account_id": account_id,
        "fingerprint": fingerprint,
        "request_id": request_id,
        "process": process,
        "body": body,
        "created_at": tx.now_ms,
    }
    tx.change_each(_NOTE, [row])


def take(tx: Tx, fingerprint: str, earlier: Unanswered) -> bool:
    """Drop an answer that is to be given again; return whether it was there still."""
    return tx.change(_FORGET, fingerprint=fingerprint, request_id=earlier.request_id) == 1


def forget(tx: Tx, answered: list[tuple[str, str]]) -> None:
    """Drop answers that have left, given as fingerprint and request id."""
    tx.change_each(_FORGET, [{"fingerprint": mark, "request_id": request_id} for mark, request_id in answered])


def abandon(tx: Tx, given_up: list[tuple[str, str]]) -> None:
    """Note of answers, given as fingerprint and request id, that nobody waits for them any more."""
    tx.change_each(_ABANDON, [{"mark": mark, "request": request_id} for mark, request_id in given_up])


def drop_old(tx: Tx, *, keys_before_ms: int, unanswered_before_ms: int) -> None:
    """Drop what nobody will ask for again."""
    tx.change(_DROP_OLD_KEYS, before=keys_before_ms)
    tx.change(_DROP_OLD_UNANSWERED, before=unanswered_before_ms)
