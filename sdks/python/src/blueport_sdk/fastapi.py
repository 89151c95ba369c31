"""Webhooks in FastAPI, as a dependency.

@app.post("/hook")
async def heard(event: Annotated[WebhookEvent, Depends(webhook(secret))]) -> None: ...
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

# FastAPI's requests are Starlette's.
from starlette.requests import Request

from blueport_sdk.events import WebhookEvent
from blueport_sdk.starlette import webhook_event


def webhook(secret: str | Sequence[str]) -> Callable[[Request], Coroutine[Any, Any, WebhookEvent]]:
    """Return a dependency that is what a delivery tells; others are answered with 401 and the reason.

    Args:
        secret: The webhook's secret; several while it is being changed.
    """

    async def event(request: Request) -> WebhookEvent:
        return await webhook_event(request, secret)

    return event
