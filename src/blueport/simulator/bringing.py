"""Carries from a phone to chat.db what people write, put on messages, and have read."""

import re
from collections.abc import Sequence
from typing import assert_never

import msgspec

from blueport.clock import now_ms
from blueport.failpoints import reached
from blueport.simulator import edits
from blueport.simulator.carrying import Carrier
from blueport.simulator.chatdb import Cell, Reactor, Row, attachment_guids, new_guid
from blueport.simulator.oddities import URL_BALLOON
from blueport.simulator.phones import (
    Enclosure,
    FromPerson,
    Incoming,
    LateBubble,
    LateFile,
    LateTranscription,
    PersonRead,
    PersonsChange,
    PersonsTapback,
    ShownMessage,
)
from blueport.simulator.tapbacks import Sign, kind_of

_LINK = re.compile(r"https?://\S+")


class Bringing:
    """What is on its way from the phones; any of it may be begun anew after a death."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._db = carrier.db
        self._phones = carrier.phones

    async def bring(self, mail: FromPerson) -> None:
        """Carry *mail* to its end, as soon as the Mac is online."""
        if isinstance(mail, Incoming):
            self._show(mail)
        await self._carrier.network.until_online()
        await self._bring(mail)

    async def _bring(self, mail: FromPerson) -> None:
        match mail:
            case Incoming():
                await self._bring_message(mail)
            case PersonsTapback():
                await self._bring_tapback(mail)
            case PersonsChange():
                await self._bring_change(mail)
            case PersonRead():
                self._bring_reading(mail)
            case LateFile():
                await self._bring_file(mail)
            case LateTranscription():
                await self._bring_transcription(mail)
            case LateBubble():
                await self._bring_bubble(mail)
            case _ as never:
                assert_never(never)

    # Messages

    async def _bring_message(self, mail: Incoming) -> None:
        if not mail.line:  # a group that the line has left
            self._phones.strike_off(mail.guid)
            return
        chat = self._chat_of(mail)
        row = self._message_row(mail)
        reached("simulator.row")
        await self._carrier.write_body(row, mail.text, attachment_count=len(mail.attachments))
        later = self._attach(row, mail)
        await self._carrier.link(row, chat)
        self._phones.mark_delivered(mail.sender, mail.guid)
        self._phones.strike_off(mail.guid, followed_by=later)
        for each in later:
            self._carrier.in_background(self.bring(each))

    def _show(self, mail: Incoming) -> None:
        for guid, attachment in zip(attachment_guids_of(mail), mail.attachments, strict=True):
            self._phones.keep_file(guid, attachment.content)
        self._phones.show(mail.sender, _shown_to_author(mail))
        group = None if mail.group_id is None else self._phones.group(mail.group_id)
        for member in () if group is None else group.members:
            if member != mail.sender:
                self._phones.show(member, _shown_to_member(mail))

    def _chat_of(self, mail: Incoming | PersonsTapback) -> int:
        group = None if mail.group_id is None else self._phones.group(mail.group_id)
        if group is None:
            chat = self._db.direct_chat(mail.sender, service=mail.service)
            self._db.update("chat", chat, last_addressed_handle=mail.line, service_name=mail.service)
            return chat
        named = {"display_name": group.name, "last_addressed_handle": group.line}
        return self._db.group_chat(group.id, group.members, service=mail.service, **named)

    def _message_row(self, mail: Incoming) -> Row:
        return self._db.add_row(
            sender=mail.sender,
            sent_at=mail.at,
            guid=mail.guid,
            service=mail.service,
            destination_caller_id=mail.line,
            cache_has_attachments=bool(mail.attachments),
            cache_roomnames=mail.group_id,
            is_audio_message=_is_audio(mail),
            **reply_columns(mail.reply_to_guid),
        )

    def _attach(self, row: Row, mail: Incoming) -> list[LateFile | LateTranscription | LateBubble]:
        """Write the files, or that they are coming; return what comes later."""
        if any(attachment.file_after_ms is not None for attachment in mail.attachments):
            self._db.announce(row, mail.attachments)
        else:
            self._db.attach(row, mail.attachments)
        reached("simulator.attached")
        return _later(mail)

    async def _bring_file(self, mail: LateFile) -> None:
        await self._carrier.wait_until(mail.due_at)
        self._db.bring(mail.attachment_guid, mail.attachment)
        reached("simulator.late")
        self._phones.strike_off(mail.guid)

    async def _bring_transcription(self, mail: LateTranscription) -> None:
        await self._carrier.wait_until(mail.due_at)
        row = self._db.message(mail.message_guid)
        if row is not None:
            self._db.transcribe(row, mail.text)
        reached("simulator.late")
        self._phones.transcribe(mail.message_guid, mail.text)
        self._phones.strike_off(mail.guid)

    async def _bring_bubble(self, mail: LateBubble) -> None:
        await self._carrier.wait_until(mail.due_at)
        row = self._message_row(_bubble_of(mail))
        self._db.change(row, balloon_bundle_id=URL_BALLOON)
        reached("simulator.late")
        await self._carrier.write_body(row, link_in(mail.message.text) or "")
        await self._carrier.link(row, self._chat_of(mail.message))
        self._phones.strike_off(mail.guid)

    # Edits and unsends

    async def _bring_change(self, mail: PersonsChange) -> None:
        if mail.text is None:
            self._phones.unsend(mail.target_guid, mail.at)
        else:
            self._phones.edit(mail.target_guid, mail.text, mail.at)
        reached("simulator.changed")
        row = self._db.message(mail.target_guid)
        if row is not None and not self._db.has("message", "date_edited"):
            await self._tell_old_release(mail, row)
        elif row is not None and mail.text is None:
            edits.unsend(self._db, row, parts=tuple(range(self._parts(row))), at=mail.at)
        elif row is not None and mail.text is not None:
            edits.edit(self._db, row, mail.text, at=mail.at)
        self._phones.strike_off(mail.guid)

    async def _tell_old_release(self, mail: PersonsChange, changed: Row) -> None:
        """Write the sentence by which a release that knows no edits learns of one; of an unsend it does not."""
        if mail.text is None:
            return
        [found] = self._db.rows(
            "SELECT chat_id, destination_caller_id, cache_roomnames FROM message"
            " JOIN chat_message_join ON message_id = ROWID WHERE ROWID = ?",
            changed.rowid,
        )
        columns = {name: found[name] for name in ("destination_caller_id", "cache_roomnames")}
        row = self._db.add_row(sender=mail.sender, sent_at=mail.at, guid=mail.guid, **columns)
        await self._carrier.write_body(row, f"Edited to \u201c{mail.text}\u201d")
        await self._carrier.link(row, found["chat_id"])

    def _parts(self, row: Row) -> int:
        [found] = self._db.rows("SELECT part_count FROM message WHERE ROWID = ?", row.rowid)
        return max(found["part_count"] or 0, 1)

    # Tapbacks

    async def _bring_tapback(self, mail: PersonsTapback) -> None:
        target = f"p:{mail.part}/{mail.target_guid}"
        reactor = Reactor(target, self._db.handle_id(mail.sender, service=mail.service), is_from_me=False)
        # After a death: what this person put there since has its row already.
        if not self._db.has_newer_tapback(reactor, mail.at):
            sign = Sign(mail.tapback, mail.emoji)
            self._phones.react(mail.target_guid, mail.part, mail.sender, None if mail.is_removed else sign)
            chat = self._chat_of(mail)
            row = self._tapback_row(mail, reactor, sign)
            reached("simulator.row")
            text = self._carrier.tapback_text(sign, mail.target_guid, mail.part, is_removed=mail.is_removed)
            await self._carrier.write_body(row, text)
            await self._carrier.link(row, chat)
        self._phones.strike_off(mail.guid)

    def _tapback_row(self, mail: PersonsTapback, reactor: Reactor, sign: Sign) -> Row:
        columns: dict[str, Cell] = {
            "guid": mail.guid,
            "service": mail.service,
            "destination_caller_id": mail.line,
            "cache_roomnames": mail.group_id,
        }
        is_unknown = mail.emoji is not None and not self._db.has("message", "associated_message_emoji")
        if is_unknown or mail.service == "SMS":
            # By SMS, and to a release that knows no emoji tapbacks, the sentence comes as an ordinary text.
            return self._db.add_row(sender=mail.sender, sent_at=mail.at, **columns)
        if mail.emoji is not None:
            columns["associated_message_emoji"] = mail.emoji
        kind = kind_of(sign, is_removed=mail.is_removed)
        return self._db.add_tapback(reactor, kind, sender=mail.sender, sent_at=mail.at, **columns)

    # Reading

    def _bring_reading(self, mail: PersonRead) -> None:
        unread = [
            each
            for each in self._phones.screen(mail.person)
            if each.chat == mail.chat and not each.from_me and each.read_at in (None, mail.at)
        ]
        self._phones.mark_read(mail.person, [each.guid for each in unread], mail.at)
        reached("simulator.read")
        if self._phones.group(mail.chat) is None:
            told = [each.guid for each in unread if each.service == "iMessage"]
            self._db.mark_read_by_peer(told, mail.at)
        self._phones.strike_off(mail.guid)


def link_in(text: str) -> str | None:
    """Return the first link in a text, None if there is none."""
    found = _LINK.search(text)
    return None if found is None else found[0]


def attachment_guids_of(mail: Incoming) -> list[str]:
    """Return the guids of the files that go with *mail*."""
    return attachment_guids(Row(0, mail.guid), len(mail.attachments))


def reply_columns(reply_to_guid: str | None, part: int = 0) -> dict[str, Cell]:
    """Return the columns by which a row answers another."""
    if reply_to_guid is None:
        return {}
    return {"thread_originator_guid": reply_to_guid, "thread_originator_part": f"{part}:0:0"}


def _later(mail: Incoming) -> list[LateFile | LateTranscription | LateBubble]:
    now = now_ms()
    later: list[LateFile | LateTranscription | LateBubble] = []
    if mail.preview_after_ms is not None:
        later.append(LateBubble(new_guid(), mail, now + mail.preview_after_ms))
    for guid, attachment in zip(attachment_guids_of(mail), mail.attachments, strict=True):
        if attachment.file_after_ms is not None:
            later.append(LateFile(new_guid(), guid, attachment, now + attachment.file_after_ms))
        if attachment.transcription is not None:
            due_at = now + attachment.transcription_after_ms
            later.append(LateTranscription(new_guid(), mail.guid, attachment.transcription, due_at))
    return later


def _bubble_of(mail: LateBubble) -> Incoming:
    return msgspec.structs.replace(mail.message, guid=mail.guid, at=mail.due_at, attachments=(), reply_to_guid=None)


def _is_audio(mail: Incoming) -> bool:
    return any(attachment.is_audio for attachment in mail.attachments)


def _enclosures(mail: Incoming) -> Sequence[Enclosure]:
    return [
        Enclosure(attachment.filename, attachment.mime_type, len(attachment.content), guid)
        for guid, attachment in zip(attachment_guids_of(mail), mail.attachments, strict=True)
    ]


def _shown_to_author(mail: Incoming) -> ShownMessage:
    return ShownMessage(
        guid=mail.guid,
        chat=mail.group_id or mail.line,
        sender=mail.sender,
        from_me=True,
        text=mail.text or None,
        attachments=tuple(_enclosures(mail)),
        reply_to_guid=mail.reply_to_guid,
        at=mail.at,
        delivered=False,
        is_audio=_is_audio(mail),
        service=mail.service,
    )


def _shown_to_member(mail: Incoming) -> ShownMessage:
    return msgspec.structs.replace(_shown_to_author(mail), from_me=False, delivered=True)
