"""Who calls: the API under one key, inside the fence, and what was found out about it so far."""

import asyncio
from typing import TypeVar

from blueport.mcp.fence import Fence, RefusedError, canonical
from blueport.mcp.scopes import Scope, scopes_of
from blueport_sdk import AsyncClient, Chat, Line, MessagesError

T = TypeVar("T")

# What a key may do seldom changes, and each look takes a few requests of its hourly limit.
SCOPES_S = 300.0
MOST_REMEMBERED = 10_000


class Caller:
    """One key's way to the API."""

    def __init__(self, api: AsyncClient, fence: Fence, line: str | None = None) -> None:
        """Begin with nothing known; *api* has the key, and *line* is meant where none is named."""
        self.api = api
        self.fence = fence
        self._line = line
        self._scopes: frozenset[Scope] = frozenset()
        self._scopes_until = 0.0
        self._looking = asyncio.Lock()
        self._chats: dict[str, None] = {}
        self._files: dict[str, str | None] = {}

    async def scopes(self, asked: set[Scope]) -> frozenset[Scope]:
        """Return those of the scopes *asked* for, always the same, that the key has, or had minutes ago.

        Raises:
            MessagesError: The key is not good, or the API cannot tell for now.
        """
        async with self._looking:
            now_s = asyncio.get_running_loop().time()
            if now_s >= self._scopes_until:
                self._scopes = await scopes_of(self.api.with_options(max_retries=0), asked)
                self._scopes_until = now_s + SCOPES_S
            return self._scopes

    async def line(self, named: str | None) -> str:
        """Return the line to ask the API about; the only one needs no name.

        Raises:
            RefusedError: It is outside the fence, or none is named.
            MessagesError: It cannot be told whether it is inside.
        """
        lines = self.fence.lines
        if named is None:
            return lines[0] if len(lines) == 1 else await self._usual_line()
        if not lines:
            return named
        name = canonical(named)
        if name in lines or await self._has_line_named(name):
            return name
        raise RefusedError(f"the operator of this server allows only these lines: {', '.join(lines)}")

    async def chat(self, line: str, named: str) -> str:
        """Return the chat on *line* to ask the API about.

        Raises:
            RefusedError: It is outside the fence.
            MessagesError: It cannot be told whether it is inside.
        """
        people = self.fence.people
        if not people:
            return named
        name = canonical(named)
        if name in people or (name.startswith("cht_") and await self._has_chat_with_id(line, name)):
            return name
        raise RefusedError(f"the operator of this server allows only chats with: {', '.join(people)}")

    def is_inside(self, chat: Chat) -> bool:
        """Tell whether a chat is inside the fence; one of which it is not known is taken for a group."""
        return self.fence.has_chat(chat.id, chat.identifier, is_group=chat.is_group is not False)

    async def lines(self) -> list[Line]:
        """Return the lines inside the fence."""
        page = await self.api.list_lines()
        return [line for line in page.data if self.fence.has_line(line.id, line.handle)]

    def remember_file(self, file_id: str, mime_type: str | None) -> None:
        """Take note that a file belongs to a message inside the fence, and what it is said to be."""
        _remember(self._files, file_id, mime_type)

    def kind_of_file(self, file_id: str) -> str | None:
        """Return what a file was said to be, None if it was not shown."""
        return self._files.get(file_id)

    def check_file(self, file_id: str) -> None:
        """Make sure that a file was shown: nothing else tells whether it is inside the fence.

        Raises:
            RefusedError: It was not.
        """
        if self.fence.is_closed and file_id not in self._files:
            raise RefusedError(
                f"{file_id} belongs to no message that was read here; read the messages that it came with first"
            )

    async def _usual_line(self) -> str:
        """Return the line that was chosen, else the only one but the sandbox's."""
        lines = await self.lines()
        if self._line is not None and any(self._line in (line.id, line.handle) for line in lines):
            return self._line
        handles = [line.handle for line in lines]
        own = await self._without_sandbox(handles) if len(handles) > 1 else handles
        if len(own) != 1:
            raise RefusedError(f"say which line: `from` takes one of {', '.join(handles) or 'none, there is no line'}")
        return own[0]

    async def _without_sandbox(self, handles: list[str]) -> list[str]:
        try:
            sandbox = (await self.api.get_sandbox()).sandbox_line_handle
        except MessagesError:
            return handles
        return [handle for handle in handles if handle != sandbox]

    async def _has_line_named(self, name: str) -> bool:
        return any(name in (line.id, line.handle) for line in await self.lines())

    async def _has_chat_with_id(self, line: str, chat_id: str) -> bool:
        if chat_id in self._chats:
            return True
        chat = await self._chat_with_id(line, chat_id)
        if chat is None or not self.is_inside(chat):
            return False
        _remember(self._chats, chat_id, None)
        return True

    async def _chat_with_id(self, line: str, chat_id: str) -> Chat | None:
        async for chat in await self.api.list_chats(from_=line, limit=100):
            if chat.id == chat_id:
                return chat
        return None


def _remember(known: dict[str, T], name: str, what: T) -> None:
    known[name] = what
    if len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]
