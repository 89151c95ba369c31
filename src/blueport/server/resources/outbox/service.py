"""Tells what became of an outbox item."""

import msgspec

from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.notifying import service as notifying
from blueport.server.resources.outbox import queries
from blueport.server.resources.outbox.queries import ItemRow
from blueport.server.resources.outbox.schema import GetItem, OutboxItem
from blueport.server.sending import service as sending
from blueport.server.shapes import OutboxRecord, unset_if_none
from blueport.server.store.tx import Tx


def get(tx: Tx, call: Call[GetItem]) -> OutboxItem:
    """Tell what became of an accepted request."""
    if not call.asked.id.startswith("obx_"):
        raise ApiError("invalid_parameter_value", "`id` takes `obx_...`.", param="id")
    row = queries.item(tx, call.key.account_id, call.asked.id)
    if row is None or not call.key.may_use(row.line_id):
        raise ApiError("outbox_item_not_found", "No such outbox item.", param="id")
    return told(tx, row)


def told(tx: Tx, row: ItemRow) -> OutboxItem:
    """Return an item as its account is told of it."""
    # While an item waits to be tried again its last error is history, not its outcome.
    error = row.error if row.status == "failed" else None
    held_until = sending.held_until(tx, row.id) if row.status == "pending" else None
    warning = row.warning if row.warning and notifying.is_extended(tx, row.account_id) else None
    said = {"payload": msgspec.Raw(row.payload.encode()), "error": error}
    more = {"held_until": held_until, "warning": warning, "sent_by": row.sent_by}
    record = {name: getattr(row, name) for name in OutboxRecord.__struct_fields__}
    return OutboxItem(**{**record, **said, **{name: unset_if_none(value) for name, value in more.items()}})
