"""Does what the operator asks for. Each function is one unit of work, and writes what it changed into the audit log.

The operator names an account, a line or a daemon by its id, or by what he called it; a key by its id. What is not
there, and what is another account's than the one he named, is refused alike. `by` is who it is that asks, as the log
has it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple, TypeVar

import msgspec

from blueport import __version__
from blueport.protocol.versions import is_older
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.auditing import service as auditing
from blueport.server.auditing.queries import Entry
from blueport.server.auditing.service import OPERATOR, Actor
from blueport.server.authorizing import codes, keys
from blueport.server.authorizing import queries as authorizing_queries
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.codes import Code
from blueport.server.authorizing.keys import Scope
from blueport.server.authorizing.queries import Bounds
from blueport.server.customizing import service as customizing
from blueport.server.ids import AccountId, DaemonId, KeyId, LineId, mint
from blueport.server.operating import queries
from blueport.server.operating.queries import AccountRow, DaemonRow, KeyRow, KeysWanted, LineRow
from blueport.server.sandboxing import service as sandboxing
from blueport.server.store.tx import Tx

Service = Literal["imessage", "sms", "auto"]
KeyStatus = Literal["active", "expired", "revoked"]
Row = TypeVar("Row", AccountRow, KeyRow, LineRow, DaemonRow)
Owned = TypeVar("Owned", KeyRow, LineRow, DaemonRow)

accounts = queries.accounts_there_are
account_names = queries.account_names
account_by_id = queries.account_by_id
page_of_accounts = queries.page_of_accounts

LONGEST_NAME = 200


class OperatorError(Exception):
    """What the operator asks for cannot be; the text says why. Nothing of it was done."""


class HasMacError(OperatorError):
    """A daemon has a Mac already, and nobody said that another is to take its place."""


class Key(msgspec.Struct, frozen=True):
    """A key as it is listed; times are Unix milliseconds, `line_ids` None means every line.

    `lives_ms` is how long it was made for, None for ever.
    """

    id: KeyId
    account_id: AccountId
    account: str
    name: str
    last4: str
    status: KeyStatus
    scopes: tuple[str, ...]
    line_ids: tuple[str, ...] | None
    hourly_limit: int | None
    created_at: int
    expires_at: int | None
    lives_ms: int | None
    revoked_at: int | None
    last_used_at: int | None


class KeyTerms(NamedTuple):
    """What a new key is for; lines by id or handle, none for all, and how long it lives, None for ever."""

    name: str
    scopes: tuple[Scope, ...] = keys.SCOPES
    lines: tuple[str, ...] = ()
    lives_ms: int | None = None
    hourly_limit: int | None = None


class NewLine(NamedTuple):
    """A line to be, by its canonical handle."""

    handle: str
    daemon: str | None
    label: str | None
    service: Service
    is_sandbox: bool
    is_contact_first: bool


class LineChange(NamedTuple):
    """What is to be different about a line; None leaves it as it is."""

    label: str | None = None
    service: Service | None = None
    daemon: str | None = None
    is_contact_first: bool | None = None


class MadeKey(msgspec.Struct, frozen=True):
    """A new key with its secret, which nobody can show again."""

    id: KeyId
    account_id: AccountId
    key: str
    expires_at: int | None
    old_key_expires_at: int | None = None


class MadeDaemon(msgspec.Struct, frozen=True):
    """A new daemon with its token, which nobody can show again."""

    id: DaemonId
    account_id: AccountId
    token: str


class MadeCode(msgspec.Struct, frozen=True):
    """A new code for a Mac to be paired by, once, until `expires_at` (Unix milliseconds); nobody can show it again."""

    id: DaemonId
    account_id: AccountId
    code: str
    expires_at: int


class Daemon(msgspec.Struct, frozen=True):
    """A daemon as it is listed; `is_behind` is whether its version is older than ours."""

    id: DaemonId
    account_id: AccountId
    account: str
    name: str
    version: str | None
    is_behind: bool
    is_paired: bool
    created_at: int
    seen_at: int | None
    revoked_at: int | None


class Sandbox(msgspec.Struct, frozen=True):
    """How an account stands on the shared line."""

    account_id: AccountId
    line_handle: str
    activation_code: str
    contact: str | None
    activated_at: int | None


def name_of(words: str) -> str:
    """Read what something is to be called.

    Raises:
        OperatorError: It is no name.
    """
    name = words.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise OperatorError(f"a name has at least one letter, at most {LONGEST_NAME}, and no line breaks")
    return name


# Accounts


def create_account(tx: Tx, name: str, owner: str | None, *, by: Actor = OPERATOR) -> AccountId:
    """Create an account.

    Raises:
        OperatorError: The name is taken.
    """
    _require_free(tx, name)
    account_id = authorizing.new_account(tx, name, owner)
    _note(tx, "account.created", account_id, account_id, by=by)
    return account_id


def change_account(
    tx: Tx, named: str, *, name: str | None = None, owner: str | None = None, by: Actor = OPERATOR
) -> AccountId:
    """Give an account another name or owner; an empty owner is nobody.

    Raises:
        OperatorError: There is no such account, or the name is taken.
    """
    account = _account(tx, named)
    if name is not None and name != account.name:
        _require_free(tx, name)
    changed = account._replace(name=name or account.name, owner=account.owner if owner is None else owner or None)
    queries.change_account(tx, changed)
    given = {"name": name, "owner": owner}
    detail = " ".join(word for word in given if given[word] is not None)
    _note(tx, "account.changed", account.id, account.id, detail, by=by)
    return account.id


def set_preferences(tx: Tx, named: str, changes: Mapping[str, int | None], *, by: Actor = OPERATOR) -> AccountId:
    """Change those Preferences of an account that are in *changes*, by name; None: as the installation does.

    Raises:
        OperatorError: There is no such account, or nothing is to be changed.
    """
    account_id = _account(tx, named).id
    if not changes:
        raise OperatorError("say what to set: `blueport accounts set --help` lists what there is")
    customizing.change_preferences(tx, account_id, changes)
    _note(tx, "settings.changed", account_id, account_id, customizing.told(changes), by=by)
    return account_id


# Keys


def create_key(tx: Tx, account: str, terms: KeyTerms, *, by: Actor = OPERATOR) -> MadeKey:
    """Create a key.

    Raises:
        OperatorError: There is no such account, or it has no such line.
    """
    account_id = _account(tx, account).id
    line_ids = [_line_of_account(tx, account_id, name).id for name in terms.lines]
    made = _made_key(
        tx,
        authorizing_queries.KeyRow(
            KeyId(mint("key", tx.now_ms)), account_id, " ".join(terms.scopes), " ".join(line_ids) or None
        ),
        terms.name,
        _bounds(tx, terms.lives_ms, terms.hourly_limit),
    )
    scopes = ("all",) if terms.scopes == keys.SCOPES else terms.scopes
    _note(tx, "key.created", account_id, made.id, " ".join([*scopes, *line_ids]), by=by)
    return made


def list_keys(tx: Tx, account: str | None) -> list[Key]:
    """Return the keys of an account, or all.

    Raises:
        OperatorError: There is no such account.
    """
    return [_key(row, tx.now_ms) for row in _of(tx, account, queries.keys_there_are(tx))]


def page_of_keys(tx: Tx, wanted: KeysWanted) -> list[Key]:
    """Return some keys, the newest first."""
    return [_key(row, tx.now_ms) for row in queries.page_of_keys(tx, wanted)]


def key_by_id(tx: Tx, key_id: str) -> Key | None:
    """Return the key of that id."""
    row = queries.key_by_id(tx, key_id)
    return None if row is None else _key(row, tx.now_ms)


def revoke_key(tx: Tx, key_id: str, account: str | None, *, by: Actor = OPERATOR) -> KeyId:
    """End a key: its next request is refused.

    Raises:
        OperatorError: There is no such key, or it is revoked already.
    """
    key = _found(_of(tx, account, queries.keys_there_are(tx)), lambda row: row.id == key_id, "key")
    if not queries.revoke_key(tx, key.id):
        raise OperatorError(f"{key.id} is revoked already")
    _note(tx, "key.revoked", key.account_id, key.id, by=by)
    return key.id


def roll_key(
    tx: Tx,
    key_id: str,
    account: str | None,
    *,
    overlap_ms: int,
    lives_ms: int | None = None,
    by: Actor = OPERATOR,
) -> MadeKey:
    """Make a key like that one, which ends after the overlap; the new one lives as long as the old was to, or as said.

    Raises:
        OperatorError: There is no such key, or it is dead.
    """
    old = _found(_of(tx, account, queries.keys_there_are(tx)), lambda row: row.id == key_id, "key")
    if _status(old, tx.now_ms) != "active":
        raise OperatorError(f"{old.id} is {_status(old, tx.now_ms)}: create a new key instead")
    old_ends_at = min(old.expires_at or tx.now_ms + overlap_ms, tx.now_ms + overlap_ms)
    queries.expire_key(tx, old.id, old_ends_at)
    row = authorizing_queries.KeyRow(KeyId(mint("key", tx.now_ms)), old.account_id, old.scopes, old.line_ids)
    lives_ms = old.lives_ms if lives_ms is None else lives_ms
    made = _made_key(tx, row, old.name, _bounds(tx, lives_ms, old.hourly_limit))
    _note(tx, "key.rolled", old.account_id, old.id, made.id, by=by)
    return msgspec.structs.replace(made, old_key_expires_at=old_ends_at)


# Lines


def add_line(tx: Tx, account: str, new: NewLine, *, by: Actor = OPERATOR) -> LineId:
    """Create a line; without a word on that it is served by the account's daemon, if that has just one.

    Raises:
        OperatorError: There is no such account or daemon, or there is such a line already.
    """
    account_id = _account(tx, account).id
    _require_new(tx, new)
    daemon_id = _only_daemon(tx, account_id) if new.daemon is None else _daemon(tx, new.daemon).id
    line = Line(
        id=LineId(mint("ln", tx.now_ms)),
        account_id=account_id,
        handle=new.handle,
        label=new.label,
        service=new.service,
        is_active=0,
        capabilities="",
        is_sandbox=int(new.is_sandbox),
        is_contact_first=int(new.is_contact_first),
    )
    addressing.add_line(tx, line, daemon_id)
    _note(tx, "line.created", account_id, line.id, daemon_id, by=by)
    return line.id


def change_line(tx: Tx, named: str, change: LineChange, *, by: Actor = OPERATOR) -> LineId:
    """Change what is said of a line.

    Raises:
        OperatorError: There is no such line or daemon.
    """
    line = _line(tx, named)
    given = {name: value for name, value in change._asdict().items() if value is not None}
    changed = line._replace(
        label=line.label if change.label is None else change.label or None,
        service=change.service or line.service,
        daemon_id=line.daemon_id if change.daemon is None else _daemon(tx, change.daemon).id,
        is_contact_first=line.is_contact_first if change.is_contact_first is None else int(change.is_contact_first),
    )
    queries.change_line(tx, changed)
    _note(tx, "line.changed", line.account_id, line.id, " ".join(given), by=by)
    return line.id


def list_lines(tx: Tx, account: str | None) -> list[LineRow]:
    """Return the lines of an account, or all.

    Raises:
        OperatorError: There is no such account.
    """
    return _of(tx, account, queries.lines_there_are(tx))


# Daemons


def create_daemon(tx: Tx, account: str, name: str, *, by: Actor = OPERATOR) -> MadeDaemon:
    """Create a daemon.

    Raises:
        OperatorError: There is no such account, or it has a daemon of that name.
    """
    account_id = _account(tx, account).id
    if _daemon_of_account(tx, account_id, name) is not None:
        raise OperatorError(f"the account has a daemon named {name!r} already")
    token = keys.new_daemon_token()
    daemon_id = authorizing.add_daemon(tx, account_id, token, name=name)
    _note(tx, "daemon.created", account_id, daemon_id, by=by)
    return MadeDaemon(daemon_id, account_id, token)


def pair_daemon(tx: Tx, account: str, name: str, *, replaces: bool, by: Actor = OPERATOR) -> MadeCode:
    """Make a code by which a Mac is let in as the daemon of that name, made now if there is none.

    Raises:
        OperatorError: There is no such account; HasMacError: its daemon has a Mac that is not to be replaced.
    """
    account_id = _account(tx, account).id
    daemon = _daemon_of_account(tx, account_id, name)
    if daemon is None:
        _note(tx, "daemon.created", account_id, authorizing.add_daemon(tx, account_id, None, name=name), by=by)
        daemon = _found(queries.daemons_there_are(tx), lambda row: _is_live(row, account_id, name), "daemon")
    if daemon.is_paired and not replaces:
        raise HasMacError(
            f"{name!r} has a Mac already: with --replace the new one takes its place, and the old one is let in no more"
        )
    code = _new_code(tx)
    made = MadeCode(daemon.id, account_id, codes.written(code), tx.now_ms + codes.CODE_MS)
    queries.keep_code(tx, daemon, selector=code.selector, code_hash=codes.digest(code), expires_at=made.expires_at)
    _note(tx, "daemon.code_made", account_id, daemon.id, by=by)
    return made


def list_daemons(tx: Tx, account: str | None) -> list[Daemon]:
    """Return the daemons of an account, or all.

    Raises:
        OperatorError: There is no such account.
    """
    return [_listed(row) for row in _of(tx, account, queries.daemons_there_are(tx))]


def revoke_daemon(tx: Tx, named: str, *, by: Actor = OPERATOR) -> DaemonId:
    """Let a daemon in no more.

    Raises:
        OperatorError: There is no such daemon that is let in.
    """
    daemon = _daemon(tx, named)
    queries.revoke_daemon(tx, daemon.id)
    _note(tx, "daemon.revoked", daemon.account_id, daemon.id, by=by)
    return daemon.id


# The sandbox and the log


def sandbox(tx: Tx, account: str, *, renew: bool, by: Actor = OPERATOR) -> Sandbox:
    """Return how an account stands on the shared line, with a code if it had none; *renew* takes its phone away.

    Raises:
        OperatorError: There is no such account, it has no owner, or there is no shared line.
    """
    found = _account(tx, account)
    line = addressing.sandbox_line(tx)
    if line is None:
        raise OperatorError("there is no sandbox line: `blueport lines add HANDLE --sandbox` makes one")
    if found.owner is None:
        raise OperatorError("an account without an owner has no sandbox: `blueport accounts owner` gives it one")
    if renew:
        sandboxing.renew(tx, found.id, by)
    _, code, contact, activated_at = sandboxing.begin(tx, found.id, by)
    return Sandbox(found.id, line.handle, code, contact, activated_at)


def entries(tx: Tx, account: str | None, limit: int) -> list[Entry]:
    """Return the latest entries of the audit log, the newest first.

    Raises:
        OperatorError: There is no such account.
    """
    if account is None:
        return auditing.latest(tx, limit)
    return auditing.latest_of_account(tx, _account(tx, account).id, limit)


# The common part


def _note(
    tx: Tx,
    action: auditing.Action,
    account_id: AccountId,
    target: str,
    detail: str | None = None,
    *,
    by: Actor = OPERATOR,
) -> None:
    auditing.note(tx, by, action, account_id=account_id, target=target, detail=detail)


def _found(rows: Iterable[Row], is_it: Callable[[Row], bool], kind: str) -> Row:
    found = [row for row in rows if is_it(row)]
    if not found:
        raise OperatorError(f"no such {kind}")
    if len(found) > 1:
        raise OperatorError(f"there is more than one {kind} of that name: give its id")
    return found[0]


def _account(tx: Tx, named: str) -> AccountRow:
    return _found(queries.accounts_there_are(tx), lambda row: named in (row.id, row.name), "account")


def _line(tx: Tx, named: str) -> LineRow:
    return _found(queries.lines_there_are(tx), lambda row: named in (row.id, row.handle), "line")


def _line_of_account(tx: Tx, account_id: AccountId, named: str) -> LineRow:
    rows = [row for row in queries.lines_there_are(tx) if row.account_id == account_id or row.is_sandbox]
    return _found(rows, lambda row: named in (row.id, row.handle), "line of the account")


def _daemon(tx: Tx, named: str) -> DaemonRow:
    rows = [row for row in queries.daemons_there_are(tx) if row.revoked_at is None]
    return _found(rows, lambda row: named in (row.id, row.name), "daemon")


def _daemon_of_account(tx: Tx, account_id: AccountId, name: str) -> DaemonRow | None:
    rows = queries.daemons_there_are(tx)
    return next((row for row in rows if _is_live(row, account_id, name)), None)


def _is_live(row: DaemonRow, account_id: AccountId, name: str) -> bool:
    return (row.account_id, row.name, row.revoked_at) == (account_id, name, None)


def _listed(row: DaemonRow) -> Daemon:
    is_behind = row.version is not None and is_older(row.version, __version__)
    return Daemon(**{**row._asdict(), "is_paired": bool(row.is_paired), "is_behind": is_behind})


def _new_code(tx: Tx) -> Code:
    """Return a code that no other begins like."""
    while queries.is_selector_taken(tx, (code := codes.new_code()).selector):
        pass
    return code


def _only_daemon(tx: Tx, account_id: AccountId) -> DaemonId | None:
    rows = queries.daemons_there_are(tx)
    theirs = [row.id for row in rows if row.account_id == account_id and row.revoked_at is None]
    return theirs[0] if len(theirs) == 1 else None


def _of(tx: Tx, account: str | None, rows: list[Owned]) -> list[Owned]:
    """Return the rows of the account of that name, all if none is named."""
    if account is None:
        return rows
    account_id = _account(tx, account).id
    return [row for row in rows if row.account_id == account_id]


def _require_free(tx: Tx, name: str) -> None:
    if any(row.name == name for row in queries.accounts_there_are(tx)):
        raise OperatorError(f"there is an account named {name!r} already")


def _require_new(tx: Tx, new: NewLine) -> None:
    if addressing.any_line(tx, new.handle) is not None:
        raise OperatorError(f"{new.handle} is a line already")
    if new.is_sandbox and addressing.sandbox_line(tx) is not None:
        raise OperatorError("there is a sandbox line already, and there can be but one")


def _made_key(tx: Tx, row: authorizing_queries.KeyRow, name: str, bounds: Bounds) -> MadeKey:
    key = keys.new_key()
    authorizing_queries.add_key(tx, row, name=name, hashed=keys.digest(key), last4=key[-4:], bounds=bounds)
    return MadeKey(row.id, row.account_id, key, bounds.expires_at)


def _bounds(tx: Tx, lives_ms: int | None, hourly_limit: int | None) -> Bounds:
    return Bounds(None if lives_ms is None else tx.now_ms + lives_ms, lives_ms, hourly_limit)


def _status(row: KeyRow, now_ms: int) -> KeyStatus:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now_ms else "active"


def _key(row: KeyRow, now_ms: int) -> Key:
    line_ids = None if row.line_ids is None else tuple(row.line_ids.split())
    words = {"scopes": tuple(row.scopes.split()), "line_ids": line_ids}
    return Key(**{**row._asdict(), **words, "status": _status(row, now_ms)})
