"""GET /docs: the documentation as `make docs` has built it, without a key.

It is read whole when it is first asked for, and again once it was built anew: what is asked for is looked up by name,
so that no path leads anywhere else. No script of a page runs but those that it was built with.
"""

import asyncio
import base64
import functools
import hashlib
import mimetypes
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from starlette.routing import Route
from starlette.types import Receive, Scope

from blueport.server.errors import ApiError
from blueport.server.http.answers import NO_REFERRER, Answer, Header, Stream
from blueport.server.http.routing import header_values, route, wants_a_page

_PACKAGED = Path(__file__).with_name("site")
BUILT = _PACKAGED if _PACKAGED.exists() else Path(__file__).parents[4] / "build" / "docs" / "site"
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
# What the generator's search puts beside itself, out of a script that was built in; a browser tells another one's hash.
_SEARCH = b"'sha256-NwSx/R2V/U4jnW0Tq5pQ53Y/rzPVJ4dqE7D6UTA/J1k='"
_POLICY = (
    b"default-src 'none'; script-src 'self'%b; style-src 'self' "
    + _SEARCH
    + b"; img-src 'self' data:; font-src 'self';"
    b" connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# The generator puts a hash of what they hold into the names of these.
_UNCHANGING = re.compile(r"assets/.*\.[0-9a-f]{8}\.")
_FOR_A_YEAR: Header = (b"cache-control", b"public, max-age=31536000, immutable")
_ASK_AGAIN: Header = (b"cache-control", b"no-cache")
_MOVED, _NOT_MODIFIED = 308, 304
_NO_PAGE = "404.html"


class _File(NamedTuple):
    content: bytes
    content_type: bytes
    etag: bytes
    headers: tuple[Header, ...]


class Site:
    """The site that was built into *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def routes(self) -> list[Route]:
        """Return the routes of its pages, and of what they load."""
        return [route("/docs", {"GET": _to_its_index}), route("/docs/{path:path}", {"GET": self._answer})]

    async def _answer(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        path = scope["path_params"]["path"]
        files = await asyncio.to_thread(self._files)
        if path not in files:
            return _elsewhere(files, path, scope)
        file = files[path]
        if file.etag in header_values(scope, b"if-none-match"):
            return Answer(_NOT_MODIFIED, b"", file.headers, file.content_type, stream=Stream(None, _parts()))
        return _answer(200, file, scope)

    def _files(self) -> dict[str, _File]:
        try:
            built_at = (self._folder / "index.html").stat().st_mtime_ns
        except OSError:
            raise ApiError("route_not_found", "The documentation is not built here: run `make docs`.") from None
        return _read(self._folder, built_at)


async def _to_its_index(_scope: Scope, _receive: Receive, _request_id: str) -> Answer:
    return _moved("/docs/")


def _elsewhere(files: dict[str, _File], path: str, scope: Scope) -> Answer:
    """Lead on whoever asks for what is not there, if it is known where to; people are shown a page."""
    if f"{path}/" in files:
        return _moved(f"/docs/{path}/")
    if _NO_PAGE in files and wants_a_page(scope):
        return _answer(404, files[_NO_PAGE], scope)
    raise ApiError("route_not_found", "There is no such page; all of them are at /docs/.")


def _moved(path: str) -> Answer:
    return Answer(_MOVED, b"{}", ((b"location", path.encode()),))


def _answer(status: int, file: _File, scope: Scope) -> Answer:
    parts = _parts() if scope["method"] == "HEAD" else _parts(file.content)
    return Answer(status, b"", file.headers, file.content_type, stream=Stream(len(file.content), parts))


@functools.lru_cache(maxsize=1)
def _read(folder: Path, _built_at: int) -> dict[str, _File]:
    files = {
        file.relative_to(folder).as_posix(): _file_of(folder, file) for file in folder.rglob("*") if file.is_file()
    }
    indexes = {name.removesuffix("index.html"): file for name, file in files.items() if name.endswith("index.html")}
    return files | indexes


def _file_of(folder: Path, path: Path) -> _File:
    content = path.read_bytes()
    kind, _ = mimetypes.guess_type(path.name)
    is_text = kind is not None and (kind.startswith("text/") or kind == "application/json")
    content_type = f"{kind or 'application/octet-stream'}{'; charset=utf-8' if is_text else ''}"
    etag = b'"%b"' % hashlib.sha256(content).hexdigest()[:32].encode()
    keeping = _FOR_A_YEAR if _UNCHANGING.match(path.relative_to(folder).as_posix()) else _ASK_AGAIN
    headers = (keeping, (b"etag", etag), (b"content-security-policy", _POLICY % _allowed_in(content)), NO_REFERRER)
    return _File(content, content_type.encode(), etag, headers)


def _allowed_in(content: bytes) -> bytes:
    digests = {base64.b64encode(hashlib.sha256(script).digest()) for script in _INLINE.findall(content)}
    return b"".join(b" 'sha256-%b'" % digest for digest in sorted(digests))


async def _parts(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content
