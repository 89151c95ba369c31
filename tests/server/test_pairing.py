"""A Mac is let in on the word of a code: once, for a while, and under a token that only the Mac knows."""

import httpx2
import msgspec
import pytest

from blueport import __version__
from blueport.protocol.door import Hello, LineReport, Pair, Paired
from blueport.server.authorizing import codes
from blueport.server.authorizing.codes import MOST_WRONG_TRIES
from blueport.server.authorizing.keys import new_daemon_token
from blueport.server.operating import service as operating
from blueport.server.operating.service import NewLine, OperatorError
from tests.server.answers import assert_refused
from tests.server.world import MINUTE_MS, Customer, World

OTHER_LINE = "+15550108888"


def code_for(customer: Customer, name: str = "mini", *, replaces: bool = False) -> str:
    return customer.world.do(operating.pair_daemon, customer.account_id, name, replaces=replaces).code


def ask(world: World, code: str, token: str) -> httpx2.Response:
    return world.client.post("/daemon/v1/pair", content=msgspec.json.encode(Pair(code, token)))


def paired(answer: httpx2.Response) -> Paired:
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Paired)


def is_let_in(world: World, token: str) -> bool:
    body = msgspec.json.encode(Hello("a journal", "1", ()))
    answer = world.client.post("/daemon/v1/hello", content=body, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code == 200


class TestCode:
    def test_it_lets_the_mac_in_under_the_token_that_the_mac_made(self, world: World, alice: Customer) -> None:
        token, code = new_daemon_token(), code_for(alice)
        line = NewLine(OTHER_LINE, "mini", None, "imessage", is_sandbox=False, is_contact_first=True)
        world.do(operating.add_line, alice.account_id, line)

        answer = paired(ask(world, code, token))

        assert answer == Paired("mini", (OTHER_LINE,))
        assert is_let_in(world, token)

    def test_the_audit_log_tells_who_made_it_and_from_where_it_was_used(self, world: World, alice: Customer) -> None:
        paired(ask(world, code_for(alice), new_daemon_token()))

        used, made, created = world.do(operating.entries, alice.account_id, 3)
        assert [(entry.actor, entry.action) for entry in (created, made, used)] == [
            ("operator", "daemon.created"),
            ("operator", "daemon.code_made"),
            ("system", "daemon.paired"),
        ]
        assert used.target == made.target == created.target
        assert (used.address, (used.request_id or "")[:4]) == ("testclient", "req_")

    def test_however_it_is_spelled_it_is_the_same(self, world: World, alice: Customer) -> None:
        code = code_for(alice)
        spelled = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")

        paired(ask(world, spelled, new_daemon_token()))

    def test_before_it_was_used_nobody_is_let_in(self, world: World, alice: Customer) -> None:
        code_for(alice)

        assert not is_let_in(world, new_daemon_token())
        listed = world.do(operating.list_daemons, alice.account_id)
        assert {row.name: row.is_paired for row in listed} == {"a Mac": True, "mini": False}

    def test_said_again_with_the_same_token_it_is_answered_again(self, world: World, alice: Customer) -> None:
        token, code = new_daemon_token(), code_for(alice)
        first = paired(ask(world, code, token))
        world.clock.ms += 60 * MINUTE_MS

        assert paired(ask(world, code, token)) == first

        assert is_let_in(world, token)
        assert [entry.action for entry in world.do(operating.entries, alice.account_id, 10)].count("daemon.paired") == 1

    def test_a_wrong_a_used_an_old_and_a_replaced_one_are_answered_alike(self, world: World, alice: Customer) -> None:
        used = code_for(alice, "used")
        paired(ask(world, used, new_daemon_token()))
        earlier = code_for(alice, "earlier")
        code_for(alice, "earlier")
        old = code_for(alice, "old")
        world.clock.ms += 15 * MINUTE_MS

        refusals = [ask(world, code, new_daemon_token()) for code in (used, earlier, old, "AAAA-BBBB-CCCC", "no code")]

        for refusal in refusals:
            assert_refused(refusal, 401, "invalid_api_key")
        assert len({refusal.json()["error"]["message"] for refusal in refusals}) == 1

    def test_a_clock_that_is_set_back_makes_it_no_longer(self, world: World, alice: Customer) -> None:
        code = code_for(alice)
        world.clock.ms -= MINUTE_MS

        assert_refused(ask(world, code, new_daemon_token()), 401, "invalid_api_key")

    def test_a_few_wrong_tries_end_it(self, world: World, alice: Customer) -> None:
        code = code_for(alice)
        wrong = code[:5] + ("AAAA-AAAA" if code[5:] != "AAAA-AAAA" else "BBBB-BBBB")

        for _ in range(MOST_WRONG_TRIES):
            assert_refused(ask(world, wrong, new_daemon_token()), 401, "invalid_api_key")

        assert_refused(ask(world, code, new_daemon_token()), 401, "invalid_api_key")
        paired(ask(world, code_for(alice), new_daemon_token()))

    def test_who_guesses_is_told_to_wait(self, world: World, alice: Customer) -> None:
        answers = [ask(world, "AAAA-BBBB-CCCC", new_daemon_token()) for _ in range(201)]

        assert_refused(answers[-1], 429, "rate_limit_exceeded")
        paired(ask(world, code_for(alice), new_daemon_token()))

    def test_of_a_token_that_is_none_of_ours_nothing_is_kept(self, world: World, alice: Customer) -> None:
        code = code_for(alice)

        assert_refused(ask(world, code, "hunter2"), 401, "invalid_api_key")

        paired(ask(world, code, new_daemon_token()))

    def test_a_token_that_is_another_daemons_pairs_nobody(self, world: World, alice: Customer, bob: Customer) -> None:
        assert_refused(ask(world, code_for(alice), bob.mac.token), 401, "invalid_api_key")

        bob.mac.hello(bob.line)

    def test_once_the_daemon_is_revoked_it_is_worth_nothing(self, world: World, alice: Customer) -> None:
        token, code = new_daemon_token(), code_for(alice)
        world.do(operating.revoke_daemon, "mini")

        assert_refused(ask(world, code, token), 401, "invalid_api_key")
        assert not is_let_in(world, token)

    def test_neither_it_nor_a_token_stands_in_the_database(self, world: World, alice: Customer) -> None:
        token, code = new_daemon_token(), code_for(alice)
        paired(ask(world, code, token))

        content = world.database.content()

        assert token not in content
        assert code not in content
        assert code.replace("-", "")[4:] not in content

    def test_it_is_made_of_sixty_random_bits_that_nobody_confuses(self) -> None:
        made = {codes.written(codes.new_code()) for _ in range(100)}

        assert len(made) == 100
        assert not set("".join(made)) & set("ILOU")
        assert {len(code) for code in made} == {14}

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b'{"code":1,"token":"x"}', b'{"code":"x"}', b'{"code":"x","token":"y","z":1}']
    )
    def test_what_is_no_word_of_ours_is_refused(self, world: World, body: bytes) -> None:
        assert_refused(world.client.post("/daemon/v1/pair", content=body), 400, "invalid_json")


