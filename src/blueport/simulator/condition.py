"""How a simulated Mac is set up, apart from what is in its Messages: a file of its folder that may be written anew."""

from pathlib import Path

import msgspec

from blueport.simulator.settings import MacOs, Settings, condition_path

_VERSIONS: dict[MacOs, str] = {
    "12": "12.7.6",
    "13": "13.7.8",
    "14": "14.8.2",
    "15": "15.7.1",
    "26": "26.1",
    "26x": "26.5.2",
}


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`condition.json`; what is not said there is as here.

    `has_session` is whether somebody is logged in at the screen, `sleep_min` after how many idle minutes the Mac
    sleeps (0: never), and `logs_in` who is logged in by itself after a start.
    """

    version: str
    has_session: bool = True
    is_signed_in: bool = True
    sleep_min: int = 0
    restarts_after_power_failure: bool = True
    is_encrypted: bool = False
    logs_in: str | None = "me"


def condition_of(folder: Path) -> Condition:
    """Return how the Mac in *folder* is set up now."""
    return msgspec.json.decode(condition_path(folder).read_bytes(), type=Condition)


def set_up(folder: Path, condition: Condition) -> None:
    """Set a Mac up otherwise."""
    path = condition_path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(condition)))
    draft.replace(path)


def set_up_if_new(settings: Settings) -> None:
    """Set a new Mac up as a good host would."""
    if not condition_path(settings.folder).exists():
        set_up(settings.folder, Condition(version=_VERSIONS[settings.macos]))
