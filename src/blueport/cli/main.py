"""`blueport VERB ...`: finds the verb's module and lets it run."""

import difflib
import gc
import importlib
import os
import sys
from types import ModuleType

from blueport import __version__
from blueport.cli import daemon, refusing
from blueport.cli.nouns import OPERATORS
from blueport.cli.parsing import COMPLETING

# By the API, wherever the server is: blueport.cli.api.
USERS_VERBS = {
    "login": "say where the server is, and by which key to ask it",
    "logout": "drop that key",
    "lines": "the lines that you can send from",
    "send": "send a text, a file, or both",
    "send-audio": "send a voice message",
    "react": "put a tapback on a message, or take it off",
    "typing": "show the line typing",
    "read": "mark a chat as read",
    "edit": "give a message that was sent another text",
    "unsend": "take back a message that was sent",
    "outbox": "what became of what was sent",
    "chats": "the conversations of a line",
    "messages": "what was said in a chat, and with --follow what is being said",
    "reactions": "the tapbacks on a message",
    "receipts": "who has read a chat",
    "files": "upload and download files",
    "listen": "print what happens as it happens, or post it to a receiver of yours",
    "trigger": "make up an event, and deliver it",
    "webhooks": "where events are posted to, and what became of them",
    "sandbox": "pair a phone of yours with the shared line",
    "mcp": "tools for language models (MCP), which read your messages and, if you allow it, send",
    "completion": "have a shell complete all this with the Tab key",
}
# On the machine itself: blueport.cli.
VERBS = {
    "dev": "server, simulated Mac and daemon in one go, to build against",
    "serve": "the server",
    "daemon": "the daemon on a Mac",
    "simulate": "a simulated Mac",
    "key": "a new API key, token of a daemon, or key to seal secrets under",
    "accounts": "who has keys, lines and webhooks of their own",
    "keys": "API keys: make, list, revoke and roll them",
    "lines": "phone numbers and Apple IDs that can send: list, add, label and change them",
    "daemons": "the Macs that are let in",
    "webhooks": "seal the secrets of webhooks under another key",
    "sandbox": "pair a phone with the shared line",
    "dashboard": "a link to become the owner of the dashboard, or to set another password",
    "audit": "who changed what",
    "migrate": "bring a database to the newest schema",
    "store": "move an installation to another database",
}
# As the shell has it: by signals 2 and 13.
INTERRUPTED = 130
NOBODY_READS = 141


def main(words: list[str] | None = None) -> None:
    """Run the verb that *words* name, or else the command line."""
    try:
        _do(sys.argv[1:] if words is None else words)
        if sys.stdout:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read has enough; nothing is to be said about it as Python ends either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOBODY_READS)


def _do(words: list[str]) -> None:
    verb, *arguments = words or ["--help"]
    if COMPLETING in os.environ:
        _loaded("blueport.cli.completing").answer({**USERS_VERBS, **VERBS}, {"daemon": daemon.WORDS}, _run)
    elif verb in VERBS or verb in USERS_VERBS:
        _run(verb, arguments)
    elif verb in ("-h", "--help"):
        print(_usage())
    elif verb == "--version":
        print(f"blueport {__version__}")
    else:
        print(f"blueport: there is no verb {verb!r}{_advice(verb)}; `blueport --help` lists them", file=sys.stderr)
        sys.exit(2)


def module_of(verb: str, arguments: list[str]) -> str:
    """Return the name of the module that does *verb*: of a noun that users have too, the operator has some words."""
    word = arguments[0] if arguments else ""
    if verb not in USERS_VERBS or (verb in VERBS and word in OPERATORS[verb]):
        return f"blueport.cli.{verb}"
    return f"blueport.cli.api.{verb.replace('-', '_')}"


def _run(verb: str, arguments: list[str]) -> None:
    """Run *verb*; what this machine refuses it (a folder, a port, the disk) is one line, not a traceback."""
    try:
        _loaded(module_of(verb, arguments)).main(arguments)
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.exit(f"blueport: {refusing.said(error)}")


def _loaded(name: str) -> ModuleType:
    """Load a verb's module, and only that: `dev` watches over the others, and should weigh next to nothing."""
    # All of it stays: to look for garbage among it is a tenth of the time that it takes.
    gc.disable()
    module = importlib.import_module(name)
    gc.freeze()
    gc.enable()
    return module


def _advice(verb: str) -> str:
    if verb.startswith("-"):
        return ": options come after one"
    alike = difflib.get_close_matches(verb, {**USERS_VERBS, **VERBS}, n=1)
    return f": do you mean {alike[0]!r}?" if alike else ""


def _usage() -> str:
    begin = "Begin with `blueport dev`, and in another terminal, in the same folder, `blueport login --dev`."
    more = "`blueport VERB --help` tells the options of a verb, `blueport --version` which version this is."
    groups = [
        "usage: blueport VERB [OPTIONS]",
        _group("to build an agent (over the API of any installation):", USERS_VERBS),
        _group("to run an installation, or `dev` to build against (on this machine):", VERBS),
        f"{begin}\n{more}",
    ]
    return "\n\n".join(groups)


def _group(head: str, verbs: dict[str, str]) -> str:
    return "\n".join([head, *(f"  {name:12}{purpose}" for name, purpose in verbs.items())])


if __name__ == "__main__":
    main()
