"""The settings of an installed daemon: `BLUEPORT_DAEMON_...=value`, one a line, in a file for its owner alone.

They are not in the agent's plist, which anybody may read, nor on the daemon's command line, which anybody may list: one
of them is its token. Values are taken as they stand, without quotes or escapes.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from blueport.whole_files import OWNER_ONLY, write_whole

PREFIX = "BLUEPORT_DAEMON_"
_ALSO = ("BLUEPORT_LOG", "BLUEPORT_LOG_LEVEL")
_LINE = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)\s*=\s*(?P<value>.*)")
_HEAD = """\
# Settings of the Blueport daemon, one NAME=value a line. After a change: blueport daemon install
# This file holds the daemon's token: let nobody else read it.
"""


class SettingsFileError(Exception):
    """A settings file cannot be read, or holds what is no setting; the text says where, and quotes no value."""


def read(path: Path) -> dict[str, str]:
    """Return the variables that *path* sets.

    Raises:
        SettingsFileError: It cannot be read, or a line of it is none of ours.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsFileError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsFileError(f"{path} is no text") from error
    numbered = enumerate((line.strip() for line in lines), 1)
    return dict(_variable(path, number, line) for number, line in numbered if line and not line.startswith("#"))


def write(path: Path, variables: Mapping[str, str]) -> None:
    """Keep *variables* and what people have remarked at the top, whole or not at all.

    Raises:
        SettingsFileError: A value has more than one line.
    """
    for name, value in variables.items():
        if not value.isprintable():
            raise SettingsFileError(f"{name} has more than one line, or what cannot be printed")
    lines = "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
    write_whole(path, (_remarks(path) + lines).encode(), mode=OWNER_ONLY)


def ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Return those variables that may stand in a settings file."""
    return {name: value for name, value in environ.items() if _is_ours(name)}


def _remarks(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return "".join(line for line in lines if line.startswith("#")) or _HEAD


def _variable(path: Path, number: int, line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None or not _is_ours(match["name"]):
        raise SettingsFileError(f"{path}, line {number}: this is no {PREFIX}NAME=value")
    return match["name"], match["value"]


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) or name in _ALSO
