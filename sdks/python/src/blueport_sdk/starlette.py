"""Webhooks in Starlette: `event = await webhook_event(request, secret)`."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request

from blueport_sdk.errors import SignatureVerificationError
from blueport_sdk.events import WebhookEvent
from blueport_sdk.webhooks import signature_in, verify_webhook


async def webhook_event(request: Request, secret: str | Sequence[str]) -> WebhookEvent:
    """Return what a delivery tells.

    Args:
        request: The delivery.
        secret: The webhook's secret; several while it is being changed.

    Raises:
        HTTPException: 401, with the reason; it is forged, altered, no delivery, or too old.
    """
    try:
        return verify_webhook(await request.body(), signature_in(request.headers), secret)
    except SignatureVerificationError as error:
        raise HTTPException(401, str(error)) from None
