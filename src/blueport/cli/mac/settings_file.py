"""The file in which a Mac keeps the settings of its daemon: lines of `BLUEPORT_DAEMON_NAME=value`, its owner's alone.

It holds the token. It is written whole: a draft is flushed to the disk and takes the place of the file, so that whoever
dies meanwhile leaves the one or the other.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from blueport.cli.environment import misconfigured

USUAL = Path("~/Library/Application Support/Blueport/daemon.env")


def settings_in(path: Path) -> dict[str, str]:
    """Return the settings that a file holds; what is none in it ends the program with a word."""
    settings: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        name, is_setting, value = line.partition("=")
        if is_setting and name.strip().startswith("BLUEPORT_"):
            settings[name.strip()] = value.strip()
        elif line.strip() and not line.lstrip().startswith("#"):
            misconfigured(f"{path}: line {number} is neither BLUEPORT_...=value nor a remark that begins with #")
    return settings


def keep_settings(path: Path, settings: Mapping[str, str]) -> None:
    """Put *settings* into a file, in the place of those of the same names; what else is in it stays as it is.

    Raises:
        ValueError: A value is more than a line.
    """
    for value in settings.values():
        if len(value.splitlines()) > 1:
            raise ValueError("a setting is one line")
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in settings]
    write_whole(path, "\n".join([*kept, *(f"{name}={value}" for name, value in settings.items())]) + "\n")


def write_whole(path: Path, content: str) -> None:
    """Write a file that only its owner may read, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)  # one that was left may be readable by others
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
