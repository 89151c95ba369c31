"""Who is connected when a server stops to listen is not left behind, and who comes later is refused."""

import asyncio
import socket
import sys

import pytest

from blueport.server.listening import listening, stop_listening

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be told to overlook who comes newly")


def connected(to: socket.socket) -> socket.socket:
    return socket.create_connection(to.getsockname(), timeout=0.5)


async def test_who_has_connected_is_taken_on() -> None:
    with listening("127.0.0.1", 0) as door, connected(door) as client:
        await stop_listening([door])
        client.sendall(b"Hello")

        with door.accept()[0] as taken_on:
            assert taken_on.recv(5) == b"Hello"


async def test_so_is_who_holds_himself_connected_before_we_do() -> None:
    with listening("127.0.0.1", 0) as door:
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)  # the handshake ends with the first byte
        with connected(door) as client:
            stopping = asyncio.create_task(stop_listening([door]))
            await asyncio.sleep(0)
            client.sendall(b"Hello")
            await stopping
            door.settimeout(0)

            with door.accept()[0] as taken_on:
                assert taken_on.recv(5) == b"Hello"


async def test_who_comes_later_waits_and_is_refused_once_nobody_listens() -> None:
    with listening("127.0.0.1", 0) as door:
        await stop_listening([door])

        with pytest.raises(TimeoutError):
            connected(door)
        door.settimeout(0)
        with pytest.raises(BlockingIOError):
            door.accept()
        address = door.getsockname()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
