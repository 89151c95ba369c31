"""A client that keeps its connection, speaks HTTP/1.1 to the letter, and tries nothing again but a refused connect."""

import asyncio
import json
import re
from typing import Any, NamedTuple

Json = Any


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Json


class Client:
    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: Json = None, *headers: str) -> Reply:
        reader, writer = self._streams or await self.connected()
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self._key}", *headers]
        writer.write("\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content)
        status, told = _head(await reader.readuntil(b"\r\n\r\n"))
        reply = Reply(status, told, json.loads(await reader.readexactly(int(told["content-length"]))))
        if told.get("connection") == "close":
            self.close()
        return reply

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def hang_up(self) -> None:
        """Hang up, and go on once the other side can know."""
        assert self._streams is not None
        writer = self._streams[1]
        self.close()
        await writer.wait_closed()

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, as soon as somebody listens."""
        while True:
            try:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
            else:
                return self._streams


def _head(raw: bytes) -> tuple[int, dict[str, str]]:
    status, *lines = raw.decode().strip().split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, value in re.findall(r"(\S+): (.*)", "\n".join(lines))}
