"""`blueport webhooks reseal`: all secrets under another key, beside servers that work, and whenever it dies."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueport.server.operating.resealing import AT_A_TIME
from blueport.server.sealing import keyring_of, new_sealing_key
from tests.databases import Database, file_like
from tests.system.blueport import Json, until
from tests.system.receiver import Receiver
from tests.system.servers import Fleet, fleet
from tests.system.test_the_command_line import run

OLD, NEW, THIRD = (new_sealing_key() for _ in range(3))
# Where a secret may stand, and for what it is sealed there.
STORED = """
SELECT id, secret FROM webhooks
UNION ALL SELECT id, earlier_secret FROM webhooks WHERE earlier_secret IS NOT NULL
UNION ALL SELECT fingerprint, body FROM idempotency_keys
UNION ALL SELECT fingerprint, body FROM unanswered
"""


@pytest.fixture
def ships(database: Database) -> Iterator[Fleet]:
    with fleet(database) as ships:
        yield ships


def resealed(database: Database, *more: str, keys: str) -> subprocess.CompletedProcess[str]:
    ended = run(
        "webhooks", "reseal", "--database", database.named, *more, at=database.folder, BLUEPORT_SECRETS_KEY=keys
    )
    assert "Traceback" not in ended.stderr
    assert not [key for key in (OLD, NEW, THIRD) if key in ended.stdout + ended.stderr]
    return ended


def webhook(ships: Fleet, port: int, url: str, name: str) -> Json:
    """Have a webhook made by a request of that name."""
    asked = {"from": "", "url": url, "events": ["message.received"]}
    return ships.api(port, "POST", "/v1/webhooks", asked, **{"Idempotency-Key": name})


def rotate(ships: Fleet, port: int, made: Json) -> str:
    return ships.api(port, "POST", "/v1/webhooks/rotate", {"id": made["id"], "overlap_s": 3600})["secret"]


def key_ids(database: Database) -> set[str]:
    """Return under which keys what is stored is sealed, `plain` if under none."""
    rows = database.sql(STORED)
    return {stored.split(":")[1] if stored.startswith("sealed:") else "plain" for _, stored in rows}


def key_id(keys: str) -> str:
    return keyring_of(keys).key_id or "plain"


def fill(database: Database, how_many: int) -> None:
    """Put so many webhooks there, as they were made before there was a key."""
    database.sql("INSERT INTO accounts (id, name, created_at) VALUES ('acc_1', 'Alice', 1)")
    database.sql(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
        " INSERT INTO webhooks (account_id, id, url, secret, events, is_active, created_at)"
        " SELECT 'acc_1', 'wh_' || (1000000 + n), 'https://agent.example.com', 'whsec_' || n, 'message.sent', 1, 1"
        " FROM numbers",
        how_many,
    )


class TestAnotherKey:
    def test_it_comes_into_a_fleet_while_that_works(self, ships: Fleet) -> None:
        """Step by step, as the README says."""
        database = ships.database
        with Receiver() as receiver, database.keeping_all("unanswered"):
            first = ships.start(SECRETS_KEY=OLD)
            made = webhook(ships, first, receiver.url, "one")
            secret = rotate(ships, first, made)
            for keys in (f"{OLD},{NEW}", f"{NEW},{OLD}"):
                port = ships.start(SECRETS_KEY=keys)
                ships.end(first)
                first = port
            assert key_ids(database) == {key_id(OLD)}

            ended = resealed(database, keys=f"{NEW},{OLD}")

            # Both secrets of the webhook, the answer that has a name, and that which was not noted to be heard.
            assert (ended.returncode, ended.stdout) == (0, "4\n"), ended.stderr
            assert f"4 more secrets are sealed under {key_id(NEW)} now" in ended.stderr
            assert key_ids(database) == {key_id(NEW)}
            ships.hears(first, "+15550100001")
            until(lambda: receiver.heard)
            last = ships.start(SECRETS_KEY=NEW)
            ships.end(first)
            assert webhook(ships, last, receiver.url, "one")["secret"] == made["secret"]
            ships.hears(last, "+15550100002")
            until(lambda: len(receiver.heard) == 2)
        assert [heard.is_signed_with(secret) for heard in receiver.heard] == [True, True]

    def test_a_second_time_nothing_is_left_to_be_done(self, database: Database) -> None:
        fill(database, 3)
        assert resealed(database, keys=OLD).stdout == "3\n"
        before = database.sql(STORED)

        again = resealed(database, keys=OLD)

        assert (again.returncode, again.stdout) == (0, "0\n")
        assert database.sql(STORED) == before

    def test_machines_are_told_in_json_and_the_log_in_its_own_words(self, database: Database) -> None:
        fill(database, 1)

        told = json.loads(resealed(database, "--json", keys=NEW).stdout)

        assert told == {"resealed": 1, "key_id": key_id(NEW), "lost": []}
        log = "SELECT actor, action, target, detail, account_id FROM audit_log"
        assert database.sql(log) == [("operator", "secrets.resealed", key_id(NEW), "1", None)]

    def test_one_that_dies_half_way_is_done_again(self, database: Database) -> None:
        many = 2 * AT_A_TIME + 1
        fill(database, many)
        plain = dict(database.sql(STORED))
        resealed(database, keys=OLD)
        (database.folder / "webhooks.resealed").touch()
        arguments = ("webhooks", "reseal", "--database", database.named)
        settings = {"BLUEPORT_SECRETS_KEY": f"{NEW},{OLD}", "BLUEPORT_FAILPOINTS": str(database.folder)}
        assert run(*arguments, at=database.folder, **settings).returncode == -signal.SIGKILL
        assert key_ids(database) == {key_id(OLD), key_id(NEW)}
        readable = keyring_of(f"{OLD},{NEW}")
        assert {place: readable.plain(stored, place=place) for place, stored in database.sql(STORED)} == plain

        ended = resealed(database, keys=f"{NEW},{OLD}")

        assert (ended.returncode, ended.stdout) == (0, f"{many - AT_A_TIME}\n")
        assert key_ids(database) == {key_id(NEW)}
        readable = keyring_of(NEW)
        assert {place: readable.plain(stored, place=place) for place, stored in database.sql(STORED)} == plain


class TestPlain:
    def test_what_was_stored_as_it_is_is_sealed_and_there_is_a_way_back(self, ships: Fleet) -> None:
        database = ships.database
        with database.keeping_all("unanswered"):
            port = ships.start()
            made = webhook(ships, port, "http://127.0.0.1:9", "one")
            secrets = {made["secret"], rotate(ships, port, made)}
            ships.end(port)
        plain = database.sql(STORED)

        sealed = resealed(database, keys=NEW)
        assert (sealed.returncode, sealed.stdout) == (0, "4\n")
        assert "may still stand in unused pages" in sealed.stderr
        assert not [stored for _, stored in database.sql(STORED) if any(secret in stored for secret in secrets)]
        back = resealed(database, "--plain", keys=NEW)

        assert (back.returncode, back.stdout) == (0, "4\n")
        assert "every server may do without a key" in back.stderr
        assert sorted(database.sql(STORED)) == sorted(plain)


class TestALostKey:
    def test_others_take_the_place_of_what_it_sealed_and_rotated_they_sign(self, ships: Fleet) -> None:
        database = ships.database
        with Receiver() as receiver:
            first = ships.start(SECRETS_KEY=OLD)
            made = webhook(ships, first, receiver.url, "one")
            rotate(ships, first, made)
            ships.end(first)

            ended = resealed(database, "--replace-lost", keys=NEW)

            # The answer is what it is: to forget it would be to do it a second time.
            assert (ended.returncode, ended.stdout) == (0, "2\n")
            assert ended.stderr.endswith(f"have these rotated: {made['id']}\n")
            port = ships.start(SECRETS_KEY=NEW)
            secret = rotate(ships, port, made)
            ships.hears(port, "+15550100001")
            until(lambda: receiver.heard)
        assert receiver.heard[0].is_signed_with(secret)


def test_once_it_is_vacuumed_a_file_holds_nothing_of_what_was_plain(migrated: Path) -> None:
    with file_like(migrated) as database:
        fill(database, 100)
        assert b"whsec_100" in database.path.read_bytes()
        resealed(database, keys=NEW)

        database.sql("VACUUM")

        assert b"whsec_" not in database.path.read_bytes()


class TestRefusals:
    def test_without_a_key(self, database: Database) -> None:
        fill(database, 1)

        ended = run("webhooks", "reseal", "--database", database.named, at=database.folder)

        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (78, "", 1)
        assert "`secrets_key` is not set" in ended.stderr
        assert key_ids(database) == {"plain"}

    def test_what_is_no_key(self, database: Database) -> None:
        settings = {"BLUEPORT_SECRETS_KEY": f"{NEW},never-to-be-told"}
        ended = run("webhooks", "reseal", "--database", database.named, at=database.folder, **settings)

        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (78, "", 1)
        assert "number 2 is none" in ended.stderr
        assert "never" not in ended.stderr

    def test_what_cannot_be_opened_is_named_and_the_rest_is_done(self, database: Database) -> None:
        fill(database, 3)
        resealed(database, keys=OLD)
        database.sql("UPDATE webhooks SET secret = (SELECT min(secret) FROM webhooks WHERE id = 'wh_1000001')")

        ended = resealed(database, keys=f"{NEW},{OLD}")

        assert (ended.returncode, ended.stdout) == (1, "1\n")
        assert ended.stderr.splitlines()[-1].endswith("do not open the secrets of wh_1000002, wh_1000003")

    def test_of_many_that_cannot_be_opened_five_are_named(self, database: Database) -> None:
        fill(database, 8)
        resealed(database, keys=OLD)

        ended = resealed(database, keys=NEW)

        assert (ended.returncode, ended.stdout) == (1, "0\n")
        assert ended.stderr.endswith("wh_1000004, wh_1000005 and 3 more\n")
        assert key_ids(database) == {key_id(OLD)}

    def test_a_server_that_lacks_a_key_says_so_and_ends(self, database: Database) -> None:
        fill(database, 1)
        resealed(database, keys=OLD)

        for keys, why in (({}, "is not set"), ({"BLUEPORT_SECRETS_KEY": NEW}, "none of those of `secrets_key`")):
            ended = run("serve", at=database.folder, BLUEPORT_DATABASE=database.named, **keys)

            assert (ended.returncode, ended.stderr.count("\n")) == (78, 1)
            assert key_id(OLD) in ended.stderr
            assert why in ended.stderr
            assert NEW not in ended.stderr


def test_a_key_that_is_made_is_one(tmp_path: Path) -> None:
    made = run("key", "--secrets", at=tmp_path).stdout.strip()

    assert keyring_of(made).key_id
