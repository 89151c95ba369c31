"""What a logger was told, as it is before it becomes a line."""

from typing import Any

import pytest


def told(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    """Return what the logger *name* was told, the oldest first."""
    return [record.told for record in caplog.records if record.name == name]  # type: ignore[attr-defined]  # ours
