"""Carries from a script to the phones what Messages is to send, and what may go wrong with it."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from blueport.clock import now_ms
from blueport.failpoints import reached
from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.application import Application
from blueport.simulator.bringing import reply_columns
from blueport.simulator.carrying import Carrier, chat_on_phone
from blueport.simulator.chatdb import (
    Attachment,
    Cell,
    Conversation,
    Reactor,
    Row,
    apple_ns,
    attachment_guids,
)
from blueport.simulator.dots import Dots
from blueport.simulator.faults import Fault, Faults
from blueport.simulator.file_types import VOICE_MEMO, type_of
from blueport.simulator.phones import Enclosure, FileToSend, FromScript, Outgoing, OwnTapback, ShownMessage
from blueport.simulator.stand_in import NO_SUCH_OBJECT
from blueport.simulator.tapbacks import kind_of

_NOT_REGISTERED = 22  # message.error of an address without iMessage
_UNREADABLE = 25  # and of a file that Messages could not read
_FLIP_MS = 200

PhoneChat = tuple[str, str]  # a person, and the line or group on their phone


class Wish(NamedTuple):
    """A send that a script asks for. *chat* finds its conversation, None if it leads to nobody; *mail* goes there."""

    chat: Callable[[], int | None]
    mail: Callable[[int], FromScript]


class Sending:
    """What is on its way to the phones. A send counts as accepted from its row on: one that has none is none."""

    def __init__(self, carrier: Carrier, faults: Faults, application: Application, dots: Dots[PhoneChat]) -> None:
        self._carrier = carrier
        self._application = application
        self._db = carrier.db
        self._phones = carrier.phones
        self._faults = faults
        self._dots = dots

    def resume(self, mail: FromScript) -> None:
        """Carry on after a death, if there is a row to go on from."""
        if self._db.message(mail.guid) is None:
            self._phones.strike_off(mail.guid)
        else:
            self._carrier.in_background(self._carry_out(mail))

    async def send(self, wish: Wish) -> str:
        """Send as is wished, or as a fault has it; return the message's guid, empty if there is none.

        Raises:
            AppleEventError: Messages refuses.
        """
        match self._faults.take():
            case Fault(next="hang"):
                await for_ever()
            case Fault(next="stuck"):
                self._application.is_stuck = True
                await for_ever()
            case Fault(next="silent"):
                pass
            case Fault(next="ghost"):
                self._db.add_row()
            case Fault(next="error", number=number):
                raise AppleEventError(number or NO_SUCH_OBJECT, "Messages got an error: Something went wrong.")
            case fault:
                return await self._send_really(wish, fault)
        return ""

    async def _send_really(self, wish: Wish, fault: Fault | None) -> str:
        chat = self._chat(wish, fault)
        if chat is None:
            # A participant who can be nobody's address: Messages says yes and leaves this behind.
            self._db.add_row(service="SMS")
            return ""
        mail = wish.mail(chat)
        match fault:
            case Fault(next="late", after_ms=after_ms):
                self._carrier.in_background(self._carry_out_late(mail, after_ms))
            case Fault(next="hang_after"):
                self._begin(mail)
                await for_ever()
            case Fault(next="undelivered", number=number):
                self._begin(msgspec.structs.replace(mail, error=number or _NOT_REGISTERED))
            case Fault(next="flag_flips"):
                self._begin(msgspec.structs.replace(mail, flips=True))
            case Fault(next="other_line"):
                self._begin(msgspec.structs.replace(mail, line=self._other_line(mail)))
            case _:
                self._begin(mail)
        return mail.guid

    def _other_line(self, mail: FromScript) -> str | None:
        """Return another line of this Mac than mail usually goes out from, None if it has no other."""
        usual = self._db.conversation(mail.chat).line
        return next((line for line in self._carrier.settings.lines if line != usual), None)

    def _conversation(self, mail: FromScript) -> Conversation:
        conversation = self._db.conversation(mail.chat)
        return conversation._replace(line=mail.line or conversation.line)

    def _chat(self, wish: Wish, fault: Fault | None) -> int | None:
        try:
            return wish.chat()
        except AppleEventError:
            if fault is not None:
                self._faults.put_back(fault)  # it befalls what is sent, and not what has no conversation
            raise

    def _begin(self, mail: FromScript) -> None:
        self._take_on(mail)
        self._carrier.in_background(self._carry_out(mail))

    def _take_on(self, mail: FromScript) -> None:
        self._phones.put_down(mail)
        reached("simulator.put_down")
        self._add_row(mail, self._conversation(mail))
        reached("simulator.row")

    async def _carry_out_late(self, mail: FromScript, after_ms: int) -> None:
        await asyncio.sleep(after_ms / 1000)
        later = msgspec.structs.replace(mail, at=self._carrier.moment())
        self._take_on(later)
        await self._carry_out(later)

    async def _carry_out(self, mail: FromScript) -> None:
        row = self._db.message(mail.guid)
        if row is None:  # a tapback whose place a newer one has taken
            self._phones.strike_off(mail.guid)
            return
        conversation = self._conversation(mail)
        await self._carrier.write_body(row, self._text(mail), attachment_count=_file_count(mail))
        self._attach(mail, row)
        await self._carrier.link(row, mail.chat)
        await self._carrier.step()
        await self._deliver(mail, row, conversation)
        self._phones.strike_off(mail.guid)

    async def _deliver(self, mail: FromScript, row: Row, conversation: Conversation) -> None:
        await self._carrier.network.until_online()
        error = mail.error if mail.error is not None else self._unreachable(mail, conversation)
        error = error if error is not None else self._show(mail, conversation)
        if error is not None:
            self._db.change(row, error=error)
            return
        reached("simulator.shown")
        if mail.flips:
            await asyncio.sleep(_FLIP_MS / 1000)
        await self._carrier.step()
        self._db.change(row, is_from_me=1, is_sent=1)
        reached("simulator.sent")
        await self._carrier.step()
        # An SMS tells nobody that it arrived.
        if _service(mail, conversation) == "iMessage":
            self._db.change(row, is_delivered=1, date_delivered=apple_ns(now_ms()))
            self._note_reading(mail, conversation)

    def _note_reading(self, mail: FromScript, conversation: Conversation) -> None:
        """Write that it was read, if the person was faster than the word that it had arrived."""
        shown = None if conversation.is_group else self._phones.message(conversation.identifier, mail.guid)
        if shown is not None and shown.read_at is not None:
            self._db.mark_read_by_peer([mail.guid], shown.read_at)

    # Rows

    def _add_row(self, mail: FromScript, conversation: Conversation) -> None:
        group_id = conversation.identifier if conversation.is_group else None
        service = _service(mail, conversation)
        columns: dict[str, Cell] = {
            "guid": mail.guid,
            "is_from_me": not mail.flips,
            "service": service,
            "destination_caller_id": conversation.line,
            "cache_roomnames": group_id,
        }
        if isinstance(mail, OwnTapback):
            kind = kind_of(mail.sign, is_removed=mail.is_removed)
            if mail.emoji is not None:
                columns["associated_message_emoji"] = mail.emoji
            self._db.add_tapback(_own(mail), kind, sender=None, sent_at=mail.at, **columns)
            return
        if group_id is None:
            columns["handle_id"] = self._db.handle_id(conversation.identifier, service=service)
        if mail.file is not None:
            columns |= {"cache_has_attachments": 1, "is_audio_message": mail.file.is_audio}
        columns |= reply_columns(mail.reply_to_guid, mail.reply_to_part)
        columns["expressive_send_style_id"] = mail.effect
        self._db.add_row(sender=None, sent_at=mail.at, **columns)

    def _text(self, mail: FromScript) -> str:
        if isinstance(mail, Outgoing):
            return mail.text
        return self._carrier.tapback_text(mail.sign, mail.target_guid, mail.part, is_removed=mail.is_removed)

    def _attach(self, mail: FromScript, row: Row) -> None:
        if isinstance(mail, OwnTapback) or mail.file is None:
            return
        source = self._db.readable(mail.file.path) if mail.file.is_copied else None
        if source is None:
            self._db.attach_path(row, mail.file.path, is_outgoing=1)
        else:
            copied = Attachment(source.name, source.read_bytes(), is_audio=mail.file.is_audio)
            self._db.attach(row, [copied], is_outgoing=1)
        reached("simulator.attached")

    # Phones

    def _unreachable(self, mail: FromScript, conversation: Conversation) -> int | None:
        """Return the error of what goes by iMessage to somebody who has none."""
        is_sms = self._phones.service_among(conversation.members) == "SMS"
        return _NOT_REGISTERED if is_sms and _service(mail, conversation) == "iMessage" else None

    def _show(self, mail: FromScript, conversation: Conversation) -> int | None:
        """Show it to everybody in the conversation; return the error if there is nothing to show."""
        if isinstance(mail, OwnTapback) and conversation.service == "SMS":
            self._show_everybody(conversation, _told_in_words(mail, conversation, self._text(mail)))
            return None
        if isinstance(mail, OwnTapback):
            # A newer one may have taken its place meanwhile.
            if self._db.message(mail.guid) is not None:
                sign = None if mail.is_removed else mail.sign
                self._phones.react(mail.target_guid, mail.part, conversation.line, sign)
            return None
        enclosures = () if mail.file is None else self._enclosed(mail.guid, mail.file)
        if enclosures is None:
            return _UNREADABLE
        self._show_everybody(conversation, _shown_to_recipient(mail, conversation, enclosures))
        return None

    def _show_everybody(self, conversation: Conversation, shown: ShownMessage) -> None:
        for person in conversation.members:
            self._phones.add_person(person)
            self._dots.hide((person, shown.chat))
            self._phones.show(person, shown)

    def _enclosed(self, message_guid: str, sent: FileToSend) -> tuple[Enclosure, ...] | None:
        """Hand the file to the phones, as it is now; None if it cannot be read (any more)."""
        [guid] = attachment_guids(Row(0, message_guid), 1)
        file = self._db.file_of(guid)
        if file is None:
            return None
        content = file.read_bytes()
        self._phones.keep_file(guid, content)
        mime_type = (VOICE_MEMO if sent.is_audio else type_of(file.name)).mime_type
        return (Enclosure(file.name, mime_type, len(content), guid),)


async def for_ever() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


def _service(mail: FromScript, conversation: Conversation) -> str:
    """Return by what it goes: that of the account that a script named, else that of the conversation."""
    named = mail.service if isinstance(mail, Outgoing) else None
    return named or conversation.service


def _own(mail: OwnTapback) -> Reactor:
    return Reactor(f"p:{mail.part}/{mail.target_guid}", 0, is_from_me=True)


def _file_count(mail: FromScript) -> int:
    return 1 if isinstance(mail, Outgoing) and mail.file is not None else 0


def _shown_to_recipient(mail: Outgoing, conversation: Conversation, enclosures: tuple[Enclosure, ...]) -> ShownMessage:
    return ShownMessage(
        guid=mail.guid,
        chat=chat_on_phone(conversation),
        sender=conversation.line,
        from_me=False,
        text=mail.text or None,
        attachments=enclosures,
        reply_to_guid=mail.reply_to_guid,
        at=mail.at,
        delivered=True,
        is_audio=mail.file is not None and mail.file.is_audio,
        effect=mail.effect,
        service=_service(mail, conversation),
    )


def _told_in_words(mail: OwnTapback, conversation: Conversation, words: str) -> ShownMessage:
    return ShownMessage(
        guid=mail.guid,
        chat=chat_on_phone(conversation),
        sender=conversation.line,
        from_me=False,
        text=words,
        attachments=(),
        reply_to_guid=None,
        at=mail.at,
        delivered=True,
        service="SMS",
    )
