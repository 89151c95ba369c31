"""What the pages of webhooks show, and what is done there."""

import re
from typing import TypeVar

from blueport.server.dashboard.naming.names import names_of, place_of
from blueport.server.dashboard.pages import Action, Asked, Done, Found, NothingHereError, Page, Told
from blueport.server.dashboard.rendering import link
from blueport.server.dashboard.webhooks import queries
from blueport.server.dashboard.webhooks.queries import Part, WebhookCard
from blueport.server.dashboard.webhooks.words import LOST, OVERLAPS_S, SINCE, STATES, health_of
from blueport.server.describing.events import EVENTS
from blueport.server.ids import lowest
from blueport.server.notifying.delivering.failures import meaning_of
from blueport.server.notifying.log.service import KEPT_DAYS
from blueport.server.notifying.queries import Span
from blueport.server.notifying.service import Visible, webhook_of
from blueport.server.operating import service as operating
from blueport.server.operating.service import OperatorError
from blueport.server.resources.deliveries import service as deliveries
from blueport.server.resources.deliveries.queries import DeliveryRow
from blueport.server.resources.deliveries.service import Working
from blueport.server.resources.webhooks import service as webhooks
from blueport.server.store.tx import Tx

ROOM = "/dashboard/webhooks"
SHOWN = 50
Choice = TypeVar("Choice")

_ID = re.compile("(?:wh|dlv)_[0-9a-z]{26}")
_LATEST_MS = 2**50 - 1


def view(tx: Tx, asked: Asked) -> Found:
    """Find the webhooks, the newest first."""
    before = asked.query.get("before", "")
    is_first = not _ID.fullmatch(before)
    found = queries.webhooks_of(tx, asked.account, lowest("wh", _LATEST_MS) if is_first else before, SHOWN + 1)
    shown = found[:SHOWN]
    return {
        "accounts": operating.account_names(tx),
        "webhooks": [(each, health_of(each)) for each in shown],
        "names": names_of(tx, [line for each in shown for line in (each.line_ids or "").split()]),
        "is_first": is_first,
        "older": link(ROOM, account=asked.account, before=shown[-1].id) if len(found) > SHOWN else None,
    }


def view_one(tx: Tx, asked: Asked) -> Found:
    """Find one webhook, and what was delivered to it."""
    webhook, state = _webhook(tx, asked), asked.query.get("state", "")
    if state not in STATES:
        raise NothingHereError
    before = asked.query.get("before", "")
    is_first = not _ID.fullmatch(before)
    _, states = STATES[state]
    part = Part(webhook.account_id, webhook.id, states, lowest("dlv", _LATEST_MS) if is_first else before)
    rows = queries.log(tx, part, SHOWN)
    return {
        "title": place_of(webhook.url),
        "webhook": webhook,
        "health": health_of(webhook),
        "names": names_of(tx, [webhook.account_id, *(webhook.line_ids or "").split()]),
        "earlier_until": _later(webhook.earlier_secret_until, tx.now_ms),
        "deliveries": rows,
        "state_chosen": state,
        "states": [(name, words) for name, (words, _) in STATES.items()],
        "is_first": is_first,
        "older": _older(tx, part, rows, state),
        "meaning_of": meaning_of,
        "kept_days": KEPT_DAYS,
    }


def view_rotation(tx: Tx, asked: Asked) -> Found:
    """Find the webhook that is to have another secret."""
    webhook = _webhook(tx, asked)
    earlier_until = _later(webhook.earlier_secret_until, tx.now_ms)
    return {"webhook": webhook, "earlier_until": earlier_until, "overlap": asked.form.text("overlap") or "24h"}


def view_test(tx: Tx, asked: Asked) -> Found:
    """Find what a webhook can be tried with."""
    webhook = _webhook(tx, asked)
    heard = webhook.events.split()
    return {
        "webhook": webhook,
        "events": [event for event in EVENTS if event.name in heard],
        "chosen": asked.form.text("event") or heard[0],
    }


def view_replay(tx: Tx, asked: Asked) -> Found:
    """Find what can be made again."""
    chosen = {"what": asked.form.text("what") or "failed", "since": asked.form.text("since") or "24h"}
    return {"webhook": _webhook(tx, asked), "lost": LOST, "chosen": chosen, "kept_days": KEPT_DAYS}


