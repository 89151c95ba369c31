"""Whatever comes from outside, it is understood or it is the error that is promised."""

import base64
import hmac
import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blueport.server.notifying.delivering.signing import new_secret, signed
from blueport_sdk import (
    Accepted,
    SandboxUsage,
    SignatureVerificationError,
    as_told,
    build_webhook_delivery,
    sign_webhook,
    verify_webhook,
)
from blueport_sdk.envelopes import error_in, json_in
from blueport_sdk.exchanging import retry_after_s
from blueport_sdk.samples import sample_data
from blueport_sdk.shapes import MismatchError, shaped
from blueport_sdk.streaming import Frames

SECRET = "whsec_1"
NOW_MS = 1_760_000_000_000
RECEIVED = json.dumps(as_told(sample_data("message.received", NOW_MS)))
DELIVERY = build_webhook_delivery(
    "message.received", json.loads(RECEIVED), SECRET, timestamp=NOW_MS, delivery_id="dlv_1"
)

often = settings(max_examples=60, deadline=None, derandomize=True)
anything = st.binary() | st.text(st.characters())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


def deliveries() -> st.SearchStrategy[dict[str, Any]]:
    named = {"event": json_values, "data": json_values, "timestamp": st.just(NOW_MS), "delivery_id": json_values}
    return st.fixed_dictionaries(named) | st.dictionaries(st.sampled_from([*named, "x"]), json_values)


class TestVerifying:
    @often
    @given(body=anything, signature=st.none() | st.text(st.characters()))
    @example(body="\ud800", signature="x")
    @example(body=DELIVERY.body, signature="\ud800")
    @example(body=b"[" * 100_000, signature="x")
    @example(body=b'{"timestamp":' + b"9" * 5000 + b"}", signature="x")
    @example(body=b'{"timestamp":true}', signature="x")
    def test_nothing_but_the_error_that_is_promised_is_raised(self, body: bytes | str, signature: str | None) -> None:
        with pytest.raises(SignatureVerificationError):
            verify_webhook(body, signature, SECRET, now_ms=NOW_MS)

    @often
    @given(told=deliveries())
    @example(told={"event": "message.received", "data": {}, "timestamp": 10**400})
    @example(told={"event": "message.received", "data": {}, "timestamp": -(10**400)})
    def test_what_was_signed_is_a_delivery_or_none(self, told: dict[str, Any]) -> None:
        body = json.dumps(told)
        stamp = told.get("timestamp")

        signature = sign_webhook(SECRET, stamp if type(stamp) is int else 0, body)

        try:
            event = verify_webhook(body, signature, SECRET, now_ms=NOW_MS)
        except SignatureVerificationError:
            return
        assert event.event == told["event"]

    @often
    @given(body=anything, signature=st.text(st.characters()))
    def test_under_an_empty_secret_nothing_is_genuine(self, body: bytes | str, signature: str) -> None:
        empty: list[str | list[str]] = ["", [], [""]]
        for secret in empty:
            with pytest.raises(SignatureVerificationError, match="no secret"):
                verify_webhook(body, signature, secret, now_ms=NOW_MS)

    def test_the_header_of_standard_webhooks_is_as_good_and_may_bear_the_earlier_secret_s_too(self) -> None:
        old, new = new_secret(), new_secret()
        delivery = signed("message.received", RECEIVED, delivery_id="dlv_1", secrets=[new, old], now_ms=NOW_MS)
        signature = delivery.headers["webhook-signature"]

        for secret in (old, new, [new_secret(), old]):
            assert verify_webhook(delivery.body, signature, secret, now_ms=NOW_MS).event == "message.received"
        for secret in (new_secret(), "whsec_", "whsec_=", "whsec_===="):
            with pytest.raises(SignatureVerificationError):
                verify_webhook(delivery.body, signature, secret, now_ms=NOW_MS)
        with pytest.raises(SignatureVerificationError):
            verify_webhook(delivery.body.replace(b"dlv_1", b"dlv_2"), signature, new, now_ms=NOW_MS)

    @pytest.mark.parametrize("form", [bytearray, memoryview])
    def test_bytes_come_in_any_form_and_headers_as_asgi_has_them(self, form: type[bytearray]) -> None:
        made = build_webhook_delivery("message.received", sample_data("message.received"), SECRET)

        event = verify_webhook(form(made.body), made.headers["X-Webhook-Signature"].encode(), [SECRET, None, ""])

        assert event.event == "message.received"

    @pytest.mark.parametrize(
        ("body", "signature", "secret", "says"),
        [
            ({"event": "message.received"}, "0", SECRET, "before anything parses it"),
            (b"{}", ["0"], SECRET, "that one header"),
            (b"{}", "0", None, "no secret"),
            (b"{}", "0", [None], "no secret"),
        ],
    )
    def test_what_cannot_be_verified_says_why(self, body: Any, signature: Any, secret: Any, says: str) -> None:
        with pytest.raises(SignatureVerificationError, match=says):
            verify_webhook(body, signature, secret)

    def test_under_a_secret_that_encodes_nothing_nothing_is_genuine(self) -> None:
        nobody = hmac.digest(b"", f"dlv_1.{NOW_MS // 1000}.".encode() + DELIVERY.body, "sha256")
        forged = f"v1,{base64.b64encode(nobody).decode()}"

        with pytest.raises(SignatureVerificationError):
            verify_webhook(DELIVERY.body, forged, "whsec_", now_ms=NOW_MS)

    def test_while_a_secret_is_changed_both_are_good(self) -> None:
        signature = DELIVERY.headers["X-Webhook-Signature"]
        unknown = build_webhook_delivery("new.kind", {"text": "Hi"}, SECRET, timestamp=NOW_MS)

        with pytest.raises(SignatureVerificationError):
            verify_webhook(DELIVERY.body, signature, ["whsec_2"], now_ms=NOW_MS)
        for secrets in (["whsec_2", SECRET], [SECRET, "whsec_2"], ["", SECRET]):
            event = verify_webhook(unknown.body, unknown.headers["X-Webhook-Signature"], secrets, now_ms=NOW_MS)
            assert (event.event, event.data) == ("new.kind", {"text": "Hi"})


