"""The parser of every verb: it reads what was typed, or completes what is being typed."""

import argparse
import importlib
import os
from collections.abc import Sequence
from typing import Any

# Set by the shell that asks what may come next, to the number of the word from which on this parser is to read.
COMPLETING = "_ARGCOMPLETE"


class Parser(argparse.ArgumentParser):
    """Reads the words behind a verb."""

    def parse_args(  # type: ignore[override]  # nobody here hands in a namespace of his own
        self, args: Sequence[str] | None = None
    ) -> argparse.Namespace:
        """See `ArgumentParser.parse_args`; where a shell asks, tell it what may come next and end."""
        if COMPLETING in os.environ:
            complete(self)
        return super().parse_args(args)


class MixingParser(Parser):
    """Reads options anywhere: `argparse` takes what may be missing for missing once there is an option before it."""

    _is_mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See `ArgumentParser.parse_known_args`; it asks for itself again, piece by piece."""
        if self._is_mixing or self._subparsers is not None or COMPLETING in os.environ:
            return super().parse_known_args(args, namespace)
        self._is_mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_mixing = False


def words_in(value: str) -> list[str]:
    """Read words with commas between them."""
    return [word.strip() for word in value.split(",")]


def complete(parser: Parser) -> None:
    """Tell the shell how what *parser* reads may go on, and end."""
    # Nobody else needs it loaded.
    importlib.import_module("argcomplete").autocomplete(parser, always_complete_options=False)
