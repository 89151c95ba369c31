"""The payload of an event as it is told: with what is known of its files by now."""

import msgspec

from blueport.server.blobs.links import Links
from blueport.server.shapes import StoredAttachment

_stored = msgspec.json.Decoder(tuple[StoredAttachment, ...])
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw])


def rendered(data: str, attachments: str | None, links: Links, now_ms: int) -> str:
    """Return *data* with the *attachments* of its message, both JSON, and links that outlive the tries."""
    if attachments in (None, "[]"):
        return data
    shown = [links.attachment(each, now_ms) for each in _stored.decode(attachments or "[]")]
    return msgspec.json.encode({**_fields_of.decode(data), "attachments": shown}).decode()
