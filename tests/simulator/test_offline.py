"""A simulated Mac that is offline: what is on its way waits, and goes on once, in both directions."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.network import Network, relaying
from blueport.simulator.settings import Settings
from tests.patience import PATIENCE_S
from tests.simulator.scripting import ADA, TO_CHAT, imsg, osascript, own_rows, seen, until

ADAS_CHAT = f"any;-;{ADA}"


def texts(mac: SimulatedMac) -> list[str | None]:
    return [bubble.text for bubble in mac.phones.screen(ADA)]


async def settled(mac: SimulatedMac) -> None:
    await until(lambda: not mac.phones.under_way())


class TestMessages:
    @pytest.fixture
    async def offline(self, mac: SimulatedMac) -> SimulatedMac:
        """A Mac that is offline, to which Ada has written before."""
        await mac.person_texts(ADA, "Hi")
        mac.faults.add(Fault(next="offline"))
        return mac

    async def test_what_a_script_sends_waits_unsent_and_goes_out_once(self, offline: SimulatedMac) -> None:
        sent = await osascript(offline.settings.folder, TO_CHAT, ADAS_CHAT, "Waiting")
        await until(lambda: own_rows(offline.settings.folder) == [(1, 1, 0, 0, 0)])
        shown = texts(offline)

        offline.faults.add(Fault(next="online"))
        await settled(offline)

        assert (sent.status, shown) == (0, ["Hi"])
        assert own_rows(offline.settings.folder) == [(1, 1, 1, 1, 0)]
        assert texts(offline) == ["Hi", "Waiting"]

    async def test_what_a_person_writes_waits_on_her_phone_and_comes_once(self, offline: SimulatedMac) -> None:
        guid = await offline.person_texts(ADA, "Anybody?")
        waiting = offline.phones.message(ADA, guid)
        rows = len(seen(offline.settings.folder, "SELECT guid FROM message"))

        offline.faults.add(Fault(next="online"))
        await settled(offline)

        arrived = offline.phones.message(ADA, guid)
        assert waiting is not None
        assert arrived is not None
        assert (rows, waiting.delivered, arrived.delivered) == (1, False, True)
        assert seen(offline.settings.folder, "SELECT count(*) FROM message") == [(2,)]

    async def test_what_else_she_does_waits_too(self, offline: SimulatedMac) -> None:
        [hers] = offline.phones.screen(ADA)
        await offline.person_edits(ADA, hers.guid, "Hello")
        before = [bubble.text for bubble in offline.phones.screen(ADA)]

        offline.faults.clear()
        await settled(offline)

        assert (before, texts(offline)) == (["Hi"], ["Hello"])

    async def test_an_edit_of_ours_waits_too(self, mac: SimulatedMac) -> None:
        await mac.person_texts(ADA, "Hi")
        await osascript(mac.settings.folder, TO_CHAT, ADAS_CHAT, "Teh")
        await settled(mac)
        ours = mac.phones.screen(ADA)[-1].guid
        mac.faults.add(Fault(next="offline"))
        async with imsg(mac.settings.folder) as rpc:
            await rpc.call("message.edit", chat_guid=ADAS_CHAT, message_guid=ours, text="The")
        before = texts(mac)

        mac.faults.add(Fault(next="online"))
        await settled(mac)

        assert (before, texts(mac)) == (["Hi", "Teh"], ["Hi", "The"])

    async def test_nobody_sees_who_types(self, offline: SimulatedMac) -> None:
        async with imsg(offline.settings.folder) as rpc:
            await rpc.call("typing", chat_guid=ADAS_CHAT, typing=True)

        assert offline.messages.lines_that_type(ADA) == []

    async def test_a_restart_loses_nothing_of_it(self, settings: Settings) -> None:
        async with running(settings) as mac:
            await mac.person_texts(ADA, "Hi")
            mac.faults.add(Fault(next="offline"))
            await mac.person_texts(ADA, "Anybody?")
            await osascript(settings.folder, TO_CHAT, ADAS_CHAT, "Waiting")

        async with running(settings) as mac:
            await settled(mac)

            assert texts(mac) == ["Hi", "Anybody?", "Waiting"]
            assert own_rows(settings.folder) == [(1, 1, 1, 1, 0)]

    async def test_it_stands_among_the_faults_until_all_is_well(self, mac: SimulatedMac) -> None:
        mac.faults.add(Fault(next="offline"))
        standing = mac.faults.pending()
        mac.faults.clear()

        assert (standing, mac.faults.pending()) == ([Fault(next="offline")], [])


class Relayed(NamedTuple):
    """A relay to a server that says everything twice, and the network that it is part of."""

    port: int
    network: Network

    async def asks(self, words: bytes) -> bytes:
        """Return what comes back, nothing if the connection breaks."""
        async with self.connected() as (reader, writer):
            return await _asked(reader, writer, words)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes) -> bytes:
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.readexactly(2 * len(words)), PATIENCE_S)
    except (OSError, asyncio.IncompleteReadError):
        return b""


@pytest.fixture
async def relayed() -> AsyncIterator[Relayed]:
    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := await reader.read(65536):
            writer.write(words * 2)
        writer.close()

    server = await asyncio.start_server(twice, "127.0.0.1", 0)
    listening = socket.create_server(("127.0.0.1", 0))
    port, network = listening.getsockname()[1], Network()
    async with relaying(listening, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", network):
        yield Relayed(port, network)
    server.close()


class TestTheRelay:
    async def test_it_leads_to_the_server(self, relayed: Relayed) -> None:
        assert await relayed.asks(b"hello") == b"hellohello"

    async def test_large_bodies_go_through_whole(self, relayed: Relayed) -> None:
        words = bytes(range(256)) * 40

        assert len(await relayed.asks(words)) == 2 * len(words)

    async def test_offline_breaks_what_is_open(self, relayed: Relayed) -> None:
        async with relayed.connected() as (reader, writer):
            assert await _asked(reader, writer, b"hello") == b"hellohello"

            relayed.network.set(is_online=False)

            assert await _asked(reader, writer, b"hello") == b""

    async def test_offline_lets_nobody_through_and_online_everybody(self, relayed: Relayed) -> None:
        relayed.network.set(is_online=False)
        cut = await relayed.asks(b"hello")
        relayed.network.set(is_online=True)

        assert (cut, await relayed.asks(b"hello")) == (b"", b"hellohello")

    async def test_a_server_that_is_away_is_away_for_who_comes_by_it(self) -> None:
        listening, nobody = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        port, url = listening.getsockname()[1], f"http://127.0.0.1:{nobody.getsockname()[1]}"
        nobody.close()

        async with relaying(listening, url, Network()):
            assert await Relayed(port, Network()).asks(b"hello") == b""


async def test_a_relay_that_ends_while_somebody_is_connected_leaves_no_error() -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: errors.append(told))
    heard = asyncio.Event()

    async def hears(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        heard.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hears, "127.0.0.1", 0)
    listening = socket.create_server(("127.0.0.1", 0))
    async with relaying(listening, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", Network()):
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(b"x")
        await heard.wait()

    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    server.close()
    await server.wait_closed()
    assert errors == []
