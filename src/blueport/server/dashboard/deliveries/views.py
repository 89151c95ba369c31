"""What the page of a delivery shows, and how it is made again."""

from blueport.server.dashboard.deliveries import queries
from blueport.server.dashboard.deliveries.queries import DeliveryStory
from blueport.server.dashboard.deliveries.sent import sent
from blueport.server.dashboard.events.showing import data_of
from blueport.server.dashboard.pages import Action, Asked, Done, Found, NothingHereError, Page
from blueport.server.notifying import queries as notifying
from blueport.server.notifying.delivering.failures import meaning_of
from blueport.server.notifying.log.service import KEPT_DAYS
from blueport.server.notifying.service import webhook_of
from blueport.server.resources.deliveries import queries as log
from blueport.server.resources.deliveries import service as deliveries
from blueport.server.store.tx import Tx

# Each replay adds as many as the plan has.
TRIES_SHOWN = 50


def view(tx: Tx, asked: Asked) -> Found:
    """Find one delivery, with each of its tries."""
    story = _story(tx, asked)
    tries = log.attempts_of(tx, story.id)
    data = data_of(story.data, story.attachments, asked.terms.links, tx.now_ms)
    at = tries[0].started_at if tries else story.created_at
    return {
        "title": f"Delivery of {story.event}",
        "delivery": story,
        "tries": tries[:TRIES_SHOWN],
        "older_tries": len(tries[TRIES_SHOWN:]),
        "next_at": story.available_at if story.state == "pending" and story.available_at > tx.now_ms else None,
        "sent": sent(story.event, data, delivery_id=story.id, at=at),
        "meaning_of": meaning_of,
        "kept_days": KEPT_DAYS,
    }


def replay(tx: Tx, asked: Asked) -> Done:
    """Make a delivery again."""
    story = _story(tx, asked)
    found = webhook_of(tx, story.account_id, None, story.webhook_id, param="webhook_id")
    webhook = deliveries.working(found, param="webhook_id")
    logged = notifying.logged(tx, story.account_id, story.id)
    if logged is None:
        raise NothingHereError
    deliveries.replay_one(tx, asked.actor, webhook, logged)
    return Done(f"/dashboard/deliveries/{story.id}", "replayed")


def _story(tx: Tx, asked: Asked) -> DeliveryStory:
    story = queries.story(tx, asked.path["id"])
    if story is None:
        raise NothingHereError
    return story


ONE = Page("/dashboard/deliveries/{id}", "Delivery", "webhooks", "deliveries/one.html", view)
PAGES = (ONE,)
ACTIONS = (Action("/dashboard/deliveries/{id}/replay", ONE, replay),)
