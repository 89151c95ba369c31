"""What the carrying of all mail has in common: its steps, its pace, and that it goes on in the background."""

import asyncio
from collections.abc import Coroutine

from blueport.clock import now_ms
from blueport.failpoints import reached
from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.chatdb import ChatDb, Conversation, Row
from blueport.simulator.network import Network
from blueport.simulator.phones import Phones
from blueport.simulator.settings import Settings
from blueport.simulator.stand_in import NO_SUCH_OBJECT
from blueport.simulator.tapbacks import Sign, quoted, sentence
from blueport.typedstream import TypedStreamError, decode


class Carrier:
    """The file and the phones between which mail is carried, by *network*, and the mail that is being carried."""

    def __init__(self, settings: Settings, db: ChatDb, phones: Phones, network: Network) -> None:
        self.settings = settings
        self.db = db
        self.phones = phones
        self.network = network
        self._work: set[asyncio.Task[None]] = set()
        self._last_moment = 0

    def in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Begin *work*, which ends with the Mac at the latest."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def close(self) -> None:
        """Stop all work; mail under way stays down."""
        while self._work:  # more may come while these end
            for task in self._work:
                task.cancel()
            await asyncio.gather(*self._work, return_exceptions=True)

    def moment(self) -> int:
        """Return the time in Unix milliseconds, later at each call: of two tapbacks one must be the newer."""
        self._last_moment = max(now_ms(), self._last_moment + 1)
        return self._last_moment

    def chat_by_guid(self, guid: str) -> int:
        """Return the rowid of a conversation.

        Raises:
            AppleEventError: Messages has none of that name.
        """
        known = self.db.chat_by_guid(guid)
        if known is None:
            raise AppleEventError(NO_SUCH_OBJECT, f'Messages got an error: Can\u2019t get chat id "{guid}".')
        return known

    async def write_body(self, row: Row, text: str, *, attachment_count: int = 0) -> None:
        """Write the body of a message, a step after what was before."""
        await self.step()
        self.db.write_body(row, text, attachment_count=attachment_count)
        reached("simulator.body")

    async def link(self, row: Row, chat: int) -> None:
        """Put a message into its conversation, a step after what was before."""
        await self.step()
        self.db.link(row, chat)
        reached("simulator.linked")

    async def step(self) -> None:
        """Let a reader see what was written last before more is."""
        await asyncio.sleep(self.settings.step_ms / 1000)

    async def wait_until(self, due_at: int) -> None:
        """Wait for a moment in Unix milliseconds, which may be past, and for the network."""
        await asyncio.sleep(max(0, due_at - now_ms()) / 1000)
        await self.network.until_online()

    def tapback_text(self, sign: Sign, target_guid: str, part: int, *, is_removed: bool) -> str:
        """Return the sentence that stands for a tapback."""
        return sentence(sign, self._quoted(target_guid, part), is_removed=is_removed)

    def _quoted(self, guid: str, part: int) -> str:
        found = self.db.rows("SELECT attributedBody, is_audio_message FROM message WHERE guid = ?", guid)
        if not found or found[0]["attributedBody"] is None:
            return "a message"
        file = "an audio message" if found[0]["is_audio_message"] else self._kind_of_file(guid, part)
        try:
            return quoted(decode(found[0]["attributedBody"]), part, file)
        except TypedStreamError:
            return "a message"

    def _kind_of_file(self, guid: str, part: int) -> str:
        found = self.db.rows("SELECT mime_type FROM attachment WHERE guid = ?", f"at_{part}_{guid}")
        major = str(found[0]["mime_type"]).partition("/")[0] if found else ""
        return {"image": "an image", "video": "a movie"}.get(major, "an attachment")


def chat_on_phone(conversation: Conversation) -> str:
    """Return under what a phone has a conversation: the group's id, or the line's handle."""
    return conversation.identifier if conversation.is_group else conversation.line
