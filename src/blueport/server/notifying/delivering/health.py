"""What receivers are like: one that has failed for days is disabled, one that is back gets what waits for it."""

from collections.abc import Iterable, Sequence

from blueport.server.auditing import service as auditing
from blueport.server.ids import WebhookId
from blueport.server.notifying.delivering import queries
from blueport.server.notifying.delivering.outcomes import GONE, NOT_SIGNED
from blueport.server.notifying.delivering.queries import Health
from blueport.server.notifying.delivering.schedule import is_down, is_given_up
from blueport.server.notifying.delivering.tries import Tried
from blueport.server.store.tx import Tx


def note(tx: Tx, tried: Iterable[Tried]) -> None:
    """Keep what receivers are like, and disable those that are gone.

    A test says nothing of that, unless it arrives, nor does what was never sent since we could not sign it.
    """
    by_webhook: dict[WebhookId, list[Tried]] = {}
    for each in tried:
        if each.outcome.is_delivered or not (each.made.due.is_test or each.outcome.reason == NOT_SIGNED):
            by_webhook.setdefault(each.made.due.webhook_id, []).append(each)
    # A receiver that has always answered goes on so: nothing is to be looked at.
    notable = [
        webhook_id
        for webhook_id, own in by_webhook.items()
        if any(not each.outcome.is_delivered or each.made.due.failures for each in own)
    ]
    for health in queries.health_of(tx, sorted(notable)) if notable else []:
        _keep_health(tx, health, by_webhook[health.id])


def _keep_health(tx: Tx, health: Health, tried: Sequence[Tried]) -> None:
    now = health
    for each in tried:
        now = _after(now, each, tx.now_ms)
    if is_down(health.failures, health.failing_since, tx.now_ms) and any(each.outcome.is_delivered for each in tried):
        queries.hasten(tx, health.id)
    if now != health:
        queries.keep_health(tx, now)
    if any(each.outcome.status == GONE for each in tried):
        _disable(tx, health, "gone")
    elif now.failing_since is not None and is_given_up(now.failures, now.failing_since, tx.now_ms):
        _disable(tx, health, "failing")


def _after(health: Health, tried: Tried, now_ms: int) -> Health:
    if tried.outcome.is_delivered:
        return health._replace(failures=0, failing_since=None)
    since = now_ms if health.failing_since is None else health.failing_since
    return health._replace(failures=health.failures + 1, failing_since=since)


def _disable(tx: Tx, health: Health, reason: str) -> None:
    if queries.disable(tx, health.id, reason):
        actor, account_id = auditing.SYSTEM, health.account_id
        auditing.note(tx, actor, "webhook.disabled", account_id=account_id, target=health.id, detail=reason)
