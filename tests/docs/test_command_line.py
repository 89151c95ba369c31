"""The page about the command line has every command with all of its options, in the words of `--help`."""

import os

from tests.docs import commands
from tests.docs.blocks import DOCS

PAGE = DOCS / "reference" / "command-line.md"


def test_every_command_is_described_as_it_describes_itself() -> None:
    told = commands.page()
    if "WRITE" in os.environ:
        PAGE.write_text(told)

    assert PAGE.read_text() == told
