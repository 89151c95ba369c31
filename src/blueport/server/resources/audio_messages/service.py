"""Accepts audio messages."""

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Need
from blueport.server.blobs.kinds import is_audio_type
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.ids import FileId, OutboxId, mint
from blueport.server.resources.audio_messages.schema import NewAudioMessage
from blueport.server.sending import service as sending
from blueport.server.sending.queries import Accepted as Work
from blueport.server.shapes import Accepted
from blueport.server.store.tx import Tx


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
        file_id=_audio_file(tx, call),
        reply_to_guid=None if reply_to is None else addressing.guid_in_chat(tx, line, chat, reply_to),
        about_part=None if reply_to is None else reply_to.part,
    )
    sending.accept(tx, work, max_attempts=call.terms.max_attempts)
    return Accepted(work.id)


def _refuse_sms(line: Line) -> None:
    if line.service == "sms":
        raise ApiError("invalid_parameter_value", "Audio messages need iMessage; this line has SMS only.", param="from")


def _audio_file(tx: Tx, call: Call[NewAudioMessage]) -> FileId:
    file = authorizing.file_for(tx, call.key, call.asked.audio_message, param="audio_message")
    if not is_audio_type(file.mime_type):
        message = "This file is no audio: send m4a, mp3, wav, caf, aiff or aac."
        raise ApiError("invalid_parameter_value", message, param="audio_message")
    return file.id
