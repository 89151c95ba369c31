"""The simulated Messages: carries mail between scripts, chat.db and the phones.

Mail is put down with the phones before its row is written, and struck off when it has arrived. Every step in between
may be taken twice, so that after a death at any point the mail that is still down is carried on from the start, and
nothing is lost or shown twice. A send counts as accepted from its row on: one that has none was never taken on.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import NamedTuple

import msgspec

from blueport.clock import now_ms
from blueport.failpoints import reached
from blueport.handles import sendable_handle
from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.chatdb import ChatDb, Conversation, Row, apple_ns, new_guid
from blueport.simulator.faults import Fault, Faults
from blueport.simulator.phones import Enclosure, Incoming, Outgoing, Phones, ShownMessage
from blueport.simulator.settings import Settings

_NO_SUCH_OBJECT = -1728
_NOT_UNDERSTOOD = -1708
_NOT_REGISTERED = 22  # message.error of an address without iMessage
_FLIP_MS = 200


class Wish(NamedTuple):
    """A send that a script asks for; *chat* finds its conversation, None if it leads to nobody."""

    text: str
    chat: Callable[[], int | None]
    reply_to_guid: str | None = None


class MessagesApp:
    """Messages with its windows closed: what scripts and people ask of it, and the mail that it has under way."""

    def __init__(self, settings: Settings, db: ChatDb, phones: Phones, faults: Faults) -> None:
        self._settings = settings
        self._db = db
        self._phones = phones
        self._faults = faults
        self._work: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Carry on with the mail that was under way when the Mac died."""
        for mail in self._phones.under_way():
            if isinstance(mail, Incoming):
                self._in_background(self._bring(mail))
            elif self._db.message(mail.guid) is not None:
                self._in_background(self._carry_out(mail))
            else:
                self._phones.strike_off(mail.guid)

    async def close(self) -> None:
        """Stop all work; mail under way stays down."""
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def obey(self, words: Sequence[str]) -> str:
        """Do what a script asks and return what it prints.

        Raises:
            AppleEventError: Messages refuses.
        """
        match words:
            case ["chat" | "participant" as target, address, service, text]:
                await self._send(Wish(text, lambda: self._chat_named(target, address, service)))
                return ""
            case ["reply", guid, reply_to_guid, text]:
                self._require_message(reply_to_guid)
                return await self._send(Wish(text, lambda: self._chat_named("chat", guid, ""), reply_to_guid))
            case ["chats"]:
                return "".join(f"{chat['guid']}\n" for chat in self._db.rows("SELECT guid FROM chat ORDER BY ROWID"))
            case ["launch"]:
                return ""
            case _:
                raise AppleEventError(_NOT_UNDERSTOOD, "Messages got an error: The message was not understood.")

    async def receive(self, mail: Incoming) -> None:
        """Take what a person wrote; it is kept from the start, and lies in chat.db in full at the end."""
        self._phones.put_down(mail)
        reached("simulator.put_down")
        await asyncio.shield(self._in_background(self._bring(mail)))

    # From a script to the phones

    async def _send(self, wish: Wish) -> str:
        """Send as is wished, or as a fault has it; return the message's guid, empty if there is none."""
        match self._faults.take():
            case Fault(next="hang"):
                await _for_ever()
            case Fault(next="silent"):
                pass
            case Fault(next="ghost"):
                self._db.add_row()
            case Fault(next="error", number=number):
                raise AppleEventError(number or _NO_SUCH_OBJECT, "Messages got an error: Something went wrong.")
            case fault:
                return await self._send_really(wish, fault)
        return ""

    async def _send_really(self, wish: Wish, fault: Fault | None) -> str:
        chat = wish.chat()
        if chat is None:
            # A participant who can be nobody's address: Messages says yes and leaves this behind.
            self._db.add_row(service="SMS")
            return ""
        mail = Outgoing(guid=new_guid(), chat=chat, text=wish.text, at=now_ms(), reply_to_guid=wish.reply_to_guid)
        match fault:
            case Fault(next="late", after_ms=after_ms):
                self._in_background(self._carry_out_late(mail, after_ms))
            case Fault(next="hang_after"):
                self._in_background(self._carry_out(self._take_on(mail)))
                await _for_ever()
            case Fault(next="undelivered", number=number):
                mail = msgspec.structs.replace(mail, error=number or _NOT_REGISTERED)
                self._in_background(self._carry_out(self._take_on(mail)))
            case Fault(next="flag_flips"):
                self._in_background(self._carry_out(self._take_on(msgspec.structs.replace(mail, flips=True))))
            case _:
                self._in_background(self._carry_out(self._take_on(mail)))
        return mail.guid

    def _require_message(self, guid: str) -> None:
        if self._db.message(guid) is None:
            raise AppleEventError(_NO_SUCH_OBJECT, "Messages got an error: There is no such message to reply to.")

    def _chat_named(self, target: str, address: str, service: str) -> int | None:
        if target == "chat":
            known = self._db.chat_by_guid(address)
            if known is None:
                raise AppleEventError(_NO_SUCH_OBJECT, f'Messages got an error: Can\u2019t get chat id "{address}".')
            return known
        handle = sendable_handle(address, region=self._settings.region)
        return None if handle is None else self._db.direct_chat(handle, service=service)

    def _take_on(self, mail: Outgoing) -> Outgoing:
        self._phones.put_down(mail)
        reached("simulator.put_down")
        self._outgoing_row(mail, self._db.conversation(mail.chat))
        reached("simulator.row")
        return mail

    async def _carry_out_late(self, mail: Outgoing, after_ms: int) -> None:
        await asyncio.sleep(after_ms / 1000)
        await self._carry_out(self._take_on(msgspec.structs.replace(mail, at=now_ms())))

    async def _carry_out(self, mail: Outgoing) -> None:
        conversation = self._db.conversation(mail.chat)
        row = self._outgoing_row(mail, conversation)
        await self._write_body(row, mail.text)
        await self._link(row, mail.chat)
        await self._step()
        if mail.error is None:
            await self._deliver(mail, row, conversation)
        else:
            self._db.change(row, error=mail.error)
        self._phones.strike_off(mail.guid)

    async def _deliver(self, mail: Outgoing, row: Row, conversation: Conversation) -> None:
        for person in conversation.members:
            self._phones.add_person(person)
            self._phones.show(person, _shown_to_recipient(mail, conversation))
        reached("simulator.shown")
        if mail.flips:
            await asyncio.sleep(_FLIP_MS / 1000)
        await self._step()
        self._db.change(row, is_from_me=1, is_sent=1)
        reached("simulator.sent")
        await self._step()
        # An SMS tells nobody that it arrived.
        if conversation.service == "iMessage":
            self._db.change(row, is_delivered=1, date_delivered=apple_ns(now_ms()))

    def _outgoing_row(self, mail: Outgoing, conversation: Conversation) -> Row:
        peer = None if conversation.is_group else conversation.identifier
        return self._db.add_row(
            sent_at=mail.at,
            guid=mail.guid,
            is_from_me=not mail.flips,
            service=conversation.service,
            destination_caller_id=conversation.line,
            handle_id=0 if peer is None else self._db.handle_id(peer, service=conversation.service),
            cache_roomnames=conversation.identifier if peer is None else None,
            **_reply_columns(mail.reply_to_guid),
        )

    # From a phone to chat.db

    async def _bring(self, mail: Incoming) -> None:
        self._phones.show(mail.sender, _shown_to_author(mail))
        chat = self._chat_of(mail)
        row = self._incoming_row(mail)
        reached("simulator.row")
        await self._write_body(row, mail.text, attachment_count=len(mail.attachments))
        self._db.attach(row, mail.attachments)
        await self._link(row, chat)
        self._phones.mark_delivered(mail.sender, mail.guid)
        self._phones.strike_off(mail.guid)

    def _chat_of(self, mail: Incoming) -> int:
        group = None if mail.group_id is None else self._phones.group(mail.group_id)
        if group is None:
            chat = self._db.direct_chat(mail.sender)
            self._db.update("chat", chat, last_addressed_handle=mail.line)
            return chat
        for member in group.members:
            if member != mail.sender:
                self._phones.show(member, _shown_to_member(mail))
        return self._db.group_chat(group.id, group.members, display_name=group.name, last_addressed_handle=group.line)

    def _incoming_row(self, mail: Incoming) -> Row:
        return self._db.add_row(
            sender=mail.sender,
            sent_at=mail.at,
            guid=mail.guid,
            destination_caller_id=mail.line,
            cache_has_attachments=bool(mail.attachments),
            cache_roomnames=mail.group_id,
            **_reply_columns(mail.reply_to_guid),
        )

    # Steps of both

    async def _write_body(self, row: Row, text: str, *, attachment_count: int = 0) -> None:
        await self._step()
        self._db.write_body(row, text, attachment_count=attachment_count)
        reached("simulator.body")

    async def _link(self, row: Row, chat: int) -> None:
        await self._step()
        self._db.link(row, chat)
        reached("simulator.linked")

    async def _step(self) -> None:
        await asyncio.sleep(self._settings.step_ms / 1000)

    def _in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _reply_columns(reply_to_guid: str | None) -> dict[str, str]:
    return {} if reply_to_guid is None else {"thread_originator_guid": reply_to_guid, "thread_originator_part": "0:0:0"}


def _enclosures(mail: Incoming) -> tuple[Enclosure, ...]:
    return tuple(Enclosure(each.filename, each.mime_type, len(each.content)) for each in mail.attachments)


def _shown_to_author(mail: Incoming) -> ShownMessage:
    return ShownMessage(
        guid=mail.guid,
        chat=mail.group_id or mail.line,
        sender=mail.sender,
        from_me=True,
        text=mail.text or None,
        attachments=_enclosures(mail),
        reply_to_guid=mail.reply_to_guid,
        at=mail.at,
        delivered=False,
    )


def _shown_to_member(mail: Incoming) -> ShownMessage:
    return msgspec.structs.replace(_shown_to_author(mail), from_me=False, delivered=True)


def _shown_to_recipient(mail: Outgoing, conversation: Conversation) -> ShownMessage:
    return ShownMessage(
        guid=mail.guid,
        chat=conversation.identifier if conversation.is_group else conversation.line,
        sender=conversation.line,
        from_me=False,
        text=mail.text,
        attachments=(),
        reply_to_guid=mail.reply_to_guid,
        at=mail.at,
        delivered=True,
    )
