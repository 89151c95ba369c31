"""Which codes an endpoint may answer, and what each means."""

import msgspec

from blueport.server.errors import CODES
from blueport.server.http.endpoint import Endpoint

# What any request may come to, whatever it asks.
OF_ANY = (
    "missing_api_key",
    "invalid_api_key",
    "insufficient_scope",
    "rate_limit_exceeded",
    "malformed_request",
    "request_timeout",
    "request_headers_too_large",
    "internal_error",
    "service_unavailable",
)
_OF_JSON = ("request_too_large", "invalid_json")
_OF_AN_UPLOAD = ("empty_file", "file_too_large")


class Explained(msgspec.Struct, frozen=True):
    """One code, as contract/errors.json has it."""

    type: str
    status: int
    meaning: str
    retry_helps: bool


def explained() -> dict[str, Explained]:
    """Return every code with what it means."""
    return {
        name: Explained(code.type, code.status, code.meaning, code.retry_helps) for name, code in sorted(CODES.items())
    }


def codes_of(endpoint: Endpoint) -> list[str]:
    """Return the codes that *endpoint* may answer, in the order of CODES."""
    possible = {*OF_ANY, *_of_shape(endpoint), *endpoint.refusals}
    return [code for code in CODES if code in possible]


def by_status(endpoint: Endpoint) -> dict[int, list[str]]:
    """Return the codes that *endpoint* may answer, by the status that they come with."""
    grouped: dict[int, list[str]] = {}
    for code in codes_of(endpoint):
        grouped.setdefault(CODES[code].status, []).append(code)
    return dict(sorted(grouped.items()))


def _of_shape(endpoint: Endpoint) -> list[str]:
    fields = () if endpoint.is_upload else msgspec.structs.fields(endpoint.asked)
    needs_some = any(field.required for field in fields) or hasattr(endpoint.asked, "ONE_OF")
    codes = ["missing_required_parameter"] if needs_some else []
    # Whatever is asked for: a query may name something twice, and a write bears an Idempotency-Key that is none.
    return [*codes, "invalid_parameter_value", *_of_body(endpoint)]


def _of_body(endpoint: Endpoint) -> tuple[str, ...]:
    if endpoint.method == "GET":
        return ()
    return _OF_AN_UPLOAD if endpoint.is_upload else _OF_JSON
