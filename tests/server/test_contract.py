"""contract/ is what the server says and does: both SDKs are held against it, so nothing there may be out of date."""

import hashlib
import hmac
import json

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from blueport.server.app import ENDPOINTS
from blueport.server.authorizing.keys import SCOPES
from blueport.server.describing.events import EVENTS
from blueport.server.errors import CODES, ApiError
from blueport.server.notifying.delivering import signing
from tests.server.contract import FOLDER, contract, told_by
from tests.server.receiver import Receiver
from tests.server.signatures import Vector
from tests.server.world import Json, World

# What clients of the hosted service insist on: these may be null, whatever is not named here never is.
MAY_BE_NULL = {
    "Line": {"label"},
    "Chat": {"name", "last_message_at"},
    "Message": {"text", "service", "is_audio_message", "outbox_id", "reply_to_guid"},
    "Attachment": {"filename", "mime_type", "size", "url", "transcription"},
    "File": {"filename"},
    "Accepted": set(),
    "OutboxItem": {"error", "completed_at"},
    "EditedMessage": {"text", "service", "is_audio_message", "outbox_id", "reply_to_guid", "previous_text"},
    "FailedItem": {"error", "completed_at"},
    "TypingData": set(),
    "ReceiptData": set(),
    "Reaction": set(),
    "TypingIndicator": set(),
    "ReadReceipt": set(),
    "Webhook": set(),
    "CreatedWebhook": set(),
    "Deleted": set(),
    "MessagePage": {"next_cursor"},
    "Settings": set(),
}
# And these are left out where there is nothing to say.
MAY_BE_ABSENT = {
    "Chat": {"opted_out_at", "looping_until"},
    "Line": {"capabilities"},
    "OutboxItem": {"held_until", "warning", "sent_by"},
    "Webhook": {"disabled_at", "disabled_reason", "retry_delays_s"},
}
TITLES = {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS}


def _read(name: str) -> Json:
    return json.loads((FOLDER / name).read_text())


def _operations() -> dict[str, Json]:
    paths = _read("openapi.json")["paths"]
    return {
        f"{method.upper()} {path}": said for path, operations in paths.items() for method, said in operations.items()
    }


def _vectors() -> list[Vector]:
    return [Vector(**vector) for vector in _read("signatures.json")["vectors"]]


def test_what_is_checked_in_is_what_the_server_says_today(world: World, receiver: Receiver) -> None:
    today = contract(told_by(world, receiver))

    told = [path for path in FOLDER.rglob("*.json") if path.parent.name != "clients"]
    checked_in = {str(path.relative_to(FOLDER)): path.read_text() for path in told}
    stale = sorted(name for name in today.keys() | checked_in if today.get(name) != checked_in.get(name))
    assert not stale, f"contract/ is out of date in {', '.join(stale)}: run `make contract`, and look at what changed"


class TestDescription:
    def test_it_is_an_openapi_document(self) -> None:
        OpenAPIV31SpecValidator(_read("openapi.json")).validate()

    def test_every_endpoint_tells_its_scope(self) -> None:
        told = {title: said["security"] for title, said in _operations().items()}

        assert told == {f"{each.method} {each.path}": [{"key": [each.scope]}] for each in ENDPOINTS}

    def test_every_endpoint_has_a_name_and_words_of_its_own(self) -> None:
        operations = _operations().values()

        assert len({said["operationId"] for said in operations}) == len(ENDPOINTS)
        assert len({said["summary"] for said in operations}) == len(ENDPOINTS)
        assert all(said["summary"] for said in operations)

    def test_every_parameter_and_field_is_explained(self) -> None:
        described = _read("openapi.json")
        parameters = [
            f"{title} {parameter['name']}"
            for title, said in _operations().items()
            for parameter in said["parameters"]
            if not parameter["description"]
        ]
        fields = [
            f"{name}.{field}"
            for name, schema in described["components"]["schemas"].items()
            for field, said in schema.get("properties", {}).items()
            if not said.get("description") and "$ref" not in said and name != "Error"
        ]
        assert (parameters, fields) == ([], [])

    @pytest.mark.parametrize("name", MAY_BE_NULL)
    def test_what_may_be_null_or_absent_is_told_exactly(self, name: str) -> None:
        schema = _read("openapi.json")["components"]["schemas"][name]

        assert {field for field, said in schema["properties"].items() if {"type": "null"} in said.get("anyOf", [])} == (
            MAY_BE_NULL[name]
        )
        assert set(schema["properties"]) - set(schema["required"]) == MAY_BE_ABSENT.get(name, set())

    def test_every_code_is_told_by_an_endpoint_or_belongs_to_none(self) -> None:
        told = {
            code
            for said in _operations().values()
            for status, answer in said["responses"].items()
            for code in _codes(answer)
            if status != "default"
        }

        assert told <= set(CODES)
        assert not [title for title, said in _operations().items() if "429" not in said["responses"]]

    def test_every_example_is_what_it_is_an_example_of(self) -> None:
        described = _read("openapi.json")
        for title, said in _operations().items():
            for status, answer in said["responses"].items():
                content = answer.get("content", {}).get("application/json", {})
                if "example" in content:
                    _assert_valid(described, content["schema"], content["example"], f"{title} {status}")

    def test_every_event_is_a_webhook_with_a_sample(self) -> None:
        described = _read("openapi.json")

        assert set(described["webhooks"]) == {event.name for event in EVENTS}
        for name, webhook in described["webhooks"].items():
            content = webhook["post"]["requestBody"]["content"]["application/json"]
            _assert_valid(described, content["schema"], content["example"], name)
            _assert_valid(described, content["schema"], _read(f"events/{name}.json"), f"events/{name}.json")


