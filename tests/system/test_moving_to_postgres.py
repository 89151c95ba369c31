"""`blueport store copy`: a whole installation in another database, or nothing, whenever it dies."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport.server.store.tables import metadata
from tests.patience import PATIENCE_S
from tests.postgres import Postgres, psql
from tests.system.blueport import running, until
from tests.system.databases import SECRET, bring_to, new_database, sql
from tests.system.test_keys_on_the_command_line import wanted
from tests.system.test_the_command_line import run
from tests.warm import BLUEPORT

# What a copy passes on its way to the end.
BEFORE_THE_END = ("copy.checked", "copy.batch", "copy.filled", "copy.commit")


@pytest.fixture(scope="module")
def of_alice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with Alice, her daemon, her line and her key; to copy it is faster than to make it."""
    folder = tmp_path_factory.mktemp("source")
    wanted(folder, "accounts", "create", "Alice")
    wanted(folder, "daemons", "create", "mini", "--account", "Alice")
    wanted(folder, "lines", "add", "+15550101000", "--account", "Alice")
    wanted(folder, "keys", "create", "--account", "Alice")
    return folder / "blueport.db"


@pytest.fixture
def source(of_alice: Path, tmp_path: Path) -> str:
    return str(shutil.copy(of_alice, tmp_path))


