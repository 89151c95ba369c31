"""The outbox of the dashboard: which items it lists, and what it says of failures."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport.server.dashboard.outbox import queries
from blueport.server.dashboard.outbox.views import SHOWN
from blueport.server.sending.failures import is_known, meaning_of
from tests.databases import Database
from tests.server.dashboard import older
from tests.server.world import ADA, Clock, Customer, World

DAEMON = Path(__file__).parents[2] / "src" / "blueport" / "daemon"
# Where the daemon says by a word why it did not send.
SAID = re.compile(
    r'(?:TransportError|_RefusedError)\(\s*"(\w+)"|items\.fail\([^)]*?"(\w+)"|return "(\w+_\w+)"\n'
    r'|^[A-Z_]+ = "(\w+_\w+|expired)"$|: "(\w+_\w+)"[,}]',
    re.MULTILINE,
)
# By these it tells itself how a script left Messages.
OF_SCRIPTS = {"cannot_run", "no_such_chat", "not_allowed", "not_running", "not_signed_in"}
ITEM = re.compile(r'href="/dashboard/outbox/(obx_\w+)"')


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """Run a server whose operator is signed in to the dashboard."""
    with World(database, Clock(), dashboard_token="a-token").open() as world:
        world.client.get("/dashboard?token=a-token")
        yield world


def words_of_the_daemon() -> list[str]:
    places = [
        *(DAEMON / "performing").glob("*.py"),
        *(DAEMON / "transports").rglob("*.py"),
        DAEMON / "watching/proving.py",
    ]
    found = {word for path in places for words in SAID.findall(path.read_text()) for word in words if word}
    return sorted(found - OF_SCRIPTS)


@pytest.mark.parametrize("word", words_of_the_daemon())
def test_each_word_by_which_the_daemon_fails_is_explained(word: str) -> None:
    assert is_known(word)


def test_an_error_of_apples_is_told_with_its_number() -> None:
    assert "-1700" in meaning_of("applescript_error_-1700").what
    assert "22" in meaning_of("messages_error_22").what


def test_what_no_version_of_ours_says_is_called_a_refusal() -> None:
    assert meaning_of("something_new").what == "Messages refused it."


@pytest.fixture
def alice(alice: Customer) -> Customer:
    alice.hears(ADA)
    return alice


@pytest.fixture
def bob(bob: Customer) -> Customer:
    bob.hears(ADA)
    return bob


class TestList:
    def test_it_shows_what_is_wanted(self, world: World, alice: Customer, bob: Customer) -> None:
        mine, theirs = alice.sends(), bob.sends()

        assert listed(world) == [theirs, mine]
        assert listed(world, status="open") == [theirs, mine]
        assert listed(world, account=alice.account_id) == [mine]
        assert listed(world, line=bob.line_id) == [theirs]
        assert listed(world, status="sent") == []

    @pytest.mark.parametrize("status", ["", "open"])
    def test_it_leads_on_to_what_is_older(self, world: World, alice: Customer, status: str) -> None:
        ids = [alice.sends() for _ in range(SHOWN + 3)]

        first = world.client.get(f"/dashboard/outbox?status={status}").text

        assert ITEM.findall(first) == ids[:2:-1]
        assert ITEM.findall(world.client.get(older(first)).text) == ids[2::-1]

    def test_what_is_rare_is_looked_for_in_parts(
        self, world: World, alice: Customer, bob: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queries, "LOOKED_THROUGH", 2)
        rare = bob.sends()
        for _ in range(3):
            alice.sends()

        first = world.client.get(f"/dashboard/outbox?account={bob.account_id}").text
        assert "None among the latest" in first

        assert ITEM.findall(world.client.get(older(first)).text) == [rare]

    @pytest.mark.parametrize("before", ["-1", "x", "9" * 30, "²", "%00", "1e3"])
    def test_a_place_that_is_none_is_the_newest(self, world: World, alice: Customer, before: str) -> None:
        outbox_id = alice.sends()

        assert ITEM.findall(world.client.get(f"/dashboard/outbox?before={before}").text) == [outbox_id]


@pytest.mark.parametrize("path", ["outbox?status=lost", "outbox/obx_0", "outbox/msg_1"])
def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    assert world.client.get(f"/dashboard/{path}").status_code == 404


def listed(world: World, **query: str) -> list[str]:
    return ITEM.findall(world.client.get("/dashboard/outbox", params=query).text)
