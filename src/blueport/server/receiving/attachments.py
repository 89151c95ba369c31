"""The files of messages: told with the message, and brought after it.

A file that was brought stays with its attachment, whatever is told of the message later.
"""

from typing import NamedTuple

import msgspec

from blueport.protocol.sightings import AttachmentSeen, MessageChanged, MessageSeen
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.blobs import names
from blueport.server.blobs import queries as blobs
from blueport.server.blobs.queries import FileRow
from blueport.server.blobs.storage import Kept
from blueport.server.errors import ApiError
from blueport.server.ids import DaemonId, FileId, LineId, mint
from blueport.server.notifying import service as notifying
from blueport.server.receiving import queries
from blueport.server.receiving.queries import Owner
from blueport.server.sending import service as sending
from blueport.server.shapes import StoredAttachment
from blueport.server.store.tx import Tx

Attachments = tuple[StoredAttachment, ...]
_of_json = msgspec.json.Decoder(Attachments)


class Brought(NamedTuple):
    """The attachment whose bytes a daemon brings: of which line and message, by their handle and guid."""

    line_handle: str
    message_guid: str
    attachment_guid: str


class Place(NamedTuple):
    """Where the bytes of an attachment belong; `file_id` is not None if they are there."""

    line_id: LineId
    owner: Owner
    attachment: StoredAttachment
    file_id: FileId | None


class Filed(NamedTuple):
    """The file of an attachment, and whether it is made of the bytes that were brought now."""

    id: FileId
    is_new: bool


def of_message(tx: Tx, line: Line, seen: MessageSeen) -> Attachments:
    """Return the attachments of a message that is told; what we sent ourselves is there already."""
    told = _merged(seen.attachments, _known(tx, line.id, seen.guid))
    sent = None if seen.proves is None else sending.file_sent(tx, line.id, seen.proves.outbox_id)
    if sent is None or len(told) != 1:
        return told
    return (msgspec.structs.replace(told[0], file_id=sent),)


def change(tx: Tx, line: Line, changed: MessageChanged, text: str | None) -> None:
    """Replace the body and the attachments of a message that was told before."""
    known = _known(tx, line.id, changed.guid)
    attachments = _merged(changed.attachments, known)
    queries.change_message(tx, line.id, changed.guid, text, to_json(attachments))
    _note_complete(tx, line.id, changed.guid, known, attachments)


def lacks_some(changed: MessageChanged, stored: str) -> bool:
    """Say whether a message has lost some of its *stored* attachments, given as JSON."""
    return not {each.guid for each in _of_json.decode(stored)} <= {each.guid for each in changed.attachments}


def place_of(tx: Tx, daemon_id: DaemonId, brought: Brought) -> Place:
    """Find where a file belongs.

    Raises:
        ApiError: `line_not_found`, `message_not_found` (it may be told yet) or `file_not_found`: the message has none.
    """
    line = addressing.line_of_daemon(tx, daemon_id, brought.line_handle)
    if line is None:
        raise ApiError("line_not_found", "This daemon does not serve that line.", param="line")
    owner = queries.owner_of_attachments(tx, line.id, brought.message_guid)
    if owner is None:
        raise ApiError("message_not_found", "This message was not told yet.", param="message")
    for each in _of_json.decode(owner.attachments):
        if each.guid == brought.attachment_guid:
            file_id = each.file_id or blobs.file_of_attachment(tx, line.id, each.guid)
            return Place(line.id, owner, each, file_id)
    raise ApiError("file_not_found", "This message has no such attachment.", param="attachment")


def file(tx: Tx, daemon_id: DaemonId, brought: Brought, kept: Kept | None) -> Filed:
    """Give an attachment its bytes, if it has none; without any it must have them.

    Raises:
        ApiError: As `place_of`.
    """
    place = place_of(tx, daemon_id, brought)
    file_id = place.file_id
    if file_id is None and kept is not None:
        file_id = _added(tx, place, kept)
    if file_id is None:
        raise ApiError("file_not_found", "The bytes of this attachment are not here.", param="attachment")
    _attach(tx, place, brought, file_id, kept)
    return Filed(file_id, file_id != place.file_id)


def to_json(attachments: Attachments) -> str:
    """Return the form in which the attachments of a message are stored."""
    return msgspec.json.encode(attachments).decode()


def _added(tx: Tx, place: Place, kept: Kept) -> FileId:
    row = FileRow(
        id=FileId(mint("file", tx.now_ms)),
        account_id=place.owner.account_id,
        filename=place.attachment.filename,
        mime_type=place.attachment.mime_type or kept.sniffed,
        size=kept.size,
        sha256=kept.sha256,
        shown_as=kept.shown_as,
        storage_key=kept.storage_key,
        line_id=place.line_id,
        attachment_guid=place.attachment.guid,
    )
    blobs.add_file(tx, row)
    return row.id


def _attach(tx: Tx, place: Place, brought: Brought, file_id: FileId, kept: Kept | None) -> None:
    known = _of_json.decode(place.owner.attachments)
    filed = msgspec.structs.replace(place.attachment, file_id=file_id)
    if kept is not None and file_id != place.file_id:
        mime_type = place.attachment.mime_type or kept.sniffed
        filed = msgspec.structs.replace(filed, size=kept.size, mime_type=mime_type)
    attachments = tuple(filed if each.guid == filed.guid else each for each in known)
    queries.change_attachments(tx, place.owner.id, to_json(attachments))
    _note_complete(tx, place.line_id, brought.message_guid, known, attachments)


def _note_complete(tx: Tx, line_id: LineId, guid: str, before: Attachments, after: Attachments) -> None:
    """Let the news of a message go if it is only now that it awaits no file."""
    owner = queries.owner_of_attachments(tx, line_id, guid)
    if owner is not None and are_awaited(before) and not are_awaited(after):
        notifying.files_are_there(tx, owner.id)


def are_awaited(attachments: Attachments) -> bool:
    """Tell whether bytes of any of them will come, and have not."""
    return any(each.is_awaited for each in attachments)


def _known(tx: Tx, line_id: LineId, guid: str) -> Attachments:
    owner = queries.owner_of_attachments(tx, line_id, guid)
    return () if owner is None else _of_json.decode(owner.attachments)


def _merged(seen: tuple[AttachmentSeen, ...], known: Attachments) -> Attachments:
    by_guid = {each.guid: each for each in known}
    return tuple(_with_bytes(_stored(each), by_guid.get(each.guid)) for each in seen)


def _stored(seen: AttachmentSeen) -> StoredAttachment:
    return StoredAttachment(
        guid=seen.guid,
        filename=names.cleaned(seen.filename or ""),
        mime_type=seen.mime_type,
        size=seen.size,
        transcription=seen.transcription,
        is_coming=seen.is_coming,
    )


def _with_bytes(told: StoredAttachment, known: StoredAttachment | None) -> StoredAttachment:
    """Return what is told of an attachment now, with what it has of bytes and words already."""
    if known is None:
        return told
    transcription = told.transcription or known.transcription
    if known.file_id is None:
        return msgspec.structs.replace(told, transcription=transcription)
    return msgspec.structs.replace(known, transcription=transcription, filename=told.filename)
