"""Reads settings from the environment: `BLUEPORT_LEASE_S=30` sets the server's `lease_s`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Never, TypeVar

import msgspec

from blueport import failpoints

Settings = TypeVar("Settings", bound=msgspec.Struct)
Prefix = Literal["BLUEPORT_", "BLUEPORT_DAEMON_", "BLUEPORT_SIMULATOR_"]

# BSD's word for it (sysexits.h); there is no use in starting such a process again.
MISCONFIGURED = 78
FAILPOINTS = "BLUEPORT_FAILPOINTS"
_NOT_THE_SERVERS = ("BLUEPORT_DAEMON_", "BLUEPORT_SIMULATOR_", FAILPOINTS)


def settings_of(shape: type[Settings], prefix: Prefix, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that the environment gives; an unknown or ill-typed one ends the program with a word."""
    given = {name.removeprefix(prefix).lower(): value for name, value in environ.items() if _is_of(name, prefix)}
    lists = {field.name for field in msgspec.structs.fields(shape) if field.type == tuple[str, ...]}
    values = {name: _words(value) if name in lists else value for name, value in given.items()}
    try:
        return msgspec.convert(values, shape, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        misconfigured(f"the settings {prefix}... are not right: {error}")


def misconfigured(what: str) -> Never:
    """End the program with a word on a setting."""
    print(f"blueport: {what}", file=sys.stderr)
    sys.exit(MISCONFIGURED)


def arm_failpoints() -> None:
    """Let a test decide where this process dies."""
    folder = os.environ.get(FAILPOINTS)
    if folder is not None:
        failpoints.arm(Path(folder))


def _is_of(name: str, prefix: Prefix) -> bool:
    return name.startswith(prefix) and (prefix != "BLUEPORT_" or not name.startswith(_NOT_THE_SERVERS))


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",")]


def _path(kind: type, value: object) -> object:
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value).expanduser()
    raise NotImplementedError
