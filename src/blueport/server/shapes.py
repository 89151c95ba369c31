"""Things as the outside sees them in more than one place: in answers and in events.

What the description of the API says of a field is said here, beside it, and nowhere else.
"""

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from blueport.protocol.commands import Tapback
from blueport.server.ids import ChatId, FileId, LineId, MessageId, OutboxId, ReactionId, ReceiptId, TypingId

Status = Literal["pending", "claimed", "sent", "failed"]

T = TypeVar("T")
AtMs = Annotated[int, Meta(examples=[1760000000000])]
LineKnown = Annotated[LineId, Meta(description="The line.", examples=["ln_01k742sg000000000000000001"])]
ChatKnown = Annotated[ChatId, Meta(description="The chat.", examples=["cht_01k742sg000000000000000001"])]
LineHandle = Annotated[
    str, Meta(description="The line's phone number in E.164, or its Apple ID.", examples=["+15551234567"])
]
Other = Annotated[str, Meta(description="Who: a phone number in E.164 or an Apple ID.", examples=["+15559876543"])]
Sender = Annotated[
    str,
    Meta(
        description="Who did it: a phone number in E.164 or an Apple ID; the line's own handle if it was us.",
        examples=["+15559876543"],
    ),
]


def unset_if_none(value: T | None) -> T | UnsetType:
    """Return what leaves a field out of an answer where there is nothing to say."""
    return UNSET if value is None else value


class Attachment(msgspec.Struct, frozen=True):
    """A file of a message; `size` in bytes. `url` is null until its bytes are stored."""

    filename: Annotated[str | None, Meta(description="Its name on the sender's device.", examples=["cat.heic"])]
    mime_type: Annotated[str | None, Meta(description="Its media type.", examples=["image/heic"])]
    size: Annotated[int | None, Meta(description="Its size in bytes.", examples=[48213])]
    url: Annotated[
        str | None,
        Meta(
            description="Where its bytes are, for a while and without a key; null until they are stored.",
            examples=["https://blueport.example.com/files/file_01k742sg000000000000000001?expires=...&signature=..."],
        ),
    ]
    transcription: Annotated[
        str | None,
        Meta(description="What Apple's dictation heard in a voice message; may come later.", examples=[None]),
    ]


class StoredAttachment(msgspec.Struct, frozen=True):
    """A file of a message as it is kept; `file_id` is null until its bytes are stored, and `is_coming` if they will be.

    Rows of earlier versions know neither guid nor file.
    """

    guid: str = ""
    filename: str | None = None
    mime_type: str | None = None
    size: int | None = None
    file_id: FileId | None = None
    transcription: str | None = None
    is_coming: bool = False

    @property
    def is_awaited(self) -> bool:
        """Tell whether its bytes will come, and have not."""
        return self.is_coming and self.file_id is None

    def shown(self, url: str | None) -> Attachment:
        """Return it as the outside sees it, with a link to its bytes."""
        return Attachment(self.filename, self.mime_type, self.size, url, self.transcription)


class Message(msgspec.Struct, frozen=True):
    """One message of a chat; `sent_at` is when it was sent, `synced_at` when we learned of it (Unix milliseconds)."""

    id: Annotated[
        MessageId, Meta(description="The message's id on this server.", examples=["msg_01k742sg000000000000000001"])
    ]
    line_id: LineKnown
    chat_id: ChatKnown
    guid: Annotated[
        str,
        Meta(description="The message's id in iMessage.", examples=["3F1C2E9A-5B7D-4E0F-9A61-0C8D2B4E6F10"]),
    ]
    sender: Sender
    text: Annotated[
        str | None, Meta(description="The body; null if there are only attachments.", examples=["See you at eight?"])
    ]
    attachments: Annotated[tuple[Attachment, ...], Meta(description="Files, in the order of the body.", examples=[[]])]
    service: Annotated[str | None, Meta(description="How it travelled, in lower case.", examples=["imessage"])]
    is_from_me: Annotated[bool, Meta(description="Whether the line sent it, by this API or by hand.")]
    is_audio_message: Annotated[bool | None, Meta(description="Whether it is a voice message.", examples=[False])]
    sent_at: Annotated[AtMs, Meta(description="When it was sent.")]
    synced_at: Annotated[AtMs, Meta(description="When this server learned of it.")]
    outbox_id: Annotated[
        OutboxId | None, Meta(description="The accepted request that it came from, if it was one.", examples=[None])
    ]
    reply_to_guid: Annotated[
        str | None, Meta(description="The `guid` of the message that it answers.", examples=[None])
    ]


