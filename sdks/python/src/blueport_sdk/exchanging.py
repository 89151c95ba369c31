"""How a request comes to its answer: tries, waits, errors. No I/O happens here.

What is to be done is a generator: it yields a `Request` and is sent what came of it, or yields a `Wait` and is sent
None. Who runs it (`client.py`, `async_client.py`) knows how to do just those two.
"""

import email.utils
import random
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Literal, TypeAlias, TypeVar

from blueport_sdk import envelopes
from blueport_sdk.bodies import Upload
from blueport_sdk.errors import ConnectionFailedError, MessagesError, UnexpectedResponseError, error_class
from blueport_sdk.shapes import MismatchError

T = TypeVar("T")

FIRST_WAIT_S = 0.5
LONGEST_BACKOFF_S = 5.0
# Enough to come to the longest, after however many tries.
_DOUBLINGS = 10
# Whoever is told to come back in an hour has better things to do than to wait.
LONGEST_WAIT_S = 60.0
_SUCCESSES = range(200, 300)
_REDIRECTS = (301, 302, 303, 307, 308)
_TOO_SLOW, _CONFLICT, _LIMITED, _SERVER_ERROR = 408, 409, 429, 500


@dataclass(frozen=True)
class Request:
    """One HTTP request; *path* begins with `/v1`, or *url* is the whole address, which gets no key."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, object] | Upload | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    url: str | None = None
    expects_redirect: bool = False
    # Of a call that consists of several.
    key_suffix: str = ""
    # How long the server may keep silent beyond what is usual, in seconds.
    quiet_s: float = 0.0


@dataclass(frozen=True)
class Wait:
    """Seconds in which nothing is to be done."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """What came back; *content* is None where it was cut off on its way. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes | None


@dataclass(frozen=True)
class Failure:
    """Nothing came back."""

    code: Literal["connection_failed", "timeout"]
    message: str
    cause: Exception | None = None


@dataclass(frozen=True)
class Options:
    """What a call may have beside its parameters."""

    timeout_s: float
    max_retries: int
    idempotency_key: str | None = None

    def changed(self, timeout_s: float | None, max_retries: int | None, idempotency_key: str | None) -> "Options":
        """Return the same, but for what is not None."""
        given = {"timeout_s": timeout_s, "max_retries": max_retries, "idempotency_key": idempotency_key}
        return replace(self, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


Outcome: TypeAlias = Answer | Failure
# What consists of requests, and what a request consists of.
Steps: TypeAlias = Generator[Request | Wait, Answer | None, T]
Tries: TypeAlias = Generator[Request | Wait, Outcome | None, Answer]


def asked(request: Request, read: Callable[[object], T]) -> Steps[T]:
    """Ask, and return what the answer says.

    Raises:
        UnexpectedResponseError: It is not what was expected. It is not asked again: what was asked may have been done.
    """
    answer = yield from answered(request)
    try:
        return read(envelopes.json_in(answer.content))
    except MismatchError as error:
        raise unexpected(answer, f"the answer is not what the API promises: {error}") from None


def answered(request: Request) -> Steps[Answer]:
    """Ask, and return the answer as it came."""
    answer = yield request
    assert answer is not None
    return answer


def tries(request: Request, options: Options) -> Tries:
    """Ask until there is a success, and return it.

    Raises:
        MessagesError: What the server, or the way to it, said last.
    """
    named = _with_key(request, options)
    tried = 0
    while True:
        outcome = yield named
        assert outcome is not None
        judged = _judged(outcome, request)
        if isinstance(judged, Answer):
            return judged
        wait_s = next_wait_s(judged, tried)
        if wait_s is None or wait_s > LONGEST_WAIT_S or tried >= options.max_retries:
            raise judged
        yield Wait(wait_s)
        tried += 1


def next_wait_s(error: MessagesError, tried: int) -> float | None:
    """Return in how many seconds it may be tried again, *tried* times after the first; None if that is no use."""
    if not _may_pass(error):
        return None
    return backoff_s(tried) if error.retry_after_s is None else error.retry_after_s


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return what `Retry-After` asks for, in seconds (RFC 9110, 10.2.3); None where that makes no sense."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        moment = email.utils.parsedate_to_datetime(said)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return max(0.0, (aware - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, OverflowError):  # no date, or of no time that there is
        return None


def backoff_s(tried: int) -> float:
    """Return how long to wait after the try of that number (from 0) where the server does not say."""
    longest: float = min(FIRST_WAIT_S * 2 ** min(tried, _DOUBLINGS), LONGEST_BACKOFF_S)
    # A little less, by chance: what failed together should not come back together.
    return longest * random.uniform(0.5, 1)  # noqa: S311


def error_of(answer: Answer) -> MessagesError:
    """Return what an answer that is no success is raised as."""
    told = envelopes.error_in(answer.content)
    request_id = (told.request_id if told else "") or answer.headers.get("x-request-id", "")
    kind = error_class(answer.status)
    if kind is UnexpectedResponseError:
        return unexpected(answer, f"HTTP {answer.status} is no answer of the API: is the base URL right?")
    if told is None:
        message, code, its_type, param = _unknown(answer.status), "unknown_error", "api_error", None
    else:
        message, code, its_type, param = told.message, told.code, told.type, told.param
    return kind(
        message,
        code=code,
        type=its_type,
        status=answer.status,
        param=param,
        request_id=request_id,
        retry_after_s=retry_after_s(answer.headers),
    )


def unexpected(answer: Answer, message: str) -> UnexpectedResponseError:
    """Return what an answer is raised as that is none of ours."""
    request_id = envelopes.request_id_in(answer.content) or answer.headers.get("x-request-id", "")
    return UnexpectedResponseError(message, code="unexpected_response", status=answer.status, request_id=request_id)


def no_answer(failure: Failure) -> ConnectionFailedError:
    """Return what it is raised as that nothing came back."""
    error = ConnectionFailedError(failure.message, code=failure.code, status=0)
    error.__cause__ = failure.cause
    return error


def _unknown(status: int) -> str:
    if status >= _SERVER_ERROR:
        return f"HTTP {status}, from something before the server, or a server in trouble"
    return f"HTTP {status}, and not in the API's words: is the base URL right?"


def _with_key(request: Request, options: Options) -> Request:
    """Name the effect, so that a repetition has it once."""
    if request.method == "GET":
        return request
    key = f"{options.idempotency_key}{request.key_suffix}" if options.idempotency_key else str(uuid.uuid4())
    return replace(request, headers={**request.headers, "Idempotency-Key": key})


def _judged(outcome: Outcome, request: Request) -> Answer | MessagesError:
    """Return the answer if it is a success, and else what it is raised as."""
    if isinstance(outcome, Failure):
        return no_answer(outcome)
    if not _is_success(outcome, request):
        return error_of(outcome)
    if outcome.content is None and request.method == "GET":
        return no_answer(Failure("connection_failed", "the answer was cut off"))
    return outcome


def _is_success(answer: Answer, request: Request) -> bool:
    if request.expects_redirect:
        return answer.status in _REDIRECTS and "location" in answer.headers
    return answer.status in _SUCCESSES


def _may_pass(error: MessagesError) -> bool:
    if error.status == _CONFLICT:
        return error.code == "idempotency_key_in_use"
    return error.status in (0, _TOO_SLOW, _LIMITED) or error.status >= _SERVER_ERROR
