"""Where the command line asks, and by which key: as said, as the environment has it, or as `blueport login` kept it."""

import json
import os
import pty
import stat
from pathlib import Path

import pytest

from blueport.server.authorizing.keys import new_key
from tests.patience import PATIENCE_S
from tests.system.blueport import Blueport
from tests.system.prompt import Prompt, operated


@pytest.fixture
def somebody(tmp_path: Path) -> Prompt:
    """Return somebody who has just got his machine."""
    return Prompt(tmp_path)


def signed_in(somebody: Prompt, blueport: Blueport, *more: str) -> Prompt:
    somebody.does(
        "login", blueport.said["api_url"], "--key", "-", *more, standard_input=blueport.said["api_key"] + "\n"
    )
    return somebody


def read_until(terminal: int, words: str) -> str:
    """Return what a terminal shows, up to these words at least."""
    shown = ""
    while words not in shown:
        shown += os.read(terminal, 1000).decode()
    return shown


def restricted_key(blueport: Blueport, *options: str) -> str:
    return operated(blueport, "keys", "create", "--account", "first", *options)


class TestLogin:
    def test_it_keeps_a_good_key_for_its_owner_alone_and_says_which_lines_it_opens(
        self, blueport: Blueport, somebody: Prompt
    ) -> None:
        ended = somebody.does("login", blueport.said["api_url"], "--key", "-", standard_input=blueport.said["api_key"])

        kept = somebody.home / "config/blueport/credentials.json"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert blueport.line in ended.out
        assert f"signed in at {blueport.said['api_url']}" in ended.err
        assert blueport.said["api_key"] not in ended.out + ended.err
        assert blueport.line in somebody.does("lines").out

    def test_a_bad_key_is_not_kept(self, blueport: Blueport, somebody: Prompt) -> None:
        ended = somebody("login", blueport.said["api_url"], "--key", "-", standard_input=new_key())

        assert ended.status == 3
        assert "invalid_api_key" in ended.err
        assert not (somebody.home / "config/blueport/credentials.json").exists()

    def test_the_key_is_asked_for_and_not_shown(self, blueport: Blueport, somebody: Prompt) -> None:
        terminal, its_end = pty.openpty()
        streams = {"stdin": its_end, "stderr": its_end}

        with somebody.start("login", blueport.said["api_url"], **streams) as login:
            shown = read_until(terminal, "it is not shown")
            os.write(terminal, f"{blueport.said['api_key']}\n".encode())
            out, _ = login.communicate(timeout=PATIENCE_S)
        os.close(its_end)
        shown += read_until(terminal, "signed in")
        os.close(terminal)

        assert login.returncode == 0
        assert blueport.line in out
        assert blueport.said["api_key"] not in shown

    def test_where_nobody_can_be_asked_for_the_key_it_says_how_to_give_it(self, somebody: Prompt) -> None:
        ended = somebody("login", "http://127.0.0.1:9")

        assert ended.status == 2
        assert "--key -" in ended.err

    def test_it_finds_a_dev_that_runs_on_this_machine(self, blueport: Blueport, somebody: Prompt) -> None:
        ended = somebody.does("login", "--dev", str(blueport.folder), "--json")

        assert ended.json["api_url"] == blueport.said["api_url"]
        assert [line["handle"] for line in ended.json["lines"]] == [blueport.line, blueport.said["sandbox_line"]]
        assert stat.S_IMODE((blueport.folder / "running.json").stat().st_mode) == 0o600

    def test_where_no_dev_runs_it_says_so(self, somebody: Prompt, tmp_path: Path) -> None:
        ended = somebody("login", "--dev", str(tmp_path))

        assert ended.status == 1
        assert "start `blueport dev`" in ended.err

    def test_a_key_that_may_not_list_lines_is_a_good_key(self, blueport: Blueport, somebody: Prompt) -> None:
        key = restricted_key(blueport, "--scopes", "messages:write")

        ended = somebody.does("login", blueport.said["api_url"], "--key", "-", "--json", standard_input=key)

        assert ended.json == {"api_url": blueport.said["api_url"], "lines": None}

    def test_a_line_that_the_key_may_not_use_is_not_chosen(self, blueport: Blueport, somebody: Prompt) -> None:
        login = ("login", blueport.said["api_url"], "--key", "-", "--from")

        good = somebody(*login, "+1 (555) 555-0100", standard_input=blueport.said["api_key"])
        bad = somebody(*login, "+15550999999", standard_input=blueport.said["api_key"])

        assert (good.status, bad.status) == (0, 2)
        assert blueport.line in bad.err
        kept = json.loads((somebody.home / "config/blueport/credentials.json").read_text())
        assert kept["line"] == blueport.line


class TestWhoIsAsked:
    def test_without_a_key_nobody_is(self, somebody: Prompt) -> None:
        ended = somebody("lines")

        assert (ended.status, ended.out) == (3, "")
        assert "blueport login" in ended.err

    def test_what_is_said_goes_before_the_environment_and_that_before_what_was_kept(
        self, blueport: Blueport, somebody: Prompt
    ) -> None:
        signed_in(somebody, blueport)
        bad, good = new_key(), blueport.said["api_key"]

        by_environment = Prompt(somebody.home, MESSAGES_API_KEY=bad)("lines")
        by_word = Prompt(somebody.home, MESSAGES_API_KEY=bad)("lines", "--key", good)

        assert (by_environment.status, by_word.status) == (3, 0)

    def test_a_key_that_was_kept_is_told_to_no_other_server(self, blueport: Blueport, somebody: Prompt) -> None:
        signed_in(somebody, blueport)

        ended = somebody("lines", "--url", "https://elsewhere.example")

        assert ended.status == 3
        assert "there is no key for https://elsewhere.example" in ended.err

    def test_the_same_server_may_be_written_in_another_way(self, blueport: Blueport, somebody: Prompt) -> None:
        signed_in(somebody, blueport)

        somebody.does("lines", "--url", f"{blueport.said['api_url']}/v1/")

    def test_what_was_kept_and_is_damaged_is_said_so(self, blueport: Blueport, somebody: Prompt) -> None:
        signed_in(somebody, blueport)
        (somebody.home / "config/blueport/credentials.json").write_text('{"api')

        ended = somebody("lines")

        assert ended.status == 3
        assert "credentials.json is damaged: say `blueport login` again" in ended.err

    def test_no_url_is_wrong_usage(self, somebody: Prompt) -> None:
        ended = somebody("lines", "--url", "elsewhere.example", "--key", new_key())

        assert ended.status == 2
        assert "the base URL 'elsewhere.example' is none" in ended.err

    def test_after_logout_it_is_as_before(self, blueport: Blueport, somebody: Prompt) -> None:
        signed_in(somebody, blueport)

        somebody.does("logout")

        assert not (somebody.home / "config/blueport/credentials.json").exists()
        assert somebody("lines").status == 3
        assert "nobody was signed in" in somebody.does("logout").err
