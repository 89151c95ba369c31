"""Lets a plain function wait for coroutines: the same units of work run on a driver that blocks and on one that awaits.

It is SQLAlchemy's way (its asyncio extension), without what Core's own execution needs beside it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")


async def run_bridged(function: Callable[[], T]) -> T:
    """Run *function* in this task; whatever it hands to `wait_for` is awaited here."""
    bridged = greenlet(function)
    told: Any = bridged.switch()
    while not bridged.dead:
        try:
            result = await told
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to who waits
            told = bridged.throw(error)
        else:
            told = bridged.switch(result)
    return told  # type: ignore[no-any-return]  # what the function returned


def wait_for(awaitable: Awaitable[T]) -> T:
    """Return what *awaitable* comes to; to be called inside `run_bridged` only."""
    parent = getcurrent().parent
    assert parent is not None  # noqa: S101 - the task that runs us
    return parent.switch(awaitable)  # type: ignore[no-any-return]
