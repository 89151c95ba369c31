"""One way to call either client of the Python SDK, in the words of `contract/clients/`."""

import asyncio
import inspect
import itertools
from collections.abc import Callable
from contextlib import aclosing, closing
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, Literal

from blueport_sdk import AsyncClient, Client, ContactAddress, ContactEmail, ContactPhone
from tests.sdks.player import Json

Kind = Literal["sync", "async"]
KINDS: tuple[Kind, ...] = ("sync", "async")
CLIENTS: dict[Kind, type[Client] | type[AsyncClient]] = {"sync": Client, "async": AsyncClient}
KEY = "sk_live_test"


@dataclass(frozen=True)
class Call:
    """What is asked of a client; `take` is how many items are iterated over, all where it is None."""

    method: str
    arguments: Json
    options: Json = field(default_factory=dict)
    iterate: bool = False
    take: int | None = None


@dataclass
class Outcome:
    """What came of a call, and how long the client waited between its tries, in seconds."""

    result: Any = None
    items: list[Any] = field(default_factory=list)
    error: Exception | None = None
    waits_s: list[float] = field(default_factory=list)


def called(kind: Kind, call: Call, **client: Any) -> Outcome:
    """Make a client, have it do *call*, and close it; no wait is really waited."""
    outcome = Outcome()
    try:
        if kind == "sync":
            _called(call, outcome, client)
        else:
            asyncio.run(_called_async(call, outcome, client))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what came of it
        outcome.error = error
    return outcome


def _called(call: Call, outcome: Outcome, client: Json) -> None:
    with Client(sleep=outcome.waits_s.append, **client) as made:
        used = made.with_options(**call.options) if call.options else made
        outcome.result = getattr(used, call.method)(**in_python(call.arguments))
        if call.iterate:
            with closing(iter(outcome.result)) as items:
                outcome.items += itertools.islice(items, call.take)


async def _called_async(call: Call, outcome: Outcome, client: Json) -> None:
    async def sleep(seconds: float) -> None:
        outcome.waits_s.append(seconds)

    async with AsyncClient(sleep=sleep, **client) as made:
        used = made.with_options(**call.options) if call.options else made
        returned = getattr(used, call.method)(**in_python(call.arguments))
        outcome.result = await returned if inspect.isawaitable(returned) else returned
        if call.iterate:
            async with aclosing(aiter(outcome.result)) as items:
                await _take(items, call.take, outcome.items)


async def _take(items: Any, how_many: int | None, into: list[Any]) -> None:
    async for item in items:
        into.append(item)
        if len(into) == how_many:
            return


# In the contract a file is text; what a test has as it is, it names as `source`.
_NAMES = {"from": "from_", "source": "file"}
_IN_PYTHON: dict[str, Callable[[Any], Any]] = {
    "file": str.encode,
    "phones": lambda phones: [ContactPhone(**phone) for phone in phones],
    "emails": lambda emails: [ContactEmail(**email) for email in emails],
    "address": lambda address: ContactAddress(**address),
}


def in_python(arguments: Json) -> Json:
    """Return arguments as the SDK spells them and takes them."""
    made = {name: _IN_PYTHON[name](value) if name in _IN_PYTHON else value for name, value in arguments.items()}
    return {name_in_python(name): value for name, value in made.items()}


def name_in_python(name: str) -> str:
    return _NAMES.get(name, name)


def in_json(value: Any) -> Json:
    """Return a result in the words of the wire; what it does not say is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {name: each for name, each in asdict(value).items() if not name.startswith("_")}
    if isinstance(value, dict):
        return {name: in_json(each) for name, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [in_json(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value
