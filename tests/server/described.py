"""Holds answers against the description that the server gives of itself."""

import json
from typing import Any

import httpx2
import jsonschema_rs

Json = Any
_REFUSED = 400
_ALWAYS_TOLD = {"X-Request-Id", "Retry-After", "Location"}
_NOW_AND_THEN = {"Idempotent-Replayed"}


class Description:
    """What openapi.json says of the answers of each endpoint."""

    def __init__(self, text: str) -> None:
        self._whole = json.loads(text)
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def judge(self, answer: httpx2.Response) -> None:
        """Fail if an endpoint answered what it is not described to answer."""
        method = answer.request.method.lower()
        path = answer.request.url.raw_path.partition(b"?")[0].decode()  # an escaped path is another path
        operation = self._whole["paths"].get(path, {}).get(method)
        if operation is None:
            return
        answer.read()
        name = f"{method.upper()} {path}"
        described = operation["responses"].get(str(answer.status_code))
        assert described, f"{name} is not described to answer {answer.status_code}: {answer.text}"
        # A refusal may come before it is known whose limits to tell.
        exact = described["headers"] if answer.status_code < _REFUSED else ("X-Request-Id", "Retry-After")
        for header in {*exact, *_ALWAYS_TOLD} - _NOW_AND_THEN:
            assert (header in answer.headers) == (header in described["headers"]), f"{name} and {header}"
        if "text/event-stream" in answer.headers["content-type"]:
            assert "text/event-stream" in described["content"], f"{name} is not described to answer with a stream"
        elif "content" in described:
            self._judge_body(name, method, answer)

    def _judge_body(self, name: str, method: str, answer: httpx2.Response) -> None:
        path = answer.request.url.path.replace("/", "~1")
        pointer = f"#/paths/{path}/{method}/responses/{answer.status_code}/content/application~1json/schema"
        if pointer not in self._validators:
            schema = {**self._whole, "$ref": pointer, "unevaluatedProperties": False}
            self._validators[pointer] = jsonschema_rs.Draft202012Validator(schema)
        faults = [
            f"{fault.instance_path}: {fault.message}" for fault in self._validators[pointer].iter_errors(answer.json())
        ]
        assert not faults, f"{name} answered {answer.status_code} otherwise than described: {faults}"
