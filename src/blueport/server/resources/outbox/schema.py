"""Shapes of outbox items."""

import msgspec

from blueport.server.ids import LineId, OutboxId
from blueport.server.sending.states import Status


class GetItem(msgspec.Struct, frozen=True):
    """Query of GET /v1/outbox."""

    id: str


class OutboxItem(msgspec.Struct, frozen=True):
    """What became of an accepted request; `payload` is what was asked, `error` a word once it failed."""

    id: OutboxId
    line_id: LineId
    status: Status
    payload: msgspec.Raw
    completed_at: int | None
    error: str | None
    attempts: int
    max_attempts: int
    created_at: int
