"""Requests made from the description that the server gives of itself: whatever they say, the answer is as described.

`make fuzz` goes on where this ends.
"""

import random
from collections.abc import Iterator

import pytest
from schemathesis import GenerationMode

from fuzzing import described
from fuzzing.described import Asked
from fuzzing.requests import is_harmless, made
from fuzzing.serving import Target, serving
from fuzzing.wire import exchanged

EXAMPLES = 5
SENDINGS = 150


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with serving(tmp_path_factory.mktemp("fuzzed")) as target:
        yield target
        assert target.faults() == []


@pytest.mark.parametrize("mode", list(GenerationMode), ids=["as described", "otherwise"])
def test_every_answer_is_as_described(target: Target, mode: GenerationMode) -> None:
    asked = Asked(f"http://127.0.0.1:{target.port}", target.key, target.known)

    for operation in described.operations(described.description(asked)):
        described.ask(asked, operation, mode, seed=1, examples=EXAMPLES)


def test_whatever_is_sent_every_answer_has_its_envelope(target: Target) -> None:
    chance = random.Random(1)

    for sending in (made(chance, target) for _ in range(SENDINGS)):
        if is_harmless(sending):
            exchanged(target.port, sending)
