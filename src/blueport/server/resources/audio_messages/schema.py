"""Shape of what is asked about audio messages."""

import msgspec


class NewAudioMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of POST /v1/audio-messages; `audio_message` is `file_...`, `reply_to` is `msg_...` or a message's guid."""

    line_handle: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")
    audio_message: str
    reply_to: str | None = None