class MessageData(Message, frozen=True):
    """The payload of `message.received` and `message.sent`."""

    line_handle: LineHandle


class Accepted(msgspec.Struct, frozen=True):
    """A place in the outbox."""

    id: Annotated[
        OutboxId,
        Meta(
            description="The outbox item: `GET /v1/outbox` tells what became of it, and a message will bear it.",
            examples=["obx_01k742sg000000000000000001"],
        ),
    ]
    status: Annotated[Literal["pending"], Meta(description="It is on disk, and will be tried.")] = "pending"


class Reaction(msgspec.Struct, frozen=True):
    """A tapback on a message; `sent_at` is when it was put there, `synced_at` when we learned of it (Unix ms)."""

    id: Annotated[ReactionId, Meta(description="The reaction's id.", examples=["rxn_01k742sg000000000000000001"])]
    message_id: Annotated[
        MessageId, Meta(description="The message that it is on.", examples=["msg_01k742sg000000000000000001"])
    ]
    type: Annotated[Tapback, Meta(description="Which of the six it is.", examples=["love"])]
    sender: Sender
    is_from_me: Annotated[bool, Meta(description="Whether the line put it there, by this API or by hand.")]
    added: Annotated[
        bool, Meta(description="Whether it stands; false once it was taken off or replaced.", examples=[True])
    ]
    sent_at: Annotated[AtMs, Meta(description="When it was put there.")]
    synced_at: Annotated[AtMs, Meta(description="When this server learned of it.")]


class OutboxRecord(msgspec.Struct, frozen=True):
    """What became of an accepted request; `payload` is what was asked, `error` a word once it failed."""

    id: Annotated[OutboxId, Meta(description="The outbox item.", examples=["obx_01k742sg000000000000000001"])]
    line_id: LineKnown
    status: Annotated[
        Status,
        Meta(
            description="`pending` until a Mac takes it, `claimed` while it works on it, `sent` once the message is"
            " seen in Messages, `failed` with an `error`.",
            examples=["sent"],
        ),
    ]
    payload: Annotated[
        msgspec.Raw,
        Meta(
            description="What was asked.",
            examples=[{"from": "+15551234567", "to": "+15559876543", "text": "See you at eight!"}],
            extra_json_schema={"type": "object"},
        ),
    ]
    completed_at: Annotated[AtMs | None, Meta(description="When it ended; null while it is open.")]
    error: Annotated[
        str | None,
        Meta(
            description="Why it failed: `outcome_unknown` (it may have been sent: look before you send it again),"
            " `attempts_exhausted`, `expired` (of typing, read marks, edits and unsends that came too late),"
            " `superseded` (of typing and read marks), or what the Mac said.",
            examples=[None],
        ),
    ]
    attempts: Annotated[int, Meta(description="How many times it was tried.", examples=[1])]
    max_attempts: Annotated[int, Meta(description="How many times it may be tried.", examples=[5])]
    created_at: Annotated[AtMs, Meta(description="When it was accepted.")]


class TypingIndicator(msgspec.Struct, frozen=True):
    """Whether somebody in a chat is typing; `updated_at` is when they began or stopped (Unix milliseconds)."""

    id: Annotated[TypingId, Meta(description="The indicator's id.", examples=["ind_01k742sg000000000000000001"])]
    chat_id: ChatKnown
    handle: Other
    is_typing: Annotated[
        bool, Meta(description="Whether they are typing; false a minute after the last sign of it.", examples=[True])
    ]
    updated_at: Annotated[AtMs, Meta(description="When they began or stopped.")]


class ReadReceipt(msgspec.Struct, frozen=True):
    """When somebody last read a chat, and when we learned of it (Unix milliseconds)."""

    id: Annotated[ReceiptId, Meta(description="The receipt's id.", examples=["rcp_01k742sg000000000000000001"])]
    chat_id: ChatKnown
    handle: Other
    last_read_at: Annotated[AtMs, Meta(description="When they last read.")]
    synced_at: Annotated[AtMs, Meta(description="When this server learned of it.")]
