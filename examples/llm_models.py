"""Models for `llm_agent.py`: what it asks of one, rules that need no key, and whatever speaks chat completions."""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import httpx2

PROMPT = "You answer text messages. Be brief and friendly, and write plain text without Markdown."
TIMEOUT_S = 120


class Said(NamedTuple):
    """What somebody wrote."""

    by: Literal["user", "assistant"]
    text: str


class ToolCall(NamedTuple):
    """What the model wants to know first."""

    name: str
    arguments: dict[str, str]


class Used(NamedTuple):
    """What came of it."""

    call: ToolCall
    result: str


Turn: TypeAlias = Said | Used
Tools: TypeAlias = Mapping[str, Callable[..., str]]


class ModelError(Exception):
    """The model cannot be had, or what it says makes no sense."""


class Model(Protocol):
    """Whoever can say how a conversation goes on."""

    def answer(self, turns: Sequence[Turn], tools: Tools) -> str | ToolCall:
        """Return what to say next, or which tool to use first.

        Raises:
            ModelError: It has no answer.
        """


class Rules:
    """Says the same whenever the same was said."""

    def answer(self, turns: Sequence[Turn], tools: Tools) -> str | ToolCall:
        """Return what the first rule says that fits."""
        last = turns[-1]
        if isinstance(last, Used):
            return last.result
        asked = re.search(r"time .*\bin ([\w -]+)", last.text, re.IGNORECASE)
        if asked and "time_in" in tools:
            return ToolCall("time_in", {"city": asked[1]})
        if "who am i" in last.text.lower():
            names = re.findall(r"my name is (\w+)", "\n".join(_texts(turns)), re.IGNORECASE)
            return f"You are {names[-1]}." if names else "You have not told me. What is your name?"
        return "I remember your name, and know what time it is in most cities."


def _texts(turns: Sequence[Turn]) -> list[str]:
    return [turn.text for turn in turns if isinstance(turn, Said) and turn.by == "user"]


class ChatCompletions:
    """A model behind an endpoint like OpenAI's, of which there are many; *url* is what `/chat/completions` follows."""

    def __init__(self, url: str, name: str, key: str) -> None:
        self._url, self._name, self._key = url.rstrip("/"), name, key

    def answer(self, turns: Sequence[Turn], tools: Tools) -> str | ToolCall:
        """Ask the model."""
        messages = [
            {"role": "system", "content": PROMPT},
            *(each for turn in enumerate(turns) for each in _messages(*turn)),
        ]
        asked = {"model": self._name, "messages": messages, "tools": [_described(tool) for tool in tools.values()]}
        try:
            return self._answered(asked)
        except (httpx2.HTTPError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ModelError(f"{type(error).__name__}: {error}") from error

    def _answered(self, asked: dict[str, Any]) -> str | ToolCall:
        headers = {"Authorization": f"Bearer {self._key}"}
        answer = httpx2.post(f"{self._url}/chat/completions", json=asked, headers=headers, timeout=TIMEOUT_S)
        said = answer.raise_for_status().json()["choices"][0]["message"]
        if calls := said.get("tool_calls"):
            function = calls[0]["function"]
            return ToolCall(function["name"], json.loads(function["arguments"]))
        return str(said["content"])


def _messages(number: int, turn: Turn) -> list[dict[str, Any]]:
    """Return a turn as the endpoint knows it; a tool's use is two messages there."""
    if isinstance(turn, Said):
        return [{"role": turn.by, "content": turn.text}]
    function = {"name": turn.call.name, "arguments": json.dumps(turn.call.arguments)}
    call_id = f"call_{number}"
    call = {"id": call_id, "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": turn.result},
    ]


def _described(tool: Callable[..., str]) -> dict[str, Any]:
    """Return a tool as the endpoint wants it described: all that it takes is text."""
    names = list(inspect.signature(tool).parameters)
    parameters = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
    function = {"name": tool.__name__, "description": inspect.getdoc(tool), "parameters": parameters}
    return {"type": "function", "function": function}
