"""Accepts messages and changes of them, and lists a chat's."""

import msgspec
from msgspec.structs import replace

from blueport.protocol.door import Capability
from blueport.server.addressing import service as addressing
from blueport.server.addressing.service import MessageName
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Key, Need
from blueport.server.blobs.links import Links
from blueport.server.errors import ApiError
from blueport.server.http.bodies import is_blank
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_size
from blueport.server.ids import OutboxId, mint
from blueport.server.resources.messages import queries, searching
from blueport.server.resources.messages.queries import Place
from blueport.server.resources.messages.schema import (
    LONGEST_WORDS,
    EditMessage,
    ListMessages,
    NewMessage,
    UnsendMessage,
)
from blueport.server.sending import service as sending
from blueport.server.sending.queries import Accepted as Work
from blueport.server.sending.states import EDIT_WITHIN_MS, MOST_EDITS, UNSEND_WITHIN_MS, Kind
from blueport.server.shapes import Accepted, Attachment, Message, StoredAttachment
from blueport.server.store.rows import MessageRow
from blueport.server.store.tx import Tx

_CHANGED = "message_id"
TEXT_LIMIT = 20_000  # characters; a carrier or Apple may stop far earlier, and then the outbox says so
_NEVER_MS = 2**62  # later than any message
_attachments_of = msgspec.json.Decoder(tuple[StoredAttachment, ...])


