"""Requests made from the API's own description, and their answers judged by it."""

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis import BaseSchema, Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from fuzzing.wire import PATIENCE_S, Answer, judge

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# By what a parameter of that name is called in `Asked.known`; of an `id`, the path tells.
_IDS = {"/v1/outbox": "outbox", "/v1/files": "file", "/v1/webhooks": "webhook"}
_KINDS = {"attachments": "file", "audio_message": "file"}


class Asked(NamedTuple):
    """A server, and what a request may name there, by the name of the parameter that takes it."""

    url: str
    key: str
    known: Mapping[str, list[str]]


def description(asked: Asked) -> BaseSchema:
    """Read the description that a server gives of itself."""
    return schemathesis.openapi.from_url(f"{asked.url}/openapi.json", config=SchemathesisConfig())


def operations(schema: BaseSchema) -> Iterator[APIOperation]:
    """Return what can be asked."""
    for each in schema.get_all_operations():
        yield each.ok()


def ask(asked: Asked, operation: APIOperation, mode: GenerationMode, *, seed: int, examples: int) -> None:
    """Ask so often for *operation*, in words that the description allows or in others.

    Raises:
        BrokenError: As `judge`.
        FailureGroup: An answer is not as described.
    """

    def once(case: Case) -> None:
        _name_what_there_is(case, asked.known)
        _judge(case, case.call(**_call(asked, session)))

    strategy = operation.as_strategy(generation_mode=mode)
    with requests.Session() as session:
        hypothesis.seed(seed)(_settings(examples)(hypothesis.given(strategy)(once)))()


def ask_in_sequence(asked: Asked, schema: BaseSchema, *, seed: int, examples: int) -> None:
    """Ask so many times for one thing after another, where an answer names what the next request takes.

    Raises:
        BrokenError: As `judge`.
        FailureGroup: An answer is not as described.
    """
    with requests.Session() as session:

        class Sequence(schema.as_state_machine()):
            def before_call(self, case: Case) -> None:
                _name_what_there_is(case, asked.known)

            def get_call_kwargs(self, _case: Case) -> dict[str, object]:
                return _call(asked, session)

            def validate_response(self, response: Response, case: Case, *_: object, **__: object) -> None:
                _judge(case, response)

        # What came before is still there: a beginning that is tried again may lead elsewhere, and that ends the search.
        with contextlib.suppress(FlakyStrategyDefinition):
            hypothesis.seed(seed)(Sequence).run(settings=_settings(examples))


def _settings(examples: int) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=examples,
        stateful_step_count=6,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


def _call(asked: Asked, session: requests.Session) -> dict[str, object]:
    return {
        "base_url": asked.url,
        "session": session,
        "headers": {"Authorization": f"Bearer {asked.key}"},
        "timeout": PATIENCE_S,
        "allow_redirects": False,
    }


def _judge(case: Case, heard: Response) -> None:
    case.validate_response(heard, checks=CHECKS)
    judge(Answer(heard.status_code, {name: values[0] for name, values in heard.headers.items()}, heard.content))


def _name_what_there_is(case: Case, known: Mapping[str, list[str]]) -> None:
    """Put in, now and then, what there really is: nobody finds an id by chance."""
    chance = random.Random(repr((case.query, case.body)))
    for given in (case.query, case.body):
        if not isinstance(given, dict):
            continue
        for name, value in given.items():
            found = known.get(_IDS.get(case.path, "") if name == "id" else _KINDS.get(name, name))
            if found and chance.random() < 0.6:
                given[name] = [chance.choice(found)] if isinstance(value, list) else chance.choice(found)
        if isinstance(given.get("wait_s"), int):
            given["wait_s"] = 0  # for what does not come
        if isinstance(given.get("url"), str) and given["url"].lower().startswith("https"):
            given["url"] = "http://127.0.0.1:9/hook"  # whatever comes of it stays on this machine
