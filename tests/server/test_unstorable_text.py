"""Text that not every database can keep: it never is a fault of ours, and every store gives the same answers."""

import json
import re

import msgspec
import pytest

from blueport.protocol.door import Begin, Failed, Hello, Hold, LineReport, Sightings
from blueport.protocol.sightings import AttachmentSeen, ReceiptSeen, TypingSeen
from tests.server.answers import assert_done, assert_refused
from tests.server.world import ADA, NOON_MS, Customer, Json, chat_with, reaction_to, text_from

NUL = "a\x00b"
HALF_A_PAIR = rb"\ud83d"
CHAT = {"guid": NUL, "identifier": ADA, "is_group": False, "service": NUL, "name": NUL, "participants": [NUL]}
FILE = AttachmentSeen(NUL, NUL, NUL, 1, transcription=NUL)


def sighting(alice: Customer, **changed: Json) -> bytes:
    """Return what a daemon says of a text, with some of it changed."""
    seen = msgspec.to_builtins(text_from(ADA, alice.line)) | changed
    return json.dumps({"journal": "j", "seen": [{"type": "message"} | seen]}).encode()


class TestTheDoor:
    @pytest.mark.parametrize(
        "changed",
        [
            {"text": NUL},
            {"guid": NUL},
            {"sender": f"{ADA}\x00"},
            {"sender": NUL},
            {"chat": CHAT},
            {"chat": CHAT | {"identifier": NUL, "is_group": True}},
            {"chat": CHAT | {"identifier": f"{ADA}\x00"}},
            {"service": NUL},
            {"reply_to_guid": NUL},
            {"attachments": [msgspec.to_builtins(FILE)]},
            {"proves": {"outbox_id": NUL, "token": NUL}, "is_from_me": True, "sender": None},
        ],
        ids=json.dumps,
    )
    def test_nul_in_a_sighting_is_left_out(self, alice: Customer, changed: Json) -> None:
        assert_noted(alice, sighting(alice, **changed))

        assert alice.world.rows("messages") == 1
        assert "\\u0000" not in alice.get("/v1/chats", {"from": alice.line}).text
        assert [text for (text,) in alice.world.sql("SELECT text FROM messages")] in (["ab"], ["Hi"])

    def test_nul_in_any_other_sighting_is_left_out(self, alice: Customer) -> None:
        guid = alice.hears(ADA)
        receipt = ReceiptSeen(alice.line, chat_with(ADA, name=NUL), NUL, NOON_MS)
        typing = TypingSeen(alice.line, chat_with(ADA, name=NUL), NUL, is_typing=True, at=NOON_MS)
        reaction = msgspec.structs.replace(reaction_to(guid, alice.line, tapback=None), guid=NUL, emoji=NUL)

        for seen in (receipt, typing, reaction, reaction_to(NUL, alice.line)):
            assert_noted(alice, msgspec.json.encode(Sightings(NUL, (seen,))))

    def test_nul_in_what_a_daemon_says_of_itself_is_left_out(self, alice: Customer) -> None:
        hello = Hello(NUL, NUL, (LineReport(alice.line, "degraded", NUL),))

        assert alice.mac.knock("hello", hello).status_code == 200

        assert alice.world.sql("SELECT journal, version FROM daemons") == [("ab", "ab")]
        assert alice.world.sql("SELECT hint FROM lines") == [("ab",)]

    def test_nul_in_what_a_daemon_says_of_an_item_is_left_out(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.sends()
        alice.mac.journal = NUL
        (item,) = alice.mac.claim(NUL)
        for path, said in (
            ("renew", Hold(NUL)),
            ("begin", Begin(NUL, NUL, NUL)),
            ("begin", Begin(item.token, NUL)),
            ("failed", Failed(NUL, NUL, permanent=True)),
            ("failed", Failed(item.token, NUL, permanent=True)),
        ):
            assert alice.mac.knock(f"outbox/{item.id}/{path}", said).status_code == 200

        assert alice.item(item.id)["error"] == "ab"

    def test_an_escaped_backslash_before_four_zeros_stays(self, alice: Customer) -> None:
        text = "\\u0000 \\\\u0000"

        assert_noted(alice, sighting(alice, text=f"{text}\x00\\\x00"))

        assert alice.messages()[0]["text"] == f"{text}\\"

    def test_nul_in_the_name_of_a_file_is_left_out(self, alice: Customer) -> None:
        file = msgspec.structs.replace(FILE, is_coming=True)
        seen = text_from(ADA, alice.line, guid=NUL, attachments=(file,))
        assert_noted(alice, msgspec.json.encode(Sightings("j", (seen,))))

        answer = alice.mac.brings(b"x", seen, NUL)

        assert answer.status_code == 200, answer.text
        assert alice.messages()[0]["attachments"][0]["url"]

    @pytest.mark.parametrize("name", ["line", "message", "attachment"])
    def test_nul_in_the_name_of_a_file_that_is_none_is_no_fault_of_ours(self, alice: Customer, name: str) -> None:
        query = {"line": alice.line, "message": "GUID", "attachment": "GUID"} | {name: NUL}
        headers = {"Authorization": f"Bearer {alice.mac.token}"}

        answer = alice.world.client.post("/daemon/v1/files", params=query, content=b"x", headers=headers)

        assert answer.status_code == 404, answer.text

    @pytest.mark.parametrize("field", ["text", "guid", "sender", "service"])
    def test_half_a_surrogate_pair_is_refused(self, alice: Customer, field: str) -> None:
        said = sighting(alice, **{field: "MARK"}).replace(b"MARK", HALF_A_PAIR)

        assert_refused(alice.mac.knock("sightings", said), 400, "invalid_json")


def assert_noted(alice: Customer, said: bytes) -> None:
    answer = alice.mac.knock("sightings", said)
    assert (answer.status_code, answer.content) == (200, b'{"noted":1}')


BODIES = {
    "/v1/messages": {"from": "LINE", "to": ADA, "text": "Hi", "reply_to": "GUID", "attachments": ["file_1"]},
    "/v1/audio-messages": {"from": "LINE", "to": ADA, "audio_message": "file_1"},
    "/v1/reactions": {"from": "LINE", "to": ADA, "message_id": "msg_1", "type": "love"},
    "/v1/typing": {"from": "LINE", "to": ADA, "state": "on"},
    "/v1/receipts": {"from": "LINE", "to": ADA},
    "/v1/webhooks": {"from": "LINE", "url": "https://a.example", "events": ["message.sent"]},
}
QUERIES = {
    "/v1/messages": ["from", "to", "cursor", "limit"],
    "/v1/chats": ["from", "cursor", "limit"],
    "/v1/reactions": ["message_id", "cursor"],
    "/v1/typing": ["from", "to"],
    "/v1/receipts": ["from", "to"],
    "/v1/outbox": ["id"],
    "/v1/files": ["id"],
    "/v1/webhooks": ["cursor"],
}


@pytest.fixture(scope="module")
def ready(still_alice: Customer) -> Customer:
    still_alice.is_ready_for("reactions", "typing", "receipts")
    return still_alice


class TestTheApi:
    @pytest.fixture
    def still(self, ready: Customer, unchanged: None) -> Customer:  # noqa: ARG002 - it looks afterwards
        return ready

    @pytest.mark.parametrize("word", [rb"a\u0000b", rb"\u0000", HALF_A_PAIR], ids=str)
    @pytest.mark.parametrize(("path", "field"), [(path, field) for path, body in BODIES.items() for field in body])
    def test_in_any_field_it_is_refused(self, still: Customer, path: str, field: str, word: bytes) -> None:
        changed = BODIES[path] | {"from": still.line} | {field: "MARK"}

        answer = still.call("POST", path, content=json.dumps(changed).encode().replace(b"MARK", word))

        assert_refused(answer, 400, "invalid_parameter_value", field)

    @pytest.mark.parametrize("word", ["%00", "a%00b", "%ed%a0%bd"])
    @pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in QUERIES.items() for name in names])
    def test_in_any_query_it_is_refused(self, still: Customer, path: str, name: str, word: str) -> None:
        given = {"from": still.line, "to": ADA, "message_id": "msg_1", "id": "obx_1"} | {name: "MARK"}
        query = "&".join(f"{each}={value.replace('+', '%2B')}" for each, value in given.items())

        answer = still.call("GET", f"{path}?{query.replace('MARK', word)}")

        assert answer.status_code == 400, answer.text

    @pytest.mark.parametrize("header", ["X-Filename", "Content-Type"])
    @pytest.mark.parametrize("word", [b"a%00b", b"\xed\xa0\xbd", b"%ed%a0%bd", b"\xff"])
    def test_in_what_names_a_file_it_is_left_out(self, alice: Customer, header: str, word: bytes) -> None:
        answer = alice.call("POST", "/v1/files", content=b"bytes", headers={header: word})

        assert_done(answer, 201)
        assert not re.search(r"\\u0000|\\ud[89a-f]", answer.text)

    @pytest.mark.parametrize("header", ["Idempotency-Key", "Authorization"])
    @pytest.mark.parametrize("word", [b"a%00b", b"\xed\xa0\xbd", b"\xff"])
    def test_in_other_headers_it_is_no_fault_of_ours(self, alice: Customer, header: str, word: bytes) -> None:
        body = {"from": alice.line, "to": ADA, "text": "Hi"}
        alice.hears(ADA)

        answer = alice.call("POST", "/v1/messages", json=body, headers={header: word})

        assert answer.status_code in (201, 400, 401)

    @pytest.mark.parametrize("path", ["/files/%00", "/files/file_%00?expires=1&signature=%00", "/%00", "/v1/%00"])
    def test_in_a_path_it_leads_nowhere(self, still: Customer, path: str) -> None:
        assert still.call("GET", path).status_code == 404
