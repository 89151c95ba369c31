"""Payloads as they could be, for tests of webhooks: ids that nothing has, and nobody's number."""

from collections.abc import Sequence

import msgspec

from blueport.server.ids import ChatId, LineId, MessageId, ReactionId
from blueport.server.receiving.reactions import ReactionData
from blueport.server.receiving.service import MessageData

_NOTHING = "0" * 26
_SOMEBODY = "+15555550123"
_A_LINE = "+15555550100"


def sample_of(event: str, line_ids: Sequence[LineId], now_ms: int) -> str:
    """Return the payload of an event, as JSON, that happened on the first of these lines just now."""
    line_id = line_ids[0] if line_ids else LineId(f"ln_{_NOTHING}")
    made = _reaction(event, now_ms) if event.startswith("reaction.") else _message(event, line_id, now_ms)
    return msgspec.json.encode(made).decode()


def _message(event: str, line_id: LineId, now_ms: int) -> MessageData:
    is_ours = event == "message.sent"
    return MessageData(
        id=MessageId(f"msg_{_NOTHING}"),
        line_id=line_id,
        line_handle=_A_LINE,
        chat_id=ChatId(f"cht_{_NOTHING}"),
        guid="00000000-0000-0000-0000-000000000000",
        sender=_A_LINE if is_ours else _SOMEBODY,
        text="This is a test.",
        attachments=(),
        service="imessage",
        is_from_me=is_ours,
        is_audio_message=False,
        sent_at=now_ms,
        synced_at=now_ms,
        outbox_id=None,
        reply_to_guid=None,
    )


def _reaction(event: str, now_ms: int) -> ReactionData:
    return ReactionData(
        id=ReactionId(f"rxn_{_NOTHING}"),
        message_id=MessageId(f"msg_{_NOTHING}"),
        type="love",
        sender=_SOMEBODY,
        is_from_me=False,
        added=event == "reaction.added",
        sent_at=now_ms,
        synced_at=now_ms,
        chat_id=ChatId(f"cht_{_NOTHING}"),
        line_handle=_A_LINE,
    )
