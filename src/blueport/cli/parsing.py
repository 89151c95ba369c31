"""The parser of every verb: it reads what was typed, or completes what is being typed."""

import argparse
import importlib
import os
from collections.abc import Sequence

# Set by the shell that asks what may come next, to the number of the word from which on this parser is to read.
COMPLETING = "_ARGCOMPLETE"


class Parser(argparse.ArgumentParser):
    """Reads the words behind a verb."""

    def parse_args(  # type: ignore[override]  # nobody here hands in a namespace of his own
        self, args: Sequence[str] | None = None
    ) -> argparse.Namespace:
        """See `ArgumentParser.parse_args`; where a shell asks, tell it what may come next and end."""
        if COMPLETING in os.environ:
            # Nobody else needs it loaded.
            importlib.import_module("blueport.cli.completing").complete(self)
        return super().parse_args(args)
