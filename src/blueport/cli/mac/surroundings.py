"""What the commands of a Mac find around them: settings in the environment and in a file, and the Mac's programs."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from blueport.cli.environment import misconfigured, settings_of
from blueport.daemon.installing import settings_file
from blueport.daemon.installing.places import Places
from blueport.daemon.installing.settings_file import PREFIX, SettingsFileError
from blueport.daemon.programs import Programs, programs_in
from blueport.daemon.settings import Settings

_HANDED_ON = ("BLUEPORT_MAC_PROGRAMS", "SSL_CERT_FILE", "SSL_CERT_DIR")
# Without them a daemon has no server; all others have a value of their own.
_NEEDED = {"SERVER_URL": "http://127.0.0.1", "TOKEN": "-", "LINES": "nobody@example.com"}


class _Mac(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`BLUEPORT_MAC_PROGRAMS` is where a simulated Mac has its programs; a real one has them where Apple puts them."""

    programs: Path | None = None


def kept(settings: Path) -> dict[str, str]:
    """Return the variables of a settings file, none if it is not there; what is none in it ends the program."""
    return _read(settings) if settings.exists() else {}


def environment_over(settings: Path | None) -> dict[str, str]:
    """Return the variables of a settings file, if one is named, with those of the environment above them."""
    return (_read(settings) if settings is not None else {}) | os.environ


def kept_or_given(settings: Path) -> dict[str, str]:
    """Return the daemon's variables in a settings file that may be there, with those of the environment above them."""
    return settings_file.ours(environment_over(settings if settings.exists() else None))


def places() -> Places:
    """Return where an installed daemon has its files."""
    return Places(Path.home())


def programs() -> Programs:
    """Return where this Mac's programs are."""
    folder = settings_of(_Mac, "BLUEPORT_MAC_").programs
    return Programs() if folder is None else programs_in(folder.absolute())


def handed_on() -> dict[str, str]:
    """Return what an agent needs in its environment to find the same programs, and to trust the same servers."""
    return {name: _absolute(os.environ[name]) for name in _HANDED_ON if name in os.environ}


def missing(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of settings that a daemon needs and does not have."""
    return tuple(PREFIX + name for name in _NEEDED if not variables.get(PREFIX + name))


def as_far_as_known(variables: Mapping[str, str]) -> Settings:
    """Return settings in which what is missing is filled in; one that is not right ends the program with a word."""
    filled = {PREFIX + name: value for name, value in _NEEDED.items() if PREFIX + name in missing(variables)}
    return settings_of(Settings, "BLUEPORT_DAEMON_", {**in_place(variables), **filled})


def in_place(variables: Mapping[str, str]) -> dict[str, str]:
    """Return settings of a daemon that is installed, which has no working directory to speak of."""
    chat_db = f"{PREFIX}CHAT_DB"
    paths = {chat_db: _absolute(variables[chat_db])} if chat_db in variables else {}
    return {**variables, **paths, f"{PREFIX}JOURNAL": str(journal_of(variables))}


def journal_of(variables: Mapping[str, str]) -> Path:
    """Return where a daemon that is installed with these settings keeps its journal."""
    named = variables.get(f"{PREFIX}JOURNAL")
    return places().journal if named is None else Path(_absolute(named))


def _read(settings: Path) -> dict[str, str]:
    try:
        return settings_file.read(settings)
    except SettingsFileError as error:
        misconfigured(str(error))


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
