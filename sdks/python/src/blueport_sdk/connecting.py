"""What both clients have in common: where the server is, with which key, and how a request looks to `httpx2`."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import httpx2

from blueport_sdk.bodies import Upload
from blueport_sdk.exchanging import Answer, Failure, Request

DEFAULT_URL = "http://127.0.0.1:8080"
USER_AGENT = "blueport-sdk-python/0.1.0"


class Sent(TypedDict, total=False):
    """The arguments of a request of `httpx2`."""

    method: str
    url: str
    params: dict[str, str]
    headers: dict[str, str]
    content: Any


@dataclass(frozen=True)
class Place:
    """Where the server is, and with which key it is asked."""

    base_url: str
    api_key: str

    def sent(self, request: Request) -> Sent:
        """Return *request* as `httpx2` takes it. The key is for the API alone, not for where it leads."""
        headers = {"User-Agent": USER_AGENT, **request.headers}
        if request.url is None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        content: Any = None
        if isinstance(request.body, Upload):
            headers["Content-Length"] = str(request.body.size)
            content = request.body.chunks()
        elif request.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(request.body, ensure_ascii=False).encode()
        sent = Sent(method=request.method, url=request.url or self.base_url + request.path, headers=headers)
        if request.query:
            sent["params"] = dict(request.query)
        if content is not None:
            sent["content"] = content
        return sent


def place(base_url: str | None, api_key: str | None) -> Place:
    """Return what was said, else what the environment says (`MESSAGES_API_URL`, `MESSAGES_API_KEY`).

    Raises:
        ValueError: There is no key, or the URL is none.
    """
    # An empty one is one that somebody forgot to fill in.
    key = api_key or os.environ.get("MESSAGES_API_KEY")
    if not key:
        raise ValueError("there is no API key: pass api_key=..., or set MESSAGES_API_KEY")
    return Place(based(base_url or os.environ.get("MESSAGES_API_URL") or DEFAULT_URL), key)


def based(url: str) -> str:
    """Return a base URL without what the paths begin with.

    Raises:
        ValueError: It is no URL of HTTP.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"the base URL {url!r} does not begin with https:// or http://")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def answer_of(response: httpx2.Response, content: bytes | None) -> Answer:
    """Return what came back; *content* is None where it was cut off."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, content)


def failure_of(error: httpx2.RequestError, url: str) -> Failure:
    """Return why nothing came back, in a sentence."""
    if isinstance(error, httpx2.TimeoutException):
        return Failure("timeout", f"{url} did not answer in time")
    return Failure("connection_failed", f"{url} cannot be reached: {str(error) or type(error).__name__}")


async def asynchronous(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Return the same, as an asynchronous client sends it."""
    for chunk in chunks:
        yield chunk