@often
@given(said=st.text(st.characters()) | st.dates().map(str) | st.integers().map(str))
@example(said="9" * 400)
@example(said="²")
@example(said="Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@example(said="Mon, 01 Jan 2024 00:00:00 +9999999999999")
@example(said="Mon, 01 Jan 0001 00:00:00 +2300")
def test_retry_after_is_a_time_that_can_be_waited_for_or_nothing(said: str) -> None:
    seconds = retry_after_s({"retry-after": said})

    assert seconds is None or seconds >= 0


@often
@given(content=st.none() | st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_envelope_tells_of_no_error(content: bytes | None) -> None:
    try:
        told = json_in(content)
    except MismatchError:
        assert error_in(content) is None
    else:
        assert (error_in(content) is not None) <= ("error" in told)


@often
@given(
    events=st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"))),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 200)),
)
def test_events_are_the_same_wherever_the_pieces_end(events: list[str], end: str, cuts: list[int]) -> None:
    raw = "".join(f"id: {number}{end}data: {text}{end}{end}" for number, text in enumerate(events)).encode()
    places = [0, *sorted(cuts), len(raw)]
    frames = Frames()

    heard = [frame for start, stop in itertools.pairwise(places) for frame in frames.heard(raw[start:stop])]

    # Behind a bare CR the end of a line is only known with what follows.
    heard += frames.heard(b":")
    assert [(frame.last_id, frame.data) for frame in heard] == [
        (str(number), text or None) for number, text in enumerate(events)
    ]


class TestShapes:
    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            ({"status": "lost"}, "$.status is 'lost', which is none of"),
            ({"status": None}, "$.status is None"),
            ({"id": 5}, "$.id is int where there should be str"),
            ({"id": None}, "$.id is nothing where there should be str"),
        ],
    )
    def test_the_place_of_what_is_wrong_is_named(self, changed: dict[str, Any], says: str) -> None:
        with pytest.raises(MismatchError) as wrong:
            shaped(Accepted, {"id": "obx_1", "status": "pending", "request_id": "req_1"} | changed)

        assert says in str(wrong.value)

    @pytest.mark.parametrize("used", [True, "5", 5.5])
    def test_a_number_is_never_made_of_something_else(self, used: object) -> None:
        with pytest.raises(MismatchError, match=r"\$.used"):
            shaped(SandboxUsage, {"used": used, "limit": 1, "remaining": 1, "resets_at": 1})

    def test_a_whole_number_is_one_however_it_is_written(self) -> None:
        usage = shaped(SandboxUsage, {"used": 5.0, "limit": 1, "remaining": 1, "resets_at": 1})

        assert repr(usage.used) == "5"

    def test_data_of_an_unknown_event_are_an_object_too(self) -> None:
        delivery = build_webhook_delivery("new.kind", {}, SECRET, timestamp=NOW_MS)
        body = delivery.body.replace(b'"data":{}', b'"data":[]')

        with pytest.raises(SignatureVerificationError, match="no object"):
            verify_webhook(body, sign_webhook(SECRET, NOW_MS, body), SECRET, now_ms=NOW_MS)
