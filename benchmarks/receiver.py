"""A receiver that outruns any sender measured here: it answers 200 as soon as a request is whole. On the port given."""

import asyncio
import sys
from typing import Any

import uvloop

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class _Receiving(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:  # uvloop's own are no subclasses of asyncio's
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (length := _whole(self._read)) is not None:
            self._read = self._read[length:]
            self._transport.write(_OK)


def _whole(read: bytes) -> int | None:
    """Return how long the first request in *read* is, None if it is not whole yet."""
    head, end, body = read.partition(_END)
    if not end:
        return None
    _, _, after = head.lower().partition(_LENGTH)
    length = int(after.split(b"\r\n")[0] or 0)
    return len(head) + len(end) + length if len(body) >= length else None


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Receiving, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
