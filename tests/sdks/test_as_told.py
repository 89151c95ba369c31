"""`as_told` gives the JSON that an object was made of."""

import json
from pathlib import Path
from typing import Any

from blueport_sdk import FileUrl, as_told
from blueport_sdk.events import event_of
from blueport_sdk.models import Line
from blueport_sdk.shapes import shaped

EVENTS = Path(__file__).parents[2] / "contract/events"
LINE = {"id": "ln_1", "handle": "+15551234567", "service": "imessage", "is_active": True}


def streamed(name: str) -> Any:
    """Return an event as the stream tells it."""
    told = json.loads((EVENTS / f"{name}.json").read_text())
    place = {"id": "evt_1", "created_at": 1, "line_id": "ln_1", "chat_id": "cht_1"}
    return place | {"event": told["event"], "data": told["data"]}


def test_what_this_version_does_not_know_is_there_all_the_same() -> None:
    line = shaped(Line, LINE | {"mood": "good"})

    assert as_told(line) == LINE | {"mood": "good"}
    assert line == shaped(Line, LINE)
    assert "mood" not in repr(line)


def test_an_event_and_what_it_is_about_are_as_the_stream_told_them() -> None:
    told = streamed("message.received")

    event = event_of(told)

    assert as_told(event) == told
    assert as_told(event.data) == told["data"]


def test_what_was_in_no_json_is_told_by_its_fields() -> None:
    assert as_told(FileUrl(url="https://example.com")) == {"url": "https://example.com"}
