"""What browsers are told with every answer, so that nothing which a person sends can run, and no other site can act."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# `data:` is for the icon alone.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
_TOLD = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
# Names that nobody can have point here from outside, as all without a dot.
_NEAR = (".localhost", ".local", ".internal")


class ToldToBrowsers:
    """Adds these headers where an answer has none of its own, and refuses what another site has a browser ask for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _TOLD.items():
                    headers.setdefault(name, value)
            await send(message)

        app = _REFUSAL if _is_foreign(scope) else self._app
        await app(scope, receive, tell)


_REFUSAL = JSONResponse({"error": {"message": "Another site may not do that."}}, status_code=403)


def _is_foreign(scope: Scope) -> bool:
    """Tell whether a page of another site acts here, or has its own name point to us so as to read what is here."""
    if scope["type"] != "http":
        return False
    headers = Headers(scope=scope)
    if not _is_near(headers.get("host", "")):
        return True
    return scope["method"] not in ("GET", "HEAD", "OPTIONS") and not _is_from_us(headers)


def _is_near(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ip_address(name)
    except ValueError:
        return not host or "." not in (name := host.partition(":")[0].lower()) or name.endswith(_NEAR)
    return True


def _is_from_us(headers: Headers) -> bool:
    """Tell whether a page of ours, or no page at all, sends this: by the browser's own word, of whatever age it is."""
    if (site := headers.get("sec-fetch-site")) is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")
