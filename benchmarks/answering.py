"""Answers 202 to whatever is asked, and tells at `/count` how often that was. Serves on the port given."""

import asyncio
import sys

import uvloop

_ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class _Counting(asyncio.Protocol):
    count = 0

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  # a socket's
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        *whole, self._received = (self._received + data).split(b"\r\n\r\n")
        for head in whole:
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        if not head.startswith(b"GET /count "):
            _Counting.count += 1
            return _ANSWER
        told = str(_Counting.count)
        return f"HTTP/1.1 200 OK\r\nContent-Length: {len(told)}\r\n\r\n{told}".encode()


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Counting, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
