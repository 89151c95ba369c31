"""Accounts, keys, lines and daemons as the operator sees them: all of them, whoever's they are."""

import functools
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Table, bindparam, delete, func, or_, select, update

from blueport.server.customizing.queries import Preferences
from blueport.server.ids import AccountId, DaemonId, KeyId, LineId, WebhookId
from blueport.server.sealing import MARK
from blueport.server.store.tables import (
    accounts,
    api_keys,
    daemons,
    idempotency_keys,
    lines,
    pairings,
    unanswered,
    webhooks,
)
from blueport.server.store.tx import Statement, Tx, insert_into


class AccountRow(NamedTuple):
    """An account, how much it has, and its Preferences."""

    id: AccountId
    name: str
    owner: str | None
    keys: int
    lines: int
    extended_events: int
    stop_handling: int
    pace_ms: int | None
    pace_burst: int | None
    loop_limit: int | None
    loop_window_s: int | None
    loop_pause_s: int | None
    created_at: int


class AccountName(NamedTuple):
    """An account, and what it is called."""

    id: AccountId
    name: str


class KeysWanted(NamedTuple):
    """Which keys are asked for: of one account or all, older than the key of an id, dead ones too or not."""

    limit: int
    account_id: str | None = None
    before: str | None = None
    is_with_dead: bool = False


class KeyRow(NamedTuple):
    """A key, but for its secret; scopes and line ids are words."""

    id: KeyId
    account_id: AccountId
    account: str
    name: str
    last4: str
    scopes: str
    line_ids: str | None
    hourly_limit: int | None
    created_at: int
    expires_at: int | None
    lives_ms: int | None
    revoked_at: int | None
    last_used_at: int | None


class LineRow(NamedTuple):
    """A line with whose it is and who serves it; flags are 0 or 1, capabilities are words."""

    id: LineId
    account_id: AccountId
    account: str
    handle: str
    label: str | None
    service: str
    daemon_id: DaemonId | None
    daemon: str | None
    is_active: int
    health: str
    capabilities: str
    is_sandbox: int
    is_contact_first: int
    created_at: int


class DaemonRow(NamedTuple):
    """A daemon, but for its token; `is_paired` (true, or 1) is whether it has one."""

    id: DaemonId
    account_id: AccountId
    account: str
    name: str
    version: str | None
    is_paired: int
    created_at: int
    seen_at: int | None
    revoked_at: int | None


class WebhookSecrets(NamedTuple):
    """The secrets of a webhook as they are stored."""

    id: WebhookId
    secret: str
    earlier_secret: str | None


class Answer(NamedTuple):
    """An answer as it is stored, with what its row is found by, to a request of that fingerprint."""

    first: str
    second: str
    fingerprint: str
    body: str


_LIVES = (
    api_keys.c.revoked_at.is_(None),
    or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > bindparam("now_ms")),
)
_LIVE_KEYS = select(func.count()).where(api_keys.c.account_id == accounts.c.id, *_LIVES).scalar_subquery()
_LINES_OF_ACCOUNT = select(func.count()).where(lines.c.account_id == accounts.c.id).scalar_subquery()
_OF_ACCOUNTS = select(
    accounts.c.id,
    accounts.c.name,
    accounts.c.owner,
    _LIVE_KEYS,
    _LINES_OF_ACCOUNT,
    *[accounts.c[name] for name in Preferences._fields],
    accounts.c.created_at,
)
_ACCOUNTS = Statement(_OF_ACCOUNTS.order_by(accounts.c.id))
_ACCOUNT = Statement(_OF_ACCOUNTS.where(accounts.c.id == bindparam("account_id")))
_PAGE_OF_ACCOUNTS = Statement(
    _OF_ACCOUNTS.where(accounts.c.id > bindparam("after")).order_by(accounts.c.id).limit(bindparam("limit"))
)
_ACCOUNT_NAMES = Statement(select(accounts.c.id, accounts.c.name).order_by(accounts.c.id))
_CHANGE_ACCOUNT = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account_id"))
    .values(name=bindparam("new_name"), owner=bindparam("new_owner"))
)

