"""What both clients have in common: where the server is, with which key, and how a request looks to `httpx2`."""

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypedDict

import httpx2

from blueport_sdk.about import __version__
from blueport_sdk.bodies import Upload
from blueport_sdk.exchanging import Answer, Failure, Options, Request

DEFAULT_URL = "http://127.0.0.1:8080"
USER_AGENT = f"blueport-sdk-python/{__version__}"
# The bytes of an upload, as they are read.
Chunks: TypeAlias = "Iterator[bytes] | AsyncIterator[bytes] | None"


class Sent(TypedDict, total=False):
    """The arguments of a request of `httpx2`."""

    method: str
    url: str
    params: Mapping[str, str]
    headers: httpx2.Headers
    content: bytes | Iterator[bytes] | AsyncIterator[bytes]
    timeout: httpx2.Timeout
    follow_redirects: bool


@dataclass(frozen=True)
class Place:
    """Where the server is, and with which key it is asked."""

    base_url: str
    api_key: str = field(repr=False)

    def sent(self, request: Request, options: Options, chunks: Chunks = None) -> Sent:
        """Return *request* as `httpx2` takes it. The key is for the API alone, not for where it leads."""
        sent = Sent(
            method=request.method,
            url=request.url or self.base_url + request.path,
            headers=self._headers(request),
            timeout=httpx2.Timeout(options.timeout_s, read=options.timeout_s + request.quiet_s),
            follow_redirects=False,
        )
        if request.query:
            sent["params"] = request.query
        content = chunks if isinstance(request.body, Upload) else _json(request.body)
        if content is not None:
            sent["content"] = content
        return sent

    def failed(self, request: Request, error: httpx2.RequestError) -> Failure:
        """Return why nothing came back, in a sentence. Links to files are secrets: where they lead is enough."""
        url = self.base_url if request.url is None else "/".join(request.url.split("/")[:3])
        if isinstance(error, httpx2.TimeoutException):
            return Failure("timeout", f"{url} did not answer in time", error)
        return Failure("connection_failed", f"{url} cannot be reached: {str(error) or type(error).__name__}", error)

    def _headers(self, request: Request) -> httpx2.Headers:
        headers = {"User-Agent": USER_AGENT, **request.headers}
        if request.url is None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        if isinstance(request.body, Upload):
            headers["Content-Length"] = str(request.body.size)
        elif request.body is not None:
            headers["Content-Type"] = "application/json"
        for name, value in headers.items():
            _check_header(name, value)
        # Theirs do not show the key where they are shown.
        return httpx2.Headers(headers)


def place(base_url: str | None, api_key: str | None) -> Place:
    """Return what was said, else what the environment says (`MESSAGES_API_URL`, `MESSAGES_API_KEY`).

    Raises:
        ValueError: There is no key, or the URL is none.
    """
    # An empty one is one that somebody forgot to fill in, and one from a file has the end of its line.
    key = (api_key or os.environ.get("MESSAGES_API_KEY") or "").strip()
    if not key:
        raise ValueError("there is no API key: pass api_key=..., or set MESSAGES_API_KEY")
    if not _is_plain(key):
        raise ValueError("the API key has characters in it that no key has: is it copied whole, and alone?")
    return Place(based(base_url or os.environ.get("MESSAGES_API_URL") or DEFAULT_URL), key)


def based(url: str) -> str:
    """Return a base URL without what the paths begin with.

    Raises:
        ValueError: It is no URL of HTTP, or says more than where the server is.
    """
    plain = url.strip()
    parts = _parts(plain)
    if parts is None or parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError(f"the base URL {url!r} is none: it is like https://blueport.example.com")
    if parts.userinfo:
        raise ValueError("the base URL has a user or a password in it: the key is passed as api_key=...")
    if "?" in plain or "#" in plain:
        raise ValueError(f"the base URL {url!r} has a '?' or a '#' in it: it ends before that")
    return plain.rstrip("/").removesuffix("/v1").rstrip("/")


def answer_of(response: httpx2.Response, content: bytes | None) -> Answer:
    """Return what came back; *content* is None where it was cut off."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, content)


def _parts(url: str) -> httpx2.URL | None:
    try:
        return httpx2.URL(url)
    except httpx2.InvalidURL:
        return None


def _json(body: object) -> bytes | None:
    return None if body is None else json.dumps(body, separators=(",", ":")).encode()


def _check_header(name: str, value: str) -> None:
    if not _is_plain(value):
        raise ValueError(f"{name} can be of printable ASCII only: {value!r} is not")


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()
