"""Payloads as they could be, for tests of webhooks: ids that nothing has, and nobody's number."""

from collections.abc import Callable, Sequence

import msgspec

from blueport.server.ids import ChatId, LineId, MessageId, OutboxId, ReactionId, ReceiptId, TypingId
from blueport.server.receiving.changes import DeliveredMessage, EditedMessage, ReadMessage, UnsentMessage
from blueport.server.receiving.presence import ReceiptData, TypingData
from blueport.server.receiving.reactions import ReactionData
from blueport.server.sending.service import FailedItem
from blueport.server.shapes import MessageData

_NOTHING = "0" * 26
_CHAT = ChatId(f"cht_{_NOTHING}")
_MESSAGE = MessageId(f"msg_{_NOTHING}")
_OUTBOX = OutboxId(f"obx_{_NOTHING}")
_SOMEBODY = "+15555550123"
_LINE = "+15555550100"
_TEXT = "This is a test."

_Sample = Callable[[LineId, int], msgspec.Struct]


def sample_of(event: str, line_ids: Sequence[LineId], now_ms: int) -> str:
    """Return the payload of an event, as JSON, that happened on the first of these lines just now."""
    line_id = line_ids[0] if line_ids else LineId(f"ln_{_NOTHING}")
    return msgspec.json.encode(_SAMPLES[event](line_id, now_ms)).decode()


def _received(line_id: LineId, now_ms: int) -> MessageData:
    return MessageData(
        id=_MESSAGE,
        line_id=line_id,
        line_handle=_LINE,
        chat_id=_CHAT,
        guid="00000000-0000-0000-0000-000000000000",
        sender=_SOMEBODY,
        text=_TEXT,
        attachments=(),
        service="imessage",
        is_from_me=False,
        is_audio_message=False,
        sent_at=now_ms,
        synced_at=now_ms,
        outbox_id=None,
        reply_to_guid=None,
    )


def _sent(line_id: LineId, now_ms: int) -> MessageData:
    return msgspec.structs.replace(_received(line_id, now_ms), sender=_LINE, is_from_me=True, outbox_id=_OUTBOX)


def _delivered(line_id: LineId, now_ms: int) -> DeliveredMessage:
    return DeliveredMessage(**msgspec.structs.asdict(_sent(line_id, now_ms)), delivered_at=now_ms)


def _read(line_id: LineId, now_ms: int) -> ReadMessage:
    return ReadMessage(**msgspec.structs.asdict(_sent(line_id, now_ms)), read_at=now_ms)


def _edited(line_id: LineId, now_ms: int) -> EditedMessage:
    return EditedMessage(
        **msgspec.structs.asdict(_received(line_id, now_ms)), edited_at=now_ms, previous_text="This is a tset."
    )


def _unsent(line_id: LineId, now_ms: int) -> UnsentMessage:
    left = msgspec.structs.replace(_received(line_id, now_ms), text=None)
    return UnsentMessage(**msgspec.structs.asdict(left), unsent_at=now_ms)


def _failed(line_id: LineId, now_ms: int) -> FailedItem:
    return FailedItem(
        id=_OUTBOX,
        line_id=line_id,
        line_handle=_LINE,
        chat_id=_CHAT,
        status="failed",
        payload=msgspec.Raw(msgspec.json.encode({"from": _LINE, "to": _SOMEBODY, "text": _TEXT})),
        completed_at=now_ms,
        error="recipient_not_on_imessage",
        attempts=1,
        max_attempts=5,
        created_at=now_ms,
    )


def _reaction(_line_id: LineId, now_ms: int) -> ReactionData:
    return ReactionData(
        id=ReactionId(f"rxn_{_NOTHING}"),
        message_id=_MESSAGE,
        type="love",
        sender=_SOMEBODY,
        is_from_me=False,
        added=True,
        sent_at=now_ms,
        synced_at=now_ms,
        chat_id=_CHAT,
        line_handle=_LINE,
    )


def _no_reaction(line_id: LineId, now_ms: int) -> ReactionData:
    return msgspec.structs.replace(_reaction(line_id, now_ms), added=False)


def _typing(line_id: LineId, now_ms: int) -> TypingData:
    return TypingData(
        id=TypingId(f"ind_{_NOTHING}"),
        chat_id=_CHAT,
        handle=_SOMEBODY,
        is_typing=True,
        updated_at=now_ms,
        line_id=line_id,
        line_handle=_LINE,
    )


def _no_typing(line_id: LineId, now_ms: int) -> TypingData:
    return msgspec.structs.replace(_typing(line_id, now_ms), is_typing=False)


def _receipt(line_id: LineId, now_ms: int) -> ReceiptData:
    return ReceiptData(
        id=ReceiptId(f"rcp_{_NOTHING}"),
        chat_id=_CHAT,
        handle=_SOMEBODY,
        last_read_at=now_ms,
        synced_at=now_ms,
        line_id=line_id,
        line_handle=_LINE,
    )


_SAMPLES: dict[str, _Sample] = {
    "message.received": _received,
    "message.sent": _sent,
    "message.failed": _failed,
    "message.delivered": _delivered,
    "message.read": _read,
    "message.edited": _edited,
    "message.unsent": _unsent,
    "reaction.added": _reaction,
    "reaction.removed": _no_reaction,
    "typing.started": _typing,
    "typing.stopped": _no_typing,
    "receipt.read": _receipt,
}
