"""Pages of lists: keyset cursors that only we can issue, each for the one list that it was issued for."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Annotated, Generic, Protocol, TypeVar

import msgspec
from msgspec import Meta

from blueport.server.errors import ApiError

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 100
_MAC_BYTES = 12

Item = TypeVar("Item")
Known = TypeVar("Known", bound="Identified")
Place = str | tuple[int | str, ...]
Spot = TypeVar("Spot", str, tuple[int, str])


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """Part of a list. `next_cursor` asks for what follows, and is null at the end."""

    data: Annotated[list[Item], Meta(description="The items, newest first.")]
    has_more: Annotated[bool, Meta(description="Whether more follows.")]
    next_cursor: Annotated[
        str | None, Meta(description="What to pass as `cursor` for what follows; null at the end.", examples=[None])
    ]


class Cursors(msgspec.Struct, frozen=True):
    """Seals places in a list into cursors; *secret* is the installation's."""

    secret: bytes

    def seal(self, list_name: str, place: Place) -> str:
        """Return the cursor for what comes after *place* in the list of that name."""
        plain = msgspec.json.encode(place)
        return base64.urlsafe_b64encode(self._mac(list_name, plain) + plain).decode().rstrip("=")

    def place(self, list_name: str, cursor: str, form: type[Item]) -> Item:
        """Open a cursor of the list of that name.

        Raises:
            ApiError: `invalid_parameter_value`: it is not ours, or another list's.
        """
        mac, plain = _opened(cursor)
        if not hmac.compare_digest(mac, self._mac(list_name, plain)):
            raise _foreign_cursor()
        return msgspec.json.decode(plain, type=form)

    def page(
        self, items: list[Item], size: int, list_name: str, place_of: Callable[[Item], Place]
    ) -> tuple[list[Item], str | None]:
        """Cut *items*, one more than *size* if there is more, to a page; return it and the cursor that follows."""
        if len(items) <= size:
            return items, None
        return items[:size], self.seal(list_name, place_of(items[size - 1]))

    def _mac(self, list_name: str, plain: bytes) -> bytes:
        return hmac.digest(self.secret, list_name.encode() + b"\0" + plain, hashlib.sha256)[:_MAC_BYTES]


class Wanted(Protocol):
    """How much of a list is asked for."""

    @property
    def limit(self) -> int | None:
        """How many items at most."""

    @property
    def cursor(self) -> str | None:
        """The `next_cursor` of the page before."""


def page_size(wanted: Wanted) -> int:
    """Return how many items to show; judges what is *wanted* as far as that can be done before anything is looked up.

    Raises:
        ApiError: `invalid_parameter_value`: the limit is below 1, or the cursor is none.
    """
    if wanted.cursor is not None:
        _opened(wanted.cursor)
    return size_of(wanted.limit)


def size_of(limit: int | None) -> int:
    """Return how many items to show.

    Raises:
        ApiError: `invalid_parameter_value`: the limit is below 1.
    """
    if limit is None:
        return DEFAULT_LIMIT
    if limit < 1:
        raise ApiError("invalid_parameter_value", "`limit` must be 1 or more.", param="limit")
    return min(limit, LARGEST_LIMIT)


class Identified(Protocol):
    """An item that has an id; newer ids are greater."""

    @property
    def id(self) -> str:
        """The item's id."""


def page_of_all(items: list[Known], list_name: str, wanted: Wanted, cursors: Cursors) -> Page[Known]:
    """Return all *items*, the newest ids first, on one page, unless the caller asked for pages.

    Such lists are short, and the official SDK's iterator does not follow their cursors.
    """
    return page_in_order(items, list_name, wanted, cursors, lambda item: item.id, str)


def page_in_order(
    items: list[Item],
    list_name: str,
    wanted: Wanted,
    cursors: Cursors,
    place_of: Callable[[Item], Spot],
    form: type[Spot],
) -> Page[Item]:
    """Return all *items*, the greatest place first, on one page, unless the caller asked for pages."""
    size = page_size(wanted)
    if wanted.limit is None and wanted.cursor is None:
        return Page(items, has_more=False, next_cursor=None)
    if wanted.cursor is not None:
        after = cursors.place(list_name, wanted.cursor, form)
        items = [item for item in items if place_of(item) < after]
    shown, next_cursor = cursors.page(items, size, list_name, place_of)
    return Page(shown, next_cursor is not None, next_cursor)


def _opened(cursor: str) -> tuple[bytes, bytes]:
    """Return the seal and the content of *cursor*."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise _foreign_cursor() from None
    if len(sealed) <= _MAC_BYTES or "=" in cursor:
        raise _foreign_cursor()
    return sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]


def _foreign_cursor() -> ApiError:
    return ApiError("invalid_parameter_value", "This cursor does not belong to this list.", param="cursor")
