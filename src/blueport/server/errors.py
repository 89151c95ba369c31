"""The one family of refusals that a caller sees; its code decides type and status."""

from typing import Literal, NamedTuple

ErrorType = Literal[
    "authentication_error",
    "authorization_error",
    "invalid_request_error",
    "not_found_error",
    "rate_limit_error",
    "api_error",
]


# Statuses of what passes by itself: too slow, still under way, too much.
_PASSING = (408, 409, 429)
_OUR_FAULT = 500


class Code(NamedTuple):
    """What a refusal with one code is."""

    type: ErrorType
    status: int
    meaning: str

    @property
    def retry_helps(self) -> bool:
        """Whether the same request, sent again later, may be granted."""
        return self.status in _PASSING or self.status >= _OUR_FAULT


class Meaning(NamedTuple):
    """What a word means by which something failed: what happened, and what to do now; empty if nothing is to be."""

    what: str
    remedy: str


# Codes of the seed, and those it is silent on: the last block, worded as Stripe would.
CODES: dict[str, Code] = {
    "missing_api_key": Code("authentication_error", 401, "The request has no `Authorization` header."),
    "invalid_api_key": Code("authentication_error", 401, "The API key is malformed, unknown, revoked or expired."),
    "insufficient_scope": Code(
        "authorization_error", 403, "The API key lacks the scope of this endpoint; the message names it."
    ),
    "line_not_accessible": Code("authorization_error", 403, "The API key is restricted to other lines."),
    "missing_required_parameter": Code(
        "invalid_request_error", 400, "A parameter that this endpoint needs is absent or null; `param` names it."
    ),
    "invalid_parameter_value": Code(
        "invalid_request_error", 400, "A parameter has the wrong type or a value that cannot be; `param` names it."
    ),
    "invalid_json": Code("invalid_request_error", 400, "The body is not one JSON object in UTF-8."),
    "empty_file": Code("invalid_request_error", 400, "The uploaded file has no bytes."),
    "advanced_features_required": Code(
        "invalid_request_error", 400, "The Mac of this line, as it is set up, cannot do what was asked."
    ),
    "contact_has_not_messaged": Code(
        "invalid_request_error", 403, "Nobody in that chat has written to the line yet; they have to write first."
    ),
    "contact_opted_out": Code(
        "invalid_request_error",
        403,
        "They texted STOP, and your account heeds that; they can text START to hear from you again.",
    ),
    "sandbox_not_activated": Code(
        "authorization_error", 403, "No phone is paired with your account on the sandbox line yet."
    ),
    "sandbox_requires_owner": Code(
        "authorization_error", 403, "The API key belongs to no person's account, and only those have a sandbox."
    ),
    "sandbox_contact_mismatch": Code(
        "invalid_request_error", 400, "On the sandbox line you can only reach the phone that you paired."
    ),
    "sandbox_quota_exceeded": Code(
        "rate_limit_error", 429, "The sandbox messages of this day are used up; they come back at midnight UTC."
    ),
    "loop_detected": Code(
        "rate_limit_error",
        429,
        "This chat looks like two programs that answer each other, and rests; `Retry-After` says until when.",
    ),
    "rate_limit_exceeded": Code(
        "rate_limit_error", 429, "The API key has made all the requests of this hour; `Retry-After` says when to go on."
    ),
    "line_not_found": Code(
        "not_found_error", 404, "`from` names no line of your account; of the sandbox: there is none here."
    ),
    "chat_not_found": Code("not_found_error", 404, "`to` names no chat on this line."),
    "message_not_found": Code("not_found_error", 404, "There is no such message where it was looked for."),
    "outbox_item_not_found": Code("not_found_error", 404, "There is no such outbox item."),
    "webhook_not_found": Code("not_found_error", 404, "There is no such webhook."),
    "delivery_not_found": Code("not_found_error", 404, "There is no such delivery, or it was dropped after 30 days."),
    "file_not_found": Code("not_found_error", 404, "There is no such file, or it has been deleted."),
    "route_not_found": Code("not_found_error", 404, "There is nothing at this path."),
    "method_not_allowed": Code(
        "invalid_request_error", 405, "The path exists, but not with this method; `Allow` lists those it takes."
    ),
    "idempotency_key_in_use": Code(
        "invalid_request_error", 409, "The first request with this `Idempotency-Key` is still being worked on."
    ),
    "file_too_large": Code("invalid_request_error", 400, "The file is larger than this installation takes."),
    "audio_not_readable": Code(
        "invalid_request_error", 422, "The file is no sound that can be made into a voice message."
    ),
    "range_not_satisfiable": Code("invalid_request_error", 416, "The file has no such part; it is shorter."),
    "malformed_request": Code("invalid_request_error", 400, "What arrived is not HTTP as we understand it."),
    "request_timeout": Code("invalid_request_error", 408, "The request stopped before it was complete."),
    "request_too_large": Code("invalid_request_error", 413, "The body is larger than any that makes sense here."),
    "request_headers_too_large": Code("invalid_request_error", 431, "The request line and headers are too large."),
    "internal_error": Code("api_error", 500, "Something went wrong on our side; quote the `request_id`."),
    "service_unavailable": Code("api_error", 503, "The service is busy, and nothing was done; try again soon."),
}


class ApiError(Exception):
    """A request that is refused; nothing of it was done."""

    def __init__(self, code: str, message: str, *, param: str | None = None, retry_after_s: int | None = None) -> None:
        """Refuse with one of CODES; *param* names the field at fault, where one is."""
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.code = code
        self.message = message
        self.param = param
        self.type = CODES[code].type
        self.status = CODES[code].status


class MisconfiguredError(Exception):
    """A setting that the server cannot start with; the text names it."""


class StoreUnavailableError(Exception):
    """The database could not take the work; none of it was done."""
