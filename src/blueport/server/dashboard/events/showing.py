"""What an event tells, as its webhooks are told."""

import msgspec

from blueport.server.blobs.links import Links
from blueport.server.notifying.rendering import rendered


def data_of(data: str, attachments: str | None, links: Links, now_ms: int) -> str:
    """Return *data* with what is known of its files; one that cannot be told is here to be looked at as it is kept."""
    try:
        return rendered(data, attachments, links, now_ms)
    except (msgspec.MsgspecError, ValueError):
        return data
