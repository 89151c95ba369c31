"""Answers MCP's requests: which tools there are for whom, and what came of calling one."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from mcp import MCPError, types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from blueport import __version__
from blueport.logs.lines import logger
from blueport.mcp import downloading, reading, sending, waiting
from blueport.mcp.caller import Caller
from blueport.mcp.fence import Fence, RefusedError
from blueport.mcp.instructions import instructions_of
from blueport.mcp.refusals import words_of
from blueport.mcp.tools import Call, Told, Tool
from blueport_sdk import AuthenticationError, MessagesError

TOOLS: dict[str, Tool] = {
    tool.shown.name: tool for tool in (*reading.TOOLS, *waiting.TOOLS, *downloading.TOOLS, *sending.TOOLS)
}
Context = ServerRequestContext[Any, Any]

log = logger(__name__)


def server_for(fence: Fence, caller_of: Callable[[Context], Caller]) -> Server[Any]:
    """Return the server; *caller_of* tells who makes a request."""
    tools = {name: tool for name, tool in TOOLS.items() if fence.allows_sending or not tool.is_writing}
    scopes = {tool.scope for tool in tools.values()}

    async def list_tools(context: Context, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        caller = caller_of(context)
        has = await _or_all(caller.scopes(scopes), scopes)
        return types.ListToolsResult(tools=[tool.shown for tool in tools.values() if tool.scope in has])

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in tools:
            raise MCPError(types.INVALID_PARAMS, _no_such_tool(params.name))
        call = Call(caller_of(context), context.session.report_progress)
        return await _result_of(tools[params.name], call, params.arguments or {})

    return Server(
        "blueport",
        title="Blueport",
        version=__version__,
        instructions=instructions_of(fence),
        get_tool_input_schema=lambda name: tools[name].shown.input_schema if name in tools else None,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _or_all(looking: Awaitable[frozenset[str]], scopes: set[Any]) -> frozenset[str]:
    """Return what a look at the key's scopes finds; all if that cannot be told now: the API judges each call anyway.

    Raises:
        MCPError: The key is none.
    """
    try:
        return await looking
    except AuthenticationError as error:
        raise MCPError(types.INVALID_REQUEST, words_of(error)) from None
    except MessagesError:
        return frozenset(scopes)


async def _result_of(tool: Tool, call: Call, arguments: dict[str, object]) -> types.CallToolResult:
    try:
        return _result(await tool.run(call, arguments))
    except (RefusedError, MessagesError) as error:
        return _refusal(words_of(error))
    except Exception:
        # The outermost: what went wrong is for the log, and the model goes on without it.
        log.exception("tool_fell_over", task=tool.shown.name)
        return _refusal("This server failed, and its log says why. Tell your user.")


def _result(told: Told) -> types.CallToolResult:
    # Clients that know nothing of structured content read the same as text.
    text = types.TextContent(type="text", text=msgspec.json.encode(told.data).decode())
    return types.CallToolResult(content=[text, *told.blocks], structured_content=msgspec.to_builtins(told.data))


def _refusal(words: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=words)], is_error=True)


def _no_such_tool(name: str) -> str:
    if name in TOOLS:
        return (
            f"{name} changes something, and this server only reads: its operator has to start it with --allow-sending"
        )
    return f"there is no tool {name!r}"
