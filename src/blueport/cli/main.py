"""`blueport VERB ...`: finds the verb's module and lets it run."""

import gc
import importlib
import os
import sys
from types import ModuleType

from blueport import __version__

VERBS = {
    "dev": "server, simulated Mac and daemon in one go, to build against",
    "serve": "the server",
    "daemon": "the daemon on a Mac",
    "simulate": "a simulated Mac",
    "key": "a new API key, token of a daemon, or key to seal secrets under",
    "accounts": "who has keys, lines and webhooks of their own",
    "keys": "API keys: make, list, revoke and roll them",
    "lines": "phone numbers and Apple IDs that can send",
    "daemons": "the Macs that are let in",
    "webhooks": "seal the secrets of webhooks under another key",
    "sandbox": "pair a phone with the shared line",
    "audit": "who changed what",
    "mcp": "tools for language models (MCP), which read your messages and, if allowed, send",
    "migrate": "bring a database to the newest schema",
    "store": "move an installation to another database",
}


def main() -> None:
    """Run the verb that the command line names."""
    verb = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if verb in VERBS:
        _run(verb, sys.argv[2:])
    elif verb in ("-h", "--help"):
        print(_usage())
    elif verb == "--version":
        print(f"blueport {__version__}")
    else:
        print(f"blueport: there is no verb {verb!r}\n\n{_usage()}", file=sys.stderr)
        sys.exit(2)


def _run(verb: str, arguments: list[str]) -> None:
    """Run *verb*; what this machine refuses it (a folder, a port, the disk) is one line, not a traceback."""
    try:
        _loaded(f"blueport.cli.{verb}").main(arguments)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        sys.exit(f"blueport: {name}{os.strerror(error.errno) if error.errno else error}")


def _loaded(name: str) -> ModuleType:
    """Load a verb's module, and only that: `dev` watches over the others, and should weigh next to nothing."""
    # All of it stays: to look for garbage among it is a tenth of the time that it takes.
    gc.disable()
    module = importlib.import_module(name)
    gc.freeze()
    gc.enable()
    return module


def _usage() -> str:
    verbs = "\n".join(f"  {name:10}{purpose}" for name, purpose in VERBS.items())
    more = "`blueport VERB --help` tells the options of a verb, `blueport --version` which version this is."
    return f"usage: blueport VERB [OPTIONS]\n\n{verbs}\n\n{more}"


if __name__ == "__main__":
    main()
