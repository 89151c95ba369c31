"""Files of messages that are to be brought to the server, and those that were."""

from collections.abc import Iterable

import msgspec

from blueport.daemon.journal.file import Journal


class Upload(msgspec.Struct, frozen=True, array_like=True):
    """A file of a message, to be brought once the message was told.

    `path` as chat.db has it; `total_bytes` is 0 if it is not known there; `since` is Unix milliseconds.
    """

    message_guid: str
    attachment_guid: str
    line: str
    path: bytes
    mime_type: str | None
    total_bytes: int
    since: int


_COLUMNS = "message_guid, attachment_guid, line, path, mime_type, total_bytes, since"


def queue(journal: Journal, upload: Upload, sighting_seq: int) -> None:
    """Have a file brought behind a sighting; of one that was queued before, take note of where it is by now."""
    journal.change(
        f"INSERT INTO uploads (sighting_seq, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own constants
        " ON CONFLICT (message_guid, attachment_guid) DO UPDATE"
        " SET path = excluded.path, mime_type = excluded.mime_type, total_bytes = excluded.total_bytes",
        *(sighting_seq, *msgspec.structs.astuple(upload)),
    )
    journal.uploads.set()


def to_do(journal: Journal, limit: int, *, but: Iterable[tuple[str, str]] = ()) -> list[Upload]:
    """Return the first that are to be brought of messages that were told, *but* some, by message and attachment."""
    told = "sighting_seq NOT IN (SELECT seq FROM sightings)"
    others = "message_guid || char(10) || attachment_guid NOT IN (SELECT value FROM json_each(?))"
    query = f"SELECT {_COLUMNS} FROM uploads WHERE is_over = 0 AND {told} AND {others} ORDER BY seq LIMIT ?"  # noqa: S608 - our own constants
    return journal.find(Upload, query, msgspec.json.encode(["\n".join(each) for each in but]).decode(), limit)


def is_over(journal: Journal, message_guid: str, attachment_guid: str) -> bool:
    """Say whether a file was brought, or given up."""
    query = "SELECT 1 FROM uploads WHERE message_guid = ? AND attachment_guid = ? AND is_over"
    return bool(journal.find(tuple[int], query, message_guid, attachment_guid))


def end(journal: Journal, upload: Upload) -> None:
    """Note that a file was brought, or is given up."""
    statement = "UPDATE uploads SET is_over = 1 WHERE message_guid = ? AND attachment_guid = ?"
    journal.change(statement, upload.message_guid, upload.attachment_guid)


def end_others(journal: Journal, message_guid: str, kept: Iterable[str]) -> None:
    """Give up the files of a message that are not *kept*, by their guids: whoever sent them has taken them back."""
    statement = (
        "UPDATE uploads SET is_over = 1 WHERE message_guid = ? AND is_over = 0"
        " AND attachment_guid NOT IN (SELECT value FROM json_each(?))"
    )
    journal.change(statement, message_guid, msgspec.json.encode(list(kept)).decode())


def forget(journal: Journal, message_guid: str) -> None:
    """Have the files of a message brought anew when it is told again."""
    journal.change("DELETE FROM uploads WHERE message_guid = ?", message_guid)
