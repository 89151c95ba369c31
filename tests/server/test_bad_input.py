"""Whatever comes in: an envelope with its exact code, never a 5xx, and nothing is changed by it."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.server.answers import assert_done, assert_marked, assert_refused
from tests.server.world import ADA, Customer, Json

SEND = ("POST", "/v1/messages")
WRITES = [SEND, ("POST", "/v1/webhooks"), ("DELETE", "/v1/webhooks")]
each_write = pytest.mark.parametrize(("method", "path"), WRITES)
HOOK = "https://agent.example.com/hook"


@pytest.fixture(scope="module")
def known(still_alice: Customer) -> Customer:
    still_alice.hears(ADA)
    return still_alice


@pytest.fixture
def alice(known: Customer, unchanged: None) -> Customer:  # noqa: ARG001 - it looks afterwards
    return known


def _nested(depth: int) -> bytes:
    return b'{"text":' + b"[" * depth + b"]" * depth + b"}"


def _with_text(written: str) -> bytes:
    """Return a body that is right but for the text, which is written as JSON."""
    return b'{"from":"+15550101000","to":"+15550100001","text":%b}' % written.encode()


@pytest.mark.one_store("judged before the store is asked")
class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"not json",
            b"{",
            b"[]",
            b'"text"',
            b"5",
            b"null",
            b"true",
            b'{"text":"a"}{"text":"b"}',
            b'{"text":"a",}',
            b"{'text':'a'}",
            b'{"text":"a\x01"}',
            b'{"text":"a\nb"}',
            b'{"text":"\\x41"}',
            b'\xef\xbb\xbf{"text":"a"}',
            b'{"text":"\xff"}',
            b'{"text":"\xed\xa0\xbd"}',
            '{"text":"a"}'.encode("utf-16"),
            b"\0",
            b'{"a":NaN}',  # srv-108
            b'{"a":Infinity}',
            b'{"a":-Infinity}',
            b'{"a":1e400}',
            b'{"a":-1e400}',
            b'{"a":' + b"9" * 5_000 + b"}",
            b'{"text":"a","text":"b"}',  # srv-109
            b'{"a":{"b":1,"b":2}}',
            b'{"a":[{"b":1,"b":1}]}',
            _nested(33),
            _nested(2_000),
            _nested(100_000),
            b"[" * 100_000,
            b'{"a":' * 40_000,
            # Escaped quotes in a string without an end once took a minute to be looked through.
            b"[" * 40 + b'"' + b'\\"' * 120_000,
        ],
        ids=lambda body: f"{len(body)} bytes: {body[:24].decode('latin-1')}",
    )
    @each_write
    def test_what_is_no_json_object_is_refused(self, alice: Customer, method: str, path: str, body: bytes) -> None:
        assert_refused(alice.call(method, path, content=body), 400, "invalid_json")

    @pytest.mark.parametrize("field", ["text", "from", "to", "reply_to"])
    @pytest.mark.parametrize("text", ['"a\\u0000b"', '"\\ud83d"', '"\\udc4b\\ud83d"', '"a\\udc4b"'])
    def test_nul_and_half_a_surrogate_pair_cannot_be_stored(self, alice: Customer, field: str, text: str) -> None:
        # body-17, body-21, srv-107
        body = {"from": json.dumps(alice.line), "to": json.dumps(ADA), "text": '"Hi"', field: text}
        written = "{" + ",".join(f'"{name}":{value}' for name, value in body.items()) + "}"

        answer = alice.call(*SEND, content=written.encode())

        assert_refused(answer, 400, "invalid_parameter_value", field)

    @pytest.mark.parametrize("number", ["1e308", "-0", "9" * 4_000, "1" + "0" * 300 + ".5", "5"])
    def test_a_number_is_no_text_however_large(self, alice: Customer, number: str) -> None:
        assert_refused(alice.call(*SEND, content=_with_text(number)), 400, "invalid_parameter_value", "text")

    @pytest.mark.parametrize("size", [256 * 1024 + 1, 10 * 1024 * 1024])
    @each_write
    def test_a_body_that_is_too_large_is_refused(self, alice: Customer, method: str, path: str, size: int) -> None:
        assert_refused(alice.call(method, path, content=b" " * size), 413, "request_too_large")

    def test_a_body_that_is_too_large_is_refused_though_it_tells_no_length(self, alice: Customer) -> None:
        # srv-110
        chunks = (b" " * 65_536 for _ in range(160))

        assert_refused(alice.call(*SEND, content=chunks), 413, "request_too_large")

    def test_a_large_body_does_not_hide_a_bad_key(self, alice: Customer) -> None:
        answer = alice.world.client.post("/v1/messages", content=b" " * 300_000)

        assert_refused(answer, 401, "missing_api_key")


@pytest.mark.one_store("judged before the store is asked")
class TestQueries:
    @pytest.mark.parametrize(
        ("path", "query", "param"),
        [
            ("/v1/lines", "limit=1&limit=1", "limit"),
            ("/v1/chats", "from=a&from=a", "from"),
            ("/v1/messages", "from=a&to=b&to=b", "to"),
            ("/v1/outbox", "id=obx_1&id=obx_1", "id"),
            ("/v1/webhooks", "cursor=a&cursor=b", "cursor"),
        ],
    )
    def test_a_parameter_that_is_given_twice_is_refused(
        self, alice: Customer, path: str, query: str, param: str
    ) -> None:
        assert_refused(alice.call("GET", f"{path}?{query}"), 400, "invalid_parameter_value", param)

    @pytest.mark.parametrize(
        "limit", ["0", "-1", "1.5", "ten", "", " 5", "5 ", "+5", "1e2", "0x5", "\u0665", "1_0", "null"]
    )
    @pytest.mark.parametrize("path", ["/v1/lines", "/v1/chats", "/v1/messages", "/v1/webhooks"])
    def test_a_limit_is_a_whole_number_from_one(self, alice: Customer, path: str, limit: str) -> None:
        answer = alice.get(path, {"from": alice.line, "to": ADA, "limit": limit})

        assert_refused(answer, 400, "invalid_parameter_value", "limit")

    @pytest.mark.parametrize("limit", ["101", "9" * 18, "9" * 19, "9" * 500])
    def test_a_limit_above_the_largest_is_clamped(self, alice: Customer, limit: str) -> None:
        assert_done(alice.get("/v1/messages", {"from": alice.line, "to": ADA, "limit": limit}))

    @pytest.mark.parametrize(
        "cursor", ["", "x", "AAAA", "null", "%00", "%ff", "é", "=" * 9, "A" * 5_000, "AAAAAAAAAAAAAAAAWzEsIiJd"]
    )
    @pytest.mark.parametrize("path", ["/v1/lines", "/v1/chats", "/v1/messages", "/v1/webhooks"])
    def test_a_cursor_that_is_not_ours_is_refused(self, alice: Customer, path: str, cursor: str) -> None:
        answer = alice.call("GET", f"{path}?from={alice.line}&to={ADA}&cursor={cursor}")

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "invalid_parameter_value"
        assert answer.json()["error"].get("param") in ("cursor", None)  # none where the query as a whole is unreadable

    @pytest.mark.parametrize("value", ["%00", "a%00b"])
    def test_nul_in_a_query_is_refused(self, alice: Customer, value: str) -> None:
        answer = alice.call("GET", f"/v1/outbox?id={value}")

        assert_refused(answer, 400, "invalid_parameter_value", "id")

    @pytest.mark.parametrize("value", ["%ff", "%c3", "%ed%a0%bd", "%f8%88%80%80%80"])
    def test_a_query_that_is_no_utf8_is_refused(self, alice: Customer, value: str) -> None:
        assert_refused(alice.call("GET", f"/v1/outbox?id={value}"), 400, "invalid_parameter_value")

    @pytest.mark.parametrize("query", ["", "?", "?&", "?=", "?=a", "?id", "?id=%zz", "?id=%", "?&&id=1;2"])
    def test_an_odd_query_has_the_envelope(self, alice: Customer, query: str) -> None:
        answer = alice.call("GET", f"/v1/outbox{query}")

        assert answer.status_code == 400
        assert_marked(answer)


_words = st.text(st.characters(exclude_categories=()), max_size=30)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=4),
    max_leaves=8,
)
_anything = hypothesis.settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)


class TestAnythingAtAll:
    # What is accepted would be an effect, so that something else is wrong in each of these: the line is nobody's.
    @pytest.mark.parametrize("field", ["from", "to", "text", "attachments", "reply_to", "colour"])
    @_anything
    @hypothesis.given(value=_json)
    def test_any_json_in_a_field_of_a_message_has_the_envelope(self, alice: Customer, field: str, value: Json) -> None:
        body = {"from": "+15559999999", "to": ADA, "text": "Hi", field: value}

        answer = alice.call(*SEND, content=json.dumps(body).encode())

        assert 400 <= answer.status_code < 500
        assert_marked(answer)

    @pytest.mark.parametrize("field", ["from", "url", "events"])
    @_anything
    @hypothesis.given(value=_json)
    def test_any_json_in_a_field_of_a_webhook_has_the_envelope(self, alice: Customer, field: str, value: Json) -> None:
        body = {"from": "+15559999999", "url": HOOK, "events": ["message.sent"], field: value}
        hypothesis.assume(body["from"] != "")

        answer = alice.call("POST", "/v1/webhooks", content=json.dumps(body).encode())

        assert 400 <= answer.status_code < 500
        assert_marked(answer)

    @_anything
    @hypothesis.given(name=st.text(st.characters(), max_size=8), value=_json)
    def test_a_field_of_any_name_has_the_envelope(self, alice: Customer, name: str, value: Json) -> None:
        body = {"from": "+15559999999", "to": ADA, "text": "Hi", name: value}

        answer = alice.call(*SEND, content=json.dumps(body).encode())

        assert 400 <= answer.status_code < 500
        assert_marked(answer)

    @pytest.mark.one_store("judged before the store is asked")
    @_anything
    @hypothesis.given(body=st.binary(max_size=200))
    def test_any_bytes_are_refused(self, alice: Customer, body: bytes) -> None:
        answer = alice.call(*SEND, content=body)

        assert 400 <= answer.status_code < 500
        assert_marked(answer)

    @pytest.mark.parametrize("name", ["from", "to", "limit", "cursor", "id"])
    @pytest.mark.parametrize("path", ["/v1/chats", "/v1/messages", "/v1/outbox", "/v1/webhooks"])
    @hypothesis.settings(_anything, max_examples=20)
    @hypothesis.given(value=st.text(max_size=30))
    def test_any_text_in_a_query_has_the_envelope(self, alice: Customer, path: str, name: str, value: str) -> None:
        answer = alice.get(path, {"from": alice.line, "to": ADA, name: value})

        assert answer.status_code in (200, 400, 404)
        assert_marked(answer)
