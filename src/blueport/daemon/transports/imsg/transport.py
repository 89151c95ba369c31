"""Sends replies, which AppleScript cannot; what `imsg` says of an outcome decides what may follow."""

import msgspec

from blueport.daemon.settings import Settings
from blueport.daemon.transports.base import OutcomeUnknownError, TransportError
from blueport.daemon.transports.imsg.rpc import Rpc, RpcLostError, RpcRefusedError, RpcUnavailableError
from blueport.protocol.commands import Command
from blueport.protocol.door import Capability

_PROBE_TIMEOUT_S = 5.0


class _Status(msgspec.Struct, frozen=True):
    methods: tuple[str, ...] = ()


class _Sent(msgspec.Struct, frozen=True):
    guid: str | None = None


class Imsg:
    """The transport of a Mac on which `imsg` is installed and its bridge is up."""

    def __init__(self, imsg: str, settings: Settings) -> None:
        self.capabilities: tuple[Capability, ...] = ()
        self._rpc = Rpc(imsg)
        self._timeout_s = settings.send_timeout_s

    async def probe(self) -> bool:
        """Find out what it can do now; True if that is news."""
        try:
            status = await self._rpc.call("status", {}, _Status, timeout_s=_PROBE_TIMEOUT_S)
        except (RpcUnavailableError, RpcLostError, RpcRefusedError, msgspec.ValidationError):
            status = _Status()
        before = self.capabilities
        self.capabilities = ("replies",) if "send.rich" in status.methods else ()
        return self.capabilities != before

    async def close(self) -> None:
        """End the program."""
        await self._rpc.close()

    async def perform(self, command: Command) -> None:
        """Hand *command* over under one of the guids of its chat; see the base module for how it may end."""
        refusal = TransportError("chat_not_in_messages", permanent=True)
        for guid in command.chat_guids:
            try:
                return await self._reply(guid, command)
            except TransportError as error:
                refusal = error
                if not error.permanent:
                    break  # it is not the name of the chat that is at fault
        raise refusal

    async def _reply(self, chat_guid: str, command: Command) -> None:
        params = {"chat_guid": chat_guid, "text": command.text, "reply_to": command.reply_to_guid or ""}
        try:
            await self._rpc.call("send.rich", params, _Sent, timeout_s=self._timeout_s)
        except RpcUnavailableError as error:
            raise TransportError("imsg_not_available", permanent=False) from error
        except RpcRefusedError as error:
            if not error.was_not_done:
                raise OutcomeUnknownError from error
            raise TransportError(f"imsg_error_{error.code}", permanent=not error.may_be_repeated) from error
        except (RpcLostError, msgspec.ValidationError) as error:
            raise OutcomeUnknownError from error
