"""Events as people read them: one line each, like a conversation."""

from datetime import UTC, datetime
from typing import Any

from blueport.cli.tables import printable
from blueport_sdk import Event, as_told


def line_of(event: Event) -> str:
    """Return when it was, what it was, from where to where it went, and what can be seen of it."""
    data = as_told(event)["data"]
    at = f"{datetime.fromtimestamp(event.created_at / 1000, UTC).astimezone():%H:%M:%S}"
    return printable(f"{at}  {event.event:<16}  {_way(data)}  {_content(data)}".rstrip())


def _way(data: dict[str, Any]) -> str:
    line, them = data.get("line_handle"), data.get("sender") or data.get("handle")
    is_ours = data.get("is_from_me") or "payload" in data
    ends = (line, data.get("chat_id")) if is_ours else (them, line)
    return " to ".join(str(end) for end in ends if end)


def _content(data: dict[str, Any]) -> str:
    files = [each.get("filename") or each.get("mime_type") or "a file" for each in data.get("attachments") or ()]
    reaction = f"{data.get('type')} on {data['message_id']}" if "message_id" in data else None
    parts = [data.get("text"), *(f"[{each}]" for each in files), reaction, data.get("error")]
    return " ".join(str(part) for part in parts if part)
