"""Shape of what is asked about audio messages."""

from typing import Annotated

import msgspec
from msgspec import Meta

from blueport.server.http.parameters import FromLine, ReplyTo, ToPeer


class NewAudioMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of POST /v1/audio-messages; `audio_message` is `file_...`, `reply_to` is `msg_...` or a message's guid."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToPeer = msgspec.field(name="to")
    audio_message: Annotated[
        str,
        Meta(
            description="An uploaded sound (`file_...`): m4a, mp3, wav, caf, aiff or aac.",
            examples=["file_01k742sg000000000000000001"],
        ),
    ]
    reply_to: ReplyTo = None
