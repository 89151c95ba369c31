"""Finds out what `imsg` can do on this Mac now, by asking it; nothing that is asked here changes anything.

Two generations are about. The newer one, from 0.14 on, tells by `status` which methods are ready, and which features
they have. The older one, 0.9, knows no `status`: that it says so is how it is recognised. Whether its bridge is up it
tells only when it is run as `imsg status --json`, so that is asked then; its methods are those that 0.9 is known to
have, and emoji are not among its tapbacks.
"""

import asyncio
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec

from blueport.daemon.transports import children
from blueport.daemon.transports.imsg.rpc import METHOD_NOT_FOUND, Rpc, RpcRefusedError

_TIMEOUT_S = 5.0
_LONGEST_REPORT_BYTES = 64 * 1024
EMOJI_TAPBACKS = "tapback.emoji"
# Of this version on, an emoji is put on a message as itself.
_LEAST_VERSIONS: Mapping[str, int] = {EMOJI_TAPBACKS: 2}
# Listed as ready without a bridge too, since they try other ways; on a Mac that is as Apple made it those fail.
_WANT_A_BRIDGE = frozenset({"typing", "read"})
_METHODS_OF_0_9 = frozenset(
    {
        *("send.rich", "send.attachment", "tapback", "typing", "read", "message.edit", "message.unsend"),
        *("chats.create", "group.rename", "group.setIcon", "group.addParticipant", "group.removeParticipant"),
        "group.leave",
    }
)


class Found(NamedTuple):
    """The methods that are ready now, and the features of theirs that not all have.

    `is_dear`: a program had to be started to find that out.
    """

    methods: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    is_dear: bool = False


class _Bridge(msgspec.Struct, frozen=True):
    ready: bool


class _Capabilities(msgspec.Struct, frozen=True):
    features: dict[str, int] = {}


class _Status(msgspec.Struct, frozen=True):
    """What `status` answers; the first that knew it said nothing of the bridge by itself."""

    methods: frozenset[str] = frozenset()
    capabilities: _Capabilities = _Capabilities()
    bridge: _Bridge = _Bridge(ready=True)


class _Report(msgspec.Struct, frozen=True):
    """What `imsg status --json` prints; only from after 0.9 on are the methods in it."""

    advanced_features: bool = False
    v2_ready: bool = False
    rpc_methods: frozenset[str] = _METHODS_OF_0_9


async def found_by_asking(rpc: Rpc, imsg: str) -> Found:
    """Return what can be done now.

    Raises:
        RpcUnavailableError: The program is not there.
        RpcLostError: It gave no answer.
        RpcRefusedError: It will not say.
        msgspec.ValidationError: It says what nobody understands.
    """
    try:
        status = await rpc.call("status", {}, _Status, timeout_s=_TIMEOUT_S)
    except RpcRefusedError as error:
        if error.code != METHOD_NOT_FOUND:
            raise
        return _found_in(await _reported(imsg))
    told = status.capabilities.features
    features = frozenset(name for name, least in _LEAST_VERSIONS.items() if told.get(name, 0) >= least)
    return Found(status.methods if status.bridge.ready else status.methods - _WANT_A_BRIDGE, features)


def _found_in(report: _Report) -> Found:
    # The bridge is up if its lock is there, and it has answered.
    is_up = report.advanced_features and report.v2_ready
    return Found(report.rpc_methods & _METHODS_OF_0_9 if is_up else frozenset(), is_dear=True)


async def _reported(imsg: str) -> _Report:
    """Return what the program says of itself; that nothing can be done, if it says nothing in time."""
    with suppress(OSError, TimeoutError, ValueError):
        process = await children.started(imsg, "status", "--json", stderr=DEVNULL, limit=_LONGEST_REPORT_BYTES)
        assert process.stdout is not None  # noqa: S101 - a pipe
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                said = await process.stdout.readline()
            return msgspec.json.decode(said, type=_Report)
        finally:
            await children.kill(process)
    return _Report()