_OF_KEYS = select(
    api_keys.c.id,
    api_keys.c.account_id,
    accounts.c.name,
    api_keys.c.name,
    api_keys.c.last4,
    api_keys.c.scopes,
    api_keys.c.line_ids,
    api_keys.c.hourly_limit,
    api_keys.c.created_at,
    api_keys.c.expires_at,
    api_keys.c.lives_ms,
    api_keys.c.revoked_at,
    api_keys.c.last_used_at,
).join(accounts, accounts.c.id == api_keys.c.account_id)
_KEYS = Statement(_OF_KEYS.order_by(api_keys.c.id))
_KEY = Statement(_OF_KEYS.where(api_keys.c.id == bindparam("key_id")))
_REVOKE_KEY = Statement(
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"), api_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
_EXPIRE_KEY = Statement(update(api_keys).where(api_keys.c.id == bindparam("key_id")).values(expires_at=bindparam("at")))

_LINES = Statement(
    select(
        lines.c.id,
        lines.c.account_id,
        accounts.c.name,
        lines.c.handle,
        lines.c.label,
        lines.c.service,
        lines.c.daemon_id,
        daemons.c.name,
        lines.c.is_active,
        lines.c.health,
        lines.c.capabilities,
        lines.c.is_sandbox,
        lines.c.is_contact_first,
        lines.c.created_at,
    )
    .join(accounts, accounts.c.id == lines.c.account_id)
    .outerjoin(daemons, daemons.c.id == lines.c.daemon_id)
    .order_by(lines.c.id)
)
_CHANGE_LINE = Statement(
    update(lines)
    .where(lines.c.id == bindparam("line_id"))
    .values(
        label=bindparam("new_label"),
        service=bindparam("new_service"),
        daemon_id=bindparam("new_daemon_id"),
        is_contact_first=bindparam("contact_first"),
    )
)

_DAEMONS = Statement(
    select(
        daemons.c.id,
        daemons.c.account_id,
        accounts.c.name,
        daemons.c.name,
        daemons.c.version,
        daemons.c.token_hash.is_not(None),
        daemons.c.created_at,
        daemons.c.seen_at,
        daemons.c.revoked_at,
    )
    .join(accounts, accounts.c.id == daemons.c.account_id)
    .order_by(daemons.c.id)
)
_REVOKE_DAEMON = Statement(
    update(daemons)
    .where(daemons.c.id == bindparam("daemon_id"), daemons.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
_DROP_CODE = Statement(delete(pairings).where(pairings.c.daemon_id == bindparam("daemon")))
_ADD_CODE = Statement(insert_into(pairings))
_CODE_BEGINS_SO = Statement(select(pairings.c.daemon_id).where(pairings.c.selector == bindparam("selector")))

_SECRETS = Statement(
    select(webhooks.c.id, webhooks.c.secret, webhooks.c.earlier_secret)
    .where(webhooks.c.id > bindparam("after"))
    .order_by(webhooks.c.id)
    .limit(bindparam("limit"))
)
_KEEP_SECRETS = Statement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook"))
    .values(secret=bindparam("new_secret"), earlier_secret=bindparam("new_earlier_secret"))
)


class Answers:
    """The statements on a table of answers that are kept for who may ask again."""

    def __init__(self, table: Table) -> None:
        first, second = table.primary_key
        body = table.c.body
        # As JSON has it: within a text that somebody wrote there would be backslashes.
        holds_secret = or_(body.startswith(MARK), body.contains('"secret":"whsec', autoescape=True))
        self.with_secrets = Statement(select(first, second, table.c.fingerprint, body).where(holds_secret))
        self.keep = Statement(
            update(table)
            .where(first == bindparam("its_first"), second == bindparam("its_second"))
            .values(body=bindparam("new_body"))
        )


NAMED = Answers(idempotency_keys)
UNHEARD = Answers(unanswered)


def accounts_there_are(tx: Tx) -> list[AccountRow]:
    """Return every account, oldest first."""
    return tx.all(AccountRow, _ACCOUNTS, now_ms=tx.now_ms)


def page_of_accounts(tx: Tx, after: str, limit: int) -> list[AccountRow]:
    """Return some accounts, those behind the id *after*, oldest first."""
    return tx.all(AccountRow, _PAGE_OF_ACCOUNTS, after=after, limit=limit, now_ms=tx.now_ms)


def account_by_id(tx: Tx, account_id: str) -> AccountRow | None:
    """Return the account of that id."""
    return tx.one(AccountRow, _ACCOUNT, account_id=account_id, now_ms=tx.now_ms)


def account_names(tx: Tx) -> list[AccountName]:
    """Return every account's id and name, oldest first: all that a page needs to offer them."""
    return tx.all(AccountName, _ACCOUNT_NAMES)


def change_account(tx: Tx, account: AccountRow) -> None:
    """Keep the account's name and owner."""
    tx.change(_CHANGE_ACCOUNT, account_id=account.id, new_name=account.name, new_owner=account.owner)


def keys_there_are(tx: Tx) -> list[KeyRow]:
    """Return every key, oldest first, dead ones too."""
    return tx.all(KeyRow, _KEYS)


def page_of_keys(tx: Tx, wanted: KeysWanted) -> list[KeyRow]:
    """Return some keys, newest first."""
    statement = _page_of_keys(
        is_of_account=wanted.account_id is not None,
        is_older=wanted.before is not None,
        is_with_dead=wanted.is_with_dead,
    )
    given = {"account_id": wanted.account_id, "before": wanted.before, "limit": wanted.limit}
    return tx.all(KeyRow, statement, now_ms=tx.now_ms, **given)


@functools.cache
def _page_of_keys(*, is_of_account: bool, is_older: bool, is_with_dead: bool) -> Statement:
    conditions = [
        *([api_keys.c.account_id == bindparam("account_id")] if is_of_account else []),
        *([api_keys.c.id < bindparam("before")] if is_older else []),
        *([] if is_with_dead else _LIVES),
    ]
    return Statement(_OF_KEYS.where(*conditions).order_by(api_keys.c.id.desc()).limit(bindparam("limit")))


def key_by_id(tx: Tx, key_id: str) -> KeyRow | None:
    """Return the key of that id."""
    return tx.one(KeyRow, _KEY, key_id=key_id)


def revoke_key(tx: Tx, key_id: KeyId) -> bool:
    """End a key now; False if it was ended so before."""
    return tx.change(_REVOKE_KEY, key_id=key_id, at=tx.now_ms) == 1


def expire_key(tx: Tx, key_id: KeyId, at: int) -> None:
    """Let a key end at that moment (Unix milliseconds)."""
    tx.change(_EXPIRE_KEY, key_id=key_id, at=at)


def lines_there_are(tx: Tx) -> list[LineRow]:
    """Return every line, oldest first."""
    return tx.all(LineRow, _LINES)


def change_line(tx: Tx, line: LineRow) -> None:
    """Keep the line's label, service, daemon and whether people have to write first."""
    tx.change(
        _CHANGE_LINE,
        line_id=line.id,
        new_label=line.label,
        new_service=line.service,
        new_daemon_id=line.daemon_id,
        contact_first=line.is_contact_first,
    )


def daemons_there_are(tx: Tx) -> list[DaemonRow]:
    """Return every daemon, oldest first, revoked ones too."""
    return tx.all(DaemonRow, _DAEMONS)


def revoke_daemon(tx: Tx, daemon_id: DaemonId) -> bool:
    """Let a daemon in no more; False if it was not let in before."""
    return tx.change(_REVOKE_DAEMON, daemon_id=daemon_id, at=tx.now_ms) == 1


def is_selector_taken(tx: Tx, selector: str) -> bool:
    """Say whether a code begins with that group already."""
    return bool(tx.all(str, _CODE_BEGINS_SO, selector=selector))


def keep_code(tx: Tx, daemon: DaemonRow, *, selector: str, code_hash: str, expires_at: int) -> None:
    """Keep a code for a Mac to be let in as that daemon, in the place of the earlier one."""
    tx.change(_DROP_CODE, daemon=daemon.id)
    tx.change(
        _ADD_CODE,
        account_id=daemon.account_id,
        daemon_id=daemon.id,
        selector=selector,
        code_hash=code_hash,
        expires_at=expires_at,
        wrong_tries=0,
        token_hash=None,
    )


def secrets_of_webhooks(tx: Tx, after: WebhookId | None, limit: int) -> list[WebhookSecrets]:
    """Return what is stored of some webhooks, those behind *after*, in the order of their ids."""
    return tx.all(WebhookSecrets, _SECRETS, after=after or "", limit=limit)


def keep_secrets(tx: Tx, rows: Iterable[WebhookSecrets]) -> None:
    """Store secrets in another form."""
    tx.change_each(
        _KEEP_SECRETS,
        [{"webhook": row.id, "new_secret": row.secret, "new_earlier_secret": row.earlier_secret} for row in rows],
    )


def answers_with_secrets(tx: Tx, answers: Answers) -> list[Answer]:
    """Return the answers in which secrets were told."""
    return tx.all(Answer, answers.with_secrets)


def keep_answers(tx: Tx, answers: Answers, rows: Iterable[Answer]) -> None:
    """Store answers in another form."""
    tx.change_each(
        answers.keep, [{"its_first": row.first, "its_second": row.second, "new_body": row.body} for row in rows]
    )
