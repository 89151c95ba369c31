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
_COMPLETED = """
eval "$(blueport completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1) COMP_TYPE=9
_python_argcomplete blueport
printf '%s\\n' "${COMPREPLY[@]}"
"""


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
        modules = [module_of(verb, []) for verb in USERS_VERBS]
        program = f"import sys, importlib; [importlib.import_module(name) for name in {modules}]; print(*sys.modules)"

        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        loaded = ended.stdout.split()
        assert "blueport.cli.api.send" in loaded
        assert not [name for name in loaded if name.startswith(("blueport.server", "sqlalchemy", "starlette"))]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")
class TestCompletion:
    @pytest.fixture(scope="class")
    @classmethod
    def bin_folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("bin")
        (folder / "blueport").write_text(f'#!/bin/sh\nexec {sys.executable} -m blueport.cli.main "$@"\n')
        (folder / "blueport").chmod(0o755)
        return folder

    @pytest.mark.parametrize(
        ("line", "offered"),
        [
            ("blueport se", {"send", "send-audio", "serve"}),
            ("blueport send --rep", {"--reply-to"}),
            ("blueport send --effect con", {"confetti"}),
            ("blueport files ", {"upload", "url", "download"}),
            ("blueport files download --fo", {"--force"}),
            ("blueport lines a", {"add"}),
            ("blueport lines --cap", {"--capabilities"}),
            ("blueport lines add --lab", {"--label"}),
            ("blueport trigger message.e", {"message.edited"}),
            ("blueport webhooks re", {"replay", "reseal"}),
            ("blueport sandbox a", {"activate"}),
            ("blueport listen --for", {"--forward-to"}),
            ("blueport daemon do", {"doctor"}),
            ("blueport daemon pair --ins", {"--insecure"}),
            ("blueport accounts set --ext", {"--extended-events"}),
            ("blueport dev --mac", {"--macos"}),
            ("blueport nonsense --", set()),
        ],
    )
    def test_bash_offers_what_may_come_next(self, bin_folder: Path, line: str, offered: set[str]) -> None:
        environment = os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}"}

        ended = subprocess.run(
            ["bash", "-c", _COMPLETED, "bash", line],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

        assert set(ended.stdout.split()) == offered
        assert ended.stderr == ""

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_each_shell_has_its_script(self, tmp_path: Path, shell: str) -> None:
        said = Prompt(tmp_path)

        assert "complete" in said.does("completion", shell).out
        assert said.does("completion", shell, "--json").json["script"] in said.does("completion", shell).out
