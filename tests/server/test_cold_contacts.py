"""Writing first: refused on every line, unless its owner has lifted the rule."""

import pytest

from tests.server.answers import assert_done, assert_refused
from tests.server.refusals import NOBODYS_ID
from tests.server.world import CARL, NOON_MS, Customer, Json, text_in_group

WRITES = {"/v1/messages": {"text": "Hello"}, "/v1/typing": {}, "/v1/receipts": {}}
each_write = pytest.mark.parametrize("path", WRITES)


@pytest.fixture
def lifted(alice: Customer) -> Customer:
    """Lift the rule for Alice's line."""
    alice.mac.hello(alice.line, capabilities=("typing", "receipts"))
    alice.world.sql("UPDATE lines SET is_contact_first = 0 WHERE handle = ?", alice.line)
    return alice


def _write(customer: Customer, path: str, to: str) -> Json:
    return customer.post(path, {"from": customer.line, "to": to, **WRITES[path]})


def _chats(customer: Customer) -> list[Json]:
    return customer.get("/v1/chats", {"from": customer.line}).json()["data"]


@each_write
def test_where_the_rule_stands_nothing_is_made_of_a_refused_request(alice: Customer, path: str) -> None:
    alice.mac.hello(alice.line, capabilities=("typing", "receipts"))

    assert_refused(_write(alice, path, CARL), 403, "contact_has_not_messaged", "to")

    assert _chats(alice) == []


def test_who_wrote_before_we_looked_has_written(alice: Customer) -> None:
    alice.hears(CARL, "From before the daemon", announce=False)

    assert_done(_write(alice, "/v1/messages", CARL), 201)


@each_write
def test_where_it_is_lifted_the_chat_is_made(lifted: Customer, path: str) -> None:
    assert_done(_write(lifted, path, "(555) 010-0002"), 201)

    (chat,) = _chats(lifted)
    assert chat.pop("id").startswith("cht_")
    assert chat == {
        "line_id": lifted.line_id,
        "identifier": CARL,
        "service": "imessage",
        "name": None,
        "is_group": False,
        "participants": [CARL],
        "last_message_at": None,
    }


def test_the_mac_is_told_whom_to_write_to(lifted: Customer) -> None:
    lifted.sends(to=CARL)

    (item,) = lifted.mac.claim()

    assert (item.command.recipient, item.command.chat_guids) == (CARL, ())


def test_the_chat_stays_one_when_they_answer(lifted: Customer) -> None:
    lifted.sends(to=CARL)
    (before,) = _chats(lifted)

    lifted.hears(CARL, sent_at=NOON_MS - 9)

    (after,) = _chats(lifted)
    assert after == before | {"last_message_at": NOON_MS - 9}


def test_it_is_made_once(lifted: Customer) -> None:
    for path in WRITES:
        assert_done(_write(lifted, path, CARL), 201)

    (chat,) = _chats(lifted)
    assert_done(_write(lifted, "/v1/messages", chat["id"]), 201)


@each_write
def test_a_chat_that_is_named_by_its_id_must_exist_all_the_same(lifted: Customer, path: str) -> None:
    assert_refused(_write(lifted, path, f"cht_{NOBODYS_ID}"), 404, "chat_not_found", "to")


def test_a_group_in_which_nobody_else_has_written_may_be_written_to(lifted: Customer) -> None:
    lifted.mac.sees(text_in_group("chat100", CARL, lifted.line, is_from_me=True, sender=None))

    assert_done(_write(lifted, "/v1/messages", _chats(lifted)[0]["id"]), 201)


def test_a_refused_request_makes_no_chat(lifted: Customer) -> None:
    lifted.mac.hello(lifted.line, capabilities=("replies",))
    body = {"from": lifted.line, "to": CARL, "text": "Hello", "reply_to": f"msg_{NOBODYS_ID}"}

    assert_refused(lifted.post("/v1/messages", body), 404, "message_not_found", "reply_to")

    assert _chats(lifted) == []


def test_a_chat_on_a_line_with_sms_only_is_sms(lifted: Customer) -> None:
    sms = "+15550101001"
    lifted.world.add_line(lifted.account_id, sms, lifted.mac, service="sms")
    lifted.world.sql("UPDATE lines SET is_contact_first = 0")

    lifted.post("/v1/messages", {"from": sms, "to": CARL, "text": "Hello"})

    (chat,) = lifted.get("/v1/chats", {"from": sms}).json()["data"]
    assert chat["service"] == "sms"
