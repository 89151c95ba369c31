"""Either client of the Python SDK at work, for tests that would be the same for both."""

import asyncio
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from blueport_sdk import AsyncClient, Client
from tests.sdks.calling import CLIENTS, Kind


class Worker:
    """Calls a client's methods, waits for what they return, and keeps which were called."""

    def __init__(self, client: Client | AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        self.called.add(name)
        return lambda *args, **kwargs: self._waited(method(*args, **kwargs))

    def items(self, name: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Yield what iterating over the result of a method yields, one by one."""
        self.called.add(name)
        result = getattr(self._client, name)(*args, **kwargs)
        if isinstance(self._client, Client):
            yield from result
            return
        items = aiter(result)
        try:
            while True:
                yield self._runner.run(anext(items))
        except StopAsyncIteration:
            return
        finally:
            self._runner.run(items.aclose())

    def _waited(self, returned: Any) -> Any:
        return self._runner.run(_awaited(returned)) if inspect.isawaitable(returned) else returned


@contextmanager
def working(kind: Kind, api_key: str, base_url: str) -> Iterator[Worker]:
    """Make a client, and close it in the end."""
    with asyncio.Runner() as runner:
        client = CLIENTS[kind](api_key, base_url)
        try:
            yield Worker(client, runner)
        finally:
            closed = client.close()
            if closed is not None:
                runner.run(closed)


async def _awaited(returned: Any) -> Any:
    return await returned
