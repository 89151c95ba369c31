"""contract/clients/ leaves nothing of the API out, and asks for nothing that the server would not take."""

import json
from collections.abc import Iterator

import jsonschema_rs
import pytest

from tests.server.contract import FOLDER
from tests.server.world import Json

# A client that sees no end of what it lists pages through it; it streams `events`, and waits by itself.
CLIENTS = FOLDER / "clients"
DESCRIBED = json.loads((FOLDER / "openapi.json").read_text())
EXAMPLES = json.loads((FOLDER / "examples.json").read_text())
METHODS = json.loads((CLIENTS / "methods.json").read_text())
BEHAVIOURS = json.loads((CLIENTS / "behaviours.json").read_text())
# Their methods take no arguments that a request could be compared with.
WITHOUT_A_REQUEST_OF_ITS_OWN = {"events", "download_file", "wait_for_outbox_item"}


def _requests() -> Iterator[tuple[str, Json]]:
    for method in METHODS.values():
        for call in method["calls"]:
            for request in call["requests"]:
                yield f"{request['method']} {request['path']}", request


def _operations() -> Iterator[tuple[str, Json]]:
    for path, operations in DESCRIBED["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def _body_schema(operation: Json) -> Json:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return None if content is None else content["schema"]


def _fields(schema: Json) -> set[str]:
    name = schema["$ref"].rsplit("/", 1)[1]
    return set(DESCRIBED["components"]["schemas"][name]["properties"])


def _parameters() -> Iterator[tuple[str, str]]:
    for title, operation in _operations():
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                yield title, parameter["name"]
        schema = _body_schema(operation)
        if schema is not None:
            yield from ((title, field) for field in sorted(_fields(schema)))


def test_every_endpoint_has_a_method() -> None:
    assert {title for title, _ in _requests() if title.startswith(("GET /v1/", "POST /v1/", "DELETE /v1/"))} == {
        title for title, _ in _operations()
    }


@pytest.mark.parametrize(("title", "name"), list(_parameters()))
def test_every_parameter_is_given_by_a_method(title: str, name: str) -> None:
    asked = [request for its_title, request in _requests() if its_title == title]

    assert any(name in (request.get("query") or {}) or name in (request.get("body") or {}) for request in asked)


@pytest.mark.parametrize(("title", "request_"), [(title, each) for title, each in _requests() if "body" in each])
def test_what_methods_ask_is_as_described(title: str, request_: Json) -> None:
    schema = _body_schema(dict(_operations())[title])

    validator = jsonschema_rs.validator_for({**schema, "components": DESCRIBED["components"]})
    assert list(validator.iter_errors(request_["body"])) == []


def test_every_example_that_is_named_exists() -> None:
    named = {request["answer"] for _, request in _requests() if "answer" in request}
    named |= {step["example"] for behaviour in BEHAVIOURS for step in behaviour["script"] if "example" in step}
    named |= {behaviour["expect"]["result"] for behaviour in BEHAVIOURS if "result" in behaviour["expect"]}

    assert named <= set(EXAMPLES)


def test_every_behaviour_is_of_a_method_and_has_a_name_of_its_own() -> None:
    names = [behaviour["name"] for behaviour in BEHAVIOURS]

    assert len(set(names)) == len(names)
    assert {behaviour["call"]["method"] for behaviour in BEHAVIOURS} <= set(METHODS) | WITHOUT_A_REQUEST_OF_ITS_OWN