class TestReplacing:
    def test_a_mac_that_is_there_is_replaced_only_if_that_is_said(self, world: World, alice: Customer) -> None:
        paired(ask(world, code_for(alice), new_daemon_token()))

        with pytest.raises(OperatorError, match="has a Mac already"):
            code_for(alice)

    def test_the_old_one_is_let_in_until_the_new_one_is(self, world: World, alice: Customer) -> None:
        old, new = new_daemon_token(), new_daemon_token()
        paired(ask(world, code_for(alice), old))
        code = code_for(alice, replaces=True)
        assert is_let_in(world, old)

        paired(ask(world, code, new))

        assert (is_let_in(world, old), is_let_in(world, new)) == (False, True)
        assert world.do(operating.entries, alice.account_id, 1)[0].detail == "replaced"

    def test_it_keeps_its_lines(self, world: World, alice: Customer) -> None:
        name = world.do(operating.list_daemons, alice.account_id)[0].name

        answer = paired(ask(world, code_for(alice, name, replaces=True), token := new_daemon_token()))

        assert answer.lines == (alice.line,)
        body = msgspec.json.encode(Hello("a journal", "1", (LineReport(alice.line),)))
        headers = {"Authorization": f"Bearer {token}"}
        assert world.client.post("/daemon/v1/hello", content=body, headers=headers).status_code == 200

    def test_who_was_replaced_cannot_come_back_with_his_code(self, world: World, alice: Customer) -> None:
        old, first = new_daemon_token(), code_for(alice)
        paired(ask(world, first, old))
        paired(ask(world, code_for(alice, replaces=True), new_daemon_token()))

        assert_refused(ask(world, first, old), 401, "invalid_api_key")
        assert not is_let_in(world, old)


class TestVersion:
    def test_the_door_says_which_version_it_is(self, alice: Customer) -> None:
        answer = alice.mac.knock("hello", Hello("a journal", "1", ()))

        assert answer.headers["blueport-version"] == __version__

    @pytest.mark.parametrize(("version", "is_behind"), [("0.0.9", True), (__version__, False), ("99.0", False)])
    def test_a_daemon_that_is_behind_is_listed_so(
        self, world: World, alice: Customer, version: str, *, is_behind: bool
    ) -> None:
        alice.mac.knock("hello", Hello("a journal", version, ()))

        (listed,) = world.do(operating.list_daemons, alice.account_id)

        assert (listed.version, listed.is_behind) == (version, is_behind)
