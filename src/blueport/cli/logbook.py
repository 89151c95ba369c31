"""Begins the log of a process: `BLUEPORT_LOG` is its form, `BLUEPORT_LOG_LEVEL` how much is told."""

import os
import sys
from collections.abc import Mapping

import msgspec

from blueport.cli.environment import LOG_SETTINGS, converted
from blueport.logs import lines
from blueport.logs.lines import Form, Level


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings that server, daemon and simulator share."""

    # Lines of JSON, or lines for people; by itself the latter in a terminal.
    log: Form = "auto"
    # At `info`: starts, stops, daemons' hellos and deliveries that fail; at `debug` each request too.
    log_level: Level = "info"


def begin(program: str, environ: Mapping[str, str] = os.environ) -> None:
    """Have *program* log to standard error."""
    settings = converted({name: environ[name].lower() for name in LOG_SETTINGS & environ.keys()}, Settings)
    lines.begin(program, level=settings.log_level, form=settings.log, stream=sys.stderr)
