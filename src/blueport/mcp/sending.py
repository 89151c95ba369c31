"""Tools that other people notice.

Every call names its effect to the API, so that its own tries have it once. A repeated call is another effect unless the
model names it: ids of MCP's requests are no names, since clients of one key count from the same number.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from blueport.mcp.arguments import InChat, MessageId, Where, where
from blueport.mcp.fence import RefusedError
from blueport.mcp.reading import status_of
from blueport.mcp.refusals import may_have_happened, words_of, words_of_failure
from blueport.mcp.shapes import Status
from blueport.mcp.tools import Call, Effect, Told, tool
from blueport_sdk import Accepted, AsyncClient, MessagesError, OutboxItem, WaitTimeoutError

WAITED_S = 20.0
_LATEST = 10
_STILL = (
    "Accepted, and not sent yet: get_message_status tells how far it is. To wait for a reply pass the newest message"
    " that you have read as `after`."
)

Name = Annotated[
    Annotated[str, Meta(max_length=200, pattern="^[!-~]+$")] | None,
    Meta(
        description="A name that you make up for this one message, without spaces. A call that is repeated with the"
        " same name and the same arguments sends nothing twice, for a day. Take a new one for each message.",
    ),
]
Text = Annotated[str | None, Meta(description="Plain text: Markdown is shown as it is.")]
FileId = Annotated[str | None, Meta(description="A file of the API's to send along, `file_...`.")]


class SendMessage(InChat, frozen=True, kw_only=True):
    """Send a message to a person or a group.

    It reaches a real phone at once: send nothing that your user does not want said. Only who has written to the line
    before can be written to. At least one of `text` and `file_id` is needed. It waits until the message is sent or has
    failed.
    """

    text: Text = None
    file_id: FileId = None
    idempotency_key: Name = None


class ReplyToMessage(SendMessage, frozen=True, kw_only=True):
    """Answer one message of a chat in its thread, which people see beside it. As send_message else.

    Not every line can; send_message always does.
    """

    message_id: MessageId


class React(InChat, frozen=True, kw_only=True):
    """Put a tapback on a message, or take it off again with `remove`. One of `type` and `emoji` is needed."""

    message_id: MessageId
    type: Literal["love", "like", "dislike", "laugh", "emphasize", "question"] | None = None
    emoji: Annotated[str | None, Meta(description="Any one emoji; not every line can.")] = None
    remove: bool = False


class MarkRead(InChat, frozen=True, kw_only=True):
    """Mark a chat as read, which the other side may see."""


class ShowTyping(InChat, frozen=True, kw_only=True):
    """Show the other side that your user's line is typing, or no more."""

    is_typing: bool = True


async def send_message(call: Call, asked: SendMessage) -> Told:
    """Send a message, and return what became of it."""
    return await _sent(call, asked, reply_to=None)


async def reply_to_message(call: Call, asked: ReplyToMessage) -> Told:
    """Send an answer to one message, and return what became of it."""
    return await _sent(call, asked, reply_to=asked.message_id)


async def react(call: Call, asked: React) -> Told:
    """Put a tapback on a message, and return what became of it."""
    chat = await where(call, asked)
    accepted = await call.caller.api.send_reaction(
        from_=chat.line,
        to=chat.to,
        message_id=asked.message_id,
        type=asked.type,
        emoji=asked.emoji,
        remove=asked.remove or None,
    )
    return Told(await _outcome(call, accepted))


async def mark_read(call: Call, asked: MarkRead) -> Told:
    """Mark a chat as read."""
    chat = await where(call, asked)
    return Told(_accepted(await call.caller.api.send_read_receipt(from_=chat.line, to=chat.to)))


async def show_typing(call: Call, asked: ShowTyping) -> Told:
    """Show the line typing."""
    chat, api = await where(call, asked), call.caller.api
    show = api.start_typing if asked.is_typing else api.stop_typing
    return Told(_accepted(await show(from_=chat.line, to=chat.to)))


async def _sent(call: Call, asked: SendMessage, *, reply_to: str | None) -> Told:
    chat = await where(call, asked)
    if asked.text is None and asked.file_id is None:
        raise RefusedError("there is nothing to send: give `text`, `file_id` or both")
    if asked.file_id is not None:
        call.caller.check_file(asked.file_id)
    files = None if asked.file_id is None else [asked.file_id]
    accepted = await _once(
        call,
        asked.idempotency_key,
        lambda api: api.send_message(
            from_=chat.line, to=chat.to, text=asked.text, attachments=files, reply_to=reply_to
        ),
    )
    status = await _outcome(call, accepted)
    return Told(msgspec.structs.replace(status, message_id=await _message_id(call, chat, status)))


async def _once(call: Call, name: str | None, do: Callable[[AsyncClient], Awaitable[Accepted]]) -> Accepted:
    """Do it under a name, which a model is told if it may have been done although no answer says so."""
    key = name or f"mcp-{uuid.uuid4()}"
    try:
        return await do(call.caller.api.with_options(idempotency_key=key))
    except MessagesError as error:
        if not may_have_happened(error):
            raise
        again = f"to try again without sending twice pass `idempotency_key` {key!r} with the same arguments"
        raise RefusedError(
            f"nobody can tell whether it was done: {words_of(error)} It may have been, or may still be; {again}"
        ) from error


async def _outcome(call: Call, accepted: Accepted) -> Status:
    """Return what became of it once it has ended, or that it is still under way.

    Raises:
        RefusedError: It has failed.
    """
    item = await _ended(call, accepted)
    if item is None:
        return _accepted(accepted, _STILL)
    if item.status == "failed":
        raise RefusedError(f"not done: {words_of_failure(item.error)} ({item.id})")
    return status_of(item)


async def _ended(call: Call, accepted: Accepted) -> OutboxItem | None:
    """Return the item when it has ended; None if that takes long or cannot be told: it was accepted all the same."""
    try:
        return await call.caller.api.wait_for_outbox_item(id=accepted.id, timeout_s=WAITED_S)
    except (MessagesError, WaitTimeoutError):
        return None


async def _message_id(call: Call, chat: Where, status: Status) -> str | None:
    if status.status != "sent":
        return None
    try:
        page = await call.caller.api.list_messages(from_=chat.line, to=chat.to, limit=_LATEST)
    except MessagesError:
        return None
    return next((message.id for message in page.data if message.outbox_id == status.outbox_id), None)


def _accepted(accepted: Accepted, note: str | None = None) -> Status:
    return Status(accepted.id, accepted.status, note=note)


TOOLS = (
    tool(send_message, SendMessage, Status, scope="messages:write", effect=Effect(is_idempotent=False)),
    tool(reply_to_message, ReplyToMessage, Status, scope="messages:write", effect=Effect(is_idempotent=False)),
    tool(react, React, Status, scope="reactions:write", effect=Effect(is_idempotent=True)),
    tool(mark_read, MarkRead, Status, scope="receipts:write", effect=Effect(is_idempotent=True)),
    tool(show_typing, ShowTyping, Status, scope="typing:write", effect=Effect(is_idempotent=True)),
)
