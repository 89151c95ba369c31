"""What every answer must be, judged apart from the server's own words for it."""

import re

import httpx2

_TYPES = {
    401: "authentication_error",
    403: "authorization_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
}
_REQUEST_ID = re.compile(r"req_[0-9a-z]{20,}")


def assert_refused(answer: httpx2.Response, status: int, code: str, param: str | None = None) -> None:
    """Judge an error answer: the envelope of the seed, to the letter."""
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), answer.text
    is_about_them = code in ("contact_has_not_messaged", "contact_opted_out")
    assert body["error"]["type"] == ("invalid_request_error" if is_about_them else _type_of(status))
    assert body["error"].get("param") == param
    assert set(body["error"]) == {"type", "code", "message"} | ({"param"} if param else set())
    assert set(body) == {"error", "request_id"}
    assert body["error"]["message"]
    assert_marked(answer)


def assert_done(answer: httpx2.Response, status: int = 200) -> None:
    """Judge a good answer, whatever it says."""
    assert answer.status_code == status, answer.text
    assert_marked(answer)


def assert_marked(answer: httpx2.Response) -> None:
    """Judge what all answers have in common."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert _REQUEST_ID.fullmatch(answer.headers["x-request-id"])
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def _type_of(status: int) -> str:
    return _TYPES.get(status, "invalid_request_error")
