"""The audit log: what was changed, by whom, with nothing in it that should not be read."""

import pytest

from blueport.server.auditing.queries import Entry
from blueport.server.authorizing.keys import new_daemon_token, new_key
from blueport.server.operating import service as operating
from blueport.server.operating.service import KeyTerms, LineChange, NewLine, OperatorError
from tests.databases import BROKEN_RULES, Database
from tests.server.world import ADA, Caller, Clock, Customer, World, text_from

SANDBOX = "+15550109999"
SECRET_URL = "https://agent.example.com/hook?token=hunter2"


def entries(customer: Customer) -> list[Entry]:
    """Return the account's entries, the oldest first."""
    return customer.world.do(operating.entries, customer.account_id, 1000)[::-1]


def told(customer: Customer) -> list[tuple[str, str, str | None]]:
    return [(entry.actor, entry.action, entry.target) for entry in entries(customer)]


def key_id_of(customer: Customer) -> str:
    return customer.world.do(operating.list_keys, customer.account_id)[0].id


def share_a_line(customer: Customer) -> None:
    line = NewLine(SANDBOX, None, None, "imessage", is_sandbox=True, is_contact_first=True)
    customer.world.do(operating.add_line, customer.account_id, line)


class TestEntries:
    def test_webhooks_are_told_with_the_key_and_the_request(self, alice: Customer) -> None:
        made = alice.webhook(SECRET_URL)
        deleted = alice.delete("/v1/webhooks", {"id": made["id"]}).json()

        first, second = entries(alice)
        assert first[1:5] == (alice.account_id, key_id_of(alice), "webhook.created", made["id"])
        assert second[1:5] == (alice.account_id, key_id_of(alice), "webhook.deleted", made["id"])
        assert (first.request_id, second.request_id) == (made["request_id"], deleted["request_id"])
        assert first.address == "testclient"
        assert first.at == alice.world.clock.ms

    def test_what_is_refused_is_not_told(self, alice: Customer) -> None:
        alice.post("/v1/webhooks", {"from": "", "url": "ftp://a", "events": ["message.sent"]})
        alice.delete("/v1/webhooks", {"id": "wh_1"})
        with pytest.raises(OperatorError):
            alice.world.do(operating.revoke_key, "key_1", None)

        assert entries(alice) == []

    def test_a_repeated_request_is_told_once(self, alice: Customer) -> None:
        hook = {"from": "", "url": SECRET_URL, "events": ["message.sent"]}
        for _ in range(2):
            alice.post("/v1/webhooks", hook, **{"Idempotency-Key": "once"})

        assert len(entries(alice)) == 1

    def test_what_the_operator_does_is_told(self, alice: Customer) -> None:
        do = alice.world.do
        daemon = do(operating.create_daemon, alice.account_id, "mini")
        line = NewLine("+15550101007", "mini", None, "imessage", is_sandbox=False, is_contact_first=False)
        line_id = do(operating.add_line, alice.account_id, line)
        do(operating.change_line, line_id, LineChange(label="Sales"))
        key = do(operating.create_key, alice.account_id, KeyTerms("an agent"))
        rolled = do(operating.roll_key, key.id, None, overlap_ms=0)
        do(operating.revoke_key, rolled.id, None)
        do(operating.revoke_daemon, daemon.id)
        do(operating.change_account, alice.account_id, name="Alice & Sons")

        assert told(alice) == [
            ("operator", "daemon.created", daemon.id),
            ("operator", "line.created", line_id),
            ("operator", "line.changed", line_id),
            ("operator", "key.created", key.id),
            ("operator", "key.rolled", key.id),
            ("operator", "key.revoked", rolled.id),
            ("operator", "daemon.revoked", daemon.id),
            ("operator", "account.changed", alice.account_id),
        ]
        assert entries(alice)[4].detail == rolled.id
        assert entries(alice)[-1].detail == "name"

    def test_what_a_key_may_do_is_told_with_it(self, alice: Customer) -> None:
        alice.world.do(operating.create_key, alice.account_id, KeyTerms("an agent"))
        alice.world.do(operating.create_key, alice.account_id, KeyTerms("a reader", ("lines:read",), (alice.line,)))

        assert [entry.detail for entry in entries(alice)] == ["all", f"lines:read {alice.line_id}"]

    def test_a_phone_that_is_paired_and_moves_is_told_to_both(self, alice: Customer, bob: Customer) -> None:
        share_a_line(alice)
        for customer in (alice, bob):
            code = customer.post("/v1/sandbox", {}).json()["activation_code"]
            alice.mac.sees(text_from(ADA, SANDBOX, code))

        assert told(alice)[1:] == [
            (key_id_of(alice), "sandbox.begun", alice.account_id),
            ("system", "sandbox.paired", alice.account_id),
            ("system", "sandbox.unpaired", alice.account_id),
        ]
        assert told(bob) == [
            (key_id_of(bob), "sandbox.begun", bob.account_id),
            ("system", "sandbox.paired", bob.account_id),
        ]

    def test_a_code_that_is_there_already_is_told_no_second_time(self, alice: Customer) -> None:
        share_a_line(alice)
        for name in ("first", "second"):
            alice.post("/v1/sandbox", {}, **{"Idempotency-Key": name})

        assert told(alice)[1:] == [(key_id_of(alice), "sandbox.begun", alice.account_id)]

    def test_of_another_account_nothing_is_told(self, alice: Customer, bob: Customer) -> None:
        bob.webhook(SECRET_URL)

        assert entries(alice) == []
        assert len(entries(bob)) == 1
        assert len(alice.world.do(operating.entries, None, 1000)) == 1

    def test_the_latest_come_first_and_no_more_than_asked_for(self, alice: Customer) -> None:
        made = [alice.webhook(f"{SECRET_URL}&n={number}")["id"] for number in range(3)]

        assert [entry.target for entry in alice.world.do(operating.entries, None, 2)] == made[:0:-1]

    def test_what_a_fresh_installation_starts_with_is_told(self, database: Database) -> None:
        settings = {
            "first_key": new_key(),
            "first_line": "+15550101000",
            "first_daemon_token": new_daemon_token(),
            "sandbox_line": SANDBOX,
        }
        for _ in range(2):
            with World(database, Clock(), **settings).open() as world:
                found = world.do(operating.entries, None, 1000)

        actions = ["account.created", "key.created", "daemon.created", "line.created", "line.created"]
        assert [entry.action for entry in found[::-1]] == actions
        assert {entry.actor for entry in found} == {"system"}


