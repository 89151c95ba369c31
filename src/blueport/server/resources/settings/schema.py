"""Shapes of settings."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from blueport.server.settings import LoopLimit, LoopPauseS, LoopWindowS, PaceBurst, PaceMs

_EVENTS = Meta(
    description="Whether webhooks may ask for more events than the four of the hosted API.",
    examples=[False],
)
_STOP = Meta(
    description="Whether a chat is left alone whose person texts STOP, until they text START.",
    examples=[True],
)
_INTERVAL = Meta(
    description="The time between two messages of a line, in milliseconds; 0: no pace.",
    examples=[1000],
)
_BURST = Meta(description="How many messages may go at once after a rest.", examples=[5])
_LIMIT = Meta(
    description="How many messages by us, and as many by one other person, make a loop; 0: no guard.",
    examples=[20],
)
_WINDOW = Meta(description="Within how many seconds.", examples=[120])
_PAUSE = Meta(description="For how many seconds the chat cannot be written to then.", examples=[600])
_PACING = Meta(description="How fast each line sends. What is accepted waits for its turn, and nothing is dropped.")
_LOOP_GUARD = Meta(description="When two programs that answer each other are stopped.")


class GetSettings(msgspec.Struct, frozen=True):
    """GET /v1/settings takes nothing."""


class Pacing(msgspec.Struct, frozen=True):
    """How fast each line sends."""

    interval_ms: Annotated[PaceMs, _INTERVAL]
    burst: Annotated[PaceBurst, _BURST]


class LoopGuard(msgspec.Struct, frozen=True):
    """When a chat is taken for two programs that answer each other, and what for how long becomes of it."""

    limit: Annotated[LoopLimit, _LIMIT]
    window_s: Annotated[LoopWindowS, _WINDOW]
    pause_s: Annotated[LoopPauseS, _PAUSE]


class Settings(msgspec.Struct, frozen=True):
    """What holds for an account: what it has set, and else what the installation does."""

    extended_events: Annotated[bool, _EVENTS]
    stop_handling: Annotated[bool, _STOP]
    pacing: Annotated[Pacing, _PACING]
    loop_guard: Annotated[LoopGuard, _LOOP_GUARD]


class ChangePacing(msgspec.Struct, frozen=True):
    """What is to be different about the pace; null: as the installation does."""

    interval_ms: Annotated[PaceMs | UnsetType | None, _INTERVAL] = UNSET
    burst: Annotated[PaceBurst | UnsetType | None, _BURST] = UNSET


class ChangeLoopGuard(msgspec.Struct, frozen=True):
    """What is to be different about the guard; null: as the installation does."""

    limit: Annotated[LoopLimit | UnsetType | None, _LIMIT] = UNSET
    window_s: Annotated[LoopWindowS | UnsetType | None, _WINDOW] = UNSET
    pause_s: Annotated[LoopPauseS | UnsetType | None, _PAUSE] = UNSET


class ChangeSettings(msgspec.Struct, frozen=True):
    """Body of POST /v1/settings: what is to be different; null puts back what the installation does."""

    extended_events: Annotated[bool | UnsetType | None, _EVENTS] = UNSET
    stop_handling: Annotated[bool | UnsetType | None, _STOP] = UNSET
    pacing: Annotated[ChangePacing | UnsetType | None, _PACING] = UNSET
    loop_guard: Annotated[ChangeLoopGuard | UnsetType | None, _LOOP_GUARD] = UNSET
