"""Completes what somebody types in a shell: each verb's own parser knows what may come next, and only that is loaded.

The shell starts `blueport` with the line so far in its environment; `argcomplete` knows how, for bash, zsh and fish.
Behind a verb it goes the way that the command would, until a parser is to read it: that answers the shell, and ends.
"""

import os
import sys
from collections.abc import Callable, Mapping

from argcomplete.lexers import split_line
from argcomplete.shell_integration import shellcode

from blueport.cli.parsing import COMPLETING, Parser, complete

SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """Return what has a shell ask `blueport` how its commands go on."""
    return shellcode(["blueport"], shell=shell)


def answer(
    verbs: Mapping[str, str], words_of: Mapping[str, Mapping[str, str]], run: Callable[[str, list[str]], None]
) -> None:
    """Tell the shell what may come next, and end.

    Args:
        verbs: Which there are, and what for.
        words_of: Those that are no commands themselves, but lead to some: what follows them.
        run: Does a verb, and so comes to its parser.
    """
    words = _words_before_the_cursor()
    place = 1
    offered = verbs
    if words[1:2] and words[1] in words_of:
        place, offered = 2, words_of[words[1]]
    if len(words) <= place:
        os.environ[COMPLETING] = str(place)
        complete(_offering(offered))
    if words[place] not in offered:
        sys.exit(1)
    os.environ[COMPLETING] = str(place + 1)
    run(words[1], words[2:])


def _words_before_the_cursor() -> list[str]:
    line, point = os.environ["COMP_LINE"], int(os.environ["COMP_POINT"])
    words: list[str] = split_line(line, point)[3]
    return words


def _offering(words: Mapping[str, str]) -> Parser:
    parser = Parser()
    offered = parser.add_subparsers()
    for word, purpose in words.items():
        offered.add_parser(word, help=purpose)
    return parser
