"""What the command line says of itself: helps with examples that are right, and a shell that completes."""

import argparse
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from blueport.cli.api import calling
from blueport.cli.api.calling import Command
from blueport.cli.main import USERS_VERBS, VERBS, module_of
from blueport.cli.nouns import OPERATORS
from tests.patience import PATIENCE_S
from tests.system.prompt import Prompt

_BEHIND_THE_COMMAND = re.compile(r" [|<>].*")
# Prints how each line of standard input may go on.
_COMPLETED = """
eval "$(blueport completion bash)"
while IFS= read -r line; do
  COMP_LINE=$line COMP_POINT=${#line} COMP_WORDS=($line) COMP_TYPE=9 COMPREPLY=()
  _python_argcomplete blueport </dev/null
  echo "${COMPREPLY[*]}"
done
"""
_OFFERED = {
    "blueport se": {"send", "send-audio", "serve"},
    "blueport send --rep": {"--reply-to"},
    "blueport send --effect con": {"confetti"},
    "blueport files ": {"upload", "url", "download"},
    "blueport files download --fo": {"--force"},
    "blueport lines a": {"add"},
    "blueport lines --cap": {"--capabilities"},
    "blueport lines add --lab": {"--label"},
    "blueport trigger message.e": {"message.edited"},
    "blueport listen --for": {"--forward-to"},
    "blueport sandbox a": {"activate"},
    "blueport webhooks re": {"replay", "reseal"},
    "blueport webhooks reseal --pl": {"--plain"},
    "blueport daemon do": {"doctor"},
    "blueport daemon pair --ins": {"--insecure"},
    "blueport accounts set --ext": {"--extended-events"},
    "blueport dev --mac": {"--macos"},
    "blueport nonsense --": set(),
}


def commands_of(verb: str) -> Sequence[Command]:
    module = importlib.import_module(module_of(verb, []))
    return module.COMMANDS if hasattr(module, "COMMANDS") else (module.COMMAND,)


def parser_of(verb: str) -> argparse.ArgumentParser:
    module = importlib.import_module(module_of(verb, []))
    if hasattr(module, "COMMANDS"):
        return calling.noun_parser(verb, verb, module.COMMANDS)
    return calling.parser_of(module.COMMAND)


def examples() -> Iterator[str]:
    for verb in USERS_VERBS:
        for command in commands_of(verb):
            yield from command.examples


class TestHelp:
    def test_it_tells_the_verbs_of_both_kinds_of_people_apart(self, tmp_path: Path) -> None:
        told = Prompt(tmp_path).does("--help").out

        users, operators = told.split("for who runs an installation")
        assert all(f"\n  {verb} " in users for verb in USERS_VERBS)
        assert all(f"\n  {verb} " in operators for verb in VERBS)

    @pytest.mark.parametrize("verb", USERS_VERBS)
    def test_every_verb_of_a_user_has_an_example_and_tells_how_it_may_end(self, verb: str, tmp_path: Path) -> None:
        told = Prompt(tmp_path).does(verb, "--help").out
        helps = [
            Prompt(tmp_path).does(verb, each.name, "--help").out for each in commands_of(verb) if each.name != verb
        ]

        assert "exit status: 0 done" in told
        assert all(re.search(r"examples?:\n  blueport ", each) for each in helps or [told])

    @pytest.mark.parametrize("example", [*examples()])
    def test_every_example_is_a_command(self, example: str) -> None:
        verb, *words = shlex.split(_BEHIND_THE_COMMAND.sub("", example))

        assert parser_of(verb).parse_args(words).do

    def test_the_operators_words_of_a_shared_noun_are_the_commands_that_there_are(self) -> None:
        for noun, words in OPERATORS.items():
            operators = importlib.import_module(f"blueport.cli.{noun}").COMMANDS
            assert {command.name: command.purpose for command in operators} == words


class TestStart:
    def test_a_users_verb_loads_nothing_of_the_server(self) -> None:
        # `mcp` serves, by the same framework.
        modules = [module_of(verb, []) for verb in USERS_VERBS if verb != "mcp"]
        program = f"import sys, importlib; [importlib.import_module(name) for name in {modules}]; print(*sys.modules)"

        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        loaded = ended.stdout.split()
        assert "blueport.cli.api.send" in loaded
        assert not [name for name in loaded if name.startswith(("blueport.server", "sqlalchemy", "starlette"))]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")
class TestBash:
    def test_it_offers_what_may_come_next(self, tmp_path: Path) -> None:
        (tmp_path / "blueport").write_text(f'#!/bin/sh\nexec {sys.executable} -m blueport.cli.main "$@"\n')
        (tmp_path / "blueport").chmod(0o755)

        ended = subprocess.run(
            ["bash", "-c", _COMPLETED],
            input="".join(f"{line}\n" for line in _OFFERED),
            env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

        offered = [set(words.split()) for words in ended.stdout.splitlines()]
        assert dict(zip(_OFFERED, offered, strict=True)) == _OFFERED
        assert ended.stderr == ""


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_each_shell_has_its_script(self, tmp_path: Path, shell: str) -> None:
        said = Prompt(tmp_path)

        assert "complete" in said.does("completion", shell).out
        assert said.does("completion", shell, "--json").json["script"] in said.does("completion", shell).out
