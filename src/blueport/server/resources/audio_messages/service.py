"""Accepts audio messages."""

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Need
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.ids import AccountId, FileId, OutboxId, mint
from blueport.server.resources.audio_messages import queries
from blueport.server.resources.audio_messages.schema import NewAudioMessage
from blueport.server.sending import service as sending
from blueport.server.sending.queries import Accepted as Work
from blueport.server.shapes import Accepted
from blueport.server.store.tx import Tx

# m4a, mp3, wav, caf, aiff and aac under each of their usual names.
_AUDIO_TYPES = frozenset(
    f"audio/{name}"
    for name in (
        *("m4a", "x-m4a", "mp4", "mp4a-latm", "mpeg", "mp3", "x-mp3", "mpeg3", "x-mpeg", "x-mpeg-3"),
        *("wav", "x-wav", "wave", "vnd.wave", "x-pn-wav", "caf", "x-caf", "aiff", "x-aiff"),
        *("aac", "x-aac", "aacp", "x-hx-aac-adts"),
    )
)


def send(tx: Tx, call: Call[NewAudioMessage]) -> Accepted:
    """Send a voice message."""
    asked = call.asked
    name = addressing.line_name(asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_write(asked.recipient, region=call.terms.region)
    if not asked.audio_message.startswith("file_"):
        raise ApiError("invalid_parameter_value", "`audio_message` takes `file_...`.", param="audio_message")
    reply_to = None if asked.reply_to is None else addressing.message_name(asked.reply_to, param="reply_to")
    _refuse_sms(authorizing.line_for(tx, call.key, name))
    # What sends a voice message can send it as a reply.
    line, chat = authorizing.target(tx, call.key, name, peer, Need("audio"))
    work = Work(
        id=OutboxId(mint("obx", tx.now_ms)),
        account_id=call.key.account_id,
        line_id=line.id,
        chat_id=chat.chat_id,
        key_id=call.key.id,
        kind="audio",
        payload=msgspec.json.encode(asked).decode(),
        file_id=_audio_file(tx, call.key.account_id, asked.audio_message),
        reply_to_guid=None if reply_to is None else addressing.guid_in_chat(tx, line, chat, reply_to),
    )
    sending.accept(tx, work, max_attempts=call.terms.max_attempts)
    return Accepted(work.id)


def _refuse_sms(line: Line) -> None:
    if line.service == "sms":
        raise ApiError("invalid_parameter_value", "Audio messages need iMessage; this line has SMS only.", param="from")


def _audio_file(tx: Tx, account_id: AccountId, file_id: str) -> FileId:
    mime_type = queries.mime_type(tx, account_id, file_id)
    if mime_type is None:
        raise ApiError("file_not_found", "No such file.", param="audio_message")
    if mime_type not in _AUDIO_TYPES:
        message = "This file is no audio: send m4a, mp3, wav, caf, aiff or aac."
        raise ApiError("invalid_parameter_value", message, param="audio_message")
    return FileId(file_id)
