"""Reads settings from the environment: `BLUEPORT_LEASE_S=30` sets the server's `lease_s`."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Never, TypeVar

import msgspec

from blueport import failpoints
from blueport.cli.parsing import words_in

Settings = TypeVar("Settings", bound=msgspec.Struct)
Prefix = Literal["BLUEPORT_", "BLUEPORT_DAEMON_", "BLUEPORT_SIMULATOR_", "BLUEPORT_MAC_"]

# BSD's word for it (sysexits.h); there is no use in starting such a process again.
MISCONFIGURED = 78
FAILPOINTS = "BLUEPORT_FAILPOINTS"
LOG_SETTINGS = frozenset({"BLUEPORT_LOG", "BLUEPORT_LOG_LEVEL"})
_NOT_THE_SERVERS = ("BLUEPORT_DAEMON_", "BLUEPORT_SIMULATOR_", "BLUEPORT_MAC_", FAILPOINTS)
# What a value is that is none of those that it may be.
_QUOTED = re.compile(r"Invalid enum value .*(?= - at `)", re.DOTALL)


def settings_of(shape: type[Settings], prefix: Prefix, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that the environment gives; an unknown or ill-typed one ends the program with a word."""
    return converted({name: value for name, value in environ.items() if _is_of(name, prefix)}, shape, prefix)


def converted(named: Mapping[str, str], shape: type[Settings], prefix: Prefix = "BLUEPORT_") -> Settings:
    """Return the settings that variables of that *prefix* give; an unknown or ill-typed one ends the program."""
    given = {name.removeprefix(prefix).lower(): value for name, value in named.items()}
    lists = {field.name for field in msgspec.structs.fields(shape) if field.type == tuple[str, ...]}
    values = {name: words_in(value) if name in lists else value for name, value in given.items()}
    try:
        return msgspec.convert(values, shape, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        # A value may be a secret that was put into the wrong place.
        misconfigured(f"the settings {prefix}... are not right: {_QUOTED.sub('Invalid value', str(error))}")


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
    if prefix == "BLUEPORT_" and (name in LOG_SETTINGS or name.startswith(_NOT_THE_SERVERS)):
        return False
    return name.startswith(prefix)


def _path(kind: type, value: object) -> object:
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value).expanduser()
    raise NotImplementedError
