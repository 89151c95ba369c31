"""Sets up what an installation starts with."""

import secrets

from blueport.handles import sendable_handle
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.authorizing import queries as authorizing_queries
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.keys import is_well_formed
from blueport.server.errors import MisconfiguredError
from blueport.server.ids import LineId, mint
from blueport.server.settings import Settings
from blueport.server.store import installation
from blueport.server.store.tx import Tx


def prepare(tx: Tx, settings: Settings) -> bytes:
    """Make what a fresh installation needs, once; return the secret that seals its cursors.

    Raises:
        MisconfiguredError: The first key or line is none.
    """
    if authorizing_queries.how_many_accounts(tx) == 0 and settings.first_line and settings.first_key:
        _provide_first(tx, settings, settings.first_line, settings.first_key)
    secret = installation.cursor_secret(tx)
    if secret is None:
        secret = secrets.token_hex(32)
        installation.create(tx, secret)
    return secret.encode()


def _provide_first(tx: Tx, settings: Settings, named: str, key: str) -> None:
    handle = sendable_handle(named, region=settings.region)
    if handle is None:
        raise MisconfiguredError("`first_line` takes a phone number with its country code, or an Apple ID")
    if not is_well_formed(key):
        raise MisconfiguredError("`first_key` is no key of ours: `blueport key` makes one")
    account_id = authorizing.new_account(tx, "first")
    authorizing.add_key(tx, account_id, key, name="first")
    daemon_id = None
    if settings.first_daemon_token:
        daemon_id = authorizing.add_daemon(tx, account_id, settings.first_daemon_token, name="first")
    line = Line(
        id=LineId(mint("ln", tx.now_ms)),
        account_id=account_id,
        handle=handle,
        label=None,
        service="imessage",
        is_active=0,
        capabilities="",
    )
    addressing.add_line(tx, line, daemon_id)
