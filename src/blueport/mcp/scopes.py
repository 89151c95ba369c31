"""Finds out what a key may do: the API judges a request by its scope first, and refuses those that lack the rest.

What is refused changes nothing and costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from blueport_sdk import AsyncClient, AuthorizationError, InvalidRequestError

Scope = Literal[
    "lines:read",
    "chats:read",
    "messages:read",
    "messages:write",
    "outbox:read",
    "files:read",
    "reactions:write",
    "receipts:write",
    "typing:write",
]
Probe = Callable[[AsyncClient], Awaitable[object]]

_PROBES: dict[Scope, Probe] = {
    "lines:read": lambda api: api.list_lines(limit=0),
    "chats:read": lambda api: api.list_chats(from_=""),
    "messages:read": lambda api: api.list_messages(from_="", to=""),
    "messages:write": lambda api: api.send_message(from_="", to=""),
    "outbox:read": lambda api: api.get_outbox_item(id=""),
    "files:read": lambda api: api.get_file_url(id=""),
    "reactions:write": lambda api: api.send_reaction(from_="", to="", message_id=""),
    "receipts:write": lambda api: api.send_read_receipt(from_="", to=""),
    "typing:write": lambda api: api.start_typing(from_="", to=""),
}


async def scopes_of(api: AsyncClient, asked: set[Scope]) -> frozenset[Scope]:
    """Return those of the scopes *asked* for that the key of *api* has.

    Raises:
        MessagesError: The key is not good, or the API cannot tell for now.
    """
    named = sorted(asked)
    has = await asyncio.gather(*(_is_let_through(_PROBES[scope], api) for scope in named))
    return frozenset(scope for scope, is_there in zip(named, has, strict=True) if is_there)


async def check_key(api: AsyncClient) -> None:
    """Make sure that the key is one.

    Raises:
        AuthenticationError: It is none.
        MessagesError: The API cannot tell for now.
    """
    await _is_let_through(_PROBES["lines:read"], api)


async def _is_let_through(probe: Probe, api: AsyncClient) -> bool:
    try:
        await probe(api)
    except AuthorizationError as error:
        return error.code != "insufficient_scope"
    except InvalidRequestError:
        return True
    return True