def rotate(tx: Tx, asked: Asked) -> Told:
    """Give a webhook another secret, and tell it just once."""
    overlap_s = _one_of(OVERLAPS_S, asked.form.text("overlap"), "how long the earlier secret is good")
    webhook = _visible(tx, asked)
    made = webhooks.renew_secret(tx, asked.actor, webhook, asked.terms.keyring, overlap_s=overlap_s)
    found = {"webhook_id": made.id, "url": webhook.row.url, "secret": made.secret}
    until = tx.now_ms + overlap_s * 1000 if overlap_s else None
    return Told("The new secret", "webhooks/secret.html", {**found, "earlier_until": until, "is_new": False})


def enable(tx: Tx, asked: Asked) -> Done:
    """Replay to a webhook that was disabled."""
    webhook = _visible(tx, asked)
    webhooks.switch_on(tx, asked.actor, webhook)
    return Done(f"{ROOM}/{webhook.row.id}", "webhook-enabled")


def delete(tx: Tx, asked: Asked) -> Done:
    """Delete a webhook."""
    webhooks.remove(tx, asked.actor, _visible(tx, asked))
    return Done(ROOM, "webhook-deleted")


def test(tx: Tx, asked: Asked) -> Done:
    """Send a test event; what comes of it is told by its own page."""
    delivery_id = deliveries.send_example(tx, _working(tx, asked), asked.form.text("event"))
    return Done(f"/dashboard/deliveries/{delivery_id}", "test-sent")


def replay(tx: Tx, asked: Asked) -> Done:
    """Make again what a webhook did not get."""
    lost = _one_of(LOST, asked.form.text("what"), "what is to be made again")
    since_ms = _one_of(SINCE, asked.form.text("since"), "of which time it is")
    webhook = _working(tx, asked)
    span = Span(tx.now_ms - since_ms if since_ms else 0, tx.now_ms + 1)
    told = deliveries.replay_all(tx, asked.actor, webhook, lost.states, span)
    if not told.replayed:
        raise OperatorError("no delivery of this webhook is of that kind and time")
    return Done(f"{ROOM}/{webhook.row.id}", "webhook-replayed-in-part" if told.has_more else "webhook-replayed")


def _webhook(tx: Tx, asked: Asked) -> WebhookCard:
    webhook = queries.webhook(tx, asked.path["id"])
    if webhook is None:
        raise NothingHereError
    return webhook


def _visible(tx: Tx, asked: Asked) -> Visible:
    webhook = _webhook(tx, asked)
    return webhook_of(tx, webhook.account_id, None, webhook.id, param="id")


def _working(tx: Tx, asked: Asked) -> Working:
    return deliveries.working(_visible(tx, asked), param="id")


def _later(at: int | None, now_ms: int) -> int | None:
    return at if at is not None and at > now_ms else None


def _older(tx: Tx, part: Part, rows: list[DeliveryRow], state: str) -> str | None:
    """Return where one reads on, even if what is wanted was not among what was looked at."""
    at = rows[-1].id if len(rows) == SHOWN else queries.looked_to(tx, part)
    return None if at is None else link(f"{ROOM}/{part.webhook_id}", state=state, before=at)


def _one_of(choices: dict[str, Choice], chosen: str, what: str) -> Choice:
    if chosen not in choices:
        raise OperatorError(f"choose {what}")
    return choices[chosen]


LIST = Page(ROOM, "Webhooks", "webhooks", "webhooks/list.html", view)
ONE = Page(f"{ROOM}/{{id}}", "Webhook", "webhooks", "webhooks/one.html", view_one)
ROTATION = Page(
    f"{ROOM}/{{id}}/rotate", "Rotate the secret", "webhooks", "webhooks/rotate.html", view_rotation, is_live=False
)
TEST = Page(f"{ROOM}/{{id}}/test", "Send a test event", "webhooks", "webhooks/test.html", view_test, is_live=False)
REPLAY = Page(f"{ROOM}/{{id}}/replay", "Replay", "webhooks", "webhooks/replay.html", view_replay, is_live=False)
PAGES = (LIST, ONE, ROTATION, TEST, REPLAY)
ACTIONS = (
    Action(ROTATION.path, ROTATION, rotate),
    Action(TEST.path, TEST, test),
    Action(REPLAY.path, REPLAY, replay),
    Action(f"{ROOM}/{{id}}/enable", ONE, enable),
    Action(f"{ROOM}/{{id}}/delete", ONE, delete),
)