@pytest.fixture(params=["postgres", "sqlite"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return what names a database that there is not yet, or without tables."""
    if request.param == "sqlite":
        yield str(tmp_path / "another.db")
        return
    with new_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def postgres_target(postgres_server: Postgres) -> Iterator[str]:
    with new_database(postgres_server) as url:
        yield url


def copied(source: str, target: str, at: Path, *more: str, **settings: str) -> subprocess.CompletedProcess[str]:
    ended = run("store", "copy", source, target, *more, at=at, **settings)
    assert SECRET not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended


def content(database: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def rows(database: str) -> int:
    """Count the rows of all tables that there are."""
    tables = sql(
        database,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        if "://" in database
        else "SELECT name FROM sqlite_master WHERE type = 'table'",
    ).split()
    return sum(int(sql(database, f"SELECT count(*) FROM {table}")) for table in tables if table in metadata.tables)


def test_it_prints_what_it_moved_and_what_there_is_to_do(source: str, target: str, tmp_path: Path) -> None:
    before = content(source)

    ended = copied(source, target, tmp_path)

    assert ended.returncode == 0, ended.stderr
    moved = dict(line.split() for line in ended.stdout.splitlines())
    assert moved["TABLE"] == "ROWS"
    assert (moved["accounts"], moved["lines"], moved["api_keys"], moved["messages"]) == ("1", "1", "1", "0")
    assert "start servers on" in ended.stderr
    assert "let BLUEPORT_FILES name their folder" in ended.stderr
    assert "rows/s" not in ended.stderr  # of the progress bar, which is for terminals
    assert content(source) == before
    assert sql(target, "SELECT name FROM accounts") == "Alice"


def test_machines_are_told_in_json(source: str, target: str, tmp_path: Path) -> None:
    moved = json.loads(copied(source, target, tmp_path, "--json").stdout)

    assert {each["table"] for each in moved} == set(metadata.tables)
    assert [each["rows"] for each in moved if each["table"] == "daemons"] == [1]


def test_dev_goes_on_with_what_was_copied(postgres_target: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as blueport:
        blueport.texts("+15550100001", "Hi")
        key = blueport.said["api_key"]
    assert copied("data/blueport.db", postgres_target, tmp_path).returncode == 0

    keys = json.loads(run("keys", "list", "--json", "--database", postgres_target, at=tmp_path).stdout)

    assert key[-4:] in [each["last4"] for each in keys]


class TestRefusals:
    def refused(self, source: str, target: str, at: Path) -> str:
        ended = copied(source, target, at)
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
        return ended.stderr

    def test_a_source_that_is_not_there(self, target: str, tmp_path: Path) -> None:
        assert "nothing.db: there is no such file" in self.refused("nothing.db", target, tmp_path)
        assert not (tmp_path / "nothing.db").exists()

    def test_a_source_of_another_schema(self, target: str, tmp_path: Path) -> None:
        bring_to("0002", str(tmp_path / "old.db"))

        assert "old.db has the schema 0002, and the newest is" in self.refused("old.db", target, tmp_path)
        assert not (tmp_path / "another.db").exists()

    def test_a_source_or_target_that_is_no_database(self, source: str, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("this is not a database, however long it may be" * 100)

        assert "text: file is not a database" in self.refused("text", "another.db", tmp_path)
        assert "text: DatabaseError: file is not a database" in self.refused(source, "text", tmp_path)

    def test_a_source_that_a_server_works_on_although_it_has_nothing_to_do(
        self, postgres_target: str, tmp_path: Path
    ) -> None:
        with running(tmp_path / "data"):
            said = self.refused("data/blueport.db", postgres_target, tmp_path)

        assert "data/blueport.db is in use: stop the server" in said

    def test_a_postgresql_that_a_server_works_on(self, source: str, postgres_target: str, tmp_path: Path) -> None:
        assert copied(source, postgres_target, tmp_path).returncode == 0
        with serving(postgres_target, tmp_path):
            said = self.refused(postgres_target, "back.db", tmp_path)

        assert "is in use: stop the server" in said

    def test_a_target_with_rows_in_it(self, source: str, target: str, tmp_path: Path) -> None:
        assert copied(source, target, tmp_path).returncode == 0

        assert "is not empty: there are rows in `accounts`" in self.refused(source, target, tmp_path)

    def test_a_target_that_is_the_source(self, source: str, tmp_path: Path) -> None:
        assert "cannot be copied into itself" in self.refused(source, "./blueport.db", tmp_path)

    def test_a_target_that_cannot_be_reached(self, source: str, tmp_path: Path) -> None:
        nowhere = f"postgresql://blueport:{SECRET}@127.0.0.1:1/blueport"

        assert "postgresql://blueport@127.0.0.1:1/blueport: ConnectionRefused" in self.refused(
            source, nowhere, tmp_path
        )

    def test_a_target_that_cannot_be_made(self, source: str, tmp_path: Path) -> None:
        (tmp_path / "a-file").touch()

        assert "a-file" in self.refused(source, "a-file/below.db", tmp_path)

    def test_a_database_of_a_newer_blueport(self, source: str, tmp_path: Path) -> None:
        sql(source, "UPDATE alembic_version SET version_num = '9999'")

        ended = copied(source, "another.db", tmp_path)

        assert (ended.returncode, ended.stderr.count("\n")) == (78, 1)

    def test_what_is_no_command(self, source: str, tmp_path: Path) -> None:
        url = f"postgresql://blueport:{SECRET}@127.0.0.1:1/blueport"
        for arguments in ((source,), (source, url, url), (source, url, "--database", url), ()):
            ended = run("store", "copy", *arguments, at=tmp_path)

            assert (ended.returncode, ended.stdout) == (2, "")
            assert SECRET not in ended.stderr


class TestDeath:
    @pytest.mark.parametrize("point", BEFORE_THE_END)
    def test_one_that_dies_leaves_nothing_and_can_be_done_again(
        self, source: str, target: str, tmp_path: Path, point: str
    ) -> None:
        before = content(source)
        (tmp_path / point).touch()

        assert copied(source, target, tmp_path, BLUEPORT_FAILPOINTS=str(tmp_path)).returncode == -signal.SIGKILL

        assert content(source) == before
        if "://" in target or Path(target).exists():
            assert rows(target) == 0
        assert copied(source, target, tmp_path).returncode == 0
        assert content(source) == before
        assert rows(target) == rows(source)

    def test_one_that_dies_after_the_end_was_done(self, source: str, target: str, tmp_path: Path) -> None:
        (tmp_path / "copy.committed").touch()

        assert copied(source, target, tmp_path, BLUEPORT_FAILPOINTS=str(tmp_path)).returncode == -signal.SIGKILL

        assert rows(target) == rows(source)

    @pytest.mark.parametrize("end_it", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_one_that_is_ended_at_any_moment_leaves_nothing_or_all(
        self, source: str, target: str, tmp_path: Path, end_it: signal.Signals
    ) -> None:
        sql(source, _MANY_ROWS)
        expected = rows(source)
        rng = random.Random(end_it)
        for _ in range(3):
            status, said = ended_midway(source, target, tmp_path, end_it, rng.uniform(0, 1))
            found = rows_when_let_go(target)
            if status == 0 or found == expected:  # it was faster
                break
            assert said.count("\n") <= 1, said
            assert rows(source) == expected
            assert found == 0

        assert found == expected or copied(source, target, tmp_path).returncode == 0
        assert rows(target) == expected


def ended_midway(source: str, target: str, at: Path, end_it: signal.Signals, after_s: float) -> tuple[int, str]:
    """End a copy some time after it began to write; return its status, and what it said."""
    (at / "copy.checked").write_text("SIGSTOP")
    command = [*BLUEPORT, "store", "copy", source, target]
    environment = os.environ | {"BLUEPORT_FAILPOINTS": str(at)}
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdout=nowhere, stderr=pipe, text=True, env=environment) as process:
        os.waitpid(process.pid, os.WUNTRACED)
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(after_s)
        process.send_signal(end_it)
        _, said = process.communicate(timeout=PATIENCE_S)
        return process.returncode, said


@contextlib.contextmanager
def serving(url: str, at: Path) -> Iterator[None]:
    """Run a server on a PostgreSQL, and go on once it is connected."""
    environment = os.environ | {"BLUEPORT_DATABASE": url, "BLUEPORT_PORT": "0", "BLUEPORT_FILES": str(at / "files")}
    with subprocess.Popen([*BLUEPORT, "serve"], env=environment, cwd=at) as process:
        try:
            until(lambda: psql(url, _CONNECTED) != "0" and psql(url, "SELECT cursor_secret FROM installation"))
            yield
        finally:
            process.terminate()


_MANY_ROWS = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 60000)
INSERT INTO audit_log (at, actor, action, detail) SELECT n, 'system', 'test', 'row ' || n FROM numbers
"""


_CONNECTED = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'blueport' AND datname = current_database()"
)


def rows_when_let_go(target: str) -> int:
    """Count the rows, once the server has noticed that who wrote there is gone."""
    if "://" in target:
        until(lambda: psql(target, _CONNECTED) == "0")
    elif not Path(target).exists():
        return 0
    return rows(target)
