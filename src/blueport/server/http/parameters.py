"""Parameters that many endpoints take, with what the description says of them."""

from typing import Annotated

from msgspec import Meta

from blueport.server.http.pages import DEFAULT_LIMIT, LARGEST_LIMIT

FromLine = Annotated[
    str,
    Meta(
        description="The line: its phone number in any usual notation, its Apple ID, or its id (`ln_...`).",
        examples=["+15551234567"],
    ),
]
ToPeer = Annotated[
    str,
    Meta(
        description="The other side: a phone number in any usual notation, an Apple ID, or the id of a chat"
        " (`cht_...`); a group has only that.",
        examples=["+15559876543"],
    ),
]
ReplyTo = Annotated[
    str | None,
    Meta(
        description="Answer this message of the same chat: its id (`msg_...`) or its iMessage guid, in which `p:1/`"
        " before it names the second part.",
        examples=["msg_01k742sg000000000000000001"],
    ),
]
Limit = Annotated[
    int | None,
    Meta(
        description=f"How many items at most: from 1; {DEFAULT_LIMIT} if absent, and never more than {LARGEST_LIMIT}.",
        examples=[20],
        extra_json_schema={"minimum": 1},
    ),
]
# The short lists come whole: see `pages.page_in_order`.
LimitOfAll = Annotated[
    int | None,
    Meta(
        description=f"How many items at most: from 1, and never more than {LARGEST_LIMIT}; absent, all of them come.",
        examples=[20],
        extra_json_schema={"minimum": 1},
    ),
]
Cursor = Annotated[
    str | None,
    Meta(description="The `next_cursor` of the page before this one.", examples=["Zm9sbG93IHRoaXMgcGFnZQ"]),
]
