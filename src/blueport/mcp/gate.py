"""Lets in over HTTP who brings a key, and keeps apart who brings another one."""

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from blueport.mcp.caller import Caller
from blueport.mcp.scopes import check_key
from blueport_sdk import AuthenticationError, MessagesError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_CALLERS = 1_000
# A key that was good is not asked about again for so long; the API refuses what it may not do all the same.
GOOD_FOR_S = 60.0
_BEARER = re.compile(r"bearer +(sk_live_[!-~]+)", re.IGNORECASE)


class Callers:
    """All whose keys were good; those who have not called for longest are forgotten first."""

    def __init__(self, caller_under: Callable[[str], Caller]) -> None:
        """Begin with nobody; *caller_under* makes one for a key."""
        self._caller_under = caller_under
        self._callers: dict[str, Caller] = {}
        self._good_until: dict[str, float] = {}

    def of(self, key: str) -> Caller:
        """Return who calls under *key*."""
        caller = self._callers.pop(key, None) or self._caller_under(key)
        self._callers[key] = caller
        if len(self._callers) > MOST_CALLERS:
            longest_silent = next(iter(self._callers))
            del self._callers[longest_silent]
            self._good_until.pop(longest_silent, None)
        return caller

    async def check(self, key: str) -> None:
        """Make sure that the API knows *key*, or knew it a minute ago.

        Raises:
            MessagesError: It does not, or cannot tell for now.
        """
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._good_until.get(key, 0.0):
            caller = self._caller_under(key)
            await check_key(caller.api.with_options(max_retries=0))
            self.of(key)
            self._good_until[key] = now_s + GOOD_FOR_S


class Gate:
    """An ASGI application before the one of MCP."""

    def __init__(self, app: App, callers: Callers) -> None:
        """Let those whom *callers* knows through to *app*."""
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let it through."""
        if scope["type"] == "http":
            key = key_in(_header(scope, b"authorization"))
            refusal = await self._refusal(key)
            if key is None or refusal is not None:
                await _answer(send, *(refusal or (401, "")))
                return
            # So a session is its key's alone: MCP's own server compares who began it.
            name = hashlib.sha256(key.encode()).hexdigest()
            scope["user"] = AuthenticatedUser(AccessToken(token=name, client_id=name, scopes=[]))
        await self._app(scope, receive, send)

    async def _refusal(self, key: str | None) -> tuple[int, str] | None:
        if key is None:
            return 401, "Send your own API key with every request: `Authorization: Bearer sk_live_...`."
        try:
            await self._callers.check(key)
        except AuthenticationError as error:
            return 401, error.message
        except MessagesError as error:
            return 503, f"The API cannot tell whether your key is good: {error.message}"
        return None


def key_in(authorization: str) -> str | None:
    """Return the key in a header, None if there is none that could be one."""
    found = _BEARER.fullmatch(authorization.strip())
    return None if found is None else found[1]


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in scope["headers"] if given == name), "")


async def _answer(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:  # noqa: PLR2004
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
