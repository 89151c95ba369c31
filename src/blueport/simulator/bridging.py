"""Does in Messages what `imsg` asks for through its bridge, and tells it which people type."""

import asyncio
from collections.abc import Callable
from typing import assert_never

from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.bridge import (
    AddParticipant,
    Asked,
    CreateChat,
    EditMessage,
    LeaveGroup,
    MarkRead,
    PutTapback,
    RemoveParticipant,
    RenameGroup,
    SendAttachment,
    SendRich,
    SendTracked,
    SetTyping,
    UnsendMessage,
)
from blueport.simulator.carrying import Carrier, chat_on_phone
from blueport.simulator.changing import Changing
from blueport.simulator.chatdb import new_guid
from blueport.simulator.dots import Dots
from blueport.simulator.faults import Fault, Faults
from blueport.simulator.gathering import Gathering
from blueport.simulator.phones import FileToSend, FromScript, Outgoing, OwnTapback
from blueport.simulator.sending import PhoneChat, Sending, Wish, for_ever
from blueport.simulator.stand_in import BUSY, DYING, IN_FLIGHT, NO_BRIDGE, NO_SUCH_OBJECT

Sent = SendRich | SendTracked | SendAttachment | PutTapback


class Bridging:
    """The bridge; it is there as long as no fault has taken it away."""

    def __init__(
        self,
        carrier: Carrier,
        sending: Sending,
        changing: Changing,
        gathering: Gathering,
        faults: Faults,
        dots: Dots[PhoneChat],
    ) -> None:
        self._carrier = carrier
        self._db = carrier.db
        self._sending = sending
        self._changing = changing
        self._gathering = gathering
        self._faults = faults
        self._dots = dots

    async def do(self, asked: Asked) -> str:
        """Do what is asked, and return the guid of the message that it makes; empty if it makes none.

        Raises:
            AppleEventError: Messages refuses, or there is no bridge.
        """
        self.require()
        match self._faults.take("imsg"):
            case Fault(next="busy"):
                raise AppleEventError(BUSY, "Too much is asked at once.")
            case Fault(next="in_flight"):
                await self._do(asked)
                raise AppleEventError(IN_FLIGHT, "Nobody knows how far it is.")
            case Fault(next="dies"):
                await self._do(asked)
                raise AppleEventError(DYING, "The program ends.")
            case Fault(after_ms=after_ms):
                guid = await self._do(asked)
                await asyncio.sleep(after_ms / 1000)
                return guid
            case None:
                return await self._do(asked)

    async def _do(self, asked: Asked) -> str:
        match asked:
            case SendRich() | SendTracked() | SendAttachment() | PutTapback():
                return await self._sending.send(self._wish(asked))
            case CreateChat(text=text):
                guid, at, chat = new_guid(), self._carrier.moment(), self._gathering.wish(asked)
                return await self._sending.send(Wish(chat, lambda chat: Outgoing(guid, chat, text, at)))
            case RenameGroup() | AddParticipant() | RemoveParticipant() | LeaveGroup():
                await self._gathering.change(asked)
                return ""
            case EditMessage() | UnsendMessage():
                await self._changing.change(asked)
                return ""
            case SetTyping() | MarkRead():
                await self._signal(asked)
                return ""
            case _ as never:
                assert_never(never)

    def require(self) -> None:
        """Refuse if there is no bridge.

        Raises:
            AppleEventError: There is none.
        """
        if not self._faults.has_advanced:
            raise AppleEventError(NO_BRIDGE, "The bridge into Messages is not loaded.")

    def _wish(self, asked: Sent) -> Wish:
        if isinstance(asked, SendTracked) and self._db.message(str(asked.attempt_id)) is not None:
            raise AppleEventError(NO_SUCH_OBJECT, "That id is a message's already.")
        for guid in _named(asked):
            if self._db.message(guid) is None:
                raise AppleEventError(NO_SUCH_OBJECT, "Messages got an error: There is no such message.")
        return Wish(lambda: self._carrier.chat_by_guid(asked.chat_guid), self._mail_of(asked))

    def _mail_of(self, asked: Sent) -> Callable[[int], FromScript]:
        guid, at = new_guid(), self._carrier.moment()
        if isinstance(asked, SendTracked):
            return lambda chat: Outgoing(str(asked.attempt_id), chat, asked.text, at)
        part = asked.part_index
        match asked:
            case SendRich(text=text, reply_to=reply_to, effect=effect):
                return lambda chat: Outgoing(
                    guid, chat, text, at, reply_to_guid=reply_to, reply_to_part=part, effect=effect
                )
            case SendAttachment(file=path, audio=is_audio, reply_to=reply_to):
                file = FileToSend(path, is_audio=is_audio, is_copied=True)
                return lambda chat: Outgoing(guid, chat, "", at, reply_to_guid=reply_to, reply_to_part=part, file=file)
            case PutTapback(message_guid=target, reaction=tapback, emoji=emoji, remove=is_removed):
                return lambda chat: OwnTapback(
                    guid, chat, at, target, part, tapback, is_removed=is_removed, emoji=emoji
                )
            case _ as never:
                assert_never(never)

    async def _signal(self, asked: SetTyping | MarkRead) -> None:
        match self._faults.take("signal"):
            case Fault(next="hang"):
                await for_ever()
            case Fault(next="error", number=number):
                raise AppleEventError(number or NO_SUCH_OBJECT, "Messages got an error: Something went wrong.")
            case Fault():
                return
            case None:
                chat = self._carrier.chat_by_guid(asked.chat_guid)
                if isinstance(asked, SetTyping):
                    self._set_typing(chat, is_typing=asked.typing)
                else:
                    self._mark_read(chat)

    def _set_typing(self, chat: int, *, is_typing: bool) -> None:
        conversation = self._db.conversation(chat)
        for person in conversation.members:
            place = (person, chat_on_phone(conversation))
            if is_typing and self._is_seen_by(person):
                self._dots.show(place)
            else:
                self._dots.hide(place)

    def _is_seen_by(self, person: str) -> bool:
        return self._carrier.network.is_online and self._carrier.phones.service_among((person,)) == "iMessage"

    def _mark_read(self, chat: int) -> None:
        conversation, unread, at = self._db.conversation(chat), self._db.unread_of(chat), self._carrier.moment()
        # Of a group nobody is told who has read what, nor by SMS.
        if not conversation.is_group and conversation.service == "iMessage":
            self._carrier.phones.mark_read(conversation.identifier, unread, at)
        self._db.mark_read_by_us(unread, at)


def _named(asked: Sent) -> tuple[str, ...]:
    """Return the messages that it is about."""
    if isinstance(asked, PutTapback):
        return (asked.message_guid,)
    return () if isinstance(asked, SendTracked) or asked.reply_to is None else (asked.reply_to,)
