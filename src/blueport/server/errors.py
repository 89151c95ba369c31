"""The one family of refusals that a caller sees; its code decides type and status."""

from typing import Literal

ErrorType = Literal[
    "authentication_error",
    "authorization_error",
    "invalid_request_error",
    "not_found_error",
    "rate_limit_error",
    "api_error",
]

# Codes of the seed, and those it is silent on: the last block, worded as Stripe would.
CODES: dict[str, tuple[ErrorType, int]] = {
    "missing_api_key": ("authentication_error", 401),
    "invalid_api_key": ("authentication_error", 401),
    "insufficient_scope": ("authorization_error", 403),
    "line_not_accessible": ("authorization_error", 403),
    "missing_required_parameter": ("invalid_request_error", 400),
    "invalid_parameter_value": ("invalid_request_error", 400),
    "invalid_json": ("invalid_request_error", 400),
    "empty_file": ("invalid_request_error", 400),
    "advanced_features_required": ("invalid_request_error", 400),
    "contact_has_not_messaged": ("invalid_request_error", 403),
    "sandbox_not_activated": ("authorization_error", 403),
    "sandbox_requires_owner": ("authorization_error", 403),
    "sandbox_contact_mismatch": ("invalid_request_error", 400),
    "sandbox_quota_exceeded": ("rate_limit_error", 429),
    "rate_limit_exceeded": ("rate_limit_error", 429),
    "line_not_found": ("not_found_error", 404),
    "chat_not_found": ("not_found_error", 404),
    "message_not_found": ("not_found_error", 404),
    "outbox_item_not_found": ("not_found_error", 404),
    "webhook_not_found": ("not_found_error", 404),
    "file_not_found": ("not_found_error", 404),
    "route_not_found": ("not_found_error", 404),
    "method_not_allowed": ("invalid_request_error", 405),
    "idempotency_key_in_use": ("invalid_request_error", 409),
    "file_too_large": ("invalid_request_error", 400),
    "audio_not_readable": ("invalid_request_error", 422),
    "range_not_satisfiable": ("invalid_request_error", 416),
    "malformed_request": ("invalid_request_error", 400),
    "request_timeout": ("invalid_request_error", 408),
    "request_too_large": ("invalid_request_error", 413),
    "request_headers_too_large": ("invalid_request_error", 431),
    "internal_error": ("api_error", 500),
    "service_unavailable": ("api_error", 503),
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
        self.type, self.status = CODES[code]


class MisconfiguredError(Exception):
    """A setting that the server cannot start with; the text names it."""


class StoreUnavailableError(Exception):
    """The database could not take the work; none of it was done."""
