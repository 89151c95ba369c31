"""Every variable that server and daemon are set up by is described, with what it is usually, and no other."""

import re

from msgspec.structs import fields

from blueport.cli.environment import LOG_SETTINGS
from blueport.daemon.settings import Settings as DaemonSettings
from blueport.server.settings import Settings as ServerSettings
from tests.docs.blocks import pages

ALL = "\n".join(page.read_text() for page in pages())
NAMED = set(re.findall(r"\bBLUEPORT_[A-Z0-9_]*[A-Z0-9]\b", ALL))
DEFAULTS = {
    f"BLUEPORT_{name.upper()}": getattr(ServerSettings(), name) for name in ServerSettings.__struct_fields__
} | {f"BLUEPORT_DAEMON_{field.name.upper()}": field.default for field in fields(DaemonSettings)}


def test_each_variable_is_described_and_no_other() -> None:
    assert DEFAULTS.keys() | LOG_SETTINGS == NAMED


def test_what_it_is_usually_is_true() -> None:
    rows = re.findall(r"^\| (`BLUEPORT_[^|]*) \| ([^|]*\d[^|]*) \|", ALL, re.MULTILINE)
    told = {
        name: value.strip("` ")
        for names, values in rows
        for name, value in zip(re.findall(r"BLUEPORT_\w+", names), values.split(", "), strict=True)
    }

    assert len(told) > 20
    assert told == {name: f"{DEFAULTS[name]}" for name in told}
