"""`blueport daemon`: the daemon on a Mac, and all that keeps it at work there."""

import importlib
import sys

# By its first argument, which may be missing: then the daemon runs.
WORDS = {
    "run": "the daemon itself, which is what happens without a word too",
    "pair": "have a server let this Mac in, on the word of a code",
    "install": "have this Mac start the daemon at each login, and keep it running",
    "uninstall": "undo that; settings and journal stay",
    "status": "whether it runs, and what its journal holds",
    "doctor": "try all that it needs, and say what to do where something is missing",
    "import": "tell the server what was there before, as news to nobody",
}
# What is no name of a module in Python.
_MODULES = {"import": "importing"}


def main(arguments: list[str]) -> None:
    """Do what the first argument names."""
    word = arguments[0] if arguments else "run"
    if word in WORDS:
        _do(word, arguments[1:])
    elif word in ("-h", "--help"):
        print(_usage())
    elif word.startswith("-"):
        _do("run", arguments)
    else:
        print(f"blueport daemon: there is no word {word!r}\n\n{_usage()}", file=sys.stderr)
        sys.exit(2)


def _do(word: str, arguments: list[str]) -> None:
    # Only what is asked for is loaded.
    importlib.import_module(f"blueport.cli.mac.{_MODULES.get(word, word)}").main(arguments)


def _usage() -> str:
    words = "\n".join(f"  {word:10}{purpose}" for word, purpose in WORDS.items())
    more = "`blueport daemon WORD --help` tells the options of a word."
    return f"usage: blueport daemon [WORD] [OPTIONS]\n\n{words}\n\n{more}"
