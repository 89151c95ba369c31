"""Who is alone at something goes on to be so until it ends, and not for a moment longer."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

# As it is where a process starts another: for a while there are two that have all of the first one's files.
STARTS_ANOTHER = """
import contextlib, os, pathlib, time
folder = pathlib.Path(os.environ["FOLDER"])
with contextlib.ExitStack() as holding:
    {held}
    if os.fork() == 0:
        os.write(1, b"begun\\n")
        time.sleep({patience})
        os._exit(0)
    time.sleep({patience})
"""
TAKES_IT = """
import contextlib, os, pathlib
folder = pathlib.Path(os.environ["FOLDER"])
with contextlib.ExitStack() as holding:
    {held}
    print("alone")
"""
HELD = {
    "a journal": "from blueport.daemon.journal.file import held; holding.enter_context(held(folder / 'daemon.db'))",
    "a folder of dev's": "from blueport.cli.dev import alone_on; holding.enter_context(alone_on(folder))",
    "a reader's place": (
        "from blueport.cli.api.places import Bookmark;"
        " holding.enter_context(Bookmark(api_url='http://a', line=None, events=None, forward_to=None))"
    ),
}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
class TestAProcessThatIsAlone:
    def test_keeps_another_from_it(self, tmp_path: Path, held: str) -> None:
        with starting_another(held, tmp_path):
            refused = takes(held, tmp_path)

        assert (refused.returncode, refused.stdout) == (1, "")
        assert "running" in refused.stderr

    def test_lets_go_of_it_as_it_is_killed_though_one_that_it_was_about_to_start_lives_on(
        self, tmp_path: Path, held: str
    ) -> None:
        with starting_another(held, tmp_path) as first:
            first.kill()
            first.wait(PATIENCE_S)
            taken = takes(held, tmp_path)

        assert (taken.stdout, taken.stderr) == ("alone\n", "")


@contextmanager
def starting_another(held: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process that is alone, and one that it is about to start."""
    program = STARTS_ANOTHER.format(held=held, patience=PATIENCE_S)
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment(folder), stdout=subprocess.PIPE, start_new_session=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def takes(held: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", TAKES_IT.format(held=held)]
    return subprocess.run(
        program, env=environment(folder), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "FOLDER": str(folder), "XDG_CONFIG_HOME": str(folder)}
