"""A simulated Mac as a whole: Messages, launchd, the stand-ins for its programs, and the people around it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from blueport.handles import canonical_handle
from blueport.simulator import oddities
from blueport.simulator.apple_events import AppleEventError, door_open
from blueport.simulator.bringing import link_in
from blueport.simulator.chatdb import Attachment, ChatDb, new_guid
from blueport.simulator.condition import set_up_if_new
from blueport.simulator.edits import EDIT_WITHIN_MS, MOST_EDITS, UNSEND_WITHIN_MS
from blueport.simulator.faults import Faults
from blueport.simulator.launchd import Launchd
from blueport.simulator.messages_app import MessagesApp
from blueport.simulator.news import BridgeEvent, BubbleChange, News, PeopleChange
from blueport.simulator.phones import (
    Group,
    GroupNote,
    Incoming,
    PersonRead,
    PersonsChange,
    PersonsTapback,
    Phones,
    ShownMessage,
)
from blueport.simulator.settings import Settings, chat_db_path, phone_files_path, phones_db_path
from blueport.simulator.tapbacks import Sign

FIRST_PERSON = ("+15550100001", "Ada")
# Of whom one may go.
_FEWEST = 2


class NotOnThisMacError(LookupError):
    """No such line or group, or not a member of it; no such message on that phone."""


class NotPossibleError(ValueError):
    """A person cannot do this, on any phone."""


class SimulatedMac:
    """A Mac that runs: what people do to it; scripts reach it through the stand-in."""

    def __init__(self, settings: Settings, db: ChatDb, phones: Phones, news: News) -> None:
        self.settings = settings
        self.db = db
        self.phones = phones
        self.news = news
        self.faults = Faults()
        self.messages = MessagesApp(settings, db, phones, self.faults, news)
        self.launchd = Launchd(settings.folder)

    async def obey(self, words: Sequence[str]) -> str:
        """Do what a program asks, of launchd or of Messages, and return what it prints.

        Raises:
            AppleEventError: It is refused.
        """
        if words[0] == "launchctl":
            return await self.launchd.obey(words[1:])
        return await self.messages.obey(words)

    def following(self) -> AbstractAsyncContextManager[asyncio.Queue[BridgeEvent | None]]:
        """Yield who types, from now on; see `MessagesApp.following`."""
        return self.messages.following()

    def add_person(self, person: str, *, name: str | None = None, has_imessage: bool | None = None) -> None:
        """Give somebody a phone, or change who has one; what is None stays as it is.

        Raises:
            NotPossibleError: An address without iMessage has no SMS either, unless it is a number.
        """
        handle = self.handle(person)
        if has_imessage is False and "@" in handle:
            raise NotPossibleError("SMS needs a phone number")
        self.phones.add_person(handle, name)
        if has_imessage is not None:
            self.phones.set_imessage(handle, has_it=has_imessage)

    async def person_texts(
        self,
        person: str,
        text: str,
        *,
        to: str | None = None,
        attachments: Sequence[Attachment] = (),
        reply_to_guid: str | None = None,
        preview_after_ms: int | None = None,
    ) -> str:
        """Let a person write, and return the guid once chat.db has it all.

        Args:
            person: Anybody's handle; who has no phone yet gets one.
            text: May be empty if there are attachments.
            to: A line or a group's id; the first line by default.
            attachments: Files, in order.
            reply_to_guid: The message that is replied to.
            preview_after_ms: When the bubble of the link in the text follows, None for never.

        Raises:
            NotOnThisMacError: There is no such line, or no such group with that person in it.
            NotPossibleError: There is no link in the text that could have a bubble, or by SMS nothing is answered.
        """
        if preview_after_ms is not None and link_in(text) is None:
            raise NotPossibleError("there is no link in that text")
        sender = self.handle(person)
        line, group_id = self._addressed(sender, to)
        service = self._service(sender, group_id)
        if service == "SMS" and reply_to_guid is not None:
            raise NotPossibleError("an SMS cannot name what it answers")
        self.phones.add_person(sender)
        guid = new_guid()
        await self.messages.receive(
            Incoming(
                guid=guid,
                sender=sender,
                line=line,
                group_id=group_id,
                text=text,
                attachments=tuple(attachments),
                reply_to_guid=reply_to_guid,
                at=self.messages.moment(),
                preview_after_ms=preview_after_ms,
                service=service,
            )
        )
        return guid

    async def person_reacts(
        self, person: str, guid: str, sign: Sign | None, *, part: int = 0, is_removed: bool = False
    ) -> str:
        """Let a person put something on a message, or take it off, and return the guid once chat.db has it all.

        Args:
            person: Somebody with a phone.
            guid: A message on that phone.
            sign: What it is; None takes off whatever stands there.
            part: Of the message: its files in order, then its text.
            is_removed: It is taken off.

        Raises:
            NotOnThisMacError: The phone shows no such message.
            NotPossibleError: The message has no such part, or nothing like it stands there.
        """
        sender = self.handle(person)
        message = self.phones.message(sender, guid)
        if message is None:
            raise NotOnThisMacError(f"{sender} has no message {guid}")
        if is_removed:
            sign = _standing(message, sender, part, sign)
        if sign is None or part >= len(message.attachments) + (message.text is not None):
            raise NotPossibleError("that message has no such part, or there is nothing on it to take off")
        line, group_id = self._addressed(sender, message.chat)
        mail = PersonsTapback(
            guid=new_guid(),
            sender=sender,
            line=line,
            group_id=group_id,
            at=self.messages.moment(),
            target_guid=guid,
            part=part,
            tapback=sign.tapback,
            emoji=sign.emoji,
            is_removed=is_removed,
            service=self._service(sender, group_id),
        )
        await self.messages.receive(mail)
        return mail.guid

    async def person_edits(self, person: str, guid: str, text: str) -> None:
        """Let a person give a message of theirs another text; it is in chat.db then.

        Raises:
            NotOnThisMacError: The phone shows no such message.
            NotPossibleError: It is not theirs, has no text, or it is too late or too often.
        """
        sender, at = self.handle(person), self.messages.moment()
        message = self._own(sender, guid)
        if message.text is None or not text:
            raise NotPossibleError("only a text can be edited, and needs to be one")
        if at - message.at > EDIT_WITHIN_MS or message.edits >= MOST_EDITS:
            raise NotPossibleError("a message can be edited five times, within 15 minutes")
        await self.messages.receive(PersonsChange(new_guid(), sender, at, guid, text))

    async def person_unsends(self, person: str, guid: str) -> None:
        """Let a person take back a message of theirs; that is in chat.db then.

        Raises:
            NotOnThisMacError: The phone shows no such message.
            NotPossibleError: It is not theirs, was taken back before, or it is too late.
        """
        sender, at = self.handle(person), self.messages.moment()
        if at - self._own(sender, guid).at > UNSEND_WITHIN_MS:
            raise NotPossibleError("a message can be taken back within 2 minutes")
        await self.messages.receive(PersonsChange(new_guid(), sender, at, guid, text=None))

    def person_types(self, person: str, *, to: str | None = None, is_typing: bool) -> None:
        """Let a line, the first by default, see that a person types or no longer does; by SMS it does not.

        Raises:
            NotOnThisMacError: There is no such line.
            NotPossibleError: In a group nobody sees who types.
        """
        sender = self.handle(person)
        line, group_id = self._addressed(sender, to)
        if group_id is not None:
            raise NotPossibleError("in a group nobody sees who types")
        if self._service(sender, None) == "iMessage":
            self.messages.set_typing(sender, line, is_typing=is_typing)

    async def person_reads(self, person: str, *, to: str | None = None) -> None:
        """Let a person open the conversation with a line, the first by default, or a group.

        Raises:
            NotOnThisMacError: There is no such line, or no such group with that person in it.
        """
        reader = self.handle(person)
        line, group_id = self._addressed(reader, to)
        at = self.messages.moment()
        await self.messages.receive(PersonRead(new_guid(), reader, group_id or line, at))

    def add_group(self, members: Sequence[str], *, name: str | None = None, line: str | None = None) -> str:
        """Put people and a line, the first by default, into a new group; return its id. It is in chat.db at once.

        Raises:
            NotOnThisMacError: There is no such line.
        """
        group_id = f"chat{secrets.randbelow(9 * 10**17) + 10**17}"
        handles = tuple(dict.fromkeys(self.handle(member) for member in members))
        for handle in handles:
            self.phones.add_person(handle)
        line = self._line(line or self.settings.lines[0])
        self.phones.add_group(Group(id=group_id, name=name, members=handles, line=line))
        service = self.phones.service_among(handles)
        self.db.group_chat(group_id, handles, service=service, display_name=name, last_addressed_handle=line)
        return group_id

    def person_changes_group(self, person: str, group_id: str, note: GroupNote) -> None:
        """Let a member rename a group, take somebody in or put somebody out, or leave. It is in chat.db at once.

        Raises:
            NotOnThisMacError: There is no such group with that person in it.
            NotPossibleError: By SMS a group stays as it is; nobody else would be left; or it makes no sense.
        """
        member, group = self.handle(person), self.phones.group(group_id)
        if group is None or member not in group.members:
            raise NotOnThisMacError(f"{group_id} is no group of that person's")
        if self._service(member, group_id) == "SMS":
            raise NotPossibleError("a group that goes by SMS stays as it is")
        if note.what in ("removed", "left") and len(group.members) < _FEWEST:
            raise NotPossibleError("a group needs somebody besides the line")
        try:
            self.messages.gathering.change_by(member, group_id, note)
        except AppleEventError as error:
            raise NotPossibleError("the line has left, or they cannot be reached, or are there, or are not") from error

    async def rebuild(self) -> None:
        """Have Messages lose its file and write it anew, with other rowids; what is under way then goes on."""
        await self.messages.without_work(lambda: oddities.rebuild(self.db))

    def echo(self, person: str, text: str) -> None:
        """Let a text of ours come back in the conversation with somebody, as if an own address had written it."""
        self.db.add_message(text, sender=self.settings.lines[0], chat=self.db.direct_chat(self.handle(person)))

    def write_to_self(self, text: str) -> None:
        """Let somebody at this Mac write to the first line: it is sent and received, each a row of its own."""
        line = self.settings.lines[0]
        chat = self.db.direct_chat(line)
        self.db.add_message(text, chat=chat, is_sent=1)
        self.db.add_message(text, sender=line, chat=chat)

    def handle(self, raw: str) -> str:
        """Return the form under which a person or line is known here."""
        return canonical_handle(raw, region=self.settings.region)

    def _own(self, sender: str, guid: str) -> ShownMessage:
        """Return a message that its sender may do something about."""
        message = self.phones.message(sender, guid)
        if message is None:
            raise NotOnThisMacError(f"{sender} has no message {guid}")
        if not (message.from_me and message.delivered) or message.unsent_at is not None:
            raise NotPossibleError("that message is not theirs, has not arrived yet, or is no longer there")
        if message.service == "SMS":
            raise NotPossibleError("what has gone out as an SMS stays as it is")
        return message

    def _service(self, sender: str, group_id: str | None) -> str:
        group = None if group_id is None else self.phones.group(group_id)
        return self.phones.service_among((sender,) if group is None else group.members)

    def _addressed(self, sender: str, to: str | None) -> tuple[str, str | None]:
        if to is None:
            return self.settings.lines[0], None
        group = self.phones.group(to)
        if group is not None and sender in group.members:
            return group.line, group.id
        return self._line(to), None

    def _line(self, raw: str) -> str:
        line = self.handle(raw)
        if line not in map(self.handle, self.settings.lines):
            raise NotOnThisMacError(f"{raw} is no line of this Mac, nor a group of that person's")
        return line


def _standing(message: ShownMessage, sender: str, part: int, wanted: Sign | None) -> Sign | None:
    """Return what somebody has on part of a message, if it is what is wanted off it."""
    found = [Sign(each.tapback, each.emoji) for each in message.reactions if (each.sender, each.part) == (sender, part)]
    return next((sign for sign in found if wanted in (None, sign)), None)


@asynccontextmanager
async def running(settings: Settings, news: News | None = None) -> AsyncIterator[SimulatedMac]:
    """Start a Mac in its folder, where it left off; end it in good order."""
    news = news or News()
    set_up_if_new(settings)
    db = ChatDb(chat_db_path(settings.folder), macos=settings.macos, line=settings.lines[0])
    phones = Phones(
        phones_db_path(settings.folder),
        phone_files_path(settings.folder),
        lambda *change: news.publish(BubbleChange(*change)),
        lambda: news.publish(PeopleChange()),
    )
    if not phones.people():
        phones.add_person(*FIRST_PERSON)
    mac = SimulatedMac(settings, db, phones, news)
    try:
        async with door_open(settings.folder, mac):
            mac.messages.resume()
            mac.launchd.log_in()
            try:
                yield mac
            finally:
                await mac.launchd.close()
    finally:
        await mac.messages.close()
        phones.close()
        db.close()
