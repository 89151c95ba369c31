"""What is wrong with a command is one clear line, never a traceback, and nothing goes on as if it were right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blueport.server.authorizing.keys import is_well_formed, new_key
from tests.patience import PATIENCE_S
from tests.system.blueport import running
from tests.warm import BLUEPORT

DAEMON = {"BLUEPORT_DAEMON_SERVER_URL": "http://127.0.0.1:9", "BLUEPORT_DAEMON_TOKEN": "dt_x"}


def run(*arguments: str, at: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
    command = [*BLUEPORT, *arguments]
    return subprocess.run(
        command, cwd=at, env=environment | settings, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (("nonsense",), 2, "there is no verb 'nonsense'"),
        (("sned",), 2, "there is no verb 'sned': do you mean 'send'?"),
        (("--json",), 2, "options come after one"),
        (("dev", "--port", "65535"), 2, "65535 is not from 0 to 65534"),
        (("dev", "--port", "-1"), 2, "-1 is not from 0 to 65534"),
        (("dev", "--port", "x"), 2, "invalid port value: 'x'"),
        (("dev", "--data", "a-file"), 1, "a-file: File exists"),
        (("dev", "--data", "a-file/below"), 1, "a-file/below: Not a directory"),
        (("dev", "--data", "damaged"), 1, "dev.json is damaged"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_says_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], status: int, word: str) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "dev.json").write_text('{"a')

    ended = run(*arguments, at=tmp_path)

    assert (ended.returncode, ended.stdout) == (status, "")
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("verb", ["dev", "serve"])
def test_a_setting_that_does_not_exist_ends_it(tmp_path: Path, verb: str) -> None:
    arguments = ["--port", "0"] if verb == "dev" else []

    ended = run(verb, *arguments, at=tmp_path, BLUEPORT_LEASES_S="4")

    assert ended.returncode == 78
    assert ended.stderr.count("unknown field `leases_s`") == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("database", ["no-database", "a-folder", "a-file/below.db"])
def test_a_database_that_cannot_be_opened_is_said_so(tmp_path: Path, database: str) -> None:
    (tmp_path / "no-database").write_text("this is not a database, however long it may be" * 100)
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "a-file").touch()

    ended = run("serve", at=tmp_path, BLUEPORT_DATABASE=database)

    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert database.partition("/")[0] in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FIRST_KEY", "sk_live_secret"),
        ("FIRST_LINE", "hello"),
        ("WEBHOOK_ALLOW", "10.0.0.1/8"),
        ("PORT", "99999"),
        ("LEASE_S", "0"),
        ("WEBHOOK_TIMEOUT_S", "-1"),
        ("WEBHOOK_TIMEOUT_S", "inf"),  # srv-045: the lease of a try would have no end either
        ("REGION", "nowhere"),
    ],
)
def test_a_setting_that_makes_no_sense_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    settings = {"FIRST_KEY": new_key(), "FIRST_LINE": "+15550101000", "DATABASE": "new.db", name: value}

    ended = run("serve", at=tmp_path, **{f"BLUEPORT_{each}": setting for each, setting in settings.items()})

    assert (ended.returncode, ended.stderr.count("\n")) == (78, 1)
    assert name.lower() in ended.stderr


def test_a_key_that_is_made_opens_a_server(tmp_path: Path) -> None:
    made = run("key", at=tmp_path).stdout.strip()
    token = run("key", "--daemon", at=tmp_path).stdout.strip()

    assert is_well_formed(made)
    assert token.startswith("dt_")


def test_a_second_daemon_on_a_journal_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "data"):
        settings = {
            **DAEMON,
            "BLUEPORT_DAEMON_LINES": "+15550100000",
            "BLUEPORT_DAEMON_JOURNAL": str(tmp_path / "data/journal.db"),
        }

        ended = run("daemon", at=tmp_path, **settings)

    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "Another daemon is running on this journal" in ended.stderr


def test_the_version_is_told(tmp_path: Path) -> None:
    assert run("--version", at=tmp_path).stdout.startswith("blueport 0.")


def test_that_nobody_reads_what_it_says_ends_nothing() -> None:
    program = "from blueport.cli.dev import _say; _say('ready'); _say('again'); raise SystemExit(3)"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (ended.returncode, ended.stderr) == (3, "")
