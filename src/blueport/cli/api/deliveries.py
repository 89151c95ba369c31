"""What became of a delivery that was asked for."""

import time

from blueport.cli.api.calling import Session, first, note
from blueport.cli.api.errors import NotTakenError
from blueport_sdk import Client, WaitTimeoutError, WebhookDelivery

# A receiver has 15 s, and the delivery before may have its own.
_WITHIN_S = 60.0
_LOOK_S = 0.25
_LOOKED_AT = 100


def tried_out(session: Session, webhook_id: str, event: str | None, *, waits: bool) -> None:
    """Have the server deliver a made-up event to a webhook; *waits* for its first try, and says how that went.

    Raises:
        NotTakenError: The receiver did not take it.
        WaitTimeoutError: It was not tried.
    """
    accepted = session.client.test_webhook(id=webhook_id, event=event)
    if not waits:
        session.tell(accepted, accepted.id, f"`blueport webhooks attempts {accepted.id}` tells what became of it")
        return
    if not session.is_json:
        note(f"{accepted.id} is on its way")
    tried = _tried(session.client, webhook_id, accepted.id)
    session.tell(tried, f"{tried.event} {tried.id}: {tried.status}")
    if tried.status != "delivered":
        raise NotTakenError(f"the receiver did not take it: {tried.reason or tried.status}")


def _tried(client: Client, webhook_id: str, delivery_id: str) -> WebhookDelivery:
    until_s = time.monotonic() + _WITHIN_S
    while time.monotonic() < until_s:
        # A try is listed once it has ended, while the delivery counts it as it begins.
        has_ended = bool(first(client.list_webhook_attempts(delivery_id=delivery_id), 1))
        for delivery in first(client.list_webhook_deliveries(webhook_id=webhook_id), _LOOKED_AT):
            if delivery.id == delivery_id and (has_ended or delivery.status != "pending"):
                return delivery
        time.sleep(_LOOK_S)
    raise WaitTimeoutError(f"{delivery_id} was not tried within {_WITHIN_S:.0f} s; is the server delivering?")
