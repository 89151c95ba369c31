"""A simulated Mac as a whole: Messages, the stand-in for `osascript`, and the people around it."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from blueport.clock import now_ms
from blueport.handles import canonical_handle
from blueport.simulator.apple_events import door_open
from blueport.simulator.chatdb import Attachment, ChatDb, new_guid
from blueport.simulator.faults import Faults
from blueport.simulator.messages_app import MessagesApp
from blueport.simulator.news import News
from blueport.simulator.phones import Group, Incoming, Phones
from blueport.simulator.settings import Settings, chat_db_path, phones_db_path

FIRST_PERSON = ("+15550100001", "Ada")


class NotOnThisMacError(LookupError):
    """No such line or group, or not a member of it."""


class SimulatedMac:
    """A Mac that runs: what people do to it; scripts reach it through the stand-in."""

    def __init__(self, settings: Settings, db: ChatDb, phones: Phones, news: News) -> None:
        self.settings = settings
        self.db = db
        self.phones = phones
        self.news = news
        self.faults = Faults()
        self.messages = MessagesApp(settings, db, phones, self.faults)

    async def person_texts(
        self,
        person: str,
        text: str,
        *,
        to: str | None = None,
        attachments: Sequence[Attachment] = (),
        reply_to_guid: str | None = None,
    ) -> str:
        """Let a person write, and return the guid once chat.db has it all.

        Args:
            person: Anybody's handle; who has no phone yet gets one.
            text: May be empty if there are attachments.
            to: A line or a group's id; the first line by default.
            attachments: Files, in order.
            reply_to_guid: The message that is replied to.

        Raises:
            NotOnThisMacError: There is no such line, or no such group with that person in it.
        """
        sender = self.handle(person)
        line, group_id = self._addressed(sender, to)
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
                at=now_ms(),
            )
        )
        return guid

    def add_group(self, members: Sequence[str], *, name: str | None = None) -> str:
        """Put people and the first line into a new group, and return its id; it is in chat.db at once."""
        group_id = f"chat{secrets.randbelow(9 * 10**17) + 10**17}"
        handles = tuple(dict.fromkeys(self.handle(member) for member in members))
        for handle in handles:
            self.phones.add_person(handle)
        line = self.settings.lines[0]
        self.phones.add_group(Group(id=group_id, name=name, members=handles, line=line))
        self.db.group_chat(group_id, handles, display_name=name, last_addressed_handle=line)
        return group_id

    def handle(self, raw: str) -> str:
        """Return the form under which a person or line is known here."""
        return canonical_handle(raw, region=self.settings.region)

    def _addressed(self, sender: str, to: str | None) -> tuple[str, str | None]:
        if to is None:
            return self.settings.lines[0], None
        group = self.phones.group(to)
        if group is not None and sender in group.members:
            return group.line, group.id
        line = self.handle(to)
        if line not in map(self.handle, self.settings.lines):
            raise NotOnThisMacError(f"{to} is neither a line of this Mac nor a group with {sender} in it")
        return line, None


@asynccontextmanager
async def running(settings: Settings, news: News | None = None) -> AsyncIterator[SimulatedMac]:
    """Start a Mac in its folder, where it left off; end it in good order."""
    news = news or News()
    db = ChatDb(chat_db_path(settings.folder), macos=settings.macos, line=settings.lines[0])
    phones = Phones(phones_db_path(settings.folder), news.publish)
    if not phones.people():
        phones.add_person(*FIRST_PERSON)
    mac = SimulatedMac(settings, db, phones, news)
    try:
        async with door_open(settings.folder, mac.messages.obey):
            mac.messages.resume()
            yield mac
    finally:
        await mac.messages.close()
        phones.close()
        db.close()
