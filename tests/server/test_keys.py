"""Keys from their making to their end: what the operator does counts from the next request on."""

import pytest

from blueport.server.authorizing.keys import SCOPES, is_well_formed
from blueport.server.operating import service as operating
from blueport.server.operating.service import KeyTerms, LineChange, MadeKey, NewLine, OperatorError
from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, HOUR_MS, SECOND_MS, Caller, Customer, Mac, World

DAY_MS = 24 * HOUR_MS


def made(customer: Customer, **terms: object) -> MadeKey:
    return customer.world.do(operating.create_key, customer.account_id, KeyTerms(**({"name": "an agent"} | terms)))


def caller(customer: Customer, key: MadeKey) -> Caller:
    return Caller(customer.world, key.key)


def listed(customer: Customer, key: MadeKey) -> operating.Key:
    return next(each for each in customer.world.do(operating.list_keys, customer.account_id) if each.id == key.id)


class TestCreate:
    def test_a_new_key_may_do_everything_on_every_line(self, alice: Customer) -> None:
        key = made(alice)

        assert is_well_formed(key.key)
        alice.hears(ADA)
        assert_done(caller(alice, key).post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"}), 201)
        assert listed(alice, key).scopes == SCOPES

    def test_it_may_do_what_its_scopes_say_and_nothing_else(self, alice: Customer) -> None:
        key = made(alice, scopes=("lines:read",))

        assert_done(caller(alice, key).get("/v1/lines"))
        assert_refused(caller(alice, key).get("/v1/chats", {"from": alice.line}), 403, "insufficient_scope")

    def test_it_may_use_the_lines_that_it_was_made_for(self, alice: Customer) -> None:
        second = alice.world.add_line(alice.account_id, "+15550101001", alice.mac)

        by_handle, by_id = made(alice, lines=(alice.line,)), made(alice, lines=(second,))

        assert_done(caller(alice, by_handle).get("/v1/chats", {"from": alice.line}))
        assert_refused(caller(alice, by_id).get("/v1/chats", {"from": alice.line}), 403, "line_not_accessible", "from")

    def test_for_a_line_of_another_account_no_key_is_made(self, alice: Customer, bob: Customer) -> None:
        before = alice.world.rows("api_keys")

        for line in (bob.line, bob.line_id, "+15559999999"):
            with pytest.raises(OperatorError, match=r"^no such line of the account$"):
                made(alice, lines=(alice.line, line))

        assert alice.world.rows("api_keys") == before

    def test_it_expires_to_the_millisecond(self, alice: Customer) -> None:
        key = made(alice, lives_ms=30 * DAY_MS)
        alice.world.clock.ms += 30 * DAY_MS - 1
        assert_done(caller(alice, key).get("/v1/lines"))
        assert listed(alice, key).status == "active"

        alice.world.clock.ms += 1

        assert_refused(caller(alice, key).get("/v1/lines"), 401, "invalid_api_key")
        assert listed(alice, key).status == "expired"

    def test_of_its_secret_four_digits_are_kept(self, alice: Customer) -> None:
        key = made(alice, hourly_limit=7)

        row = listed(alice, key)
        assert row.last4 == key.key[-4:]
        assert row.hourly_limit == 7
        assert key.key not in str(alice.world.sql("SELECT * FROM api_keys"))

    def test_of_an_unknown_account_no_key_is_made(self, world: World) -> None:
        with pytest.raises(OperatorError, match=r"^no such account$"):
            world.do(operating.create_key, "nobody", KeyTerms("a key"))


class TestRevoke:
    def test_the_next_request_is_refused(self, alice: Customer) -> None:
        # srv-100
        key = made(alice)
        assert_done(caller(alice, key).get("/v1/lines"))

        alice.world.do(operating.revoke_key, key.id, None)

        assert_refused(caller(alice, key).get("/v1/lines"), 401, "invalid_api_key")
        assert listed(alice, key).status == "revoked"
        assert_done(alice.get("/v1/lines"))

    def test_a_repeated_request_under_a_revoked_key_is_refused_too(self, alice: Customer) -> None:
        alice.hears(ADA)
        key = made(alice)
        body = {"from": alice.line, "to": ADA, "text": "Hi"}
        assert_done(caller(alice, key).post("/v1/messages", body, **{"Idempotency-Key": "a"}), 201)

        alice.world.do(operating.revoke_key, key.id, None)

        repeated = caller(alice, key).post("/v1/messages", body, **{"Idempotency-Key": "a"})
        assert_refused(repeated, 401, "invalid_api_key")

    def test_what_it_had_accepted_is_still_sent(self, alice: Customer) -> None:
        alice.hears(ADA)
        key = made(alice)
        caller(alice, key).post("/v1/messages", {"from": alice.line, "to": ADA, "text": "Hi"})

        alice.world.do(operating.revoke_key, key.id, None)

        (item,) = alice.mac.claim()
        alice.mac.sends(item)
        assert alice.item(item.id)["status"] == "sent"

    def test_a_second_time_it_is_said_so(self, alice: Customer) -> None:
        key = made(alice)
        alice.world.do(operating.revoke_key, key.id, None)

        with pytest.raises(OperatorError, match="is revoked already"):
            alice.world.do(operating.revoke_key, key.id, None)

    def test_anothers_key_and_none_at_all_are_refused_alike(self, alice: Customer, bob: Customer) -> None:
        key = made(bob)

        for key_id in (key.id, "key_00000000000000000000000000"):
            with pytest.raises(OperatorError, match=r"^no such key$"):
                alice.world.do(operating.revoke_key, key_id, alice.account_id)
            with pytest.raises(OperatorError, match=r"^no such key$"):
                alice.world.do(operating.roll_key, key_id, alice.account_id, overlap_ms=0)

        assert_done(caller(bob, key).get("/v1/lines"))


class TestRoll:
    def test_both_live_until_the_overlap_ends(self, alice: Customer) -> None:
        old = made(alice, scopes=("lines:read",), lines=(alice.line,), hourly_limit=9)

        new = alice.world.do(operating.roll_key, old.id, None, overlap_ms=DAY_MS)

        alice.world.clock.ms += DAY_MS - 1
        assert_done(caller(alice, old).get("/v1/lines"))
        assert_done(caller(alice, new).get("/v1/lines"))
        alice.world.clock.ms += 1
        assert_refused(caller(alice, old).get("/v1/lines"), 401, "invalid_api_key")
        assert_done(caller(alice, new).get("/v1/lines"))

    def test_the_new_one_may_do_what_the_old_one_may(self, alice: Customer) -> None:
        old = made(alice, scopes=("lines:read", "chats:read"), lines=(alice.line,), hourly_limit=9)

        new = alice.world.do(operating.roll_key, old.id, None, overlap_ms=DAY_MS)

        was, is_now = listed(alice, old), listed(alice, new)
        for field in ("account_id", "name", "scopes", "line_ids", "hourly_limit"):
            assert getattr(is_now, field) == getattr(was, field)
        assert new.key != old.key

    def test_without_an_overlap_the_old_one_ends_at_once(self, alice: Customer) -> None:
        old = made(alice)

        alice.world.do(operating.roll_key, old.id, None, overlap_ms=0)

        assert_refused(caller(alice, old).get("/v1/lines"), 401, "invalid_api_key")

    def test_the_old_one_lives_no_longer_than_it_was_to(self, alice: Customer) -> None:
        old = made(alice, lives_ms=HOUR_MS)

        new = alice.world.do(operating.roll_key, old.id, None, overlap_ms=DAY_MS)

        assert new.old_key_expires_at == alice.world.clock.ms + HOUR_MS
        assert listed(alice, old).expires_at == alice.world.clock.ms + HOUR_MS

    def test_the_new_one_lives_as_long_as_the_old_was_to(self, alice: Customer) -> None:
        old = made(alice, lives_ms=30 * DAY_MS)
        alice.world.clock.ms += 29 * DAY_MS

        new = alice.world.do(operating.roll_key, old.id, None, overlap_ms=HOUR_MS)

        assert new.expires_at == alice.world.clock.ms + 30 * DAY_MS

    def test_one_that_is_rolled_twice_has_two_heirs_that_live_as_long(self, alice: Customer) -> None:
        for_ever, for_a_month = made(alice), made(alice, lives_ms=30 * DAY_MS)
        alice.world.clock.ms += DAY_MS

        for old, ends_at in ((for_ever, None), (for_a_month, alice.world.clock.ms + 30 * DAY_MS)):
            for _ in range(2):
                assert alice.world.do(operating.roll_key, old.id, None, overlap_ms=HOUR_MS).expires_at == ends_at

    @pytest.mark.parametrize("end", ["revoked", "expired"])
    def test_a_dead_key_is_not_rolled(self, alice: Customer, end: str) -> None:
        old = made(alice, lives_ms=SECOND_MS)
        if end == "revoked":
            alice.world.do(operating.revoke_key, old.id, None)
        else:
            alice.world.clock.ms += SECOND_MS

        with pytest.raises(OperatorError, match=f"is {end}: create a new key instead"):
            alice.world.do(operating.roll_key, old.id, None, overlap_ms=0)


class TestDaemons:
    def test_a_new_one_serves_a_new_line_once_it_says_hello(self, alice: Customer) -> None:
        new = alice.world.do(operating.create_daemon, alice.account_id, "the second Mac")
        line = NewLine("+15550101005", "the second Mac", "Sales", "auto", is_sandbox=False, is_contact_first=True)
        line_id = alice.world.do(operating.add_line, alice.account_id, line)

        Mac(alice.world, new.token, new.id).hello("+15550101005")

        (shown,) = [each for each in alice.get("/v1/lines").json()["data"] if each["id"] == line_id]
        assert shown == {
            "id": line_id,
            "handle": "+15550101005",
            "label": "Sales",
            "service": "auto",
            "is_active": True,
        }

    def test_a_revoked_one_is_let_in_no_more(self, alice: Customer) -> None:
        new = alice.world.do(operating.create_daemon, alice.account_id, "the second Mac")
        mac = Mac(alice.world, new.token, new.id)
        mac.hello()

        alice.world.do(operating.revoke_daemon, new.id)

        assert_refused(mac.knock("hello", b"{}"), 401, "invalid_api_key")
        with pytest.raises(OperatorError, match=r"^no such daemon$"):
            alice.world.do(operating.revoke_daemon, "the second Mac")

    def test_two_of_one_name_are_not_told_apart_by_it(self, alice: Customer, bob: Customer) -> None:
        for customer in (alice, bob):
            customer.world.do(operating.create_daemon, customer.account_id, "mini")

        with pytest.raises(OperatorError, match="more than one daemon of that name"):
            alice.world.do(operating.revoke_daemon, "mini")


class TestLines:
    def test_a_line_is_there_once(self, alice: Customer, bob: Customer) -> None:
        line = NewLine(alice.line, None, None, "imessage", is_sandbox=False, is_contact_first=True)

        with pytest.raises(OperatorError, match="is a line already"):
            alice.world.do(operating.add_line, bob.account_id, line)

    def test_there_is_one_shared_line(self, alice: Customer) -> None:
        lines = [
            NewLine(handle, None, None, "imessage", is_sandbox=True, is_contact_first=True)
            for handle in ("+15550101007", "+15550101008")
        ]
        alice.world.do(operating.add_line, alice.account_id, lines[0])

        with pytest.raises(OperatorError, match="there is a sandbox line already"):
            alice.world.do(operating.add_line, alice.account_id, lines[1])

    def test_the_only_daemon_of_the_account_serves_it(self, alice: Customer) -> None:
        line = NewLine("+15550101007", None, None, "imessage", is_sandbox=False, is_contact_first=True)

        alice.world.do(operating.add_line, alice.account_id, line)

        assert alice.mac.hello("+15550101007")

    def test_a_label_comes_and_goes(self, alice: Customer) -> None:
        for label, shown in (("Support", "Support"), ("", None)):
            alice.world.do(operating.change_line, alice.line, LineChange(label=label))

            assert alice.get("/v1/lines").json()["data"][0]["label"] == shown


class TestAccounts:
    def test_a_name_is_taken_once(self, alice: Customer) -> None:
        with pytest.raises(OperatorError, match="there is an account named 'Alice' already"):
            alice.world.do(operating.create_account, "Alice", None)

    def test_one_renamed_is_found_by_its_new_name(self, alice: Customer) -> None:
        alice.world.do(operating.change_account, "Alice", name="Alice & Sons")

        assert alice.world.do(operating.list_keys, "Alice & Sons")[0].account_id == alice.account_id
        with pytest.raises(OperatorError, match=r"^no such account$"):
            alice.world.do(operating.list_keys, "Alice")

    def test_an_owner_opens_the_sandbox(self, alice: Customer) -> None:
        account_id = alice.world.do(operating.create_account, "a service", None)
        service = Caller(alice.world, alice.world.key(account_id))
        line = NewLine("+15550101007", None, None, "imessage", is_sandbox=True, is_contact_first=True)
        alice.world.do(operating.add_line, alice.account_id, line)
        assert_refused(service.post("/v1/sandbox", {}), 403, "sandbox_requires_owner")

        alice.world.do(operating.change_account, "a service", owner="olga@example.com")

        assert_done(service.post("/v1/sandbox", {}))