def send(tx: Tx, call: Call[NewMessage]) -> Accepted:
    """Send a message."""
    asked = call.asked
    _judge_content(asked)
    name = addressing.line_name(asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_write(asked.recipient, region=call.terms.region)
    reply_to = None if asked.reply_to is None else addressing.message_name(asked.reply_to, param="reply_to")
    line, chat = authorizing.target(tx, call.key, name, peer, *_needs(asked))
    work = Work(
        id=OutboxId(mint("obx", tx.now_ms)),
        account_id=call.key.account_id,
        line_id=line.id,
        chat_id=chat.chat_id,
        key_id=call.key.id,
        kind="text",
        payload=msgspec.json.encode(asked).decode(),
        reply_to_guid=None if reply_to is None else addressing.guid_in_chat(tx, line, chat, reply_to),
        about_part=None if reply_to is None else reply_to.part,
    )
    for part in _parts(tx, call, work):
        sending.accept(tx, part, max_attempts=call.terms.max_attempts)
    return Accepted(work.id)


def edit(tx: Tx, call: Call[EditMessage]) -> Accepted:
    """Give a text that the line has sent another wording: within 15 minutes, and five times at most."""
    name = addressing.message_name(call.asked.message_id, param=_CHANGED)
    _judge_text(call.asked.text)
    if is_blank(call.asked.text):
        raise ApiError(
            "invalid_parameter_value", "`text` must say something; to take it back is to unsend it.", param="text"
        )
    message = _message_to_change(tx, call.key, name, "edit")
    kinds = _judge_change(tx, message, EDIT_WITHIN_MS)
    if message.text is None or message.attachments != "[]":
        raise _unchangeable("Only a message that is a text, and nothing else, can be edited.")
    if kinds.count("edit") >= MOST_EDITS:
        raise _unchangeable(f"A message can be edited {MOST_EDITS} times.")
    return _accept_change(tx, call, message, "edit")


def unsend(tx: Tx, call: Call[UnsendMessage]) -> Accepted:
    """Take back what the line has sent: within two minutes, and for everybody who has it."""
    name = addressing.message_name(call.asked.message_id, param=_CHANGED)
    message = _message_to_change(tx, call.key, name, "unsend")
    _judge_change(tx, message, UNSEND_WITHIN_MS)
    if len(_attachments_of.decode(message.attachments)) + (message.text is not None) > 1:
        raise _unchangeable("Only a message that is one text, or one file, can be unsent.")
    return _accept_change(tx, call, message, "unsend")


def list_messages(tx: Tx, call: Call[ListMessages]) -> Page[Message]:
    """List the messages of a chat, newest first; with `q`, those in whose text something stands."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_read(call.asked.recipient, region=call.terms.region)
    size = page_size(call.asked)
    words = _judged_words(call.asked.words)
    chat = authorizing.chat_to_read(tx, call.key, name, peer)
    list_name = f"messages {chat.chat_id}" if words is None else f"messages {chat.chat_id} with {words}"
    place = Place(_NEVER_MS, "")
    if call.asked.cursor is not None:
        place = call.terms.cursors.place(list_name, call.asked.cursor, Place)
    if words is None:
        found = searching.page(tx, chat.chat_id, place, size)
    else:
        found = searching.find(tx, chat.chat_id, words, place, size)
    next_cursor = None if found.place is None else call.terms.cursors.seal(list_name, found.place)
    links = call.links
    shown = [row.shown(_attachments(row, links, tx.now_ms)) for row in found.rows]
    return Page(shown, next_cursor is not None, next_cursor)


def _judged_words(asked: str | None) -> str | None:
    """Return what is looked for, in the form in which texts are compared; None if all messages are wanted."""
    if asked is None:
        return None
    words = searching.folded(asked)
    if is_blank(words) or len(asked) > LONGEST_WORDS:
        message = f"`q` must have 1 to {LONGEST_WORDS} characters that can be seen."
        raise ApiError("invalid_parameter_value", message, param="q")
    return words


def _parts(tx: Tx, call: Call[NewMessage], work: Work) -> list[Work]:
    """Return what Messages sends one after the other: the text, then the file, by whose id all of it is known."""
    if not call.asked.attachments:
        return [work]
    file = authorizing.file_for(tx, call.key, call.asked.attachments[0], param="attachments")
    if is_blank(call.asked.text):
        return [replace(work, kind="file", file_id=file.id)]
    text = replace(work, id=OutboxId(mint("obx", tx.now_ms)), part_of=work.id)
    return [text, replace(work, kind="file", file_id=file.id, reply_to_guid=None, about_part=None)]


def _needs(asked: NewMessage) -> list[Need]:
    replies = [] if asked.reply_to is None else [Need("replies", "reply_to")]
    return replies if asked.effect is None else [*replies, Need("effects", "effect")]


def _message_to_change(tx: Tx, key: Key, name: MessageName, capability: Capability) -> MessageRow:
    """Return a message of a line and a chat that *key* may write to.

    Raises:
        ApiError: `message_not_found`, or as `authorizing.target`, of which the message is to blame.
    """
    line_ids = [line.id for line in authorizing.lines_for(tx, key)]
    message = queries.message_named(tx, key.account_id, line_ids, name.name)
    if message is None:
        raise ApiError("message_not_found", "No such message.", param=_CHANGED)
    with authorizing.to_blame(_CHANGED):
        authorizing.target(tx, key, message.line_id, message.chat_id, Need(capability))
    return message


def _judge_change(tx: Tx, message: MessageRow, within_ms: int) -> list[str]:
    """Return what was, or will be, done to *message*.

    Raises:
        ApiError: `invalid_parameter_value`: Messages would not change it.
    """
    if not message.is_from_me:
        raise _unchangeable("Only what the line itself has sent can be changed.")
    if message.service not in (None, "imessage"):
        raise _unchangeable("Only what went by iMessage can be changed.")
    kinds = sending.kinds_about(tx, message.line_id, message.guid)
    if "unsend" in kinds or (message.text is None and message.attachments == "[]"):
        raise _unchangeable("This message was unsent.")
    if tx.now_ms - message.sent_at > within_ms:
        raise _unchangeable(f"It is too late: this can be done within {within_ms // 60_000} minutes of sending.")
    return kinds


def _unchangeable(message: str) -> ApiError:
    return ApiError("invalid_parameter_value", message, param=_CHANGED)


def _accept_change(tx: Tx, call: Call[EditMessage] | Call[UnsendMessage], message: MessageRow, kind: Kind) -> Accepted:
    work = Work(
        id=OutboxId(mint("obx", tx.now_ms)),
        account_id=call.key.account_id,
        line_id=message.line_id,
        chat_id=message.chat_id,
        key_id=call.key.id,
        kind=kind,
        payload=msgspec.json.encode(call.asked).decode(),
        about_guid=message.guid,
    )
    sending.accept(tx, work, max_attempts=call.terms.max_attempts)
    return Accepted(work.id)


def _judge_text(text: str | None) -> None:
    if len(text or "") > TEXT_LIMIT:
        message = f"`text` may have at most {TEXT_LIMIT} characters."
        raise ApiError("invalid_parameter_value", message, param="text")


def _judge_content(asked: NewMessage) -> None:
    _judge_text(asked.text)
    if asked.attachments and (len(asked.attachments) > 1 or not asked.attachments[0].startswith("file_")):
        raise ApiError("invalid_parameter_value", "`attachments` takes one `file_...`.", param="attachments")
    if asked.effect is not None and is_blank(asked.text):
        raise ApiError("invalid_parameter_value", "An `effect` needs a `text` to come with.", param="effect")


def _attachments(row: MessageRow, links: Links, now_ms: int) -> tuple[Attachment, ...]:
    if row.attachments == "[]":
        return ()  # most have none, and a page has many
    return tuple(links.attachment(each, now_ms) for each in _attachments_of.decode(row.attachments))
