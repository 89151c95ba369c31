"""One delivery, with its event and its webhook."""

from typing import NamedTuple

from sqlalchemy import bindparam, select

from blueport.server.ids import AccountId, DeliveryId, EventId, WebhookId
from blueport.server.store.tables import accounts, deliveries, events, messages, webhooks
from blueport.server.store.tx import Statement, Tx


class DeliveryStory(NamedTuple):
    """A delivery, with all that is known of it; times are Unix milliseconds, `data` and `attachments` JSON.

    What is of its webhook is None if that was deleted.
    """

    id: DeliveryId
    account_id: AccountId
    account: str
    webhook_id: WebhookId
    url: str | None
    is_active: int | None
    earlier_secret_until: int | None
    event_id: EventId
    event: str
    is_test: int
    data: str
    attachments: str | None
    state: str
    attempts: int
    reason: str | None
    available_at: int
    created_at: int
    completed_at: int | None


_STORY = Statement(
    select(
        deliveries.c.id,
        deliveries.c.account_id,
        accounts.c.name,
        deliveries.c.webhook_id,
        webhooks.c.url,
        webhooks.c.is_active,
        webhooks.c.earlier_secret_until,
        deliveries.c.event_id,
        events.c.type,
        events.c.is_test,
        events.c.data,
        messages.c.attachments,
        *[deliveries.c[name] for name in DeliveryStory._fields[12:]],
    )
    .join(accounts, accounts.c.id == deliveries.c.account_id)
    .join(events, events.c.id == deliveries.c.event_id)
    .outerjoin(messages, messages.c.id == events.c.subject_id)
    .outerjoin(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    .where(deliveries.c.id == bindparam("id"))
)


def story(tx: Tx, delivery_id: str) -> DeliveryStory | None:
    """Find a delivery."""
    return tx.one(DeliveryStory, _STORY, id=delivery_id)
