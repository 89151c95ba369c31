"""Both clients of the Python SDK do what `contract/` says, request by request."""

import dataclasses
import functools
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin

import pytest

import blueport_sdk
from blueport_sdk import (
    AsyncPage,
    AsyncPages,
    ContactCard,
    SignatureVerificationError,
    build_webhook_delivery,
    sign_webhook,
    vcard,
    verify_webhook,
)
from blueport_sdk.vcards import file_name
from tests.sdks.calling import CLIENTS, KEY, KINDS, Call, Kind, Outcome, called, in_json, in_python, name_in_python
from tests.sdks.player import CONTRACT, EXAMPLES, Heard, Json, Player

METHODS: Json = json.loads((CONTRACT / "clients" / "methods.json").read_text())
BEHAVIOURS: Json = json.loads((CONTRACT / "clients" / "behaviours.json").read_text())
VCARDS: Json = json.loads((CONTRACT / "clients" / "vcards.json").read_text())
ERRORS: Json = json.loads((CONTRACT / "errors.json").read_text())
VECTORS: Json = json.loads((CONTRACT / "signatures.json").read_text())["vectors"]
EVENTS: Json = {path.stem: path.read_text() for path in sorted((CONTRACT / "events").glob("*.json"))}

# What has no request of its own, and what only this language has.
PARAMETERS_OF_OTHERS = {
    "events": {"after", "from_", "events", "on_place"},
    "download_file": {"id"},
    "wait_for_outbox_item": {"id", "timeout_s"},
}
MORE_PARAMETERS = {"upload_file": {"on_progress"}}
NO_ENDPOINTS = {"close", "with_options"}

each_client = pytest.mark.parametrize("kind", KINDS)


def _calls() -> Iterator[Any]:
    for method, described in METHODS.items():
        for number, call in enumerate(described["calls"], 1):
            yield pytest.param(method, call, described.get("returns"), id=f"{method}-{number}")


def _named(entries: Json) -> list[Any]:
    return [pytest.param(entry, id=entry["name"]) for entry in entries]


def _methods(kind: Kind) -> dict[str, inspect.Signature]:
    names = (name for name in dir(CLIENTS[kind]) if not name.startswith("_"))
    return {name: inspect.signature(getattr(CLIENTS[kind], name)) for name in names}


def _promised() -> dict[str, set[str]]:
    named = {method: [call["arguments"] for call in described["calls"]] for method, described in METHODS.items()}
    promised = {method: {name_in_python(name) for name in set().union(*calls)} for method, calls in named.items()}
    return {method: names | MORE_PARAMETERS.get(method, set()) for method, names in promised.items()}


@each_client
class TestEveryMethod:
    @pytest.mark.parametrize(("method", "call", "returns"), list(_calls()))
    def test_asks_exactly_that_and_returns_exactly_this(
        self, kind: Kind, method: str, call: Json, returns: Json, player: Player
    ) -> None:
        player.plays(*(_answer(request) for request in call["requests"]))

        outcome = called(kind, Call(method, call["arguments"]), api_key=KEY, base_url=player.url)

        assert outcome.error is None
        for heard, request in zip(player.heard, call["requests"], strict=True):
            _assert_asked(heard, request)
        expected = returns or EXAMPLES[call["requests"][-1]["answer"]]["answer"]
        assert in_json(outcome.result) == _here(player, expected)
        _assert_typed(outcome.result, _methods(kind)[method].return_annotation)

    def test_has_the_parameters_that_are_promised_and_no_others(self, kind: Kind) -> None:
        methods = {name: set(each.parameters) - {"self"} for name, each in _methods(kind).items()}

        assert methods == _promised() | PARAMETERS_OF_OTHERS | {name: methods[name] for name in NO_ENDPOINTS}


def test_both_clients_are_alike() -> None:
    sync, other = ({name: each.parameters for name, each in _methods(kind).items()} for kind in KINDS)

    assert sync == other


def _answer(request: Json) -> Json:
    if "answer" in request:
        return {"example": request["answer"]}
    return {"status": 200, "text": request["raw_answer"], "headers": {"Content-Type": "application/octet-stream"}}


def _assert_asked(heard: Heard, request: Json) -> None:
    assert (heard.method, heard.path) == (request["method"], request["path"])
    if "raw_body" in request:
        assert heard.raw.decode() == request["raw_body"]
    elif "body" in request:
        assert json.loads(heard.raw) == request["body"]
        assert heard.headers["content-type"] == "application/json"
    else:
        assert heard.raw == b""
    if "query" in request:
        assert heard.query == request["query"]
    assert {name: heard.headers.get(name.lower()) for name in request.get("headers", {})} == request.get("headers", {})
    absent = request.get("without_headers", [])
    assert [name for name in absent if name.lower() in heard.headers] == []
    assert "Authorization" in absent or heard.headers["authorization"] == f"Bearer {KEY}"


