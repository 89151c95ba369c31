"""`blueport daemon`: the daemon on a Mac; its settings are BLUEPORT_DAEMON_... variables."""

import importlib

# Modules by the first argument, which may be missing: then the daemon runs. Only what is asked for is loaded.
_WORDS = {"run": "run", "pair": "pair", "import": "importing"}


def main(arguments: list[str]) -> None:
    """Do what the first argument names."""
    word, others = (arguments[0], arguments[1:]) if arguments[:1] and arguments[0] in _WORDS else ("run", arguments)
    importlib.import_module(f"blueport.cli.mac.{_WORDS[word]}").main(others)
