"""The page about the command line, as the parsers of its verbs tell it."""
# ruff: noqa: SLF001 - argparse tells what a parser takes in no other way

import argparse
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from blueport.cli import daemon, main
from blueport.cli.nouns import OPERATORS
from blueport.cli.parsing import Parser

_HEAD = """---
description: Every command of `blueport` with its options.
---

# The command line

What `blueport --help` and `blueport COMMAND --help` tell, on one page. The environment variables are in
[operating](../guides/operating.md#a-server).

## For who builds an agent

These ask an installation by its API, wherever it is: that of `blueport login`, or of `MESSAGES_API_URL` and
`MESSAGES_API_KEY`. Options stand anywhere behind the command. All take `--json`, and all but `logout` and `completion`
take `--key` and `--url`.

The exit status is 0 if it is done, 1 if it failed or was refused, 2 for wrong usage, 3 without a good key,
4 for what does not exist, and 5 for what is forbidden or too much.
"""
_OPERATORS = """## For who runs an installation

These work on this machine: on the database that `--database` or `BLUEPORT_DATABASE` names, with `--json` for
scripts, or on this Mac.
"""
# What is said once for all commands.
_USERS_OWN = {"--help", "--json", "--key", "--url"}
_OPERATORS_OWN = {"--help", "--json", "--database"}


class _FoundError(BaseException):
    """Goes up past all that would be done with what was read."""


def page() -> str:
    """Return the page as it has to be."""
    users = [command for verb in main.USERS_VERBS for command in _commands(verb)]
    operators = [command for verb in main.VERBS for command in _operators_commands(verb)]
    told = [_described(each, _USERS_OWN) for each in users], [_described(each, _OPERATORS_OWN) for each in operators]
    return "\n".join([_HEAD, *told[0], _OPERATORS, *told[1]])


def _operators_commands(verb: str) -> Iterator[argparse.ArgumentParser]:
    if verb == "daemon":
        for word in daemon.WORDS:
            yield from _commands(verb, word)
    elif verb in main.USERS_VERBS:
        word, *_ = OPERATORS[verb]
        yield from _commands(verb, word)
    else:
        yield from _commands(verb)


def _commands(*words: str) -> Iterator[argparse.ArgumentParser]:
    """Give the parser behind *words*, or of each word that may follow."""
    parser = _parser(*words)
    [*nested] = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not nested:
        yield parser
    for action in nested:
        told = {each.dest: each.help for each in action._choices_actions}
        for name, each in action.choices.items():
            if name in told:
                each.description = each.description or told[name]
                yield each


def _parser(*words: str) -> argparse.ArgumentParser:
    found: list[argparse.ArgumentParser] = []

    def stop(self: argparse.ArgumentParser, *_: Any) -> None:
        found.append(self)
        raise _FoundError

    with mock.patch.object(Parser, "parse_args", stop), contextlib.suppress(_FoundError):
        main.main(list(words))
    [parser] = found
    return parser


def _described(parser: argparse.ArgumentParser, said_already: set[str]) -> str:
    name = parser.prog.removeprefix("blueport ")
    told = [each for each in parser._actions if not said_already & {*each.option_strings}]
    arguments = [each for each in told if not each.option_strings]
    options = [each for each in told if each.option_strings]
    usage = " ".join([parser.prog, *map(_placed, arguments), *(["[OPTIONS]"] if options else [])])
    rows = [f"| `{_shown(each)}` | {_plain(each.help)} |" for each in [*arguments, *options]]
    table = ["| | |", "|---|---|", *rows, ""] if rows else []
    return "\n".join([f"### {name} {{#{name.replace(' ', '-')}}}", "", f"`{usage}`", "", _purpose(parser), "", *table])


def _purpose(parser: argparse.ArgumentParser) -> str:
    """Return what a command is for, without what is indented below."""
    text = _plain(re.split(r":?\n\s* ", parser.description or "")[0])
    said = re.sub(r"^`blueport[^`]*`: ", "", text)
    return f"{said[:1].upper()}{said[1:].removesuffix('.')}."


def _shown(action: argparse.Action) -> str:
    if not action.option_strings:
        return _placed(action)
    return " ".join([", ".join(action.option_strings), *([] if action.nargs == 0 else [_value(action)])])


def _placed(action: argparse.Action) -> str:
    value = _value(action)
    return {"?": f"[{value}]", "*": f"[{value} ...]", "+": f"{value} ..."}.get(str(action.nargs), value)


def _value(action: argparse.Action) -> str:
    if action.metavar is None and action.choices is not None:
        return f"{{{','.join(map(str, action.choices))}}}"
    value = str(action.metavar or (action.dest.upper() if action.option_strings else action.dest))
    # A table's cells end at this sign.
    return f"{{{value.replace('|', ',')}}}" if "|" in value else value


def _plain(text: str | None) -> str:
    return " ".join((text or "").replace("%%", "%").replace(str(Path.home()), "~").split())