class TestErrors:
    def test_every_code_has_its_type_its_status_and_one_sentence(self) -> None:
        errors = _read("errors.json")

        assert set(errors) == set(CODES)
        for name, said in errors.items():
            refused = ApiError(name, "")
            assert (said["type"], said["status"]) == (refused.type, refused.status)
            assert said["meaning"].endswith(".")
            assert said["meaning"].count(". ") == 0
            assert said["meaning"][0] == "`" or said["meaning"][0].isupper()

    def test_a_retry_helps_against_what_passes_by_itself(self) -> None:
        helped = {name for name, said in _read("errors.json").items() if said["retry_helps"]}

        assert helped == {
            "idempotency_key_in_use",
            "internal_error",
            "loop_detected",
            "rate_limit_exceeded",
            "request_timeout",
            "sandbox_quota_exceeded",
            "service_unavailable",
        }


class TestExamples:
    def test_there_is_one_of_every_endpoint(self) -> None:
        assert set(_read("examples.json")) == TITLES

    def test_every_request_and_answer_is_as_described(self) -> None:
        described = _read("openapi.json")
        for title, example in _read("examples.json").items():
            said = _operations()[title]
            answer = said["responses"][str(example["status"])]
            if "answer" in example:
                _assert_valid(described, answer["content"]["application/json"]["schema"], example["answer"], title)
            if "body" in example["request"]:
                asked = said["requestBody"]["content"]["application/json"]["schema"]
                _assert_valid(described, asked, example["request"]["body"], title)


class TestSignatures:
    def test_there_are_good_and_bad_ones_each_with_a_name(self) -> None:
        vectors = _vectors()

        assert len({vector.name for vector in vectors}) == len(vectors)
        assert {vector.is_genuine for vector in vectors} == {True, False}
        assert all((vector.why is None) == vector.is_genuine for vector in vectors)

    @pytest.mark.parametrize("vector", _vectors(), ids=lambda vector: vector.name)
    def test_it_is_judged_alike_by_the_servers_own_code_and_by_hmac_alone(self, vector: Vector) -> None:
        ours = signing.signature(vector.secret, vector.timestamp, vector.body.encode())
        key, signed = vector.secret.encode(), f"{vector.timestamp}.{vector.body}".encode()
        alone = hmac.new(key, signed, hashlib.sha256).digest().hex()

        is_within_time = abs(vector.now - vector.timestamp) <= 300_000
        is_something = bool(vector.body and vector.secret)
        for expected in (ours, alone):
            assert (expected == vector.signature and is_within_time and is_something) == vector.is_genuine

    def test_every_bad_one_is_bad_for_one_reason_alone(self) -> None:
        for vector in _vectors():
            reasons = [
                signing.signature(vector.secret, vector.timestamp, vector.body.encode()) != vector.signature,
                abs(vector.now - vector.timestamp) > 300_000,
                not vector.body,
                not vector.secret,
            ]
            assert sum(reasons) == (not vector.is_genuine), vector.name

    def test_the_timestamp_of_the_body_is_that_of_the_header(self) -> None:
        told = [vector for vector in _vectors() if vector.body]

        assert not [vector.name for vector in told if json.loads(vector.body)["timestamp"] != vector.timestamp]


def test_the_scopes_of_the_description_are_those_that_a_key_can_have() -> None:
    described = _read("openapi.json")["components"]["securitySchemes"]["key"]["description"]

    assert not [scope for scope in SCOPES if f"`{scope}`" not in described]


def _codes(answer: Json) -> list[str]:
    parts = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("allOf", [])
    return [code for part in parts for code in _enum_of_codes(part)]


def _enum_of_codes(part: Json) -> list[str]:
    error = part.get("properties", {}).get("error", {})
    return error.get("properties", {}).get("code", {}).get("enum", [])


def _assert_valid(described: Json, schema: Json, value: Json, name: str) -> None:
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": described["components"]})
    assert [f"{name}: {fault.message}" for fault in validator.iter_errors(value)] == []
