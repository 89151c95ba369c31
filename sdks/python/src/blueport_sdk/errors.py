"""What can go wrong, as a tree.

MessagesError                    .type .code .message .param .status .request_id .retry_after_s
├── AuthenticationError          401
├── AuthorizationError           403
├── NotFoundError                404
├── RateLimitError               429, and `retry_after_s` says for how long
├── InvalidRequestError          every other 4xx
├── ServerError                  5xx
├── UnexpectedResponseError      an answer that is none of ours, a success among them
└── ConnectionFailedError        no answer at all: `connection_failed` or `timeout`
SignatureVerificationError       a webhook that is not to be believed
WaitTimeoutError                 what was waited for did not come (a `TimeoutError`)
"""


class MessagesError(Exception):
    """A request that failed, and all that the server said of it."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int,
        type: str = "api_error",
        param: str | None = None,
        request_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        """Take what is known.

        Args:
            message: One sentence for people.
            code: Which error it is, for programs; `unknown_error` if the server did not say.
            status: The HTTP status; 0 where no answer came.
            type: The kind that the code belongs to.
            param: The parameter that was wrong, if one was.
            request_id: What to quote when you ask about it; empty where none is known.
            retry_after_s: In how many seconds the server would like to be asked again, if it said so.
        """
        super().__init__(message)
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.status = status
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        known = [self.code, f"HTTP {self.status}" if self.status else "", self.request_id]
        return f"{self.message} ({', '.join(filter(None, known))})"

    def __reduce__(self) -> tuple[object, ...]:
        # Workers hand errors from one process to another, and only what has no names of arguments goes by itself.
        return _again, (type(self), self.__dict__)


class AuthenticationError(MessagesError):
    """The key is missing, malformed, unknown, revoked or expired."""


class AuthorizationError(MessagesError):
    """The key may not do that, or nobody in that chat has written yet."""


class NotFoundError(MessagesError):
    """There is no such thing, or it is not yours."""


class RateLimitError(MessagesError):
    """Too much, too fast; `retry_after_s` says how long to wait."""


class InvalidRequestError(MessagesError):
    """The request itself is wrong; `param` says where."""


class ServerError(MessagesError):
    """The server failed, or is not there for now."""


class UnexpectedResponseError(MessagesError):
    """The answer is none of ours. What was asked may have been done: it is not repeated."""


class ConnectionFailedError(MessagesError):
    """No answer came. A repetition under the same idempotency key has its effect once."""


class SignatureVerificationError(Exception):
    """The webhook was not sent by who knows the secret, or not within the last minutes."""


class WaitTimeoutError(TimeoutError):
    """What was waited for did not come in time; it still may."""


_OF_STATUS = {401: AuthenticationError, 403: AuthorizationError, 404: NotFoundError, 429: RateLimitError}


def error_class(status: int) -> type[MessagesError]:
    """Return what an answer of that *status* is raised as."""
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    if 400 <= status < 500:  # noqa: PLR2004  # HTTP's own classes
        return InvalidRequestError
    return ServerError if status >= 500 else UnexpectedResponseError  # noqa: PLR2004


def _again(kind: type[MessagesError], state: dict[str, object]) -> MessagesError:
    """Make an error as it was in another process."""
    error = kind.__new__(kind, state["message"])
    error.__dict__.update(state)
    return error
