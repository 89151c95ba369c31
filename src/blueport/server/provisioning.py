"""Sets up what an installation starts with."""

import secrets

from blueport.handles import sendable_handle
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.auditing import service as auditing
from blueport.server.authorizing import queries as authorizing_queries
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.keys import digest, is_well_formed
from blueport.server.errors import MisconfiguredError
from blueport.server.ids import AccountId, DaemonId, LineId, mint
from blueport.server.notifying import queries as notifying
from blueport.server.sealing import keyring_of
from blueport.server.settings import Settings
from blueport.server.store import installation
from blueport.server.store.tx import Tx


def prepare(tx: Tx, settings: Settings) -> bytes:
    """Make what a fresh installation needs, once; return the secret that seals its cursors.

    Raises:
        MisconfiguredError: The first key or line is none, or the sandbox's, or there are secrets that cannot be read.
    """
    _require_keys(tx, settings.secrets_key)
    if authorizing_queries.how_many_accounts(tx) == 0 and settings.first_line and settings.first_key:
        _provide_first(tx, settings, settings.first_line, settings.first_key)
    if settings.sandbox_line and addressing.sandbox_line(tx) is None:
        _provide_sandbox_line(tx, settings, settings.sandbox_line)
    secret = installation.cursor_secret(tx)
    if secret is None:
        secret = secrets.token_hex(32)
        installation.create(tx, secret)
    terms = installation.Terms(*[getattr(settings, name) for name in installation.Terms._fields])
    installation.set_terms(tx, terms)
    return secret.encode()


def _require_keys(tx: Tx, given: str | None) -> None:
    """Refuse to begin what would fail later, one delivery after the other."""
    keyring = keyring_of(given)
    missing = sorted(filter(keyring.lacks, notifying.key_ids_of_secrets(tx)))
    if not missing:
        return
    sealed = f"secrets of webhooks in this database are sealed under the key {missing[0]}"
    if given is None:
        raise MisconfiguredError(f"{sealed}, and `secrets_key` is not set")
    raise MisconfiguredError(f"{sealed}, which is none of those of `secrets_key`")


def _provide_first(tx: Tx, settings: Settings, named: str, key: str) -> None:
    handle = _handle(named, "first_line", settings)
    if not is_well_formed(key):
        raise MisconfiguredError("`first_key` is no key of ours: `blueport key` makes one")
    account_id = authorizing.new_account(tx, "first", settings.first_owner)
    _note(tx, "account.created", account_id, account_id)
    _note(tx, "key.created", account_id, authorizing.add_key(tx, account_id, key, name="first"))
    daemon_id = None
    if settings.first_daemon_token:
        daemon_id = authorizing.add_daemon(tx, account_id, settings.first_daemon_token, name="first")
        _note(tx, "daemon.created", account_id, daemon_id)
    _add_line(tx, _line(tx, account_id, handle), daemon_id)


def _provide_sandbox_line(tx: Tx, settings: Settings, named: str) -> None:
    handle = _handle(named, "sandbox_line", settings)
    token = settings.first_daemon_token
    daemon = authorizing_queries.live_daemon(tx, digest(token)) if token else None
    if daemon is None:
        raise MisconfiguredError("`sandbox_line` is served by the daemon of `first_daemon_token`, which is unknown")
    if addressing.any_line(tx, handle) is not None:
        raise MisconfiguredError("`sandbox_line` is a line of its own already")
    line = _line(tx, daemon.account_id, handle)
    # Lists are newest first, and whoever takes the first line wants one of his own.
    older = LineId(mint("ln", tx.now_ms - 1))
    _add_line(tx, line._replace(id=older, is_sandbox=1), daemon.id)


def _add_line(tx: Tx, line: Line, daemon_id: DaemonId | None) -> None:
    addressing.add_line(tx, line, daemon_id)
    _note(tx, "line.created", line.account_id, line.id)


def _note(tx: Tx, action: auditing.Action, account_id: AccountId, target: str) -> None:
    auditing.note(tx, auditing.SYSTEM, action, account_id=account_id, target=target)


def _handle(named: str, setting: str, settings: Settings) -> str:
    handle = sendable_handle(named, region=settings.region)
    if handle is None:
        raise MisconfiguredError(f"`{setting}` takes a phone number with its country code, or an Apple ID")
    return handle


def _line(tx: Tx, account_id: AccountId, handle: str) -> Line:
    return Line(
        id=LineId(mint("ln", tx.now_ms)),
        account_id=account_id,
        handle=handle,
        label=None,
        service="imessage",
        is_active=0,
        capabilities="",
    )
