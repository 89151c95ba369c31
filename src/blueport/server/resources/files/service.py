"""Keeps files, and tells where their bytes are."""

from blueport.server.authorizing import service as authorizing
from blueport.server.blobs import queries as blobs
from blueport.server.blobs.queries import FileRow
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.http.uploads import Uploaded
from blueport.server.ids import FileId, mint
from blueport.server.resources.files.schema import File, GetFile
from blueport.server.store.tx import Tx


def keep(tx: Tx, call: Call[Uploaded]) -> File:
    """Keep a file, to be sent or fetched by its id."""
    asked = call.asked
    row = FileRow(
        id=FileId(mint("file", tx.now_ms)),
        account_id=call.key.account_id,
        filename=asked.filename,
        mime_type=asked.mime_type,
        size=asked.size,
        sha256=asked.sha256,
        shown_as=asked.shown_as,
        storage_key=call.storage_key,
    )
    blobs.add_file(tx, row)
    return _file(row, call.links.lasting(row.id, tx.now_ms))


def get(tx: Tx, call: Call[GetFile]) -> File:
    """Redirect to the bytes of a file, by a link that works without a key for a quarter of an hour."""
    if not call.asked.id.startswith("file_"):
        raise ApiError("invalid_parameter_value", "`id` takes `file_...`.", param="id")
    row = authorizing.file_for(tx, call.key, call.asked.id, param="id")
    return _file(row, call.links.redirect(row.id, tx.now_ms))


def _file(row: FileRow, url: str) -> File:
    return File(row.id, url, row.filename, row.mime_type, row.size)
