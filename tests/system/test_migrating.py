"""`blueport migrate`: what there was, what there is now, and nothing else."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport.server.store.schema import NEWEST
from tests.postgres import Postgres
from tests.system.databases import SECRET, bring_to, new_database, sql
from tests.system.test_the_command_line import run

OLD = "0002"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return a database without tables; of SQLite's there is not even a file."""
    if request.param == "sqlite":
        yield str(tmp_path / "blueport.db")
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    with new_database(server) as url:
        yield url


def told(at: Path, *arguments: str, status: int = 0, **settings: str) -> str:
    return judged(run("migrate", *arguments, at=at, **settings), status)


def judged(ended: subprocess.CompletedProcess[str], status: int) -> str:
    assert ended.returncode == status, ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    assert (ended.stdout + ended.stderr).count("\n") == 1
    return ended.stdout or ended.stderr


def test_it_says_from_which_schema_to_which(database: str, tmp_path: Path) -> None:
    bring_to(OLD, database)

    assert told(tmp_path, "--database", database).endswith(f" had schema {OLD}, and now has {NEWEST}\n")
    assert sql(database, "SELECT version_num FROM alembic_version") == NEWEST
    assert told(tmp_path, "--database", database).endswith(f"the newest schema, {NEWEST}: there is nothing to do\n")


def test_a_new_database_gets_all_of_it(database: str, tmp_path: Path) -> None:
    made = json.loads(told(tmp_path, "--json", BLUEPORT_DATABASE=database))

    assert (made["before"], made["after"], made["newest"]) == (None, NEWEST, NEWEST)
    assert sql(database, "SELECT count(*) FROM audit_log") == "0"


def test_a_check_changes_nothing_and_its_status_says_whether_there_is_something_to_do(
    database: str, tmp_path: Path
) -> None:
    assert "has no schema, and the newest is" in told(tmp_path, "--check", "--database", database, status=1)
    assert not list(tmp_path.iterdir())

    bring_to(OLD, database)

    assert f"has schema {OLD}, and the newest is" in told(tmp_path, "--check", "--database", database, status=1)
    assert sql(database, "SELECT version_num FROM alembic_version") == OLD
    told(tmp_path, "--database", database)
    assert "nothing to do" in told(tmp_path, "--check", "--database", database)


def test_one_that_fails_halfway_leaves_what_there_was(database: str, tmp_path: Path) -> None:
    bring_to(OLD, database)
    sql(database, "CREATE TABLE sandbox_usage (used INTEGER)")  # in the way of what the next schema makes

    assert "sandbox_usage" in told(tmp_path, "--database", database, status=1)

    sql(database, "DROP TABLE sandbox_usage")
    assert told(tmp_path, "--database", database).endswith(f" had schema {OLD}, and now has {NEWEST}\n")


@pytest.mark.parametrize("check", [(), ("--check",)], ids=" ".join)
def test_one_of_a_newer_blueport_is_refused(database: str, tmp_path: Path, check: tuple[str, ...]) -> None:
    told(tmp_path, "--database", database)
    sql(database, "UPDATE alembic_version SET version_num = '9999'")

    assert "the schema 9999 of a newer Blueport" in told(tmp_path, *check, "--database", database, status=78)


@pytest.mark.parametrize(
    ("named", "status"),
    [
        (f"postgresql://blueport:{SECRET}@127.0.0.1:1/blueport", 1),
        (f"postgresql://127.0.0.1:1/blueport?user=blueport&password={SECRET}", 1),
        (f"postgresql://blueport:{SECRET}/x@127.0.0.1:1/blueport", 78),
        (f"postgresql://blueport:{SECRET}?x@127.0.0.1:1/blueport", 78),
        (f"postgresql://blueport:{SECRET}@127.0.0.1:x/blueport", 78),
        (f"postgresql://blueport:{SECRET}@127.0.0.1:99999/blueport", 78),
        (f"postgresql://blueport:{SECRET}@127.0.0.1:1/blueport?sslmode=x", 78),
        ("no-database", 1),
        ("a-folder", 1),
    ],
)
@pytest.mark.parametrize("check", [(), ("--check",)], ids=" ".join)
def test_what_cannot_be_had_is_one_line_without_a_password(
    tmp_path: Path, check: tuple[str, ...], named: str, status: int
) -> None:
    (tmp_path / "no-database").write_text("this is not a database, however long it may be" * 100)
    (tmp_path / "a-folder").mkdir()

    ended = run("migrate", *check, "--database", named, at=tmp_path)

    assert named.partition("//")[0] in judged(ended, status)


def test_what_is_no_command_repeats_no_password(tmp_path: Path) -> None:
    ended = run("migrate", f"postgresql://blueport:{SECRET}@127.0.0.1:1/blueport", at=tmp_path)

    assert ended.returncode == 2
    assert "unrecognized arguments: postgresql://blueport@127.0.0.1:1/blueport" in ended.stderr
    assert SECRET not in ended.stderr


def test_a_server_starts_by_itself_on_what_is_old(database: str, tmp_path: Path) -> None:
    """As far as settings that it cannot start with: they are looked at once the schema is there."""
    bring_to(OLD, database)

    ended = run("serve", at=tmp_path, BLUEPORT_DATABASE=database, BLUEPORT_SANDBOX_LINE="nobody")

    assert ended.returncode == 78
    assert sql(database, "SELECT version_num FROM alembic_version") == NEWEST
