"""Secrets of webhooks in the database: sealed under the operator's keys, wherever they stand there."""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Iterator

import pytest

from blueport.server.errors import MisconfiguredError
from tests.databases import Database
from tests.server.answers import assert_refused
from tests.server.receiver import Heard, Receiver, receiving, until
from tests.server.world import ADA, CARL, HOUR_MS, MINUTE_MS, Clock, Customer, Json, Mac, World

KEY, OTHER_KEY = (base64.b64encode(bytes(range(first, first + 32))).decode() for first in (100, 200))
HOOK = {"from": "", "url": "https://agent.example.com/hook", "events": ["message.sent"]}
NAME = {"Idempotency-Key": "a-name"}


@contextlib.contextmanager
def running_on(database: Database, *keys: str) -> Iterator[World]:
    """Run a server that has these keys."""
    with World(database, Clock(), secrets_key=",".join(keys) or None).open() as world:
        yield world


def alice_in(world: World) -> Customer:
    return world.customer("Alice", "+15550101000")


def again(customer: Customer, world: World) -> Customer:
    """Return the same customer after a restart."""
    mac = Mac(world, customer.mac.token, customer.mac.id)
    return Customer(world, customer.account_id, customer.key, customer.line, customer.line_id, mac)


def made(customer: Customer, **headers: str) -> Json:
    """Have a webhook made by a request that bears a name only if *headers* give one."""
    answer = customer.post("/v1/webhooks", HOOK, **headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def rotated(customer: Customer, webhook: Json, **headers: str) -> str:
    answer = customer.post("/v1/webhooks/rotate", {"id": webhook["id"], "overlap_s": 3600}, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["secret"]


def standard_signatures(heard: Heard) -> list[str]:
    return heard.headers["webhook-signature"].split(" ")


def signed_with(heard: Heard, secret: str) -> str:
    """Sign as https://www.standardwebhooks.com says."""
    content = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.raw
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def stored(world: World) -> list[str]:
    return [secret for (secret,) in world.sql("SELECT secret FROM webhooks ORDER BY id")]


class TestAtRest:
    def day(self, database: Database, receiver: Receiver, *keys: str) -> tuple[list[str], str]:
        """Have webhooks made, rotated and delivered to, and all answers kept; return the secrets, and what is kept."""
        with database.keeping_all("unanswered"), running_on(database, *keys) as world:
            alice = alice_in(world)
            told_to = alice.webhook(receiver.url)
            first, second = made(alice), made(alice, **NAME)
            news = [rotated(alice, told_to), rotated(alice, first, **{"Idempotency-Key": "another"})]
            alice.hears(ADA)
            (heard,) = receiver.waits_for(1)
            assert heard.is_signed_with(news[0])
            until(lambda: world.sql("SELECT state FROM deliveries") == [("delivered",)])
            return [told_to["secret"], first["secret"], second["secret"], *news], database.content()

    def test_under_a_key_no_secret_stands_anywhere_in_the_database(
        self, database: Database, receiver: Receiver
    ) -> None:
        secrets, content = self.day(database, receiver, KEY)

        assert [secret for secret in secrets if secret.removeprefix("whsec_") in content] == []
        assert KEY not in content
        assert base64.b64decode(KEY).decode("latin-1") not in content

    def test_without_one_they_stand_there_as_they_are(self, database: Database, receiver: Receiver) -> None:
        secrets, content = self.day(database, receiver)

        assert [secret for secret in secrets if secret in content] == secrets

    def test_equal_secrets_are_not_seen_to_be_equal(self, database: Database) -> None:
        with running_on(database, KEY) as world:
            alice = alice_in(world)
            rows = [made(alice, **{"Idempotency-Key": name}) for name in "ab"]

            kept = stored(world)

        assert len(rows) == len({*kept}) == 2
        assert {each.split(":")[0] for each in kept} == {"sealed"}


class TestSigning:
    def test_deliveries_are_signed_with_what_was_told(self, database: Database, receiver: Receiver) -> None:
        with running_on(database, KEY) as world:
            alice = alice_in(world)
            webhook = alice.webhook(receiver.url)

            alice.hears(ADA)

            (heard,) = receiver.waits_for(1)
            assert heard.is_signed_with(webhook["secret"])
            assert standard_signatures(heard) == [signed_with(heard, webhook["secret"])]

    def test_both_secrets_sign_until_the_overlap_ends(self, database: Database, receiver: Receiver) -> None:
        with running_on(database, KEY) as world:
            alice = alice_in(world)
            webhook = alice.webhook(receiver.url)

            secret = rotated(alice, webhook)
            alice.hears(ADA)
            during = receiver.waits_for(1)[0]
            world.clock.ms += HOUR_MS
            alice.hears(CARL)
            after = receiver.waits_for(2)[1]

            assert standard_signatures(during) == [signed_with(during, each) for each in (secret, webhook["secret"])]
            assert standard_signatures(after) == [signed_with(after, secret)]

    def test_one_of_before_there_was_a_key_signs_beside_one_of_after(
        self, database: Database, receiver: Receiver
    ) -> None:
        with running_on(database) as world:
            alice = alice_in(world)
            webhook = alice.webhook(receiver.url)

        with running_on(database, KEY) as world:
            alice = again(alice, world)
            alice.hears(ADA)
            before = receiver.waits_for(1)[0]
            secret = rotated(alice, webhook)
            alice.hears(CARL)
            after = receiver.waits_for(2)[1]

        assert before.is_signed_with(webhook["secret"])
        assert standard_signatures(after) == [signed_with(after, each) for each in (secret, webhook["secret"])]

    def test_one_that_was_sealed_for_another_webhook_signs_nothing(
        self, database: Database, receiver: Receiver
    ) -> None:
        with running_on(database, KEY) as world, receiving() as other_receiver:
            alice = alice_in(world)
            taken, given = alice.webhook(receiver.url), alice.webhook(other_receiver.url)
            (theirs,) = world.sql("SELECT secret FROM webhooks WHERE id = ?", given["id"])
            world.sql("UPDATE webhooks SET secret = ? WHERE id = ?", *theirs, taken["id"])

            alice.hears(ADA)

            assert other_receiver.waits_for(1)[0].is_signed_with(given["secret"])
            of_taken = "SELECT reason, attempts, state FROM deliveries WHERE webhook_id = ?"
            until(lambda: world.sql(of_taken, taken["id"]) == [("not_signed", 1, "pending")])
            assert receiver.heard == []

    def test_what_could_not_be_signed_is_tried_again(self, database: Database, receiver: Receiver) -> None:
        with running_on(database, KEY) as world:
            alice = alice_in(world)
            webhook = alice.webhook(receiver.url)
            (whole,) = stored(world)
            world.sql("UPDATE webhooks SET secret = ?", f"{whole[:-8]}{'A' * 8}")
            alice.hears(ADA)
            until(lambda: world.sql("SELECT reason FROM deliveries") == [("not_signed",)])
            assert world.sql("SELECT failures FROM webhooks") == [(0,)]  # it is no fault of the receiver's

            world.sql("UPDATE webhooks SET secret = ?", whole)
            world.pass_time(MINUTE_MS)

            assert receiver.waits_for(1)[0].is_signed_with(webhook["secret"])


class TestRepeating:
    """What was answered is told again, with the secret, though it is sealed meanwhile."""

    def test_under_its_name(self, database: Database) -> None:
        with running_on(database, KEY) as world:
            alice = alice_in(world)
            first = made(alice, **NAME)
        with running_on(database, OTHER_KEY, KEY) as world:
            assert made(again(alice, world), **NAME) == first
            assert world.rows("webhooks") == 1

    def test_without_a_name_if_it_was_not_heard(self, database: Database) -> None:
        with database.keeping_all("unanswered"), running_on(database, KEY) as world:
            alice = alice_in(world)
            first = made(alice)
        with running_on(database, KEY) as world:
            assert made(again(alice, world)) == first
            assert world.rows("webhooks") == 1

    def test_if_it_was_kept_before_there_was_a_key(self, database: Database) -> None:
        with running_on(database) as world:
            alice = alice_in(world)
            first = made(alice, **NAME)
        with running_on(database, KEY) as world:
            assert made(again(alice, world), **NAME) == first

    def test_if_its_key_is_gone_it_is_an_error_and_done_no_second_time(self, database: Database) -> None:
        with running_on(database, KEY) as world:
            alice = alice_in(world)
            alice.delete("/v1/webhooks", {"id": made(alice, **NAME)["id"]})
        with running_on(database, OTHER_KEY) as world:
            answer = again(alice, world).post("/v1/webhooks", HOOK, **NAME)

            assert_refused(answer, 500, "internal_error")
            assert world.rows("webhooks") == 0


class TestKeys:
    def test_the_first_seals_and_all_open(self, database: Database, receiver: Receiver) -> None:
        with running_on(database, KEY) as world:
            alice = alice_in(world)
            old = alice.webhook(receiver.url)
        with running_on(database, OTHER_KEY, KEY) as world:
            alice = again(alice, world)
            new = alice.webhook(receiver.url)
            ids = [each.split(":")[1] for each in stored(world)]

            alice.hears(ADA)

            heard = receiver.waits_for(2)
            assert len({*ids}) == 2
            for webhook in (old, new):
                assert [each.is_signed_with(webhook["secret"]) for each in heard].count(True) == 1

    def test_no_server_begins_without_a_key_that_is_needed(self, database: Database) -> None:
        with running_on(database, KEY) as world:
            made(alice_in(world))
            ((secret,),) = world.sql("SELECT secret FROM webhooks")
        needed = f"secrets of webhooks in this database are sealed under the key {secret.split(':')[1]}"

        for keys, why in (((), "`secrets_key` is not set"), ((OTHER_KEY,), "is none of those of `secrets_key`")):
            with pytest.raises(MisconfiguredError, match=f"^{needed}, (and|which) {why}$"), running_on(database, *keys):
                pass

    def test_nor_without_that_of_an_earlier_secret(self, database: Database) -> None:
        with running_on(database, KEY) as world:
            alice = alice_in(world)
            webhook = made(alice)
        with running_on(database, OTHER_KEY, KEY) as world:
            rotated(again(alice, world), webhook)

        with pytest.raises(MisconfiguredError, match=r"`secrets_key`$"), running_on(database, OTHER_KEY):
            pass

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize(
        ("given", "number"),
        [
            ("", 1),
            ("short", 1),
            (base64.b64encode(b"k" * 31).decode(), 1),
            (base64.b64encode(b"k" * 33).decode(), 1),
            (base64.b64encode(b"k" * 32).decode().rstrip("="), 1),
            (f"{KEY}!", 1),
            (KEY[:20] + "é" + KEY[21:], 1),
            (f"{KEY},", 2),
            (f"{KEY} {OTHER_KEY}", 1),
            (f"{KEY},{OTHER_KEY},{b'k'.hex() * 32}", 3),
        ],
    )
    def test_what_is_no_key_is_told_by_its_place_and_not_repeated(
        self, database: Database, given: str, number: int
    ) -> None:
        with pytest.raises(MisconfiguredError) as refused, World(database, Clock(), secrets_key=given).open():
            pass

        assert str(refused.value) == (
            "`secrets_key` takes keys of 32 bytes in base64 with commas between them, as `blueport key --secrets` makes"
            f" them: number {number} is none"
        )

    def test_spaces_beside_commas_and_the_alphabet_for_urls_are_taken(self, database: Database) -> None:
        raw = bytes(range(224, 256))
        usual, for_urls = base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()
        assert usual != for_urls
        with running_on(database, f" {usual} ", f" {KEY} ") as world:
            made(alice_in(world))

        with running_on(database, for_urls):
            pass
