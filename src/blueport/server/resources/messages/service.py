"""Accepts messages, and lists a chat's."""

import msgspec
from msgspec.structs import replace

from blueport.server.addressing import service as addressing
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Need
from blueport.server.blobs.links import Links
from blueport.server.errors import ApiError
from blueport.server.http.bodies import is_blank
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_size
from blueport.server.ids import OutboxId, mint
from blueport.server.resources.messages import searching
from blueport.server.resources.messages.queries import Place
from blueport.server.resources.messages.schema import LONGEST_WORDS, ListMessages, NewMessage
from blueport.server.sending import service as sending
from blueport.server.sending.queries import Accepted as Work
from blueport.server.shapes import Accepted, Attachment, Message, StoredAttachment
from blueport.server.store.rows import MessageRow
from blueport.server.store.tx import Tx

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


def _judge_content(asked: NewMessage) -> None:
    if len(asked.text or "") > TEXT_LIMIT:
        message = f"`text` may have at most {TEXT_LIMIT} characters."
        raise ApiError("invalid_parameter_value", message, param="text")
    if asked.attachments and (len(asked.attachments) > 1 or not asked.attachments[0].startswith("file_")):
        raise ApiError("invalid_parameter_value", "`attachments` takes one `file_...`.", param="attachments")
    if asked.effect is not None and is_blank(asked.text):
        raise ApiError("invalid_parameter_value", "An `effect` needs a `text` to come with.", param="effect")


def _attachments(row: MessageRow, links: Links, now_ms: int) -> tuple[Attachment, ...]:
    if row.attachments == "[]":
        return ()  # most have none, and a page has many
    return tuple(links.attachment(each, now_ms) for each in _attachments_of.decode(row.attachments))
