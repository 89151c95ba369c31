"""Statements on files: of one account for its callers, of any for who holds a link."""

from typing import NamedTuple

from sqlalchemy import bindparam, select

from blueport.server.ids import AccountId, FileId, LineId
from blueport.server.store.lists import among
from blueport.server.store.tables import files
from blueport.server.store.tx import Statement, Tx, insert_into


class FileRow(NamedTuple):
    """A file whose bytes are stored; `line_id` and `attachment_guid` are those of one that somebody sent to a line."""

    id: FileId
    account_id: AccountId
    filename: str | None
    mime_type: str
    size: int
    sha256: str
    shown_as: str | None
    storage_key: str
    line_id: LineId | None = None
    attachment_guid: str | None = None


_FILE = select(*[files.c[name] for name in FileRow._fields])
_INSERT = Statement(insert_into(files))
_OF_ACCOUNT = Statement(_FILE.where(files.c.account_id == bindparam("account_id"), files.c.id == bindparam("id")))
_ANYBODYS = Statement(_FILE.where(files.c.id == bindparam("id")))
_OF_ATTACHMENT = Statement(
    select(files.c.id).where(files.c.line_id == bindparam("line_id"), files.c.attachment_guid == bindparam("guid"))
)
_KNOWN_KEYS = Statement(select(files.c.storage_key).where(among(files.c.storage_key, "storage_keys")))


def add_file(tx: Tx, row: FileRow) -> None:
    """Tell of a file; its bytes are on the disk."""
    tx.change(_INSERT, **row._asdict(), created_at=tx.now_ms)


def file_of_account(tx: Tx, account_id: AccountId, file_id: str) -> FileRow | None:
    """Find the account's file of that id."""
    return tx.one(FileRow, _OF_ACCOUNT, account_id=account_id, id=file_id)


def linked_file(tx: Tx, file_id: FileId) -> FileRow | None:
    """Find the file of that id, for one who holds a link to it."""
    return tx.one(FileRow, _ANYBODYS, id=file_id)


def file_of_attachment(tx: Tx, line_id: LineId, guid: str) -> FileId | None:
    """Find the file that was brought for an attachment of the line."""
    return tx.one(FileId, _OF_ATTACHMENT, line_id=line_id, guid=guid)


def known_keys(tx: Tx, storage_keys: list[str]) -> set[str]:
    """Return those of *storage_keys* of which a row tells."""
    return set(tx.all(str, _KNOWN_KEYS, storage_keys=storage_keys))
