"""What a tool is: a function of a caller and of what it asks, with schemas of both ends for models and clients."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec
from mcp import types

from blueport.mcp.caller import Caller
from blueport.mcp.fence import RefusedError
from blueport.mcp.scopes import Scope

Asked = TypeVar("Asked", bound=msgspec.Struct)
Schema = dict[str, object]
Block = types.TextContent | types.ImageContent | types.AudioContent | types.EmbeddedResource
# Seconds that have passed, seconds in all, and a word.
Progress = Callable[[float, float, str], Awaitable[None]]


class Call(NamedTuple):
    """One call: by whom, and how to say how far it is."""

    caller: Caller
    tell: Progress


class Told(NamedTuple):
    """What a tool returns: data, and beside it what is to be looked at or listened to."""

    data: msgspec.Struct
    blocks: tuple[Block, ...] = ()


class Tool(NamedTuple):
    """One tool; *run* takes the arguments as they came."""

    shown: types.Tool
    scope: Scope
    is_writing: bool
    run: Callable[[Call, dict[str, object]], Awaitable[Told]]


class Effect(NamedTuple):
    """What a call changes; *is_lost* tells whether something is gone then."""

    is_idempotent: bool
    is_lost: bool = False


def tool(
    do: Callable[[Call, Asked], Awaitable[Told]],
    asked: type[Asked],
    told: type[msgspec.Struct],
    *,
    scope: Scope,
    effect: Effect | None = None,
) -> Tool:
    """Make the tool that is called as *do* is; what it is for is the docstring of *asked*, *effect* None if it reads.

    Args:
        do: Does it.
        asked: Its arguments.
        told: Its result.
        scope: What the key has to have.
        effect: What it changes.
    """

    async def run(call: Call, given: dict[str, object]) -> Told:
        return await do(call, _converted(given, asked))

    shown = types.Tool(
        name=do.__name__,
        title=do.__name__.replace("_", " ").capitalize(),
        description=" ".join((asked.__doc__ or "").split()),
        input_schema=_schema(asked),
        output_schema=_schema(told),
        annotations=_hints(effect),
    )
    return Tool(shown, scope, effect is not None, run)


def _converted(given: dict[str, object], asked: type[Asked]) -> Asked:
    try:
        # Some clients pass numbers and lists as text.
        return msgspec.convert(given, asked, strict=False)
    except msgspec.ValidationError as error:
        raise RefusedError(f"the arguments are not right: {error}") from None


def _schema(shape: type[msgspec.Struct]) -> Schema:
    """Return a JSON schema whose root is no reference: clients look there for `type`."""
    _, shapes = msgspec.json.schema_components((shape,), ref_template="#/$defs/{name}")
    root = {name: value for name, value in shapes.pop(shape.__name__).items() if name not in ("title", "description")}
    return {**root, "$defs": shapes} if shapes else root


def _hints(effect: Effect | None) -> types.ToolAnnotations:
    if effect is None:
        return types.ToolAnnotations(read_only_hint=True, open_world_hint=True)
    return types.ToolAnnotations(
        read_only_hint=False,
        destructive_hint=effect.is_lost,
        idempotent_hint=effect.is_idempotent,
        open_world_hint=True,
    )
