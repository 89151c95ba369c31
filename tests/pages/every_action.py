"""Holds that whatever one can do on a page is done in a browser by some test: what is made tomorrow too.

Each process notes what the pages of its tests asked to be done. Who started them all looks at it in the end, if all
tests of pages ran: where only some were chosen, one failed, or there is no browser, nothing is said.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request
from starlette.routing import compile_path

from blueport.server.dashboard.admitting.door import SIGN_IN
from blueport.server.dashboard.admitting.signing_in import OWNER, PASSWORD, SIGN_OUT
from blueport.server.dashboard.rooms import ACTIONS
from blueport.simulator.routes import routes

_HERE = Path(__file__).parent
# What is done to a simulated Mac by tests and scripts alone.
_ON_NO_PAGE = [("POST", "/oddities")]
_DONE, _IS_WHOLE = "done_on_pages", "all_tests_of_pages"


class EveryAction:
    """A plugin of pytest, in each of its processes."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self._is_whole = False
        self._missed: list[str] = []

    def note(self, asked: Request) -> None:
        if asked.method != "GET":
            self.done.add(f"{asked.method} {urlsplit(asked.url).path}")

    def pytest_deselected(self) -> None:
        self._is_whole = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = {item.path for item in items if item.path.parent == _HERE}
        self._is_whole = chosen == set(_HERE.glob("test_*.py"))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take over what another process noted."""
        told = getattr(node, "workeroutput", {})
        self.done.update(told.get(_DONE, ()))
        self._is_whole = told.get(_IS_WHOLE, False)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        told = getattr(session.config, "workeroutput", None)
        if told is not None:
            told.update({_DONE: sorted(self.done), _IS_WHOLE: self._is_whole})
        elif self._is_whole and self.done and exitstatus == pytest.ExitCode.OK:
            self._missed = missed_of(self.done)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if self._missed else exitstatus

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for missed in self._missed:
            terminalreporter.write_line(f"No test does it in a browser: {missed}", red=True)


EVERY_ACTION = EveryAction()


def missed_of(done: set[str]) -> list[str]:
    """Return what can be done on pages, and is not among what was."""
    ways = sorted(_can_be_done(), key=lambda way: way[1].count("{"))  # of several that fit it is the first
    patterns = [(method, compile_path(path)[0], f"{method} {path}") for method, path in ways]
    known = {_name_of(*each.split(" ", 1), patterns) for each in done}
    return [name for _, _, name in patterns if name not in known]


def _name_of(method: str, path: str, patterns: list[tuple[str, re.Pattern[str], str]]) -> str | None:
    return next((name for by, pattern, name in patterns if by == method and pattern.match(path)), None)


def _can_be_done() -> list[tuple[str, str]]:
    ours = [action.path for action in ACTIONS]
    doors = [SIGN_IN, SIGN_OUT, OWNER, PASSWORD]
    phones = [
        (method, route.path) for route in routes() for method in sorted((route.methods or set()) - {"GET", "HEAD"})
    ]
    return [*(("POST", path) for path in [*ours, *doors]), *(each for each in phones if each not in _ON_NO_PAGE)]