def _here(player: Player, expected: Json) -> Json:
    """Return what is expected as it is where the player is, in the words of `in_json`."""
    return in_json(json.loads(player.here(json.dumps(expected))))


def _assert_typed(result: Any, annotation: Any) -> None:
    kind = get_origin(annotation) or annotation
    assert type(result) is (AsyncPage if kind is AsyncPages else kind)
    if get_args(annotation) and inspect.isclass(get_args(annotation)[0]):
        assert {type(item) for item in result.data} == {get_args(annotation)[0]}


@each_client
@pytest.mark.parametrize("behaviour", _named(BEHAVIOURS))
def test_behaviour(kind: Kind, behaviour: Json, player: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    player.plays(*behaviour["script"])
    client = _client(behaviour.get("client", {}), player, monkeypatch)

    outcome = called(kind, Call(**behaviour["call"]), **client)

    assert outcome.error is None or "error" in behaviour["expect"], repr(outcome.error)
    for name, expected in behaviour["expect"].items():
        _EXPECTATIONS[name](player, outcome, expected)


def _client(made: Json, player: Player, monkeypatch: pytest.MonkeyPatch) -> Json:
    told = dict(made)
    for name in ("MESSAGES_API_KEY", "MESSAGES_API_URL"):
        monkeypatch.delenv(name, raising=False)
    if "from_environment" in told:
        for name, value in told.pop("from_environment").items():
            monkeypatch.setenv(name, player.here(value))
        return told
    return {"api_key": KEY, "base_url": player.url + told.pop("base_url_suffix", "")} | told


def _seen(of: Callable[[Heard], Any]) -> Callable[[Player, Outcome, Any], None]:
    """Return what compares something of each request."""

    def compare(player: Player, _: Outcome, expected: Any) -> None:
        assert [of(heard) for heard in player.heard] == expected

    return compare


def _header(name: str) -> Callable[[Player, Outcome, Any], None]:
    """Return what compares a header that all requests have alike."""

    def compare(player: Player, _: Outcome, expected: Any) -> None:
        assert {heard.headers.get(name) for heard in player.heard} == {expected}

    return compare


def _requests(player: Player, _: Outcome, expected: int) -> None:
    assert len(player.heard) == expected


def _waits(_: Player, outcome: Outcome, expected: list[tuple[float, float]]) -> None:
    assert len(outcome.waits_s) == len(expected)
    for waited_s, (least_s, most_s) in zip(outcome.waits_s, expected, strict=True):
        assert least_s <= waited_s <= most_s


def _result(player: Player, outcome: Outcome, expected: str) -> None:
    assert in_json(outcome.result) == _here(player, EXAMPLES[expected]["answer"])


def _ids(_: Player, outcome: Outcome, expected: list[str]) -> None:
    assert [item.id for item in outcome.items or outcome.result.data] == expected


def _texts(_: Player, outcome: Outcome, expected: list[str]) -> None:
    assert [item.data.text for item in outcome.items] == expected


def _fields(_: Player, outcome: Outcome, expected: Json) -> None:
    assert in_json(outcome.result).items() >= expected.items()


def _error(_: Player, outcome: Outcome, expected: Json) -> None:
    told = dict(expected)
    kind = told.pop("class")
    assert type(outcome.error) is (ValueError if kind == "usage" else getattr(blueport_sdk, kind))
    assert told.pop("mentions", "") in str(outcome.error)
    assert {name: getattr(outcome.error, name) for name in told} == told


def _keys(player: Player) -> list[str | None]:
    keys = [heard.headers.get("idempotency-key") for heard in player.heard]
    assert all(keys)
    return keys


def _same_key(player: Player, _: Outcome, expected: bool) -> None:  # noqa: FBT001
    assert expected
    assert len(set(_keys(player))) == 1


def _different_keys(player: Player, _: Outcome, expected: bool) -> None:  # noqa: FBT001
    assert expected
    assert len(set(_keys(player))) == len(player.heard)


_EXPECTATIONS: dict[str, Callable[[Player, Outcome, Any], None]] = {
    "accept": _header("accept"),
    "authorization": _header("authorization"),
    "authorizations": _seen(lambda heard: heard.headers.get("authorization")),
    "different_idempotency_keys": _different_keys,
    "error": _error,
    "fields": _fields,
    "idempotency_key": _header("idempotency-key"),
    "ids": _ids,
    "last_event_ids": _seen(lambda heard: heard.headers.get("last-event-id")),
    "paths": _seen(lambda heard: heard.path),
    "queries": _seen(lambda heard: heard.query),
    "raw_bodies": _seen(lambda heard: heard.raw.decode()),
    "requests": _requests,
    "result": _result,
    "same_idempotency_key": _same_key,
    "texts": _texts,
    "waits_s": _waits,
}


@each_client
@pytest.mark.parametrize("code", sorted(ERRORS))
def test_error_is_raised_as_its_class_and_tried_again_only_where_that_helps(
    kind: Kind, code: str, player: Player
) -> None:
    error = ERRORS[code]
    told = {"type": error["type"], "code": code, "message": error["meaning"]}
    line = {"status": error["status"], "body": {"error": told, "request_id": "req_1"}}
    player.plays(line, line, line)

    outcome = called(kind, Call("get_settings", {}), api_key=KEY, base_url=player.url)

    assert isinstance(outcome.error, blueport_sdk.MessagesError)
    assert in_json(vars(outcome.error)) == told | {"status": error["status"], "request_id": "req_1"}
    assert len(player.heard) == (3 if error["retry_helps"] else 1)


@pytest.mark.parametrize("card", _named(VCARDS))
def test_contact_card(card: Json) -> None:
    parameters = in_python(card["parameters"])
    photo_type = parameters.pop("photo_type", None)
    made = ContactCard(**parameters)

    assert vcard(made, bytes.fromhex(card.get("photo_hex", "")), photo_type) == card["vcard"]
    assert file_name(made) == card["filename"]


class TestWebhooks:
    @pytest.mark.parametrize("vector", _named(VECTORS))
    @pytest.mark.parametrize("form", [str, str.encode], ids=["text", "bytes"])
    def test_signature(self, vector: Json, form: Callable[[str], str | bytes]) -> None:
        verify = functools.partial(verify_webhook, form(vector["body"]), vector["signature"], vector["secret"])

        if not vector["is_genuine"]:
            with pytest.raises(SignatureVerificationError):
                verify(now_ms=vector["now"])
        else:
            assert in_json(verify(now_ms=vector["now"])) == in_json(json.loads(vector["body"]))

    @pytest.mark.parametrize("vector", [each for each in _named(VECTORS) if each.values[0]["is_genuine"]])
    def test_signing_makes_the_same_signature(self, vector: Json) -> None:
        assert sign_webhook(vector["secret"], vector["timestamp"], vector["body"]) == vector["signature"]

    @pytest.mark.parametrize("name", EVENTS)
    def test_event_is_verified_and_typed(self, name: str) -> None:
        told = json.loads(EVENTS[name])
        signature = sign_webhook("whsec_1", told["timestamp"], EVENTS[name])

        event = verify_webhook(EVENTS[name], signature, "whsec_1", now_ms=told["timestamp"])

        assert event.event == name
        assert in_json(event) == in_json(told)
        assert set(told["data"]) == {field.name for field in dataclasses.fields(event.data)}

    @pytest.mark.parametrize("name", EVENTS)
    def test_event_that_was_built_is_like_the_server_s(self, name: str) -> None:
        told = json.loads(EVENTS[name])

        built = build_webhook_delivery(
            name, told["data"], "whsec_1", timestamp=told["timestamp"], delivery_id=told["delivery_id"]
        )

        assert json.loads(built.body) == told
        signature = built.headers["X-Webhook-Signature"]
        assert in_json(verify_webhook(built.body, signature, "whsec_1", now_ms=told["timestamp"])) == in_json(told)


@each_client
@pytest.mark.parametrize("name", EVENTS)
def test_event_is_streamed_and_typed(kind: Kind, name: str, player: Player) -> None:
    told = json.loads(EVENTS[name])
    event = {"id": "evt_1", "event": name, "data": told["data"], "created_at": 1, "line_id": "ln_1", "chat_id": "cht_1"}
    chunk = f"id: evt_1\nevent: {name}\ndata: {json.dumps(event)}\n\n"
    player.plays({"status": 200, "headers": {"Content-Type": "text/event-stream"}, "chunks": [chunk]})

    outcome = called(kind, Call("events", {}, iterate=True, take=1), api_key=KEY, base_url=player.url)

    assert [in_json(each) for each in outcome.items] == [in_json(event)]
    assert set(told["data"]) == {field.name for field in dataclasses.fields(outcome.items[0].data)}
