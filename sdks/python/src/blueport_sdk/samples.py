"""What events tell, made up: for tests of one's own receiver.

data = sample_data("message.received", text="Hello")
delivery = build_webhook_delivery("message.received", data, secret)  # verify_webhook accepts it
"""

import dataclasses
import json
import secrets
import time
import uuid
from collections.abc import Callable

from blueport_sdk.events import (
    DATA_OF,
    DeliveredMessageData,
    EditedMessageData,
    EventData,
    FailedItemData,
    MessageData,
    ReactionData,
    ReadMessageData,
    ReceiptData,
    TypingData,
    UnsentMessageData,
)
from blueport_sdk.shapes import MismatchError, shaped

EVENTS: tuple[str, ...] = tuple(DATA_OF)
"""The events that there are samples of."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_NOTHING = "0" * 26
# Nothing has these ids, and these numbers belong to nobody.
_LINE, _CHAT = f"ln_{_NOTHING}", f"cht_{_NOTHING}"
_LINE_HANDLE, _SOMEBODY = "+15555550100", "+15555550123"
_TEXT = "This is a test."


def sample_data(event: str, now_ms: int | None = None, /, **fields: object) -> EventData:
    """Return what an *event* could tell: of a new message each time, always in the same chat.

    Args:
        event: Its name, such as `message.received`.
        now_ms: When it happened, in Unix milliseconds; now where nothing is said.
        fields: What is to be different, as the wire has it.

    Raises:
        ValueError: There is no such event, or it has no such field, or the field cannot be that.
    """
    if event not in _SAMPLES:
        raise ValueError(f"there is no event {event!r}: there are {', '.join(EVENTS)}")
    sample = _SAMPLES[event](round(time.time() * 1000) if now_ms is None else now_ms)
    return _changed(event, sample, fields) if fields else sample


def _changed(event: str, sample: EventData, fields: dict[str, object]) -> EventData:
    told = dataclasses.asdict(sample)
    unknown = [name for name in fields if name not in told]
    if unknown:
        raise ValueError(f"{event} has no field {unknown[0]!r}: it has {', '.join(told)}")
    try:
        return shaped(DATA_OF[event], json.loads(json.dumps({**told, **fields})))
    except (MismatchError, TypeError) as error:
        raise ValueError(f"{event} cannot be like that: {error}") from None


def _received(now_ms: int) -> MessageData:
    return MessageData(
        id=_new_id("msg", now_ms),
        line_id=_LINE,
        chat_id=_CHAT,
        guid=_new_guid(),
        sender=_SOMEBODY,
        text=_TEXT,
        attachments=(),
        service="imessage",
        is_from_me=False,
        is_audio_message=False,
        sent_at=now_ms,
        synced_at=now_ms,
        line_handle=_LINE_HANDLE,
    )


def _sent(now_ms: int) -> MessageData:
    outbox_id = _new_id("obx", now_ms)
    return dataclasses.replace(_received(now_ms), sender=_LINE_HANDLE, is_from_me=True, outbox_id=outbox_id)


def _delivered(now_ms: int) -> DeliveredMessageData:
    return DeliveredMessageData(**vars(_sent(now_ms)), delivered_at=now_ms)


def _read(now_ms: int) -> ReadMessageData:
    return ReadMessageData(**vars(_sent(now_ms)), read_at=now_ms)


def _edited(now_ms: int) -> EditedMessageData:
    return EditedMessageData(**vars(_received(now_ms)), edited_at=now_ms, previous_text="This is a tset.")


def _unsent(now_ms: int) -> UnsentMessageData:
    return UnsentMessageData(**{**vars(_received(now_ms)), "text": None}, unsent_at=now_ms)


def _failed(now_ms: int) -> FailedItemData:
    return FailedItemData(
        id=_new_id("obx", now_ms),
        line_id=_LINE,
        status="failed",
        payload={"from": _LINE_HANDLE, "to": _SOMEBODY, "text": _TEXT},
        completed_at=now_ms,
        error="recipient_not_on_imessage",
        attempts=1,
        max_attempts=5,
        created_at=now_ms,
        chat_id=_CHAT,
        line_handle=_LINE_HANDLE,
    )


def _added(now_ms: int) -> ReactionData:
    return ReactionData(
        id=_new_id("rxn", now_ms),
        message_id=_new_id("msg", now_ms),
        type="love",
        sender=_SOMEBODY,
        is_from_me=False,
        added=True,
        sent_at=now_ms,
        synced_at=now_ms,
        chat_id=_CHAT,
        line_handle=_LINE_HANDLE,
    )


def _removed(now_ms: int) -> ReactionData:
    return dataclasses.replace(_added(now_ms), added=False)


def _started(now_ms: int) -> TypingData:
    return TypingData(
        id=_new_id("ind", now_ms),
        chat_id=_CHAT,
        handle=_SOMEBODY,
        is_typing=True,
        updated_at=now_ms,
        line_id=_LINE,
        line_handle=_LINE_HANDLE,
    )


def _stopped(now_ms: int) -> TypingData:
    return dataclasses.replace(_started(now_ms), is_typing=False)


def _receipt(now_ms: int) -> ReceiptData:
    return ReceiptData(
        id=_new_id("rcp", now_ms),
        chat_id=_CHAT,
        handle=_SOMEBODY,
        last_read_at=now_ms,
        synced_at=now_ms,
        line_id=_LINE,
        line_handle=_LINE_HANDLE,
    )


def _new_id(prefix: str, now_ms: int) -> str:
    value = (now_ms << 80) | secrets.randbits(80)
    return f"{prefix}_{''.join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))}"


def _new_guid() -> str:
    return str(uuid.uuid4()).upper()


_SAMPLES: dict[str, Callable[[int], EventData]] = {
    "message.received": _received,
    "message.sent": _sent,
    "message.delivered": _delivered,
    "message.read": _read,
    "message.edited": _edited,
    "message.unsent": _unsent,
    "message.failed": _failed,
    "reaction.added": _added,
    "reaction.removed": _removed,
    "typing.started": _started,
    "typing.stopped": _stopped,
    "receipt.read": _receipt,
}
