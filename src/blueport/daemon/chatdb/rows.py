"""A message as chat.db shows it at one moment, put into our words; it may be unfinished."""

import mimetypes
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

import msgspec

from blueport.daemon.chatdb.bodies import Body, body_of
from blueport.daemon.chatdb.columns import RawAttachment, RawMessage
from blueport.daemon.chatdb.dates import unix_ms
from blueport.daemon.chatdb.kinds import Kind, kind_of
from blueport.daemon.chatdb.reactions import Reaction, reaction_of
from blueport.daemon.chatdb.summaries import Summary, summary_of
from blueport.daemon.chatdb.transcriptions import transcription_of
from blueport.protocol.sightings import AttachmentSeen, ChatSeen

URL_BALLOON = "com.apple.messages.URLBalloonProvider"

# How a link's bubble stands to the messages before it: alone, part of a text, another bubble again, or they are not
# finished.
Link = Literal["alone", "preview", "repeats", "unclear"]

_GROUP_STYLE, _DIRECT_STYLE = 43, 45
_VOICE_UTI = "com.apple.coreaudio-format"
_TYPES_BY_UTI = {
    "public.heic": "image/heic",
    "public.heics": "image/heic-sequence",
    "public.jpeg": "image/jpeg",
    "public.png": "image/png",
    "com.compuserve.gif": "image/gif",
    "com.apple.quicktime-movie": "video/quicktime",
    "public.mpeg-4": "video/mp4",
    "com.adobe.pdf": "application/pdf",
    "public.vcard": "text/vcard",
    _VOICE_UTI: "audio/x-caf",
}
# Control and direction characters can make a name look like another.
_HIDDEN_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class GroupEvent(NamedTuple):
    """What was done to a group, by `item_type` and `group_action_type`: its new name, or whom it is about."""

    item_type: int
    action: int
    title: str | None
    handle: str | None


