"""The doctor asks a real server, which hears of no daemon from that."""

import json
import os
import subprocess

import pytest

from tests.patience import PATIENCE_S
from tests.system.blueport import Blueport
from tests.warm import BLUEPORT


def found(blueport: Blueport, **settings: str) -> dict[str, str]:
    """Return the verdict on each thing, with other settings than those that are right."""
    folder = blueport.folder
    given = {
        "SERVER_URL": blueport.said["api_url"],
        "TOKEN": json.loads((folder / "dev.json").read_text())["daemon_token"],
        "LINES": blueport.line,
        **settings,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
    environment |= {f"BLUEPORT_DAEMON_{name}": value for name, value in given.items()}
    environment |= {"HOME": str(folder / "mac"), "BLUEPORT_MAC_PROGRAMS": str(folder / "mac" / "bin")}
    command = [*BLUEPORT, "daemon", "doctor", "--here", "--json"]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=folder
    )
    return {each["name"]: each["verdict"] for each in json.loads(ended.stdout)}


@pytest.mark.parametrize(
    ("settings", "server", "lines"),
    [
        ({}, "ok", "ok"),
        ({"TOKEN": "dt_another"}, "wrong", "unknown"),
        ({"LINES": "+15550107777"}, "ok", "wrong"),
    ],
    ids=["all is right", "another token", "another line"],
)
def test_what_the_server_does_not_have_is_found(
    blueport: Blueport, settings: dict[str, str], server: str, lines: str
) -> None:
    before = blueport.api("GET", "/v1/lines")["data"]

    verdicts = found(blueport, **settings)

    assert blueport.api("GET", "/v1/lines")["data"] == before
    assert (verdicts["server"], verdicts["lines on the server"], verdicts["clock"]) == (server, lines, "ok")
