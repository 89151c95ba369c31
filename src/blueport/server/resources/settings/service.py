"""Tells what an account has set, and changes it."""

from typing import TypeVar

from msgspec import UnsetType

from blueport.server.auditing import service as auditing
from blueport.server.customizing import service as customizing
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.resources.settings.schema import (
    ChangeLoopGuard,
    ChangePacing,
    ChangeSettings,
    GetSettings,
    LoopGuard,
    Pacing,
    Settings,
)
from blueport.server.store.tx import Tx

# Three things can be said of a part: nothing, that it be as the installation does, or what of it is to be different.
_SAME_PACING = ChangePacing()
_USUAL_PACING = ChangePacing(None, None)
_SAME_GUARD = ChangeLoopGuard()
_USUAL_GUARD = ChangeLoopGuard(None, None, None)

Part = TypeVar("Part", ChangePacing, ChangeLoopGuard)


def get(tx: Tx, call: Call[GetSettings]) -> Settings:
    """Tell what is set for your account."""
    return _settings(tx, call)


def change(tx: Tx, call: Call[ChangeSettings]) -> Settings:
    """Change what is set for your account; what is not named stays."""
    if call.key.line_ids is not None:
        message = "Settings are those of all lines, and this API key is restricted to some."
        raise ApiError("line_not_accessible", message)
    changes = _changes(call.asked)
    if changes:
        customizing.change_preferences(tx, call.key.account_id, changes)
        detail = customizing.told(changes)
        target = call.key.account_id
        auditing.note(tx, call.actor, "settings.changed", account_id=target, target=target, detail=detail)
    return _settings(tx, call)


def _changes(asked: ChangeSettings) -> dict[str, int | None]:
    """Return what is to be set, by the names of Preferences."""
    pacing = _part(asked.pacing, _SAME_PACING, _USUAL_PACING)
    guard = _part(asked.loop_guard, _SAME_GUARD, _USUAL_GUARD)
    named = {
        "extended_events": _flag(asked.extended_events),
        "stop_handling": _flag(asked.stop_handling),
        "pace_ms": pacing.interval_ms,
        "pace_burst": pacing.burst,
        "loop_limit": guard.limit,
        "loop_window_s": guard.window_s,
        "loop_pause_s": guard.pause_s,
    }
    return {name: value for name, value in named.items() if not isinstance(value, UnsetType)}


def _part(asked: Part | UnsetType | None, same: Part, usual: Part) -> Part:
    if isinstance(asked, UnsetType):
        return same
    return usual if asked is None else asked


def _flag(asked: bool | UnsetType | None) -> int | UnsetType:  # noqa: FBT001 - a value, and no switch
    return asked if isinstance(asked, UnsetType) else int(asked or False)


def _settings(tx: Tx, call: Call[GetSettings] | Call[ChangeSettings]) -> Settings:
    terms = customizing.in_force(tx, call.key.account_id)
    return Settings(
        extended_events=bool(terms.extended_events),
        stop_handling=bool(terms.stop_handling),
        pacing=Pacing(terms.pace_ms, terms.pace_burst),
        loop_guard=LoopGuard(terms.loop_limit, terms.loop_window_s, terms.loop_pause_s),
    )
