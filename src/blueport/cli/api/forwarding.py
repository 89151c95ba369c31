"""Posts deliveries to a receiver of the user's own, as the server posts them to a webhook."""

import base64
import contextlib
import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

import httpx2

from blueport.cli.api import credentials
from blueport.cli.api.errors import UsageError
from blueport.whole_files import OWNER_ONLY, write_whole
from blueport_sdk import SignedDelivery

# As long as a server waits for a receiver.
TIMEOUT_S = 15.0
_HEADERS = {"User-Agent": "Blueport", "Accept-Encoding": "identity"}
_SUCCESSES = range(200, 300)
_KEPT_OF_BODY = 500
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


class Tried(NamedTuple):
    """How one try went; *reason* is why it failed, None if it did not."""

    status_code: int | None
    duration_ms: int
    reason: str | None
    response: str | None = None

    def __str__(self) -> str:
        return f"{self.reason or self.status_code} ({self.duration_ms} ms)"


class Receiver:
    """Where deliveries are posted to; close it, or use it in a `with` statement."""

    def __init__(self, url: str) -> None:
        """Post to *url*.

        Raises:
            UsageError: It is no URL of HTTP.
        """
        if not _is_http(url):
            raise UsageError(f"{url!r} is no URL like http://127.0.0.1:3000/webhook")
        self.url = url
        # What is on this machine is not behind a proxy, and a receiver that leads elsewhere has not taken anything.
        self._http = httpx2.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)

    def take(self, delivery: SignedDelivery) -> Tried:
        """Post once."""
        started_s = time.monotonic()
        headers = {**delivery.headers, **_HEADERS}
        try:
            with self._http.stream("POST", self.url, content=delivery.body, headers=headers) as answer:
                reason = None if answer.status_code in _SUCCESSES else f"refused with {answer.status_code}"
                return Tried(answer.status_code, _since_ms(started_s), reason, _beginning(answer))
        except httpx2.RequestError as error:
            return Tried(None, _since_ms(started_s), _reason(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


def delivered(
    receiver: Receiver,
    make: Callable[[], SignedDelivery],
    delays_s: Sequence[float],
    tell: Callable[[Tried, float | None], object],
) -> bool:
    """Post until it is taken, at once and after each of *delays_s* seconds; False if it never was.

    *make* makes each try anew, stamped when it goes out, or a late one would be taken for a replay. *tell* is told how
    each went, and in how many seconds the next one begins, None if there is none.
    """
    for delay_s in delays_s:
        tried = receiver.take(make())
        if tried.reason is None:
            tell(tried, None)
            return True
        tell(tried, delay_s)
        time.sleep(delay_s)
    tried = receiver.take(make())
    tell(tried, None)
    return tried.reason is None


def kept_secret() -> str:
    """Return what signs deliveries on this machine: made once, so that a receiver needs to be told it but once."""
    place = credentials.place().with_name("webhook-secret")
    if not place.exists():
        draft = place.with_name(f"webhook-secret.{os.getpid()}")
        write_whole(draft, f"{_new_secret()}\n".encode(), mode=OWNER_ONLY)
        # Of those who make one at the same time the first is heeded by all.
        with contextlib.suppress(FileExistsError):
            place.hardlink_to(draft)
        draft.unlink()
    return place.read_text().strip()


def _new_secret() -> str:
    """Return a secret of letters and digits alone, as the server makes them."""
    while True:
        encoded = base64.b64encode(secrets.token_bytes(33)).decode()
        if encoded.isalnum():
            return f"whsec_{encoded}"


def _beginning(answer: httpx2.Response) -> str | None:
    """Return how the body begins: the status has said all that matters, and the rest may take as long as it likes."""
    read = b""
    with contextlib.suppress(httpx2.RequestError):
        for part in answer.iter_raw():
            read += part
            if len(read) >= _KEPT_OF_BODY:
                break
    return read[:_KEPT_OF_BODY].decode(errors="replace").strip() or None


def _reason(error: httpx2.RequestError) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {TIMEOUT_S:.0f} s"
    return _ERRNO.sub("", str(error)) or type(error).__name__


def _is_http(url: str) -> bool:
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)


def _since_ms(started_s: float) -> int:
    return round((time.monotonic() - started_s) * 1000)
