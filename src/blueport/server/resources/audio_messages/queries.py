"""Files that are sent as audio messages."""

from sqlalchemy import bindparam, select

from blueport.server.ids import AccountId
from blueport.server.store.tables import files
from blueport.server.store.tx import Statement, Tx

_MIME_TYPE = Statement(
    select(files.c.mime_type).where(files.c.account_id == bindparam("account_id"), files.c.id == bindparam("id"))
)


def mime_type(tx: Tx, account_id: AccountId, file_id: str) -> str | None:
    """Return the media type of the account's file; None if it has no such file."""
    return tx.one(str, _MIME_TYPE, account_id=account_id, id=file_id)
