"""Runs the examples as their readers do: real processes beside a real `blueport dev`."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.system.blueport import Blueport, Json

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextlib.contextmanager
def running_bot(blueport: Blueport, *command: str, **environment: str) -> Iterator[None]:
    """Run a bot that has said that it listens until the end of the block, and kill it there."""
    known = {"MESSAGES_API_URL": blueport.said["api_url"], "MESSAGES_API_KEY": blueport.said["api_key"]}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | known | environment, cwd=EXAMPLES.parent
    ) as bot:
        assert bot.stdout is not None
        try:
            said = bot.stdout.readline()
            assert said.startswith("listening"), f"the bot said {said!r}"
            yield
        finally:
            bot.kill()


def python(example: str, *arguments: object) -> list[str]:
    return [sys.executable, str(EXAMPLES / example), *map(str, arguments)]


def newest_event(blueport: Blueport) -> str:
    """Return the id of what happened last."""
    page: Json = {"has_more": True, "next_cursor": "evt_" + "0" * 26}
    while page["has_more"]:
        page = blueport.api("GET", f"/v1/events?limit=100&after={page['next_cursor']}")
    return page["next_cursor"]


def heard_by(blueport: Blueport, person: str) -> list[str]:
    """Return what the line said to a person, oldest first; what became of a group is no saying."""
    ours = [bubble for bubble in blueport.phone(person) if bubble["sender"] == blueport.line]
    return [bubble["text"] for bubble in ours if bubble["note"] is None]
