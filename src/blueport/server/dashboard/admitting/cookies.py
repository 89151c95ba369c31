"""The cookie by which a browser is known that is signed in."""

import re

from starlette.types import Scope

from blueport.server.http.answers import Header
from blueport.server.http.routing import header_values

_TOKEN = re.compile(rb"[0-9A-Za-z_-]{43}")


class SessionCookie:
    """The cookie of one server; over TLS it goes nowhere else, and nobody beside us can set it (`__Host-`)."""

    def __init__(self, *, is_secure: bool) -> None:
        self._name = b"__Host-blueport_session" if is_secure else b"blueport_session"
        # Lax: somebody who follows a link to the dashboard is still signed in; a form of another site is not.
        self._terms = b"; Path=/; HttpOnly; SameSite=Lax" + (b"; Secure" if is_secure else b"")

    def token_in(self, scope: Scope) -> str | None:
        """Return the token that a request brings, None if it brings none, or several: nobody knows which is ours."""
        pairs = b";".join(header_values(scope, b"cookie")).split(b";")
        named = [pair.strip().partition(b"=") for pair in pairs]
        tokens = {value for name, _, value in named if name == self._name}
        token = tokens.pop() if len(tokens) == 1 else b""
        return token.decode() if _TOKEN.fullmatch(token) else None

    def holding(self, token: str, lives_ms: int) -> Header:
        """Return the header that has a browser keep that token."""
        return self._header(token.encode(), lives_ms // 1000)

    def gone(self) -> Header:
        """Return the header that has a browser forget its token."""
        return self._header(b"", 0)

    def _header(self, value: bytes, lives_s: int) -> Header:
        return b"set-cookie", b"%b=%b%b; Max-Age=%d" % (self._name, value, self._terms, lives_s)
