"""The wire, to the letter: what a strict client enforces, on every object, and what holds for every endpoint alike.

The official SDK repeats a POST whose 2xx body fails its schema, so that each object is judged wherever it is shown: by
a table of its own, not by the server's words for it.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple, get_args

import httpx2
import pytest

from blueport.protocol.door import Capability
from blueport.protocol.sightings import AttachmentSeen, ReceiptSeen, TypingSeen
from blueport.server.app import ENDPOINTS
from blueport.server.authorizing.keys import SCOPES
from blueport.server.operating import service as operating
from blueport.server.operating.service import NewLine
from tests.databases import WRITTEN_ASIDE
from tests.server.answers import assert_done, assert_marked, assert_refused
from tests.server.endpoints import SCOPE_OF, each_endpoint
from tests.server.receiver import Receiver
from tests.server.refusals import NOBODYS_ID, NOBODYS_LINE
from tests.server.world import (
    ADA,
    CARL,
    NOON_MS,
    Caller,
    Customer,
    Json,
    chat_with,
    reaction_to,
    text_from,
    text_in_group,
)

DORA = "+15550100003"
OTHER_LINE = "+15550101009"
HOOK = "https://agent.example.com/hook"
FOUR = ("message.received", "message.sent", "reaction.added", "reaction.removed")


class Row(NamedTuple):
    """What a strict client asks of an object: fields that are there and hold that, and those that may hold null."""

    required: dict[str, type]
    nullable: dict[str, type]


TABLE = {
    "Line": Row({"id": str, "handle": str, "service": str, "is_active": bool}, {"label": str}),
    "Chat": Row(
        {"id": str, "line_id": str, "identifier": str, "service": str},
        {"name": str, "last_message_at": int, "is_group": bool, "participants": list},
    ),
    "Message": Row(
        {
            "id": str,
            "line_id": str,
            "chat_id": str,
            "guid": str,
            "sender": str,
            "attachments": list,
            "is_from_me": bool,
            "sent_at": int,
            "synced_at": int,
        },
        {"text": str, "service": str, "is_audio_message": bool, "outbox_id": str, "reply_to_guid": str},
    ),
    "Attachment": Row({}, {"filename": str, "mime_type": str, "size": int, "url": str, "transcription": str}),
    "File": Row({"id": str, "mime_type": str, "size": int, "request_id": str}, {"url": str, "filename": str}),
    "Accepted": Row({"id": str, "status": str, "request_id": str}, {}),
    "OutboxItem": Row(
        {
            "id": str,
            "line_id": str,
            "status": str,
            "payload": dict,
            "attempts": int,
            "max_attempts": int,
            "created_at": int,
            "request_id": str,
        },
        {"error": str, "completed_at": int},
    ),
    "Reaction": Row(
        {
            "id": str,
            "message_id": str,
            "type": str,
            "sender": str,
            "is_from_me": bool,
            "added": bool,
            "sent_at": int,
            "synced_at": int,
        },
        {},
    ),
    "TypingIndicator": Row({"id": str, "chat_id": str, "handle": str, "is_typing": bool, "updated_at": int}, {}),
    "ReadReceipt": Row({"id": str, "chat_id": str, "handle": str, "last_read_at": int, "synced_at": int}, {}),
    "Webhook": Row({"id": str, "line_ids": list, "url": str, "events": list, "is_active": bool}, {}),
    "List": Row({"data": list, "has_more": bool, "request_id": str}, {"next_cursor": str}),
    "Deleted": Row({"id": str, "deleted": bool, "request_id": str}, {}),
    "Event": Row({"event": str, "data": dict, "timestamp": int, "delivery_id": str}, {}),
}
# Fields that a strict client is to find null somewhere, and filled somewhere else: else nothing was judged.
BOTH_WAYS = [
    ("Line", "label"),
    ("Chat", "name"),
    ("Chat", "last_message_at"),
    *[("Message", name) for name in ("text", "service", "outbox_id", "reply_to_guid")],
    *[("Attachment", name) for name in ("filename", "mime_type", "size", "url", "transcription")],
    ("File", "filename"),
    ("OutboxItem", "error"),
    ("OutboxItem", "completed_at"),
    ("List", "next_cursor"),
]

SENDS: dict[str, dict[str, Json]] = {
    "/v1/messages": {"text": "Hello"},
    "/v1/audio-messages": {"audio_message": f"file_{NOBODYS_ID}"},
    "/v1/reactions": {"message_id": f"msg_{NOBODYS_ID}", "type": "love"},
    "/v1/typing": {},
    "/v1/receipts": {},
}
each_path = pytest.mark.parametrize("path", sorted({path for _, path in SCOPE_OF}))
each_send = pytest.mark.parametrize("path", SENDS)


def judge(name: str, shown: Json, *also: str) -> None:
    """Judge an object by the table; *also* names what an event adds to it."""
    required, nullable = TABLE[name]
    assert set(shown) == {*required, *nullable, *also}, name
    for field, value in shown.items():
        if field in nullable:
            assert value is None or type(value) is nullable[field], f"{name}.{field}"
        else:
            assert type(value) is required.get(field, str), f"{name}.{field}"


class Shown:
    """Everything that an account was shown, by object; what is nested is judged with what holds it."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Json]] = {name: [] for name in TABLE}

    def add(self, name: str, shown: Json, *also: str) -> Json:
        judge(name, shown, *also)
        self.objects[name].append(shown)
        for attachment in shown["attachments"] if name == "Message" else ():
            self.add("Attachment", attachment)
        return shown

    def add_list(self, name: str, answer: httpx2.Response) -> list[Json]:
        assert_done(answer)
        for each in self.add("List", answer.json())["data"]:
            self.add(name, each)
        return answer.json()["data"]


@pytest.fixture
def shown(alice: Customer, receiver: Receiver) -> Shown:
    """Show Alice everything, each thing once with all that can be known of it and once with as little as can be."""
    shown = Shown()
    alice.mac.hello(alice.line, capabilities=get_args(Capability))
    alice.world.sql("UPDATE lines SET label = 'Support' WHERE handle = ?", alice.line)
    alice.world.add_line(alice.account_id, OTHER_LINE, alice.mac)
    _show_webhooks(alice, shown, receiver)
    _show_messages(alice, shown)
    _show_the_outbox(alice, shown)
    _show_presence(alice, shown)
    _show_what_was_delivered(alice, shown, receiver)
    return shown


