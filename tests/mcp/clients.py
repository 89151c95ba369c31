"""Speaks to a real `blueport mcp` with the official client, as its users' programs do."""

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from tests.patience import PATIENCE_S
from tests.system.blueport import Blueport
from tests.warm import BLUEPORT

PROGRAM, *ITS_WORDS = BLUEPORT


@contextlib.asynccontextmanager
async def over_stdio(
    blueport: Blueport,
    *options: str,
    key: str | None = None,
    environment: Mapping[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[Client]:
    """Start `blueport mcp` under a key, else that of *blueport*, and speak to it."""
    settings = {"MESSAGES_API_KEY": key or blueport.said["api_key"], "MESSAGES_API_URL": blueport.said["api_url"]}
    command = StdioServerParameters(
        command=PROGRAM, args=[*ITS_WORDS, "mcp", *options], env={**os.environ, **settings, **(environment or {})}
    )
    async with Client(stdio_client(command), read_timeout_seconds=PATIENCE_S, **more) as client:
        yield client


@contextlib.contextmanager
def serving_http(blueport: Blueport, *options: str, log: Path) -> Iterator[str]:
    """Run `blueport mcp --http`, and return its URL."""
    command = [*BLUEPORT, "mcp", "--http", "0", "--url", blueport.said["api_url"], *options]
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


@contextlib.asynccontextmanager
async def over_http(url: str, key: str, **more: Any) -> AsyncIterator[Client]:
    """Speak to a `blueport mcp --http` under a key."""
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http,
        Client(streamable_http_client(url, http_client=http), read_timeout_seconds=PATIENCE_S, **more) as client,
    ):
        yield client


async def tools_of(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


async def done(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return what a call that is to succeed told."""
    result = await client.call_tool(tool, _wired(arguments))
    assert not result.is_error, words_of(result)
    assert result.structured_content is not None
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """Return what a call that is to fail told."""
    result = await client.call_tool(tool, _wired(arguments))
    assert result.is_error, words_of(result)
    return words_of(result)


def words_of(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def _wired(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name.removesuffix("_"): value for name, value in arguments.items()}
