"""Shapes of chats."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from blueport.server.http.parameters import Cursor, FromLine, Limit
from blueport.server.ids import ChatId
from blueport.server.shapes import AtMs, LineKnown


class ListChats(msgspec.Struct, frozen=True):
    """Query of GET /v1/chats."""

    line_handle: FromLine = msgspec.field(name="from")
    limit: Limit = None
    cursor: Cursor = None


class NewGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of POST /v1/chats."""

    line_handle: FromLine = msgspec.field(name="from")
    participants: Annotated[
        list[str],
        Meta(
            description="The people in it, at least two: phone numbers in any usual notation, or Apple IDs.",
            examples=[["+15559876543", "ada@example.com"]],
        ),
    ]
    text: Annotated[str, Meta(description="The first message: a group begins with one.", examples=["Hi all!"])]
    name: Annotated[str | None, Meta(description="What the group is called.", examples=["Trip"])] = None


ToGroup = Annotated[
    str, Meta(description="The group: its chat's id (`cht_...`).", examples=["cht_01k742sg000000000000000001"])
]


class RenameGroup(msgspec.Struct, frozen=True):
    """Body of POST /v1/chats/rename."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToGroup = msgspec.field(name="to")
    name: Annotated[str, Meta(description="What the group is called from now on.", examples=["Trip"])]


class ChangeMember(msgspec.Struct, frozen=True):
    """Body of POST /v1/chats/add and POST /v1/chats/remove."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToGroup = msgspec.field(name="to")
    participant: Annotated[
        str,
        Meta(
            description="Who: a phone number in any usual notation, or an Apple ID.",
            examples=["+15559876543"],
        ),
    ]


class LeaveGroup(msgspec.Struct, frozen=True):
    """Body of POST /v1/chats/leave."""

    line_handle: FromLine = msgspec.field(name="from")
    recipient: ToGroup = msgspec.field(name="to")


class Chat(msgspec.Struct, frozen=True):
    """A conversation on a line; `identifier` is the other person's handle, or the group's own id."""

    id: Annotated[
        ChatId, Meta(description="The chat's id; `to` takes it.", examples=["cht_01k742sg000000000000000001"])
    ]
    line_id: LineKnown
    identifier: Annotated[
        str,
        Meta(description="The other person's handle, or the group's own id in iMessage.", examples=["+15559876543"]),
    ]
    service: Annotated[str, Meta(description="How it last travelled, in lower case.", examples=["imessage"])]
    name: Annotated[str | None, Meta(description="The name that a group was given.", examples=[None])]
    is_group: Annotated[bool, Meta(description="Whether there are several people.")]
    participants: Annotated[
        tuple[str, ...],
        Meta(description="The handles of the people in it, without the line's own.", examples=[["+15559876543"]]),
    ]
    last_message_at: Annotated[AtMs | None, Meta(description="When its newest message was sent.")]
    opted_out_at: Annotated[
        AtMs | UnsetType, Meta(description="When the other person texted STOP; absent if they did not, or START since.")
    ] = UNSET
    looping_until: Annotated[
        AtMs | UnsetType,
        Meta(description="Until when it cannot be written to, since two programs answered each other; else absent."),
    ] = UNSET
