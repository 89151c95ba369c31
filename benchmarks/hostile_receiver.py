"""Receivers of all kinds on one port: /hole never answers, /drip drips, /flood answers 10 MB, the others are quick.

`GET /` tells how long events took to the quick ones, in milliseconds from when they were made.
"""

import asyncio
import json
import sys
import time

import uvloop

_END = b"\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\n"
_FLOOD = _OK + b"Content-Length: 10000000\r\n\r\n"
_GULP = b"." * 100_000
_DRIP_S = 0.5

_took_ms: list[float] = []


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(_END):
            await _answer_one(head, reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError, RuntimeError):  # the last is uvloop's word for the second
        writer.close()


async def _answer_one(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    method, path, _ = head.split(b" ", 2)
    if method == b"GET":
        told = json.dumps(_took_ms).encode()
        _took_ms.clear()
        writer.write(_OK + b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(told), told))
        return
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if path == b"/hole":
        await asyncio.sleep(3600)
    elif path == b"/drip":
        for _ in range(3600):
            writer.write(b"H")
            await asyncio.sleep(_DRIP_S)
    elif path == b"/flood":
        writer.write(_FLOOD)
        for _ in range(100):
            writer.write(_GULP)
            await writer.drain()
    else:
        _took_ms.append(time.time() * 1000 - json.loads(body)["data"]["synced_at"])
        writer.write(_OK + b"Content-Length: 2\r\n\r\nok")


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