class TestKeeping:
    def test_no_entry_can_be_changed_or_deleted(self, alice: Customer) -> None:
        alice.webhook(SECRET_URL)

        entry = "INTO audit_log (seq, at, actor, action) VALUES (1, 1, 'nobody', 'nothing')"
        of_its_own = "TRUNCATE audit_log" if alice.world.database.is_postgres else f"INSERT OR REPLACE {entry}"
        for statement in (
            "UPDATE audit_log SET actor = 'nobody'",
            "DELETE FROM audit_log",
            f"INSERT {entry} ON CONFLICT (seq) DO UPDATE SET actor = 'nobody'",
            of_its_own,
        ):
            with pytest.raises(BROKEN_RULES, match="append-only"):
                alice.world.sql(statement)

        assert len(entries(alice)) == 1

    def test_it_holds_no_secret_no_text_and_nobodys_address(self, alice: Customer) -> None:
        share_a_line(alice)
        code = alice.post("/v1/sandbox", {}).json()["activation_code"]
        alice.mac.sees(text_from(ADA, SANDBOX, f"{code} and something private"))
        hook = alice.webhook(SECRET_URL)
        key = alice.world.do(operating.create_key, alice.account_id, KeyTerms("an agent"))
        daemon = alice.world.do(operating.create_daemon, alice.account_id, "mini")
        Caller(alice.world, key.key).post("/v1/messages", {"from": SANDBOX, "to": ADA, "text": "something private"})

        written = str(alice.world.sql("SELECT * FROM audit_log"))
        for secret in (code, "private", ADA, "hunter2", hook["secret"], key.key, key.key[-4:], daemon.token):
            assert secret not in written
        assert len(entries(alice)) == 6

    def test_it_outlives_a_restart(self, database: Database) -> None:
        with World(database, Clock()).open() as world:
            world.customer("Alice", "+15550101000").webhook(SECRET_URL)

        with World(database, Clock()).open() as world:
            assert len(world.do(operating.entries, None, 1000)) == 1
