"""What the API answers with: frozen, typed, in the wire's own names. All times are Unix milliseconds (UTC)."""

from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

Item = TypeVar("Item")
Name = TypeVar("Name")
Data = TypeVar("Data")

Effect = Literal[
    "balloons",
    "celebration",
    "confetti",
    "echo",
    "fireworks",
    "gentle",
    "heart",
    "invisible_ink",
    "lasers",
    "loud",
    "slam",
    "spotlight",
]
ReactionType = Literal["love", "like", "dislike", "laugh", "emphasize", "question"]
DeliveryStatus = Literal["pending", "delivered", "failed", "cancelled", "missed"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A phone number or Apple ID that can send; `capabilities` only where they were asked for."""

    id: str
    handle: str
    service: Literal["imessage", "sms", "auto"]
    is_active: bool
    label: str | None = None
    capabilities: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Chat:
    """A conversation on a line, with one person or a group."""

    id: str
    line_id: str
    identifier: str
    service: str
    name: str | None = None
    is_group: bool | None = None
    participants: tuple[str, ...] | None = None
    last_message_at: int | None = None
    opted_out_at: int | None = None
    looping_until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file of a message; `size` is in bytes, and `url` works without a key until it expires."""

    filename: str | None = None
    mime_type: str | None = None
    size: int | None = None
    url: str | None = None
    transcription: str | None = None


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as Messages shows it; `outbox_id` is set where the API sent it."""

    id: str
    line_id: str
    chat_id: str
    guid: str
    sender: str
    attachments: tuple[Attachment, ...]
    is_from_me: bool
    sent_at: int
    synced_at: int
    text: str | None = None
    service: str | None = None
    is_audio_message: bool | None = None
    outbox_id: str | None = None
    reply_to_guid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Work that the server has on its disk; `get_outbox_item` and `message.sent` tell what became of it."""

    id: str
    status: Literal["pending", "claimed", "sent", "failed"]
    request_id: str


@dataclass(frozen=True, kw_only=True)
class OutboxItem:
    """Work that was accepted, and how far it is."""

    id: str
    line_id: str
    status: Literal["pending", "claimed", "sent", "failed"]
    payload: dict[str, object]
    attempts: int
    max_attempts: int
    created_at: int
    request_id: str
    completed_at: int | None = None
    error: str | None = None
    held_until: int | None = None
    warning: str | None = None
    sent_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """A tapback on a message."""

    id: str
    message_id: str
    type: str
    sender: str
    is_from_me: bool
    added: bool
    sent_at: int
    synced_at: int


@dataclass(frozen=True, kw_only=True)
class TypingIndicator:
    """Whether somebody is typing, as last seen."""

    id: str
    chat_id: str
    handle: str
    is_typing: bool
    updated_at: int


@dataclass(frozen=True, kw_only=True)
class ReadReceipt:
    """Up to when somebody has read a chat."""

    id: str
    chat_id: str
    handle: str
    last_read_at: int
    synced_at: int


@dataclass(frozen=True, kw_only=True)
class File:
    """An uploaded file; `size` is in bytes."""

    id: str
    mime_type: str
    size: int
    request_id: str
    url: str | None = None
    filename: str | None = None


@dataclass(frozen=True, kw_only=True)
class FileUrl:
    """Where a file's bytes are for some minutes, without a key."""

    url: str


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file's bytes, and what they are called and are."""

    data: bytes = field(repr=False)
    filename: str | None
    mime_type: str


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Where events are posted to; `secret` is known only to the answer that made it."""

    id: str
    line_ids: tuple[str, ...]
    url: str
    events: tuple[str, ...]
    is_active: bool
    secret: str | None = field(default=None, repr=False)
    retry_delays_s: tuple[int, ...] | None = None
    disabled_at: int | None = None
    disabled_reason: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class RotatedSecret:
    """The new secret of a webhook; both sign until the earlier one expires."""

    id: str
    secret: str = field(repr=False)
    earlier_secret_expires_at: int
    request_id: str


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """What is no more."""

    id: str
    deleted: Literal[True]
    request_id: str


@dataclass(frozen=True, kw_only=True)
class WebhookDelivery:
    """An event for a webhook, and how far its delivery is."""

    id: str
    webhook_id: str
    event_id: str
    event: str
    is_test: bool
    status: str
    attempts: int
    created_at: int
    reason: str | None = None
    next_attempt_at: int | None = None
    completed_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class WebhookAttempt:
    """One try of a delivery; `response` is the beginning of what the receiver said."""

    number: int
    started_at: int
    reason: str
    duration_ms: int | None = None
    status_code: int | None = None
    address: str | None = None
    response: str | None = None


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """How many deliveries go out once more; with `has_more` go on with `since` at `next_since`."""

    replayed: int
    has_more: bool
    request_id: str
    next_since: int | None = None


@dataclass(frozen=True, kw_only=True)
class SandboxUsage:
    """What was sent on the sandbox line today."""

    used: int
    limit: int
    remaining: int
    resets_at: int


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """The shared line, and which phone is paired with it: texting `activation_code` to the line pairs one."""

    status: Literal["missing", "pending", "active"]
    sandbox_line_handle: str
    usage: SandboxUsage
    request_id: str
    activation_code: str | None = None
    contact_identifier: str | None = None
    activated_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """How fast a line sends."""

    interval_ms: int
    burst: int


@dataclass(frozen=True, kw_only=True)
class LoopGuard:
    """When two programs that answer each other are stopped, and for how long."""

    limit: int
    window_s: int
    pause_s: int


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an account has set, or has from its installation."""

    extended_events: bool
    stop_handling: bool
    pacing: Pacing
    loop_guard: LoopGuard
    request_id: str


@dataclass(frozen=True, kw_only=True)
class Listed(Generic[Item]):
    """One page of a list, as the server tells it."""

    data: tuple[Item, ...]
    has_more: bool
    request_id: str
    next_cursor: str | None = None
