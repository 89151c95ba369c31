"""What every answer has around it: JSON, a request id, and an error where it is one."""

import json
from dataclasses import dataclass

from blueport_sdk.shapes import MismatchError, shaped


@dataclass(frozen=True)
class ToldError:
    """An error as the server tells it."""

    type: str
    code: str
    message: str
    param: str | None
    request_id: str


@dataclass(frozen=True)
class _Error:
    type: str
    code: str
    message: str
    param: str | None = None


def json_in(content: bytes | None) -> dict[str, object]:
    """Return the object in a body.

    Raises:
        MismatchError: It was cut off, or is no JSON, or no object.
    """
    if content is None:
        raise MismatchError("it was cut off")
    try:
        told = json.loads(content.decode())
    except (ValueError, RecursionError):  # the latter is what `[[[[...` leads to
        raise MismatchError("it is no JSON") from None
    if not isinstance(told, dict):
        raise MismatchError("it is no object")
    return told


def request_id_in(content: bytes | None) -> str:
    """Return the request id in a body, or nothing."""
    try:
        told = json_in(content).get("request_id")
    except MismatchError:
        return ""
    return told if isinstance(told, str) else ""


def error_in(content: bytes | None) -> ToldError | None:
    """Return the error in a body; None if it tells of none in our way."""
    try:
        error = shaped(_Error, json_in(content).get("error"))
    except MismatchError:
        return None
    return ToldError(error.type, error.code, error.message, error.param, request_id_in(content))