class TextVersion(NamedTuple):
    """A text that a message has, or had, and since when (Unix milliseconds), if that is known."""

    text: str | None
    at: int | None


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `message`.

    `state` changes when the row is worth another look; `sender` is None for own and unknown ones; `own_addresses` are
    those that the row names as this Mac's; `names_files` is set while there must be more attachments than there are;
    `was_downgraded` tells whether it went over another service in the end, `was_changed` whether somebody edited it or
    took back a part of it, and `changed_at` when they did so last, if that is known; `versions` are its texts, the
    original first and more than one only if it was edited; `files` are the rows of the attachments, in the same order.
    A reaction has neither text nor files, and is None if nobody knows what it is. Of an unreadable row nothing behind
    `kind` is known.
    """

    rowid: int
    guid: str
    state: str
    kind: Kind
    chat: ChatSeen | None = None
    sender: str | None = None
    text: str | None = None
    attachments: tuple[AttachmentSeen, ...] = ()
    files: tuple[RawAttachment, ...] = ()
    reaction: Reaction | None = None
    names_files: bool = False
    sent_at: int = 0
    service: str | None = None
    is_from_me: bool = False
    is_sent: bool = False
    error: int = 0
    is_audio: bool = False
    was_changed: bool = False
    changed_at: int | None = None
    versions: tuple[TextVersion, ...] = ()
    is_unsent: bool = False
    was_downgraded: bool = False
    is_deleted: bool = False
    link: Link | None = None
    reply_to_guid: str | None = None
    line_address: str | None = None
    own_addresses: tuple[str, ...] = ()
    event: GroupEvent | None = None


def message_row(
    raw: RawMessage, *, participants: tuple[str, ...], attachments: Sequence[RawAttachment], link: Link | None
) -> MessageRow:
    """Put a raw row into our words."""
    is_system = bool(raw.is_system_message or raw.is_service_message or raw.is_corrupt or raw.is_spam)
    kind = kind_of(item_type=raw.item_type, associated_type=raw.associated_message_type, is_system=is_system)
    chat = _chat(raw, participants)
    row = MessageRow(
        rowid=raw.rowid,
        guid=raw.guid,
        state=raw.state,
        kind=kind,
        chat=chat,
        sender=None if raw.is_from_me else _sender(raw, chat),
        sent_at=unix_ms(raw.date) or 0,
        service=raw.service,
        is_from_me=bool(raw.is_from_me),
        is_sent=bool(raw.is_sent),
        error=raw.error,
        was_downgraded=bool(raw.was_downgraded),
        is_deleted=bool(raw.is_deleted),
        line_address=raw.destination_caller_id,
        own_addresses=own_addresses(raw.destination_caller_id, raw.account, raw.chat_account),
    )
    if kind == "group_event":
        event = GroupEvent(raw.item_type, raw.group_action_type, raw.group_title, raw.other_handle)
        return msgspec.structs.replace(row, event=event)
    return _with_reaction(row, raw) if kind == "reaction" else _with_body(row, raw, attachments, link)


def _with_reaction(row: MessageRow, raw: RawMessage) -> MessageRow:
    # Its text is a sentence for old devices.
    said = (raw.associated_message_type, raw.associated_message_guid, raw.associated_message_emoji)
    return msgspec.structs.replace(row, reaction=reaction_of(*said))


def _with_body(row: MessageRow, raw: RawMessage, attachments: Sequence[RawAttachment], link: Link | None) -> MessageRow:
    summary = summary_of(raw.message_summary_info)
    was_changed = bool(raw.date_edited or raw.date_retracted or summary.was_edited or summary.unsent_parts)
    may_be_unsent = _may_be_unsent(raw, summary)
    body = body_of(raw.attributed_body, raw.text, may_be_unsent=may_be_unsent)
    files = _visible(body, summary, attachments)
    return msgspec.structs.replace(
        row,
        text=body.text,
        attachments=tuple(_attachment(file, body) for file in files),
        files=tuple(files),
        names_files=_names_files(raw, body, attachments),
        is_audio=bool(raw.is_audio_message) or any(_is_voice(file) for file in attachments),
        was_changed=was_changed,
        changed_at=_changed_at(raw, summary) if was_changed else None,
        versions=_versions(summary) or (TextVersion(body.text, None),),
        # The rows of files that were taken back may stay.
        is_unsent=may_be_unsent and body.text is None and not (files if summary.unsent_parts else attachments),
        link=link,
        reply_to_guid=raw.thread_originator_guid or None,
    )


@lru_cache(maxsize=1024)
def own_addresses(caller_id: str | None, *accounts: str | None) -> tuple[str, ...]:
    """Return the addresses that are called own; accounts are written `E:address`, `P:number`, or only `e:`."""
    named = (caller_id, *(account.partition(":")[2] for account in accounts if account))
    return tuple(address for address in named if address)


def _chat(raw: RawMessage, participants: tuple[str, ...]) -> ChatSeen | None:
    if raw.chat_guid is None:
        return None
    identifier = raw.chat_identifier or raw.chat_guid
    return ChatSeen(
        guid=raw.chat_guid,
        # Some identifiers are written like guids, "any;-;" in front.
        identifier=identifier.rpartition(";")[2] or identifier,
        is_group=_is_group(raw, participants),
        # The chat keeps the service that it began with; since macOS 26 its guid says "any".
        service=raw.service or raw.chat_service or "iMessage",
        name=raw.chat_name or None,
        participants=participants,
    )


def _is_group(raw: RawMessage, participants: tuple[str, ...]) -> bool:
    if raw.chat_style in (_GROUP_STYLE, _DIRECT_STYLE):
        return raw.chat_style == _GROUP_STYLE
    return ";+;" in (raw.chat_guid or "") or len(participants) > 1


def _sender(raw: RawMessage, chat: ChatSeen | None) -> str | None:
    """Who wrote it; with no handle that is the other one of a conversation of two, but nobody known in a group."""
    return raw.handle or (chat.identifier if chat and not chat.is_group else None)


def _may_be_unsent(raw: RawMessage, summary: Summary) -> bool:
    # `date_retracted` stays 0 on macOS 26, and an emptied message that was edited has its earlier versions.
    was_touched = bool(raw.date_edited or raw.date_retracted)
    return bool(summary.unsent_parts) or (was_touched and not summary.was_edited)


def _changed_at(raw: RawMessage, summary: Summary) -> int | None:
    """Return when a message was last changed (Unix ms); of some edits only the versions themselves have a date."""
    dates = [unix_ms(date) for date in (raw.date_edited, raw.date_retracted, summary.edited_s)]
    return max((date for date in dates if date is not None), default=None)


def _versions(summary: Summary) -> tuple[TextVersion, ...]:
    written = [(body_of(version.body, None), unix_ms(version.written_ns)) for version in summary.versions]
    return tuple(TextVersion(body.text, at) for body, at in written)


def _names_files(raw: RawMessage, body: Body, raws: Sequence[RawAttachment]) -> bool:
    """Say whether files are still to come: each has a commit of its own, and the body names them all before."""
    if not raws and not body.attachment_guids:
        return bool(raw.cache_has_attachments or body.has_marks)
    named, there = set(body.attachment_guids), {file.guid for file in raws}
    # A file may be spelled otherwise in its row than in the body.
    others = {file.guid for file in raws if not _is_hidden(file)} - named
    return len(named - there) > len(others)


def _visible(body: Body, summary: Summary, raws: Sequence[RawAttachment]) -> list[RawAttachment]:
    """Return the files that a person would see, in the order of the body."""
    if not raws:
        return []
    visible = [raw for raw in raws if raw.guid and not _is_hidden(raw)]
    order = {guid: place for place, guid in enumerate(body.attachment_guids)}
    if summary.unsent_parts:
        visible = [raw for raw in visible if raw.guid in order]
    return sorted(visible, key=lambda raw: order.get(raw.guid or "", len(order)))


def _is_hidden(raw: RawAttachment) -> bool:
    name = _written_name(raw)
    return bool(raw.hide_attachment or raw.is_sticker) or name.endswith(".pluginPayloadAttachment")


def _attachment(raw: RawAttachment, body: Body) -> AttachmentSeen:
    name = _HIDDEN_IN_NAMES.sub("", unicodedata.normalize("NFC", _written_name(raw))) or None
    return AttachmentSeen(
        guid=raw.guid or "",
        filename=name,
        mime_type=_mime_type(raw, name),
        size=raw.total_bytes if raw.total_bytes > 0 else None,
        transcription=body.transcriptions.get(raw.guid or "") or transcription_of(raw.user_info),
    )


def _written_name(raw: RawAttachment) -> str:
    return raw.transfer_name or PurePosixPath((raw.filename or b"").decode("utf-8", "replace")).name


def _mime_type(raw: RawAttachment, name: str | None) -> str | None:
    return raw.mime_type or _TYPES_BY_UTI.get(raw.uti or "") or mimetypes.guess_type(PurePosixPath(name or "").name)[0]


def _is_voice(raw: RawAttachment) -> bool:
    return raw.uti == _VOICE_UTI and _written_name(raw).startswith("Audio Message")
