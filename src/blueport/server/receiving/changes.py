"""What becomes of a message that is known: it is edited, taken back, it arrives, it is read.

Whoever edits, the message has its new body. As an event it is told of what was announced: history stays without news,
and what changes before it is announced is announced as it is then.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from blueport.protocol.sightings import MessageChanged, MessageReached
from blueport.server.addressing.queries import Line
from blueport.server.notifying import service as notifying
from blueport.server.receiving import attachments, queries
from blueport.server.receiving.chats import clean
from blueport.server.sending import service as sending
from blueport.server.shapes import AtMs, MessageData
from blueport.server.store.rows import MessageRow
from blueport.server.store.tx import Tx


class EditedMessage(MessageData, frozen=True):
    """The payload of `message.edited`: the message as it is now, and its text before."""

    edited_at: Annotated[AtMs, Meta(description="When it was edited.")]
    previous_text: Annotated[
        str | None,
        Meta(description="Its text before; the same if only a file was taken back.", examples=["See you at seven?"]),
    ]


class UnsentMessage(MessageData, frozen=True):
    """The payload of `message.unsent`: the message that is left, which has neither text nor attachments."""

    unsent_at: Annotated[AtMs, Meta(description="When it was taken back.")]


class DeliveredMessage(MessageData, frozen=True):
    """The payload of `message.delivered`."""

    delivered_at: Annotated[AtMs, Meta(description="When it arrived.")]


class ReadMessage(MessageData, frozen=True):
    """The payload of `message.read`."""

    read_at: Annotated[AtMs, Meta(description="When it was read.")]


def change(tx: Tx, line: Line, changed: MessageChanged) -> None:
    """Replace the body and the attachments of a message that was told before; that may be what was asked for."""
    if changed.proves is not None:
        sending.prove(tx, line.id, changed.proves)
    before = _to_tell_of(tx, line, changed.guid)
    text = clean(changed.text)
    attachments.change(tx, line, changed, text)
    if changed.service is not None:
        _note_service(tx, line, changed.guid, changed.service.lower())
    if before is None:
        return
    if changed.unsent_at is not None:
        _tell_unsent(tx, line, before, changed.unsent_at)
    elif changed.edited_at is not None and (text != before.text or attachments.lacks_some(changed, before.attachments)):
        _tell_edited(tx, line, before, text, changed.edited_at)


def reach(tx: Tx, line: Line, reached: MessageReached) -> None:
    """Tell that an own message has arrived, and that it was read."""
    row = _to_tell_of(tx, line, reached.guid)
    if row is None or not row.is_from_me:
        return
    fields = msgspec.structs.asdict(_data(line, row))
    if reached.delivered_at is not None:
        _tell(tx, line, row, "message.delivered", DeliveredMessage(**fields, delivered_at=reached.delivered_at))
    if reached.read_at is not None:
        _tell(tx, line, row, "message.read", ReadMessage(**fields, read_at=reached.read_at))


def _note_service(tx: Tx, line: Line, guid: str, service: str) -> None:
    outbox_id = queries.change_service(tx, line.id, guid, service)
    if outbox_id is not None:
        sending.note_service(tx, line, outbox_id, service)


def _to_tell_of(tx: Tx, line: Line, guid: str) -> MessageRow | None:
    """Return a message whose fate somebody wants to hear of, as it is now."""
    row = queries.message(tx, line.id, guid) if notifying.is_extended(tx, line.account_id) else None
    is_news = row is not None and notifying.is_announced(
        tx, row.id, "message.sent" if row.is_from_me else "message.received"
    )
    return row if is_news else None


def _tell_edited(tx: Tx, line: Line, before: MessageRow, text: str | None, edited_at: int) -> None:
    fields = msgspec.structs.asdict(_data(line, before._replace(text=text)))
    data = EditedMessage(**fields, edited_at=edited_at, previous_text=before.text)
    _tell(tx, line, before, "message.edited", data, occasion=edited_at)


def _tell_unsent(tx: Tx, line: Line, before: MessageRow, unsent_at: int) -> None:
    fields = msgspec.structs.asdict(_data(line, before._replace(text=None)))
    data = UnsentMessage(**fields, unsent_at=unsent_at)
    _tell(tx, line, before, "message.unsent", data)


def _data(line: Line, row: MessageRow) -> MessageData:
    shown = row.shown(attachments=())  # rendered when they are shown
    return MessageData(**msgspec.structs.asdict(shown), line_handle=line.handle)


def _tell(
    tx: Tx, line: Line, row: MessageRow, kind: notifying.ExtendedEventType, data: MessageData, *, occasion: int = 0
) -> None:
    fact = notifying.Fact(
        account_id=line.account_id,
        line_id=line.id,
        chat_id=row.chat_id,
        type=kind,
        subject_id=row.id,
        data=msgspec.json.encode(data).decode(),
        occasion=occasion,
    )
    notifying.announce_extended(tx, fact)
