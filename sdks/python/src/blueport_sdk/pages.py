"""Pages of lists, which lead on by themselves: iterating over one goes through all that follow."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic

from blueport_sdk.errors import UnexpectedResponseError
from blueport_sdk.models import Item, Listed


@dataclass(frozen=True)
class _Page(Generic[Item]):
    data: tuple[Item, ...]
    has_more: bool
    next_cursor: str | None
    request_id: str

    def _cursor(self, seen: set[str]) -> str | None:
        """Return where the list goes on, None at its end; it is one of those *seen* from then on.

        Raises:
            UnexpectedResponseError: It would go on where it was already.
        """
        if not self.has_more or self.next_cursor is None:
            return None
        if self.next_cursor in seen:
            message = "the cursor of the next page leads back to an earlier one: the list would never end"
            raise UnexpectedResponseError(message, code="unexpected_response", status=200, request_id=self.request_id)
        seen.add(self.next_cursor)
        return self.next_cursor


@dataclass(frozen=True)
class Page(_Page[Item]):
    """One page: `data`, `has_more`, `next_cursor`. Iterating over it yields the items of all pages from here on."""

    _ask: Callable[[str], Listed[Item]] = field(repr=False, compare=False)

    def __iter__(self) -> Iterator[Item]:
        page, seen = self, set[str]()
        while True:
            yield from page.data
            cursor = page._cursor(seen)
            if cursor is None:
                return
            page = page_of(self._ask(cursor), self._ask)


@dataclass(frozen=True)
class AsyncPage(_Page[Item]):
    """One page: `data`, `has_more`, `next_cursor`. `async for` over it yields the items of all pages from here on."""

    _ask: Callable[[str], Awaitable[Listed[Item]]] = field(repr=False, compare=False)

    async def __aiter__(self) -> AsyncIterator[Item]:
        page, seen = self, set[str]()
        while True:
            for item in page.data:
                yield item
            cursor = page._cursor(seen)
            if cursor is None:
                return
            page = async_page_of(await self._ask(cursor), self._ask)


class AsyncPages(Generic[Item]):
    """A list that is not asked for yet: `await` it for its first page, or `async for` over it for all of its items."""

    def __init__(self, first: Callable[[], Awaitable[AsyncPage[Item]]]) -> None:
        self._first = first

    def __await__(self) -> Generator[Any, None, AsyncPage[Item]]:
        return self._first().__await__()

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for item in await self:
            yield item


def page_of(listed: Listed[Item], ask: Callable[[str], Listed[Item]]) -> Page[Item]:
    """Return a page that asks for those that follow by itself."""
    return Page(listed.data, listed.has_more, listed.next_cursor, listed.request_id, ask)


def async_page_of(listed: Listed[Item], ask: Callable[[str], Awaitable[Listed[Item]]]) -> AsyncPage[Item]:
    """Return a page that asks for those that follow by itself."""
    return AsyncPage(listed.data, listed.has_more, listed.next_cursor, listed.request_id, ask)
