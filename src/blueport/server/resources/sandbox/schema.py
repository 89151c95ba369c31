"""Shapes of the sandbox."""

from typing import Literal

import msgspec


class NothingAsked(msgspec.Struct, frozen=True):
    """GET and POST /v1/sandbox take nothing."""


class Usage(msgspec.Struct, frozen=True):
    """Messages and audio messages of today; `resets_at` is the next midnight UTC (Unix milliseconds)."""

    used: int
    limit: int
    remaining: int
    resets_at: int


class Sandbox(msgspec.Struct, frozen=True):
    """How an account stands on the shared line; `contact_identifier` is the phone that it paired."""

    status: Literal["missing", "pending", "active"]
    activation_code: str | None
    sandbox_line_handle: str
    contact_identifier: str | None
    activated_at: int | None
    usage: Usage
