"""Accounts, keys, lines and daemons by the command line: beside a running server, and before there ever was one."""

import json
import re
import sqlite3
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from blueport.server.authorizing.keys import is_well_formed, new_key
from tests.patience import PATIENCE_S
from tests.system.blueport import Blueport, Json, running
from tests.system.test_the_command_line import run


def operate(at: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command that is to succeed."""
    ended = run(*arguments, at=at, **settings)
    assert ended.returncode == 0, ended.stderr
    return ended


def wanted(at: Path, *arguments: str) -> str:
    """Return the one word that `$(blueport ...)` would be."""
    (word,) = operate(at, *arguments).stdout.splitlines()
    return word


def shown(at: Path, *arguments: str) -> Json:
    return json.loads(operate(at, *arguments, "--json").stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the database of Alice and Bob, which no test changes."""
    folder = tmp_path_factory.mktemp("operator")
    (folder / "no-database").write_text("this is not a database, however long it may be" * 100)
    for name in ("Alice", "Bob"):
        wanted(folder, "accounts", "create", name)
    return folder


@pytest.fixture(scope="module")
def bobs_key(folder: Path) -> str:
    wanted(folder, "keys", "create", "--account", "Bob")
    return shown(folder, "keys", "list", "--account", "Bob")[0]["id"]


def status_of(blueport: Blueport, key: str, path: str = "/v1/lines") -> int:
    request = urllib.request.Request(blueport.said["api_url"] + path, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return response.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_link_to_the_dashboard_leads_to_where_others_reach_it(tmp_path: Path) -> None:
    ended = operate(tmp_path, "dashboard", "link", BLUEPORT_PUBLIC_URL="https://messages.example.com/")
    elsewhere = wanted(tmp_path, "dashboard", "link", "--url", "http://mini.local:8080")
    told = json.loads(operate(tmp_path, "dashboard", "link", "--json").stdout)

    assert re.fullmatch(r"https://messages\.example\.com/dashboard/owner\?link=[\w-]{43}\n", ended.stdout)
    assert "it is good once, until " in ended.stderr
    assert ended.stdout.partition("=")[2].strip() not in ended.stderr
    assert elsewhere.startswith("http://mini.local:8080/dashboard/owner?link=")
    assert told["url"].startswith("http://127.0.0.1:8080/dashboard/owner?link=")
    assert shown(tmp_path, "audit")[0]["action"] == "link.made"


def test_a_key_made_beside_a_running_server_opens_it_until_it_is_revoked(tmp_path: Path) -> None:
    # srv-100
    with running(tmp_path / "data") as blueport:
        at = tmp_path / "data"
        database = ("--database", "blueport.db")
        made = operate(
            at, "keys", "create", "--account", "first", "--scopes", "lines:read", "--expires", "1d", *database
        )
        key = made.stdout.strip()

        assert made.stdout == f"{key}\n"
        assert "it is not shown again" in made.stderr
        assert key not in made.stderr
        assert status_of(blueport, key) == 200
        assert status_of(blueport, key, f"/v1/chats?from=%2B{blueport.line[1:]}") == 403

        listed = shown(at, "keys", "list", *database)[-1]
        assert (listed["status"], listed["scopes"], listed["last4"]) == ("active", ["lines:read"], key[-4:])
        again = operate(at, "keys", "roll", listed["id"], "--overlap", "0s", *database)
        rolled = again.stdout.strip()
        assert f"{listed['id']} ends at " in again.stderr
        assert ", and expires at " in again.stderr
        assert (status_of(blueport, key), status_of(blueport, rolled)) == (401, 200)

        operate(at, "keys", "revoke", shown(at, "keys", "list", *database)[-1]["id"], *database)
        assert status_of(blueport, rolled) == 401
        assert status_of(blueport, blueport.said["api_key"]) == 200

        actions = [entry["action"] for entry in shown(at, "audit", "--limit", "3", *database)]
        assert actions == ["key.revoked", "key.rolled", "key.created"]
        written = [entry["detail"] or "" for entry in shown(at, "audit", *database)]
        assert not [secret for secret in (key, rolled, blueport.said["api_key"]) if secret in "".join(written)]


def test_another_account_pairs_its_own_phone(tmp_path: Path) -> None:
    with running(tmp_path / "data") as blueport:
        at = tmp_path / "data"
        environment = {"BLUEPORT_DATABASE": "blueport.db"}
        operate(at, "accounts", "create", "Bob", "--owner", "bob@example.com", **environment)
        key = operate(at, "keys", "create", "--account", "Bob", **environment).stdout.strip()

        code = operate(at, "sandbox", "show", "--account", "Bob", **environment).stdout.strip()
        picture = operate(at, "sandbox", "qr", "--account", "Bob", **environment).stdout

        request = urllib.request.Request(
            f"{blueport.said['api_url']}/v1/sandbox", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            assert json.load(response)["activation_code"] == code
        assert picture.splitlines()[-1] == code
        assert "█" in picture or "▄" in picture


def test_before_a_server_ever_ran_all_can_be_set_up(tmp_path: Path) -> None:
    account_id = wanted(tmp_path, "accounts", "create", "Alice")
    token = wanted(tmp_path, "daemons", "create", "mini", "--account", "Alice")
    line_id = wanted(tmp_path, "lines", "add", "+1 (555) 010-1000", "--account", account_id, "--label", "Support")
    key = wanted(tmp_path, "keys", "create", "--account", "Alice", "--lines", "+15550101000")

    assert is_well_formed(key)
    assert token.startswith("dt_")
    (line,) = shown(tmp_path, "lines", "list")
    assert (line["id"], line["handle"], line["label"], line["daemon"]) == (line_id, "+15550101000", "Support", "mini")
    assert (line["is_contact_first"], line["is_sandbox"]) == (True, False)
    assert shown(tmp_path, "keys", "list")[0]["line_ids"] == [line_id]
    wanted(tmp_path, "accounts", "set", "Alice", "--stop-handling", "on", "--pace-ms", "400", "--loop-limit", "default")
    (account,) = shown(tmp_path, "accounts", "list")
    assert (account["id"], account["keys"], account["lines"]) == (account_id, 1, 1)
    assert (account["extended_events"], account["stop_handling"]) == (False, True)
    assert (account["pace_ms"], account["loop_limit"]) == (400, None)
    assert operate(tmp_path, "accounts", "list").stdout.splitlines()[1].split()[5:10] == [
        *("no", "yes", "400", "default", "default")
    ]
    assert (tmp_path / "blueport.db").stat().st_mode & 0o077 == 0


def test_a_list_is_a_table_for_people(tmp_path: Path) -> None:
    wanted(tmp_path, "accounts", "create", "Alice & Sons", "--owner", "alice@example.com")
    wanted(tmp_path, "daemons", "create", "mini", "--account", "Alice & Sons")

    head, row = operate(tmp_path, "daemons", "list").stdout.splitlines()

    assert " ".join(head.split()) == "ID NAME ACCOUNT VERSION IS BEHIND IS PAIRED CREATED SEEN REVOKED"
    assert row.split()[1:8] == ["mini", "Alice", "&", "Sons", "-", "no", "yes"]
    assert head.index("ACCOUNT") == row.index("Alice")


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (("keys", "revoke", "key_00000000000000000000000000"), 1, "blueport: no such key\n"),
        (("keys", "revoke", "BOBS_KEY", "--account", "Alice"), 1, "blueport: no such key\n"),
        (("keys", "roll", "BOBS_KEY", "--account", "Alice"), 1, "blueport: no such key\n"),
        (("keys", "create", "--account", "Carl"), 1, "blueport: no such account\n"),
        (("keys", "list", "--account", "Carl"), 1, "blueport: no such account\n"),
        (("keys", "create", "--account", "Alice", "--lines", "+15559999999"), 1, "no such line of the account\n"),
        (("keys", "create", "--account", "Alice", "--scopes", "lines:write"), 2, "'lines:write' is no scope"),
        (("keys", "create", "--account", "Alice", "--expires", "soon"), 2, "'soon' is no time like 30d"),
        (("keys", "create", "--account", "Alice", "--hourly-limit", "0"), 2, "'0' is no whole number from 1"),
        (("keys", "create", "--account", "Alice", "--hourly-limit", "9" * 20), 2, "is no whole number from 1"),
        (("audit", "--limit", "9" * 5000), 2, "is no whole number from 1"),
        (("keys", "create"), 2, "--account"),
        (("keys",), 2, "COMMAND"),
        (("lines", "add", "hello", "--account", "Alice"), 1, "'hello' is no phone number with its country code"),
        (("lines", "add", "+15550101000", "--account", "Alice", "--service", "fax"), 2, "invalid choice"),
        (("lines", "label", "+15550101000", "Support"), 1, "blueport: no such line\n"),
        (("daemons", "revoke", "mini"), 1, "blueport: no such daemon\n"),
        (("accounts", "create", "Alice"), 1, "there is an account named 'Alice' already\n"),
        (("accounts", "set", "Alice"), 1, "say what to set"),
        (("accounts", "set", "Alice", "--stop-handling", "maybe"), 2, "'maybe' is neither on nor off"),
        (("accounts", "set", "Alice", "--pace-burst", "0"), 2, "'0' is neither `default` nor a number that it can be"),
        (("sandbox", "qr", "--account", "Alice"), 1, "there is no sandbox line"),
        (("audit", "--account", "Carl"), 1, "blueport: no such account\n"),
        (("accounts", "list", "--database", "no-database"), 1, "no-database"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_one_line_and_changes_nothing(
    folder: Path, bobs_key: str, arguments: tuple[str, ...], status: int, word: str
) -> None:
    before = _content(folder / "blueport.db")

    ended = run(*[bobs_key if word == "BOBS_KEY" else word for word in arguments], at=folder)

    assert (ended.returncode, ended.stdout) == (status, "")
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr
    assert status == 2 or ended.stderr.count("\n") == 1
    assert _content(folder / "blueport.db") == before


def test_a_server_starts_on_what_the_command_line_made(tmp_path: Path) -> None:
    """The first account is the operator's own, whom the first key of the settings would give another."""
    wanted(tmp_path, "accounts", "create", "Alice")
    settings = {"BLUEPORT_FIRST_KEY": new_key(), "BLUEPORT_FIRST_LINE": "+15550101000", "BLUEPORT_SANDBOX_LINE": "x"}

    ended = run("serve", at=tmp_path, **settings)

    assert (ended.returncode, ended.stderr.count("\n")) == (78, 1)
    assert "sandbox_line" in ended.stderr
    assert [account["name"] for account in shown(tmp_path, "accounts", "list")] == ["Alice"]


def _content(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