def _show_webhooks(alice: Customer, shown: Shown, receiver: Receiver) -> None:
    made = alice.post("/v1/webhooks", {"from": alice.line, "url": HOOK, "events": ["message.sent"]}).json()
    shown.add("Webhook", made, "secret", "request_id")
    shown.add_list("Webhook", alice.get("/v1/webhooks"))
    shown.add("Deleted", alice.delete("/v1/webhooks", {"id": made["id"]}).json())
    made = alice.post("/v1/webhooks", {"from": "", "url": receiver.url, "events": list(FOUR)}).json()
    shown.add("Webhook", made, "secret", "request_id")
    shown.add_list("Webhook", alice.get("/v1/webhooks", {"from": alice.line, "limit": 1}))
    shown.add_list("Line", alice.get("/v1/lines"))
    shown.add_list("Line", alice.get("/v1/lines", {"limit": 1}))


def _show_messages(alice: Customer, shown: Shown) -> None:
    voice = AttachmentSeen("a-1", "Audio Message.caf", "audio/x-caf", 5, is_coming=True, transcription="Hello")
    bare = AttachmentSeen("a-2", None, None, None)
    memo = text_from(ADA, alice.line, None, is_audio=True, attachments=(voice, bare), reply_to_guid="GUID-0")
    alice.mac.sees(memo)
    assert alice.mac.brings(b"bytes", memo, "a-1").status_code == 200
    alice.mac.sees(text_from(ADA, alice.line, "Hi", sender=None, service=None))
    group = chat_with("chat7", name="Family")
    alice.mac.sees(text_in_group("chat7", CARL, alice.line, chat=group))
    alice.mac.sees(reaction_to("never seen", alice.line, "+15550100009"))
    shown.add_list("Chat", alice.get("/v1/chats", {"from": alice.line}))
    shown.add_list("Message", alice.get("/v1/messages", {"from": alice.line, "to": ADA}))
    shown.add_list("Message", alice.get("/v1/messages", {"from": alice.line, "to": ADA, "limit": 1}))


def _show_the_outbox(alice: Customer, shown: Shown) -> None:
    shown.add("File", alice.uploads(b"\xff\xd8\xff", **{"X-Filename": "cat.jpg"}))
    file = shown.add("File", alice.uploads(b"sound", **{"Content-Type": "audio/mp4"}))
    shown.add("File", alice.call("GET", "/v1/files", params={"id": file["id"]}, follow_redirects=False).json())
    message_id = alice.messages()[0]["id"]
    about = {"/v1/audio-messages": {"audio_message": file["id"]}, "/v1/reactions": {"message_id": message_id}}
    made = [
        shown.add("Accepted", alice.post(path, {"from": alice.line, "to": ADA} | more | about.get(path, {})).json())
        for path, more in SENDS.items()
    ]
    alice.mac.sends(alice.mac.claim(limit=1)[0])
    alice.mac.fail(alice.mac.claim(limit=1)[0], "messages_error_22", permanent=True)
    for item in made:
        shown.add("OutboxItem", alice.item(item["id"]))
    shown.add_list("Message", alice.get("/v1/messages", {"from": alice.line, "to": ADA}))


def _show_presence(alice: Customer, shown: Shown) -> None:
    message = alice.messages()[-1]
    theirs = reaction_to(message["guid"], alice.line, tapback="love")
    alice.mac.sees(
        theirs,
        reaction_to(message["guid"], alice.line, None, "like"),
        TypingSeen(alice.line, chat_with(ADA), ADA, is_typing=True, at=NOON_MS),
        ReceiptSeen(alice.line, chat_with(ADA), ADA, NOON_MS),
    )
    ends = {"from": alice.line, "to": ADA}
    for more in ({}, {"limit": 1}):
        shown.add_list("Reaction", alice.get("/v1/reactions", {"message_id": message["id"], **more}))
        shown.add_list("TypingIndicator", alice.get("/v1/typing", ends | more))
        shown.add_list("ReadReceipt", alice.get("/v1/receipts", ends | more))
    alice.mac.sees(reaction_to(message["guid"], alice.line, tapback="laugh"))


def _show_what_was_delivered(alice: Customer, shown: Shown, receiver: Receiver) -> None:
    for heard in receiver.waits_for(alice.world.rows("deliveries")):
        event = shown.add("Event", heard.body)
        if event["event"].startswith("message."):
            shown.add("Message", event["data"], "line_handle")
        else:
            shown.add("Reaction", event["data"], "chat_id", "line_handle")


class TestObjects:
    def test_each_object_is_shown_as_the_table_says_wherever_it_is(self, shown: Shown) -> None:
        assert not [name for name, found in shown.objects.items() if not found]

    @pytest.mark.one_store("what each store shows is judged by the first of these")
    def test_what_may_be_null_was_met_both_ways_and_is_never_left_out(self, shown: Shown) -> None:
        met = {
            (name, field): {each[field] is None for each in shown.objects[name]}
            for name, row in TABLE.items()
            for field in row.nullable
        }

        assert [place for place in BOTH_WAYS if met[place] != {True, False}] == []

    @pytest.mark.one_store("what each store shows is judged by the first of these")
    def test_all_four_events_were_met(self, shown: Shown) -> None:
        assert {event["event"] for event in shown.objects["Event"]} == set(FOUR)

    @pytest.mark.one_store("what each store shows is judged by the first of these")
    def test_what_is_in_lists_of_words_is_words(self, shown: Shown) -> None:
        words = [hook["line_ids"] + hook["events"] for hook in shown.objects["Webhook"]]
        words += [chat["participants"] for chat in shown.objects["Chat"]]

        assert {type(word) for each in words for word in each} == {str}

    @pytest.mark.one_store("what each store shows is judged by the first of these")
    def test_a_service_is_one_of_the_known_words_in_lower_case(self, shown: Shown) -> None:
        assert {line["service"] for line in shown.objects["Line"]} <= {"imessage", "sms", "auto"}
        for each in shown.objects["Chat"] + shown.objects["Message"]:
            assert each["service"] in (None, "imessage")


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "code", "method", "path"),
        [
            (400, "missing_required_parameter", "GET", "/v1/outbox"),
            (404, "outbox_item_not_found", "GET", "/v1/outbox?id=obx_1"),
            (404, "route_not_found", "GET", "/v2"),
            (404, "file_not_found", "GET", "/files/file_1"),
            (405, "method_not_allowed", "PATCH", "/v1/messages"),
        ],
    )
    def test_each_status_has_the_envelope(
        self, still: Customer, status: int, code: str, method: str, path: str
    ) -> None:
        answer = still.call(method, path)

        assert_refused(answer, status, code, answer.json()["error"].get("param"))

    def test_what_goes_wrong_on_our_side_has_the_envelope_too(self, alice: Customer) -> None:
        alice.hears(ADA)
        alice.world.sql("UPDATE messages SET attachments = 'nothing that we wrote'")

        answer = alice.get("/v1/messages", {"from": alice.line, "to": ADA})

        assert_refused(answer, 500, "internal_error")
        assert "nothing" not in answer.text

    @pytest.mark.one_store("no store is asked")
    @each_path
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_a_method_that_no_path_takes_is_a_405(self, still: Customer, method: str, path: str) -> None:
        answer = still.call(method, path)

        assert_refused(answer, 405, "method_not_allowed")
        taken = {taken for taken, of in SCOPE_OF if of == path}
        assert set(answer.headers["allow"].split(", ")) - {"HEAD", "OPTIONS"} == taken

    @pytest.mark.one_store("no store is asked")
    @each_path
    def test_a_slash_behind_a_path_is_no_redirect(self, still: Customer, path: str) -> None:
        for method in ("GET", "POST", "DELETE"):
            answer = still.call(method, f"{path}/", follow_redirects=False)
            assert_refused(answer, 404, "route_not_found")


