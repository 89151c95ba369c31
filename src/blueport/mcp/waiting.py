"""Waits for what people write.

The stream of events is a bell, no more: it says when to look. What there is to return stands in the chat, so nothing is
lost that came before the stream was open, or while nobody waited. It is looked now and then without any bell too: a key
without `events:read` has none.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Annotated

from msgspec import Meta

from blueport.mcp.arguments import InChat, Where, where
from blueport.mcp.fence import RefusedError
from blueport.mcp.reading import shown
from blueport.mcp.shapes import NOTE, Replies
from blueport.mcp.tools import Call, Told, tool
from blueport_sdk import AsyncClient, Message, MessagesError, NotFoundError

LOOKED_AT = 100
USUAL_S, LONGEST_S = 45, 300
# Some ten seconds: a server that is started anew ends no wait.
RETRIES = 5
# As long as the API itself waits with its news for the files of a message.
FILES_S = 10.0
# Seconds between two looks if nothing is heard.
_PAUSES_S = (1.0, 2.0, 4.0)
_PAUSE_S = 10.0


class WaitForReply(InChat, frozen=True, kw_only=True):
    """Wait until somebody else writes in a chat, and return what they wrote.

    Without `after`: everything since the last message that your user's line has sent there, at once if there is some
    already. With `after`: what came after that message. If the time is up it says so; call it again to go on. It is
    normal that a person takes minutes or days: do not wait for ever, nor write again only because nobody answers.
    """

    after: Annotated[
        str | None,
        Meta(description="The newest message that you know of, `msg_...`: `after` of the call before, or as read."),
    ] = None
    timeout_s: Annotated[int, Meta(ge=1, le=LONGEST_S, description="How many seconds to wait at most.")] = USUAL_S


async def wait_for_reply(call: Call, asked: WaitForReply) -> Told:
    """Return what others wrote, as soon as there is something."""
    chat = await where(call, asked)
    patience = _Patience(asked.timeout_s)
    async with _bell(call.caller.api, chat.line) as rung:
        while True:
            rung.clear()
            found = await _newer(call, chat, asked.after)
            if patience.is_over(found):
                return Told(_replies(call, found, asked.after))
            await call.tell(patience.waited_s, float(asked.timeout_s), "nobody has written yet")
            await _until(rung, patience.pause_s())


class _Patience:
    """How long one call waits, and until when for files that come behind their messages."""

    def __init__(self, timeout_s: int) -> None:
        self._until_files_s = float(timeout_s)
        self._pauses_s = itertools.chain(_PAUSES_S, itertools.repeat(_PAUSE_S))
        self._now_s = asyncio.get_running_loop().time
        self._began_s = self._now_s()

    @property
    def waited_s(self) -> float:
        return self._now_s() - self._began_s

    def is_over(self, found: list[Message]) -> bool:
        """Tell whether to return what was found."""
        if found:
            self._until_files_s = min(self._until_files_s, self.waited_s + FILES_S)
        is_whole = all(each.url is not None for message in found for each in message.attachments)
        return (bool(found) and is_whole) or self.waited_s >= self._until_files_s

    def pause_s(self) -> float:
        """Return in how many seconds to look again, should nothing be heard."""
        return min(next(self._pauses_s), max(0.0, self._until_files_s - self.waited_s))


def newer(newest_first: list[Message], after: str | None) -> list[Message]:
    """Return what others wrote after the message *after*, or after the last one of ours; newest first.

    They are compared by when they came here: the clock of a phone may be off.

    Raises:
        RefusedError: There is no message *after*.
    """
    if after is None:
        own = next((message for message in newest_first if message.is_from_me), None)
        since = None if own is None else (own.synced_at, own.sent_at)
        return [each for each in newest_first if not each.is_from_me and _is_since(each, since)]
    known = next((message for message in newest_first if message.id == after), None)
    if known is None:
        raise RefusedError(f"`after` names none of the newest {LOOKED_AT} messages of this chat; read them again")
    return [each for each in newest_first if not each.is_from_me and each.synced_at > known.synced_at]


def _is_since(message: Message, since: tuple[int, int] | None) -> bool:
    """Tell whether a message came later, or with it and was written later."""
    return since is None or (message.synced_at, message.sent_at) >= since


async def _newer(call: Call, chat: Where, after: str | None) -> list[Message]:
    api = call.caller.api.with_options(max_retries=RETRIES)
    try:
        page = await api.list_messages(from_=chat.line, to=chat.to, limit=LOOKED_AT)
    except NotFoundError as error:
        if error.code == "chat_not_found" and after is None:
            return []  # they may yet write
        raise
    return newer(list(page.data), after)


def _replies(call: Call, newest_first: list[Message], after: str | None) -> Replies:
    if not newest_first:
        return Replies(is_timed_out=True, messages=[], note="Nobody wrote in that time.", after=after)
    latest = max(newest_first, key=lambda message: message.synced_at)
    return Replies(is_timed_out=False, messages=shown(call, newest_first), note=NOTE, after=latest.id)


async def _until(rung: asyncio.Event, longest_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            await rung.wait()


@contextlib.asynccontextmanager
async def _bell(api: AsyncClient, line: str) -> AsyncIterator[asyncio.Event]:
    """Return what is set whenever something comes in on *line*, for as long as the block lasts."""
    rung = asyncio.Event()
    listening = asyncio.create_task(_listen(api, line, rung))
    try:
        yield rung
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(api: AsyncClient, line: str, rung: asyncio.Event) -> None:
    with contextlib.suppress(MessagesError):
        # Once as it opens, too: what came before that has not been heard.
        async for _event in api.events(from_=line, events=["message.received"], on_place=lambda _place: rung.set()):
            rung.set()


TOOLS = (tool(wait_for_reply, WaitForReply, Replies, scope="messages:read"),)
