"""Webhooks in Flask: `event = webhook_event(secret)` in a view."""

from collections.abc import Sequence

from flask import abort, request

from blueport_sdk.errors import SignatureVerificationError
from blueport_sdk.events import WebhookEvent
from blueport_sdk.webhooks import signature_in, verify_webhook


def webhook_event(secret: str | Sequence[str]) -> WebhookEvent:
    """Return what the request that is being answered tells.

    Args:
        secret: The webhook's secret; several while it is being changed.

    Raises:
        Unauthorized: Flask answers 401, with the reason; it is forged, altered, no delivery, or too old.
    """
    try:
        return verify_webhook(request.get_data(), signature_in(request.headers), secret)
    except SignatureVerificationError as error:
        abort(401, str(error))
