"""What the README of the Python SDK shows works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import blueport_sdk
from blueport_sdk import Client
from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, until

README = (Path(__file__).parents[2] / "sdks" / "python" / "README.md").read_text()
# Each block of code by the line that it begins at.
BLOCKS = {
    f"line_{README[: found.start()].count(chr(10)) + 1}": found[1]
    for found in re.finditer(r"```python\n(.*?)```", README, re.DOTALL)
}
# What is written there, and what is there.
LINE, PERSON, RECEIVER = "+15551234567", "+15559876543", "https://agent.example.com"
FOR_EVER = [line for line, block in BLOCKS.items() if "client.events(" in block]
DJANGO = """
from django.conf import settings
settings.configure(LOGGING_CONFIG=None)
"""


@pytest.fixture(scope="module")
def blueport(blueport: Blueport) -> Blueport:
    """Return one that Ada has written to."""
    with _client(blueport) as client:
        blueport.texts(ADA, "Hi")
        until(lambda: client.list_chats(from_=blueport.line).data)
    return blueport


def _client(blueport: Blueport) -> Client:
    return Client(blueport.said["api_key"], blueport.said["api_url"])


def _program(block: str, blueport: Blueport, folder: Path) -> subprocess.Popen[str]:
    """Start what a block shows, with numbers that there are."""
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    shown = block.replace(LINE, blueport.line).replace(PERSON, ADA).replace(RECEIVER, "http://127.0.0.1:9")
    settings = {"MESSAGES_API_KEY": blueport.said["api_key"], "MESSAGES_API_URL": blueport.said["api_url"]}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", (DJANGO if "django" in block else "") + shown],
        env={**os.environ} | settings | {"WEBHOOK_SECRET": "whsec_test"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("line", [line for line in BLOCKS if line not in FOR_EVER])
def test_a_block_of_code_works(line: str, blueport: Blueport, tmp_path: Path) -> None:
    block = BLOCKS[line]
    program = _program(block, blueport, tmp_path)

    said, complaints = program.communicate(timeout=PATIENCE_S)

    assert (program.returncode, complaints) == (0, "")
    assert bool(said) == ("print" in block and "def heard" not in block)


def test_the_stream_is_followed_and_answered(blueport: Blueport, tmp_path: Path) -> None:
    [line] = FOR_EVER
    program = _program(BLOCKS[line], blueport, tmp_path)
    try:
        # It begins with what happens from now on, whenever that is.
        until(lambda: blueport.texts(ADA, "Are you there?") and _is_answered(blueport))
    finally:
        program.kill()
        program.communicate()


def _is_answered(blueport: Blueport) -> bool:
    return any(bubble["text"] == "You said: Are you there?" for bubble in blueport.phone(ADA))


def test_every_name_of_the_tables_exists() -> None:
    rows = [line.split("|")[1:3] for line in README.splitlines() if line.startswith("| `")]
    errors = [there for there, _ in rows if re.fullmatch(r" `[A-Z]\w+` ", there)]
    there = {name for there, _ in rows for name in re.findall(r"(?<=[` ])[a-z]+[A-Z]\w+(?=[`(])", there)}
    here = {name for _, here in rows for name in re.findall(r"(?<=[`.])[a-z]+_\w+(?=\()", here)}

    spelt = {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name) for name in there}
    methods = spelt - {"create_client", "verify_webhook"}
    assert len(methods) == 19
    assert [name for name in methods | here if not hasattr(Client, name)] == ["verify_webhook"]
    assert [name for name in errors if not hasattr(blueport_sdk, name.strip(" `"))] == []
    assert len(errors) == 8
