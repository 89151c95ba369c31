"""`blueport daemon doctor`: tries all that the daemon needs, and says what to do where something is missing.

It has launchd start what tries, so that it is tried with the permissions that the daemon has. It exits with 0 if
nothing is wrong.
"""

import argparse
import asyncio
import sys
import textwrap
from pathlib import Path

import msgspec

from blueport.cli.mac import surroundings
from blueport.cli.parsing import Parser
from blueport.daemon.examining.doctor import examine, examine_as_agent
from blueport.daemon.examining.findings import Finding, Verdict, no_mac
from blueport.daemon.examining.subject import Subject
from blueport.daemon.installing.service import installed_interpreter
from blueport.logs import lines

_WORDS: dict[Verdict, str] = {"ok": "ok", "wrong": "WRONG", "unknown": "unknown", "advice": "advice"}
_COUNTED = {0: "Nothing is", 1: "One thing is"}
_WIDTH, _MARGIN = 110, 29
_TERMINALS = (
    "launchd could not start a doctor, so this terminal's permissions were tried. The daemon has its own, so log in at"
    " this Mac's screen and try again."
)


def main(arguments: list[str]) -> None:
    """Examine, and tell what was found."""
    options = _parser().parse_args(arguments)
    lines.begin("doctor", level="error", form="auto", stream=sys.stderr)
    findings = _findings(options)
    count = sum(finding.verdict == "wrong" for finding in findings)
    if options.json:
        print(msgspec.json.encode(findings).decode())
    else:
        print("\n".join(map(_told, findings)), f"\n{_COUNTED.get(count, f'{count} things are')} wrong.", sep="\n")
    sys.exit(int(count > 0))


def _findings(options: argparse.Namespace) -> list[Finding]:
    """Have a doctor of launchd's look, or look from here."""
    places, programs = surroundings.places(), surroundings.programs()
    variables = surroundings.kept_or_given(options.settings or places.settings)
    settings, missing = surroundings.as_far_as_known(variables), surroundings.missing(variables)
    interpreter = installed_interpreter(places) or sys.executable
    subject = Subject(programs, places, interpreter, settings, missing)
    if options.here:
        return asyncio.run(examine(subject))
    found = asyncio.run(examine_as_agent(programs, places, interpreter, variables, surroundings.handed_on()))
    if found is not None:
        return found
    found = asyncio.run(examine(subject))
    return found if no_mac("login") in found else [*found, Finding("doctor", "unknown", _TERMINALS)]


def _told(finding: Finding) -> str:
    head = f"{_WORDS[finding.verdict]:8}{finding.name}"
    margin = " " * _MARGIN
    return textwrap.fill(
        finding.sentence,
        _WIDTH,
        initial_indent=f"{head:{_MARGIN - 1}} ",
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="blueport daemon doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--here", action="store_true", help="try with the permissions of this terminal")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="settings of the daemon, if not those installed")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    return parser
