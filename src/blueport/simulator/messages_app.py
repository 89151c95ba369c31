"""The simulated Messages: carries mail between scripts, chat.db and the phones.

Mail is put down with the phones before its row is written, and struck off when it has arrived. Every step in between
may be taken twice, so that after a death at any point the mail that is still down is carried on from the start, and
nothing is lost or shown twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from blueport.failpoints import reached
from blueport.handles import sendable_handle
from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.application import Application
from blueport.simulator.bridge import METHODS
from blueport.simulator.bridging import Bridging
from blueport.simulator.bringing import Bringing
from blueport.simulator.carrying import Carrier
from blueport.simulator.changing import Changing
from blueport.simulator.chatdb import ChatDb, new_guid
from blueport.simulator.condition import condition_of
from blueport.simulator.dots import Dots
from blueport.simulator.faults import Fault, Faults
from blueport.simulator.gathering import Gathering
from blueport.simulator.news import BridgeEvent, Broadcast, DotsChange, News
from blueport.simulator.phones import (
    FileToSend,
    FromPerson,
    Incoming,
    Outgoing,
    OwnChange,
    OwnTapback,
    Phones,
)
from blueport.simulator.sending import PhoneChat, Sending, Wish, for_ever
from blueport.simulator.settings import Settings
from blueport.simulator.stand_in import NO_SUCH_OBJECT, NOT_DEFINED

_NOT_UNDERSTOOD = -1708


class MessagesApp:
    """Messages with its windows closed: what scripts and people ask of it, and the mail that it has under way."""

    def __init__(self, settings: Settings, db: ChatDb, phones: Phones, faults: Faults, news: News) -> None:
        self._db = db
        self._faults = faults
        self.application = Application(faults)
        self._carrier = Carrier(settings, db, phones, faults.network)
        self._events = Broadcast[BridgeEvent]()
        self._typing_lines = Dots[PhoneChat](
            settings.typing_ms, lambda place, is_shown: news.publish(DotsChange(*place, is_shown))
        )
        self._typing_people = Dots[PhoneChat](settings.typing_ms, self._tell_typing)
        self._bringing = Bringing(self._carrier)
        self._sending = Sending(self._carrier, faults, self.application, self._typing_lines)
        self._changing = Changing(self._carrier, faults)
        self.gathering = Gathering(self._carrier, faults)
        self._bridging = Bridging(
            self._carrier, self._sending, self._changing, self.gathering, faults, self._typing_lines
        )

    def resume(self) -> None:
        """Carry on with the mail that was under way when the Mac died."""
        for mail in self._carrier.phones.under_way():
            if isinstance(mail, Outgoing | OwnTapback):
                self._sending.resume(mail)
            elif isinstance(mail, OwnChange):
                self._changing.resume(mail)
            else:
                self._carrier.in_background(self._bringing.bring(mail))

    async def without_work(self, change: Callable[[], None]) -> None:
        """Change chat.db while nothing is being written there; what was under way is carried on afterwards."""
        await self._carrier.close()
        change()
        self.resume()

    async def close(self) -> None:
        """Stop all work; mail under way stays down."""
        self._typing_lines.close()
        self._typing_people.close()
        self._events.end()
        await self._carrier.close()

    # What scripts ask for

    async def obey(self, words: Sequence[str]) -> str:
        """Do what a script asks and return what it prints.

        Raises:
            AppleEventError: Messages refuses.
        """
        match words:
            case ["kill", *names]:
                return self._killed(names)
            case ["imsg"]:
                return self._carrier.settings.imsg
            case ["launch"] if not self.application.is_running:
                self.application.launch()
                return ""
            case _:
                return await self.application.answer(self._do(words), is_script=words[:1] != ["bridge"])

    def _killed(self, names: Sequence[str]) -> str:
        if names != ["Messages"] or not self.application.is_running:
            raise AppleEventError(_NOT_UNDERSTOOD, "No matching processes were found")
        self.application.end()
        return ""

    async def _do(self, words: Sequence[str]) -> str:
        match words:
            case ["text", target, address, service, text]:
                return await self._send(target, address, service, text=text)
            case ["file", target, address, service, path]:
                return await self._send(target, address, service, file=FileToSend(path))
            case ["accounts"]:
                return await self._accounts()
            case ["bridge", method, params]:
                return await self._bridging.do(msgspec.json.decode(params, type=METHODS[method]))
            case [question, *more]:
                return self._told(question, *more)
            case _:
                raise _not_understood()

    def _bridge(self) -> str:
        """Return what the bridge can do, in words; nothing if there is none."""
        if not self._faults.has_advanced:
            return ""
        return "on emoji" if self._db.has("message", "associated_message_emoji") else "on"

    async def _accounts(self) -> str:
        """Return the accounts, a line each: the service, whether it is enabled, and what it is called."""
        match self._faults.take("question"):
            case Fault(next="hang"):
                await for_ever()
            case Fault(number=number):
                raise AppleEventError(number or NO_SUCH_OBJECT, "Messages got an error: Something went wrong.")
            case None:
                pass
        settings = self._carrier.settings
        if not condition_of(settings.folder).is_signed_in:
            return ""
        login = settings.lines[0]
        return f"iMessage\ttrue\t{'E' if '@' in login else 'P'}:{login}\nSMS\ttrue\tSMS\n"

    def _told(self, question: str, separator: str = "") -> str:
        match question:
            case "quit":
                # The one who asks is answered before it is gone.
                asyncio.get_running_loop().call_soon(self.application.end)
                return ""
            case "launch":
                return ""
            case "count":
                return "1\n"
            case "bridge":
                return self._bridge()
            case "chats":
                return separator.join(self._listed_guids()) + "\n"
            case _:
                raise _not_understood()

    def _listed_guids(self) -> list[str]:
        chats = self._db.rows("SELECT guid FROM chat ORDER BY ROWID")
        return [chat["guid"] for chat in chats if chat["guid"] not in self._faults.unlisted]

    @asynccontextmanager
    async def following(self) -> AsyncIterator[asyncio.Queue[BridgeEvent | None]]:
        """Yield who types, from now on; None is the end of it.

        Raises:
            AppleEventError: There is no bridge that could tell.
        """
        self._bridging.require()
        with self._events.reading() as events:
            yield events

    def is_followed(self) -> bool:
        """Tell whether any `imsg` listens to who types."""
        return self._events.is_heard

    async def _send(
        self, target: str, address: str, service: str, *, text: str = "", file: FileToSend | None = None
    ) -> str:
        guid, at = new_guid(), self._carrier.moment()
        by = service or None
        wish = Wish(
            self._chat_named(target, address, service),
            lambda chat: Outgoing(guid, chat, text, at, file=file, service=by),
        )
        await self._sending.send(wish)
        return ""

    def _chat_named(self, target: str, address: str, service: str) -> Callable[[], int | None]:
        def chat() -> int | None:
            if target == "chat":
                return self._listed_chat(address)
            if service == "SMS" and not self._faults.has_sms:
                raise AppleEventError(NOT_DEFINED, "The variable account is not defined.")
            handle = sendable_handle(address, region=self._carrier.settings.region)
            return None if handle is None else self._db.direct_chat(handle, service=service)

        return chat

    def _listed_chat(self, guid: str) -> int:
        if guid in self._faults.unlisted:
            raise AppleEventError(NO_SUCH_OBJECT, f'Messages got an error: Can\u2019t get chat id "{guid}".')
        return self._carrier.chat_by_guid(guid)

    # What people do

    async def receive(self, mail: FromPerson) -> None:
        """Take what a person wrote or did; it is kept from the start, and lies in chat.db in full at the end.

        While the Mac is offline the end comes before that.
        """
        self._carrier.phones.put_down(mail)
        reached("simulator.put_down")
        if isinstance(mail, Incoming) and mail.group_id is None:
            self._typing_people.hide((mail.sender, mail.line))
        bringing = self._carrier.in_background(self._bringing.bring(mail))
        offline = asyncio.ensure_future(self._carrier.network.until_offline())
        await asyncio.wait([bringing, offline], return_when=asyncio.FIRST_COMPLETED)
        offline.cancel()
        if bringing.done() and not bringing.cancelled():  # else it is broken off, and taken up again
            bringing.result()

    def moment(self) -> int:
        """Return the time at which something is done, in Unix milliseconds."""
        return self._carrier.moment()

    def set_typing(self, person: str, line: str, *, is_typing: bool) -> None:
        """Let the line see, or no longer see, that a person types; while the Mac is offline it sees nothing."""
        if is_typing and self._carrier.network.is_online:
            self._typing_people.show((person, line))
        else:
            self._typing_people.hide((person, line))

    def lines_that_type(self, person: str) -> list[str]:
        """Return the conversations on a person's phone in which there are dots."""
        return [chat for shown_to, chat in self._typing_lines.shown() if shown_to == person]

    def _tell_typing(self, place: PhoneChat, is_shown: bool) -> None:  # noqa: FBT001 - a callback's one fact
        person, _ = place
        event = "started-typing" if is_shown else "stopped-typing"
        if self._faults.has_advanced:
            self._events.publish(BridgeEvent(event, self._db.direct_guid(person)))


def _not_understood() -> AppleEventError:
    return AppleEventError(_NOT_UNDERSTOOD, "Messages got an error: The message was not understood.")
