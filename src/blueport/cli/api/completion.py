"""`blueport completion`: has a shell complete verbs, commands and options."""

import argparse

from blueport.cli import completing
from blueport.cli.api import calling
from blueport.cli.api.calling import Command, Session

_PURPOSE = """\
Print what has a shell complete verbs, commands and options with the Tab key:

  bash   put  eval "$(blueport completion bash)"  into ~/.bashrc
  zsh    put  eval "$(blueport completion zsh)"  into ~/.zshrc, below compinit
  fish   say  blueport completion fish > ~/.config/fish/completions/blueport.fish"""


def main(arguments: list[str]) -> None:
    """Print the script."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=completing.SHELLS, help="the shell that is to complete")


def _completion(session: Session, options: argparse.Namespace) -> None:
    script = completing.script(options.shell)
    session.tell({"script": script}, None)
    if not session.is_json:
        print(script)


COMMAND = Command("completion", _PURPOSE, _options, _completion, ("completion bash",), asks_the_server=False)