class TestEveryAnswer:
    @pytest.mark.one_store("what counts is told by test_rate_limits.py on both")
    @each_endpoint
    def test_it_tells_the_limits_and_its_request_id(self, alice: Customer, method: str, path: str) -> None:
        answer = alice.call(method, path, follow_redirects=False)

        assert_marked(answer)
        limit, remaining, reset = (int(answer.headers[f"ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))
        assert (limit, remaining) == (1000, 999)
        assert 0 < reset <= 3600

    @pytest.mark.one_store("no store is asked")
    @each_path
    def test_any_page_may_ask(self, still: Customer, path: str) -> None:
        answer = still.world.client.options(path, headers={"Origin": "https://example.com"})

        assert_done(answer)
        assert answer.headers["access-control-allow-methods"] == "GET, POST, DELETE, OPTIONS"
        allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert allowed == ["authorization", "content-type", "x-filename", "idempotency-key", "last-event-id"]

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize(
        "content_type",
        [None, "", "text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "nonsense"],
    )
    def test_a_body_is_json_whatever_it_is_called(self, alice: Customer, content_type: str | None) -> None:
        alice.hears(ADA)
        body = json.dumps({"from": alice.line, "to": ADA, "text": "Hello"}).encode()
        headers = {} if content_type is None else {"Content-Type": content_type}

        assert_done(alice.call("POST", "/v1/messages", headers=headers, content=body), 201)

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("path", [path for method, path in SCOPE_OF if method == "GET"])
    def test_the_body_of_a_get_is_never_read(self, still: Customer, path: str) -> None:
        headers = {"Content-Type": "application/json; charset=utf-16"}

        answer = still.call("GET", path, headers=headers, content=b'{"id":5,')

        assert answer.status_code in (200, 400, 404)
        assert_marked(answer)
        assert answer.json().get("error", {}).get("code") != "invalid_json"

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("path", [path for method, path in SCOPE_OF if method == "GET"])
    def test_a_parameter_given_twice_is_refused_even_one_that_nobody_asked_for(
        self, still: Customer, path: str
    ) -> None:
        answer = still.call("GET", f"{path}?colour=blue&colour=red")

        assert_refused(answer, 400, "invalid_parameter_value", "colour")


class Rung(NamedTuple):
    """What a request is told, and what is then mended so that it gets to the next."""

    status: int
    code: str
    param: str | None
    mended: dict[str, Json]


class Ladder(NamedTuple):
    """A request in which everything is wrong, and its way to being right."""

    asked: dict[str, Json]
    rungs: list[Rung]


def _sending(*referenced: Rung, **asked: Json) -> Ladder:
    """Return the ladder of what is sent to somebody: `{...}` stands for what the fixture below makes."""
    value, lost = (400, "invalid_parameter_value"), (404, "line_not_found", "from")
    return Ladder(
        {"to": 5, **asked},
        [
            Rung(400, "missing_required_parameter", "from", {"from": NOBODYS_LINE}),
            Rung(*value, "to", {"to": f"msg_{NOBODYS_ID}"}),
            Rung(*value, "to", {"to": CARL}),
            Rung(*lost, {"from": "{bobs line}"}),
            Rung(*lost, {"from": OTHER_LINE}),
            Rung(403, "line_not_accessible", "from", {"from": "{line}"}),
            Rung(403, "contact_has_not_messaged", "to", {"to": f"cht_{NOBODYS_ID}"}),
            Rung(404, "chat_not_found", "to", {"to": "{group}"}),
            Rung(403, "contact_has_not_messaged", "to", {"to": ADA}),
            *referenced,
        ],
    )


def _of_group(*values: Rung, **asked: Json) -> Ladder:
    """Return the ladder of what is done to a group; *values* are refused before anything is looked up."""
    referenced = [value for value in values if value.status == 403]
    return Ladder(
        {"to": ADA, **asked},
        [
            Rung(400, "missing_required_parameter", "from", {"from": "nobody"}),
            Rung(400, "invalid_parameter_value", "to", {"to": f"cht_{NOBODYS_ID}"}),
            *[value for value in values if value.status == 400],
            Rung(400, "invalid_parameter_value", "from", {"from": OTHER_LINE}),
            Rung(403, "line_not_accessible", "from", {"from": "{line}"}),
            Rung(404, "chat_not_found", "to", {"to": "{group}"}),
            Rung(403, "contact_has_not_messaged", "to", {"to": "{chat}"}),
            Rung(400, "invalid_parameter_value", "to", {"to": "{answered group}"}),
            *referenced,
        ],
    )


def _reading(**chat: Json) -> list[Rung]:
    """Return the rungs of what is read of a line, from a missing `from` to a cursor of another list."""
    rungs = [
        Rung(400, "missing_required_parameter", "from", {"from": "nobody"}),
        Rung(400, "invalid_parameter_value", "from", {"from": NOBODYS_LINE}),
        Rung(400, "invalid_parameter_value", "limit", {"limit": 1000}),
        Rung(404, "line_not_found", "from", {"from": OTHER_LINE}),
        Rung(403, "line_not_accessible", "from", {"from": "{line}"}),
    ]
    return [*rungs, Rung(404, "chat_not_found", "to", chat), _FOREIGN_CURSOR] if chat else [*rungs, _FOREIGN_CURSOR]


def _of_webhook(param: str) -> list[Rung]:
    """Return what is refused of the name of a webhook, the last of it mended by the right one."""
    return [
        Rung(400, "invalid_parameter_value", param, {param: f"wh_{NOBODYS_ID}"}),
        Rung(404, "webhook_not_found", param, {param: "{webhook}"}),
    ]


_FOREIGN_CURSOR = Rung(400, "invalid_parameter_value", "cursor", {"cursor": ...})
_NO_FILE, _NO_MESSAGE = (404, "file_not_found"), (404, "message_not_found")
_CHANGED = [
    Rung(400, "missing_required_parameter", "message_id", {"message_id": "cht_1"}),
    Rung(400, "invalid_parameter_value", "message_id", {"message_id": f"msg_{NOBODYS_ID}"}),
    Rung(*_NO_MESSAGE, "message_id", {"message_id": "{of the other line}"}),
    Rung(*_NO_MESSAGE, "message_id", {"message_id": "{in the group}"}),
    Rung(403, "contact_has_not_messaged", "message_id", {"message_id": "{message}"}),
    Rung(400, "invalid_parameter_value", "message_id", {"message_id": "{ours}"}),
]
_STRANGER = Rung(403, "contact_has_not_messaged", "participant", {"participant": DORA})
_NO_TEXT = Rung(400, "invalid_parameter_value", "text", {"text": "New"})
_CURSOR = {"limit": 0, "cursor": "{cursor}"}
LADDERS = {
    ("POST", "/v1/messages"): _sending(
        Rung(*_NO_MESSAGE, "reply_to", {"reply_to": "{message}"}),
        Rung(*_NO_FILE, "attachments", {"attachments": ["{sound}"]}),
        text="Hello",
        attachments=[f"file_{NOBODYS_ID}"],
        reply_to=f"msg_{NOBODYS_ID}",
    ),
    ("POST", "/v1/messages/edit"): Ladder({"text": "\ufffc"}, [*_CHANGED[:2], _NO_TEXT, *_CHANGED[2:]]),
    ("POST", "/v1/messages/unsend"): Ladder({}, _CHANGED),
    ("POST", "/v1/audio-messages"): _sending(
        Rung(*_NO_FILE, "audio_message", {"audio_message": "{picture}"}),
        Rung(400, "invalid_parameter_value", "audio_message", {"audio_message": "{sound}"}),
        Rung(*_NO_MESSAGE, "reply_to", {"reply_to": "{message}"}),
        audio_message=f"file_{NOBODYS_ID}",
        reply_to=f"msg_{NOBODYS_ID}",
    ),
    ("POST", "/v1/reactions"): _sending(
        Rung(*_NO_MESSAGE, "message_id", {"message_id": "{message}"}), message_id=f"msg_{NOBODYS_ID}", type="love"
    ),
    ("POST", "/v1/chats"): Ladder(
        {"participants": [ADA], "text": "", "name": " "},
        [
            Rung(400, "missing_required_parameter", "from", {"from": "nobody"}),
            Rung(400, "invalid_parameter_value", "from", {"from": NOBODYS_LINE}),
            Rung(400, "invalid_parameter_value", "participants", {"participants": [ADA, CARL]}),
            Rung(400, "invalid_parameter_value", "text", {"text": "Hi all"}),
            Rung(400, "invalid_parameter_value", "name", {"name": "Trip"}),
            Rung(404, "line_not_found", "from", {"from": OTHER_LINE}),
            Rung(403, "line_not_accessible", "from", {"from": "{line}"}),
            Rung(403, "contact_has_not_messaged", "participants", {"participants": [ADA, DORA]}),
        ],
    ),
    ("POST", "/v1/chats/rename"): _of_group(
        Rung(400, "invalid_parameter_value", "name", {"name": "Trip"}), name=" ", to=ADA
    ),
    ("POST", "/v1/chats/add"): _of_group(
        Rung(400, "invalid_parameter_value", "participant", {"participant": CARL}), _STRANGER, participant="nobody"
    ),
    ("POST", "/v1/chats/remove"): _of_group(
        Rung(400, "invalid_parameter_value", "participant", {"participant": CARL}), participant="nobody"
    ),
    ("POST", "/v1/chats/leave"): _of_group(),
    ("POST", "/v1/typing"): _sending(),
    ("POST", "/v1/receipts"): _sending(),
    ("POST", "/v1/webhooks"): Ladder(
        {"events": ["typing.started"], "url": "http://10.0.0.1/"},
        [
            Rung(400, "missing_required_parameter", "from", {"from": "nobody"}),
            Rung(400, "invalid_parameter_value", "from", {"from": NOBODYS_LINE}),
            Rung(400, "invalid_parameter_value", "url", {"url": HOOK}),
            Rung(400, "invalid_parameter_value", "events", {"events": ["message.sent"]}),
            Rung(404, "line_not_found", "from", {"from": OTHER_LINE}),
            Rung(403, "line_not_accessible", "from", {"from": "{line}"}),
        ],
    ),
    ("DELETE", "/v1/webhooks"): Ladder(
        {},
        [
            Rung(400, "missing_required_parameter", "id", {"id": "msg_1"}),
            Rung(400, "invalid_parameter_value", "id", {"id": f"wh_{NOBODYS_ID}"}),
            Rung(404, "webhook_not_found", "id", {"id": "{webhook}"}),
        ],
    ),
    ("POST", "/v1/webhooks/rotate"): Ladder(
        {"overlap_s": -1},
        [
            Rung(400, "missing_required_parameter", "id", {"id": "msg_1"}),
            Rung(400, "invalid_parameter_value", "overlap_s", {"overlap_s": 0}),
            *_of_webhook("id"),
        ],
    ),
    ("POST", "/v1/webhooks/enable"): Ladder(
        {}, [Rung(400, "missing_required_parameter", "id", {"id": "msg_1"}), *_of_webhook("id")]
    ),
    ("POST", "/v1/webhooks/test"): Ladder(
        {"event": "typing.started"},
        [
            Rung(400, "missing_required_parameter", "id", {"id": "msg_1"}),
            *_of_webhook("id"),
            Rung(400, "invalid_parameter_value", "event", {"event": "message.sent"}),
        ],
    ),
    ("POST", "/v1/webhooks/replay"): Ladder(
        {"status": "pending", "since": -1},
        [
            Rung(400, "missing_required_parameter", "delivery_id", {"webhook_id": "msg_1"}),
            Rung(400, "invalid_parameter_value", "status", {"status": "failed"}),
            Rung(400, "invalid_parameter_value", "since", {"since": 0}),
            *_of_webhook("webhook_id"),
        ],
    ),
    ("GET", "/v1/webhooks/deliveries"): Ladder(
        {"status": "open", "since": -1, "webhook_id": "msg_1", **_CURSOR},
        [
            Rung(400, "invalid_parameter_value", "status", {"status": "failed"}),
            Rung(400, "invalid_parameter_value", "since", {"since": 0}),
            Rung(400, "invalid_parameter_value", "limit", {"limit": 1000}),
            *_of_webhook("webhook_id"),
            _FOREIGN_CURSOR,
        ],
    ),
    ("GET", "/v1/webhooks/attempts"): Ladder(
        _CURSOR,
        [
            Rung(400, "missing_required_parameter", "delivery_id", {"delivery_id": "msg_1"}),
            Rung(400, "invalid_parameter_value", "limit", {"limit": 1000}),
            Rung(400, "invalid_parameter_value", "delivery_id", {"delivery_id": f"dlv_{NOBODYS_ID}"}),
            Rung(404, "delivery_not_found", "delivery_id", {"delivery_id": "{delivery}"}),
            _FOREIGN_CURSOR,
        ],
    ),
    ("GET", "/v1/chats"): Ladder(_CURSOR, _reading()),
    ("GET", "/v1/messages"): Ladder(
        {"to": CARL, "q": " ", **_CURSOR},
        [
            *_reading(to=ADA)[:2],
            Rung(400, "invalid_parameter_value", "limit", {"limit": 1000}),
            Rung(400, "invalid_parameter_value", "q", {"q": "Hi"}),
            *_reading(to=ADA)[3:],
        ],
    ),
    ("GET", "/v1/typing"): Ladder({"to": CARL, **_CURSOR}, _reading(to=ADA)),
    ("GET", "/v1/receipts"): Ladder({"to": CARL, **_CURSOR}, _reading(to=ADA)),
    ("GET", "/v1/reactions"): Ladder(
        _CURSOR,
        [
            Rung(400, "missing_required_parameter", "message_id", {"message_id": "cht_1"}),
            Rung(400, "invalid_parameter_value", "message_id", {"message_id": f"msg_{NOBODYS_ID}"}),
            Rung(400, "invalid_parameter_value", "limit", {"limit": 1000}),
            Rung(*_NO_MESSAGE, "message_id", {"message_id": "{message}"}),
            _FOREIGN_CURSOR,
        ],
    ),
    ("GET", "/v1/webhooks"): Ladder({"from": "nobody", **_CURSOR}, _reading()[1:]),
    ("GET", "/v1/lines"): Ladder(
        _CURSOR, [Rung(400, "invalid_parameter_value", "limit", {"limit": 1000}), _FOREIGN_CURSOR]
    ),
    ("GET", "/v1/outbox"): Ladder(
        {},
        [
            Rung(400, "missing_required_parameter", "id", {"id": "msg_1"}),
            Rung(400, "invalid_parameter_value", "id", {"id": f"obx_{NOBODYS_ID}"}),
            Rung(404, "outbox_item_not_found", "id", {"id": "{item}"}),
        ],
    ),
    ("GET", "/v1/files"): Ladder(
        {},
        [
            Rung(400, "missing_required_parameter", "id", {"id": "msg_1"}),
            Rung(400, "invalid_parameter_value", "id", {"id": f"file_{NOBODYS_ID}"}),
            Rung(*_NO_FILE, "id", {"id": "{sound}"}),
        ],
    ),
    ("GET", "/v1/events"): Ladder(
        {"wait_s": -1, "limit": 0, "events": "message.lost", "after": "msg_1", "from": "nobody"},
        [
            Rung(400, "invalid_parameter_value", "wait_s", {"wait_s": 0}),
            Rung(400, "invalid_parameter_value", "limit", {"limit": 1000}),
            Rung(400, "invalid_parameter_value", "events", {"events": "message.sent,message.received"}),
            Rung(400, "invalid_parameter_value", "after", {"after": f"evt_7zz{NOBODYS_ID[3:]}"}),
            Rung(400, "invalid_parameter_value", "from", {"from": NOBODYS_LINE}),
            Rung(404, "line_not_found", "from", {"from": OTHER_LINE}),
            Rung(403, "line_not_accessible", "from", {"from": "{line}"}),
            Rung(400, "invalid_parameter_value", "after", {"after": ...}),
        ],
    ),
}


class TestOrderOfErrors:
    """Key, rate, scope, form, required parameters, values, line, chat, what else is named: one by one (rule 23)."""

    @pytest.fixture
    def things(self, alice: Customer, bob: Customer) -> dict[str, str]:
        """Return what exists, by the names that the ladders give it."""
        alice.mac.hello(alice.line, capabilities=get_args(Capability))
        alice.world.add_line(alice.account_id, OTHER_LINE, alice.mac)
        for person in (ADA, DORA, DORA):
            alice.hears(person)
        in_group = text_in_group("chat7", CARL, alice.line, is_from_me=True, sender=None)
        ours = text_from(ADA, alice.line, is_from_me=True, sender=None)
        alice.mac.sees(in_group, ours, text_from(ADA, OTHER_LINE, guid="GUID-elsewhere"))
        hook = {"from": alice.line, "url": HOOK, "events": list(FOUR)}
        webhook = alice.post("/v1/webhooks", hook).json()["id"]
        return {
            "{line}": alice.line,
            "{bobs line}": bob.line,
            "{group}": alice.group(),
            "{chat}": alice.chat_with(ADA)["id"],
            "{answered group}": _answered_group(alice),
            "{message}": alice.messages()[1]["id"],
            "{ours}": ours.guid,
            "{in the group}": in_group.guid,
            "{of the other line}": "GUID-elsewhere",
            "{sound}": alice.keeps(),
            "{picture}": alice.keeps(mime_type="image/png"),
            "{webhook}": webhook,
            "{delivery}": alice.post("/v1/webhooks/test", {"id": webhook}).json()["id"],
            "{item}": alice.sends(),
            "{cursor}": alice.get("/v1/messages", {"from": alice.line, "to": DORA, "limit": 1}).json()["next_cursor"],
        }

    @pytest.mark.one_store("in which order they are judged is no matter of the store")
    @each_endpoint
    def test_key_rate_and_scope_come_before_all_that_is_asked(self, alice: Customer, method: str, path: str) -> None:
        scope = SCOPE_OF[method, path]
        others = alice.caller(*[other for other in SCOPES if other != scope])
        wrong = {"content": b"", "params": {"limit": 0, "from": "nobody"}}

        assert_refused(alice.world.client.request(method, path, **wrong), 401, "missing_api_key")
        assert_refused(Caller(alice.world, f"{alice.key}x").call(method, path, **wrong), 401, "invalid_api_key")
        alice.world.sql("UPDATE api_keys SET hourly_limit = 1 WHERE scopes NOT LIKE ?", f"%{scope}%")
        assert_refused(others.call(method, path, **wrong), 403, "insufficient_scope")
        assert_refused(others.call(method, path, **wrong), 429, "rate_limit_exceeded")

    @pytest.mark.parametrize("title", LADDERS, ids=" ".join)
    def test_the_first_of_all_faults_is_told_and_nothing_is_changed(
        self, alice: Customer, things: dict[str, str], title: tuple[str, str]
    ) -> None:
        caller = alice.caller(line_ids=(alice.line_id,))
        asked = dict(LADDERS[title].asked)
        before = _contents(alice)
        if title[0] != "GET":
            assert_refused(caller.call(*title, content=b"{"), 400, "invalid_json")

        for status, code, param, mended in LADDERS[title].rungs:
            assert_refused(_ask(caller, title, asked, things), status, code, param)
            assert _contents(alice) == before
            asked |= mended

        assert_done(_ask(caller, title, asked, things), _status_of(title))

    def test_every_endpoint_that_can_be_asked_for_something_has_a_ladder(self) -> None:
        without = {(method, path) for method in ("GET", "POST") for path in ("/v1/sandbox", "/v1/settings")}
        assert set(SCOPE_OF) - set(LADDERS) == without | {("POST", "/v1/files")}

    @each_send
    def test_a_lacking_feature_is_told_after_the_line_and_before_the_contact(self, alice: Customer, path: str) -> None:
        asked = {"from": alice.line, "to": CARL, "reply_to": "GUID-0", **SENDS[path]}

        assert_refused(alice.post(path, asked | {"from": NOBODYS_LINE}), 404, "line_not_found", "from")
        param = "reply_to" if path == "/v1/messages" else None
        assert_refused(alice.post(path, asked), 400, "advanced_features_required", param)


def _ask(caller: Caller, title: tuple[str, str], asked: dict[str, Json], things: dict[str, str]) -> Json:
    method, path = title
    given = {name: _made(value, things) for name, value in asked.items() if value is not ...}
    body = {"params": given} if method == "GET" else {"json": given}
    return caller.call(method, path, follow_redirects=False, **body)


def _made(value: Json, things: dict[str, str]) -> Json:
    return [things.get(each, each) for each in value] if isinstance(value, list) else things.get(value, value)


def _answered_group(customer: Customer) -> str:
    customer.mac.sees(text_in_group("chat8", CARL, customer.line, announce=False))
    return next(chat["id"] for chat in _chats_of(customer) if chat["identifier"] == "chat8")


def _chats_of(customer: Customer) -> list[Json]:
    data: list[Json] = customer.get("/v1/chats", {"from": customer.line, "limit": 100}).json()["data"]
    return data


def _contents(customer: Customer) -> list[str]:
    """Return all that the database holds, but for what is not what was asked for."""
    return customer.world.database.rows_of_all(but=WRITTEN_ASIDE)


LISTS: dict[str, dict[str, Json]] = {
    "/v1/lines": {},
    "/v1/webhooks": {},
    "/v1/chats": {"from": "{line}"},
    "/v1/messages": {"from": "{line}", "to": "{group}"},
    "/v1/reactions": {"message_id": "GUID-of-the-group"},
    "/v1/typing": {"from": "{line}", "to": ADA},
    "/v1/receipts": {"from": "{line}", "to": ADA},
}
LONG = ("/v1/lines", "/v1/webhooks", "/v1/chats", "/v1/messages", "/v1/reactions")
WHOLE = ("/v1/lines", "/v1/webhooks", "/v1/reactions", "/v1/typing", "/v1/receipts")


class TestLists:
    @pytest.fixture
    def things(self, alice: Customer) -> dict[str, str]:
        """Have 103 of everything that there can be many of."""
        seen = text_in_group("chat7", ADA, alice.line, guid="GUID-of-the-group")
        people = [f"+1555010{number:04}" for number in range(2000, 2103)]
        alice.mac.sees(seen)
        for number, person in enumerate(people):
            alice.world.add_line(alice.account_id, f"+1555020{number:04}", alice.mac)
            alice.webhook(HOOK, "message.sent")
            alice.mac.sees(
                text_from(person, alice.line),
                text_in_group("chat7", person, alice.line, chat=seen.chat),
                reaction_to(seen.guid, alice.line, person, chat=seen.chat),
            )
            alice.world.clock.ms += 1
        alice.hears(ADA)
        alice.mac.sees(
            TypingSeen(alice.line, chat_with(ADA), ADA, is_typing=True, at=NOON_MS),
            ReceiptSeen(alice.line, chat_with(ADA), ADA, NOON_MS),
        )
        return {"{line}": alice.line, "{group}": alice.group()}

    def test_every_list_has_a_hundred_at_most_and_its_cursor_is_for_no_other(
        self, alice: Customer, things: dict[str, str]
    ) -> None:
        cursors: dict[str, str] = {}
        for path in LISTS:
            page = self._list(alice, path, things, limit=101)
            assert len(page["data"]) == (100 if path in LONG else 1), path
            assert page["has_more"] is (path in LONG), path
            cursors[path] = page["next_cursor"]

        for path in LONG:
            assert self._list(alice, path, things, cursor=cursors[path])["data"], path
            for other in set(LISTS) - {path}:
                query = {name: _made(value, things) for name, value in LISTS[other].items()}
                answer = alice.get(other, query | {"cursor": cursors[path]})
                assert_refused(answer, 400, "invalid_parameter_value", "cursor")

    def test_the_short_ones_come_whole_unless_a_page_is_asked_for(
        self, alice: Customer, things: dict[str, str]
    ) -> None:
        for path in WHOLE:
            whole = self._list(alice, path, things)
            assert len(whole["data"]) == (1 if path not in LONG else 103 + (path == "/v1/lines")), path
            assert (whole["has_more"], whole["next_cursor"]) == (False, None)
            assert self._list(alice, path, things, limit=1)["data"] == whole["data"][:1]

        for path in ("/v1/chats", "/v1/messages"):
            assert len(self._list(alice, path, things)["data"]) == 50

    def test_reactions_that_are_told_at_once_are_newest_first(self, alice: Customer) -> None:
        seen = text_in_group("chat7", ADA, alice.line)
        told = [
            reaction_to(seen.guid, alice.line, f"+155501020{number}", chat=seen.chat, sent_at=NOON_MS + number % 5)
            for number in range(10)
        ]
        alice.mac.sees(seen, *told)

        whole = alice.get("/v1/reactions", {"message_id": seen.guid}).json()["data"]

        assert [each["sent_at"] - NOON_MS for each in whole] == [4, 4, 3, 3, 2, 2, 1, 1, 0, 0]
        assert list(_walked(alice, {"message_id": seen.guid, "limit": 3})) == whole

    def test_reactions_that_come_and_go_during_a_walk_move_no_others(self, alice: Customer) -> None:
        seen = text_in_group("chat7", ADA, alice.line)
        people = [f"+155501020{number:02}" for number in range(20)]
        told = [
            reaction_to(seen.guid, alice.line, person, chat=seen.chat, sent_at=NOON_MS + 10 * number)
            for number, person in enumerate(people)
        ]
        alice.mac.sees(seen, *told)
        walked: list[str] = []

        for number, each in enumerate(_walked(alice, {"message_id": seen.guid, "limit": 3})):
            walked.append(each["sender"])
            newer = {"chat": seen.chat, "sent_at": NOON_MS + 1_000 + number}
            alice.mac.sees(
                reaction_to(seen.guid, alice.line, f"+155501030{number:02}", **newer),
                reaction_to(seen.guid, alice.line, each["sender"], is_added=False, **newer),
            )

        assert walked == people[::-1]

    def test_webhooks_that_come_and_go_during_a_walk_move_no_others(self, alice: Customer) -> None:
        made: list[str] = []
        for _ in range(7):
            made.append(alice.webhook(HOOK, "message.sent")["id"])
            alice.world.clock.ms += 1
        walked: list[str] = []

        for each in _walked(alice, {"limit": 2}, "/v1/webhooks"):
            walked.append(each["id"])
            alice.webhook(HOOK, "message.sent")
            assert_done(alice.delete("/v1/webhooks", {"id": each["id"]}))
            alice.world.clock.ms += 1

        assert walked == made[::-1]

    def _list(self, customer: Customer, path: str, things: dict[str, str], **more: Json) -> Json:
        query = {name: _made(value, things) for name, value in LISTS[path].items()}
        answer = customer.get(path, query | more)
        assert_done(answer)
        return answer.json()


def _walked(customer: Customer, query: Json, path: str = "/v1/reactions") -> Iterator[Json]:
    """Return the rows of a list, page by page."""
    cursor = ""
    while cursor is not None:
        page = customer.get(path, query | ({"cursor": cursor} if cursor else {})).json()
        yield from page["data"]
        cursor = page["next_cursor"]


class TestNames:
    @pytest.mark.parametrize(
        "sender", ["my_bank", "INFO_1", "ab_c", "evt_24", "88438", "MÜNCHEN", "PayPal 2-FA.", "Ada@Example.COM"]
    )
    @pytest.mark.parametrize("path", ["/v1/messages", "/v1/typing", "/v1/receipts"])
    def test_whoever_can_write_to_a_line_can_be_read_about(self, alice: Customer, path: str, sender: str) -> None:
        alice.hears(sender)

        assert_done(alice.get(path, {"from": alice.line, "to": sender}))

    @pytest.mark.one_store("judged before the store is asked")
    @pytest.mark.parametrize("prefix", ["msg", "ln", "obx", "rxn", "wh", "ind", "rcp", "file", "dlv", "req"])
    @pytest.mark.parametrize("path", ["/v1/messages", "/v1/typing", "/v1/receipts"])
    def test_an_id_of_another_kind_is_nobody(self, still: Customer, path: str, prefix: str) -> None:
        answer = still.get(path, {"from": still.line, "to": f"{prefix}_{NOBODYS_ID}"})

        assert_refused(answer, 400, "invalid_parameter_value", "to")

    @each_send
    def test_to_itself_a_line_is_one_who_has_not_written(self, alice: Customer, path: str) -> None:
        alice.mac.hello(alice.line, capabilities=get_args(Capability))

        for name in (alice.line, "(555) 010-1000"):
            answer = alice.post(path, {"from": alice.line, "to": name, **SENDS[path]})
            assert_refused(answer, 403, "contact_has_not_messaged", "to")

    @pytest.mark.parametrize("name", ["alice@example.com", "ALICE@Example.com", " alice@example.com "])
    def test_a_line_with_an_apple_id_is_found_in_any_case(self, alice: Customer, name: str) -> None:
        alice.world.add_line(alice.account_id, "alice@example.com", alice.mac)

        assert_done(alice.get("/v1/chats", {"from": name}))
        assert_done(alice.post("/v1/webhooks", {"from": name, "url": HOOK, "events": ["message.sent"]}), 201)

    @pytest.mark.parametrize("path", ["/v1/messages", "/v1/typing", "/v1/receipts"])
    def test_a_plus_that_was_not_encoded_is_one_in_any_country(self, alice: Customer, path: str) -> None:
        # Without the plus sign neither of these is a number of this server's own country.
        alice.world.add_line(alice.account_id, "+442079460000", alice.mac)
        alice.mac.sees(text_from("+442079460958", "+442079460000"))

        assert_done(alice.call("GET", f"{path}?from=+442079460000&to=+442079460958"))


def test_a_webhook_of_every_line_hears_no_line_that_its_key_may_not_use(alice: Customer) -> None:
    alice.world.add_line(alice.account_id, OTHER_LINE, alice.mac)
    alice.mac.hello(alice.line, OTHER_LINE)
    restricted = alice.caller(line_ids=(alice.line_id,))
    made = restricted.post("/v1/webhooks", {"from": "", "url": HOOK, "events": ["message.received"]}).json()

    alice.mac.sees(text_from(ADA, OTHER_LINE))
    assert alice.world.rows("deliveries") == 0

    alice.hears(ADA)
    assert alice.world.rows("deliveries") == 1
    assert made["line_ids"] == [alice.line_id]


FIELDS: dict[tuple[str, str], dict[str, Json]] = {
    ("POST", "/v1/messages"): {"text": "Hello", "attachments": [f"file_{NOBODYS_ID}"], "reply_to": "GUID-0"},
    ("POST", "/v1/audio-messages"): {"audio_message": f"file_{NOBODYS_ID}", "reply_to": "GUID-0"},
    ("POST", "/v1/reactions"): {"message_id": "GUID-0", "type": "love"},
    ("POST", "/v1/typing"): {"state": "on"},
    ("POST", "/v1/receipts"): {},
    ("POST", "/v1/webhooks"): {"url": HOOK, "events": ["message.sent"]},
    ("DELETE", "/v1/webhooks"): {"id": f"wh_{NOBODYS_ID}"},
}
OPTIONAL = ("text", "attachments", "reply_to", "state")


def _right(title: tuple[str, str]) -> dict[str, Json]:
    """Return a body in which each field is well-formed, and the line nobody's."""
    ends = {"to": ADA} if title[1] in SENDS else {}
    return FIELDS[title] if title[0] == "DELETE" else {"from": NOBODYS_LINE, **ends, **FIELDS[title]}


@pytest.mark.one_store("judged before the store is asked")
class TestTypes:
    @pytest.fixture
    def alice(self, still: Customer) -> Customer:
        return still

    @pytest.mark.parametrize("wrong", [5, 1.5, True, {}, {"a": []}, [5], [[]], [None], "both"], ids=str)
    @pytest.mark.parametrize("title", FIELDS, ids=" ".join)
    def test_a_wrong_type_is_never_taken_for_a_right_one(
        self, alice: Customer, title: tuple[str, str], wrong: Json
    ) -> None:
        for field, right in _right(title).items():
            given = wrong if wrong != "both" else "one" if isinstance(right, list) else [right]

            answer = alice.call(*title, json=_right(title) | {field: given})

            assert_refused(answer, 400, "invalid_parameter_value", field)

    @pytest.mark.parametrize("title", FIELDS, ids=" ".join)
    def test_null_is_as_good_as_absent(self, alice: Customer, title: tuple[str, str]) -> None:
        for field in _right(title):
            asked = _right(title)
            with_null = alice.call(*title, json=asked | {field: None})
            without = alice.call(*title, json={name: value for name, value in asked.items() if name != field})

            assert with_null.json()["error"] == without.json()["error"]
            if field not in OPTIONAL:
                assert_refused(with_null, 400, "missing_required_parameter", field)

    @pytest.mark.parametrize("title", FIELDS, ids=" ".join)
    def test_what_nobody_asked_for_is_ignored(self, alice: Customer, title: tuple[str, str]) -> None:
        more = {"colour": 5, "": None, "From": 5, "account_id": ["acc_1"], "limit": "x", "cursor": {}}

        answer = alice.call(*title, json=_right(title) | more)

        assert answer.json()["error"] == alice.call(*title, json=_right(title)).json()["error"]


class TestIdempotency:
    """An `Idempotency-Key` on everything that writes: its effect comes once, and the first answer again."""

    @pytest.fixture
    def asked(self, alice: Customer) -> dict[tuple[str, str], Json]:
        """Return a request to each endpoint that writes."""
        alice.mac.hello(alice.line, capabilities=get_args(Capability))
        shared = NewLine("+15550109999", None, None, "imessage", is_sandbox=True, is_contact_first=True)
        alice.world.do(operating.add_line, alice.account_id, shared)
        ends = {"from": alice.line, "to": ADA}
        about = {
            "/v1/audio-messages": {"audio_message": alice.keeps()},
            "/v1/reactions": {"message_id": alice.hears(ADA)},
        }
        ours = [text_from(ADA, alice.line, is_from_me=True, sender=None, announce=False) for _ in range(2)]
        in_group = text_in_group("chat7", CARL, alice.line, announce=False)
        alice.mac.sees(*ours, text_from(CARL, alice.line, announce=False), in_group)
        group = {"from": alice.line, "to": alice.group()}
        hook = {"from": alice.line, "url": HOOK, "events": ["message.sent"]}
        kept = alice.webhook(HOOK, "message.sent")["id"]
        return {
            **{("POST", path): {"json": ends | more | about.get(path, {})} for path, more in SENDS.items()},
            ("POST", "/v1/chats"): {"json": {"from": alice.line, "participants": [ADA, CARL], "text": "Hi all"}},
            ("POST", "/v1/chats/rename"): {"json": group | {"name": "Trip"}},
            ("POST", "/v1/chats/add"): {"json": group | {"participant": ADA}},
            ("POST", "/v1/chats/remove"): {"json": group | {"participant": CARL}},
            ("POST", "/v1/chats/leave"): {"json": group},
            ("POST", "/v1/messages/edit"): {"json": {"message_id": ours[0].guid, "text": "New"}},
            ("POST", "/v1/messages/unsend"): {"json": {"message_id": ours[1].guid}},
            ("POST", "/v1/sandbox"): {"json": {}},
            ("POST", "/v1/webhooks"): {"json": hook},
            ("DELETE", "/v1/webhooks"): {"json": {"id": alice.webhook(HOOK, "message.sent")["id"]}},
            **{("POST", f"/v1/webhooks/{what}"): {"json": {"id": kept}} for what in ("rotate", "enable", "test")},
            ("POST", "/v1/webhooks/replay"): {"json": {"webhook_id": kept}},
            ("POST", "/v1/settings"): {"json": {"stop_handling": True}},
            ("POST", "/v1/files"): {"content": b"bytes"},
        }

    def test_a_name_stands_for_one_effect_and_a_refusal_takes_none(
        self, alice: Customer, asked: dict[tuple[str, str], Json]
    ) -> None:
        assert set(asked) == {(each.method, each.path) for each in ENDPOINTS if each.method != "GET"}
        for title, form in asked.items():
            name = {"Idempotency-Key": f"{title[0]}{title[1]}"}
            wrong = b"" if "content" in form else b"{"
            assert alice.call(*title, headers=name, content=wrong).status_code == 400
            before = _contents(alice)

            first = alice.call(*title, headers=name, **form)
            held = _contents(alice)
            again = alice.call(*title, headers=name, **form)

            assert first.status_code == again.status_code == _status_of(title), first.text
            assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
            assert "idempotent-replayed" not in first.headers
            for other in _others(form):
                answer = alice.call(*title, headers=name, **other)
                assert_refused(answer, 400, "invalid_parameter_value", "Idempotency-Key")
            assert _contents(alice) == held != before

    def test_a_call_too_many_has_no_effect_and_takes_no_name(
        self, alice: Customer, asked: dict[tuple[str, str], Json]
    ) -> None:
        # srv-016
        agent = alice.caller()
        alice.world.sql("UPDATE api_keys SET hourly_limit = 1 WHERE last4 = ?", agent.key[-4:])
        assert_done(agent.get("/v1/lines"))
        before = _contents(alice)

        for title, form in asked.items():
            answer = agent.call(*title, headers={"Idempotency-Key": f"{title[0]}{title[1]}"}, **form)
            assert_refused(answer, 429, "rate_limit_exceeded")

        assert _contents(alice) == before

    def test_an_answer_that_cannot_be_kept_has_no_effect(
        self, alice: Customer, asked: dict[tuple[str, str], Json]
    ) -> None:
        """They are one transaction: there is no moment at which a death leaves one without the other."""
        before = _contents(alice)
        for table, headers in (("idempotency_keys", {"Idempotency-Key": "name"}), ("unanswered", {})):
            with alice.world.database.refusing(table):
                for title, form in asked.items():
                    assert_refused(alice.call(*title, headers=headers, **form), 500, "internal_error")

        assert _contents(alice) == before


def _status_of(title: tuple[str, str]) -> int:
    return next(each.status for each in ENDPOINTS if (each.method, each.path) == title)


def _others(form: dict[str, Json]) -> list[dict[str, Json]]:
    """Return other requests to where *form* is one, if there can be any."""
    if "content" in form:
        return [{"content": b"others"}]
    return [{"json": form["json"] | _OTHER}] if form["json"] else []


_OTHER = {
    "to": "88438",
    "participants": [],
    "message_id": f"msg_{NOBODYS_ID}",
    "url": f"{HOOK}/2",
    "id": f"wh_{NOBODYS_ID}",
    "webhook_id": f"wh_{NOBODYS_ID}",
    "stop_handling": False,
}
