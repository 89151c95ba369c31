"""Statements on deliveries that wait, run and end.

A delivery is `waiting` for those before it in its chat, `pending` until it is due, `running` while one process tries
it; `delivered`, `failed` and `cancelled` are its ends.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import and_, bindparam, exists, func, or_, select, text, update
from sqlalchemy.sql.selectable import Select

from blueport.server.ids import AccountId, ChatId, DeliveryId, WebhookId
from blueport.server.sealing import Keyring
from blueport.server.store.lists import among
from blueport.server.store.tables import deliveries, delivery_attempts, events, messages, webhooks
from blueport.server.store.tx import Statement, Tx, Values, insert_into


class Standing(NamedTuple):
    """An active webhook with open deliveries: what runs, what is due; times are Unix milliseconds.

    `first_lease` is when the first of what runs is lost, `next_at` when the first falls due that has to wait.
    """

    id: WebhookId
    account_id: AccountId
    failures: int
    running: int
    first_lease: int | None
    has_new: int
    next_at: int | None


class Candidates(NamedTuple):
    """What of a webhook may be tried next, by `seq`."""

    webhook_id: WebhookId
    first: int | None
    second: int | None
    third: int | None
    fourth: int | None


class Due(NamedTuple):
    """A delivery that is being tried, with all that a try needs; `attachments` is JSON of those of its message.

    `attempts` counts this try; the plan of tries began after `replayed_after` of them.
    """

    seq: int
    id: DeliveryId
    webhook_id: WebhookId
    account_id: AccountId
    attempts: int
    replayed_after: int
    is_first: int
    is_test: int
    event_type: str
    data: str
    url: str
    secret: str
    earlier_secret: str | None
    earlier_secret_until: int | None
    delays_s: str | None
    failures: int
    attachments: str | None = None

    def secrets(self, now_ms: int, keyring: Keyring) -> list[str]:
        """Return the secrets that receivers may know the webhook by, the newest first.

        Raises:
            NotReadableError: One of them cannot be opened.
        """
        stored = [self.secret]
        if self.earlier_secret is not None and (self.earlier_secret_until or 0) > now_ms:
            stored.append(self.earlier_secret)
        return [keyring.plain(each, place=self.webhook_id) for each in stored]


class Held(NamedTuple):
    """A delivery that runs, and the token of who runs it."""

    seq: int
    token: str


class Lost(NamedTuple):
    """A delivery whose try came to no known end."""

    seq: int
    id: DeliveryId
    webhook_id: WebhookId
    account_id: AccountId
    attempts: int
    replayed_after: int
    is_first: int
    is_test: int
    delays_s: str | None


class Attempt(NamedTuple):
    """A try as the log keeps it."""

    delivery_id: DeliveryId
    number: int
    account_id: AccountId
    started_at: int
    duration_ms: int | None
    status: int | None
    reason: str
    address: str | None
    response: str | None


class Health(NamedTuple):
    """What a receiver was like lately; `failures` in a row, the first of them at `failing_since` (Unix ms)."""

    id: WebhookId
    account_id: AccountId
    is_active: int
    failures: int
    failing_since: int | None


_d = deliveries.c
_is_open = _d.completed_at.is_(None)
_is_running = text("deliveries.state = 'running'")  # as the index has it: what is bound could be anything


# Who has open deliveries is found by leaping from one webhook to the next, past all that one of them has waiting.
def _first_webhook(after: object = None) -> Select[tuple[str]]:
    first = select(_d.webhook_id).where(_is_open).order_by(_d.webhook_id).limit(1)
    return first if after is None else first.where(_d.webhook_id > after)


_some = select(_first_webhook().scalar_subquery().label("webhook_id")).cte("open_webhooks", recursive=True)
_next = _first_webhook(_some.c.webhook_id).correlate(_some).scalar_subquery()
_open_webhooks = _some.union_all(select(_next).where(_some.c.webhook_id.is_not(None)))

_is_of_webhook = and_(_d.webhook_id == webhooks.c.id, _is_open)
_is_pending = and_(_is_of_webhook, _d.state == "pending")
_runs = and_(_d.webhook_id == webhooks.c.id, _is_running)
_STANDINGS = Statement(
    select(
        webhooks.c.id,
        webhooks.c.account_id,
        webhooks.c.failures,
        select(func.count()).select_from(deliveries).where(_runs).correlate(webhooks).scalar_subquery(),
        select(func.min(_d.lease_until)).where(_runs).correlate(webhooks).scalar_subquery(),
        select(exists().where(_is_pending, _d.available_at == 0).correlate(webhooks)).scalar_subquery(),
        select(func.min(_d.available_at)).where(_is_pending, _d.available_at > 0).correlate(webhooks).scalar_subquery(),
    )
    .join(_open_webhooks, _open_webhooks.c.webhook_id == webhooks.c.id)
    .where(webhooks.c.is_active == 1)
)


def _candidates(found: Select[tuple[int]]) -> Statement:
    each = [found.limit(1).offset(offset).correlate(webhooks).scalar_subquery() for offset in range(4)]
    return Statement(select(webhooks.c.id, *each).where(among(webhooks.c.id, "webhook_ids")))


_NEW = _candidates(select(_d.seq).where(_is_pending, _d.available_at == 0).order_by(_d.seq))
_is_due_again = and_(_d.available_at > 0, _d.available_at <= bindparam("now_ms"))
_AGAIN = _candidates(select(_d.seq).where(_is_pending, _is_due_again).order_by(_d.available_at, _d.seq))
# Who tells of more holds the heads of chats in the order of what is told: to wait for them while others are held would
# be to wait for each other. What is held now is found again once that is committed, and whoever did it wakes us.
_free = deliveries.alias("free")
_FREE_ONES = (
    select(_free.c.seq)
    .where(among(_free.c.seq, "seqs"), _free.c.state == "pending")
    .with_for_update(key_share=True, skip_locked=True)
)
_CLAIM = Statement(
    update(deliveries)
    .where(_d.seq.in_(_FREE_ONES))
    .values(
        state="running",
        attempts=_d.attempts + 1,
        claim_token=bindparam("token"),
        claimed_by=bindparam("process"),
        lease_until=bindparam("until"),
    )
)
# What decides about the next try.
_OF_A_TRY = (
    _d.seq,
    _d.id,
    _d.webhook_id,
    _d.account_id,
    _d.attempts,
    _d.replayed_after,
    _d.reason.is_(None),
    events.c.is_test,
)
_DUE = Statement(
    select(
        *_OF_A_TRY,
        events.c.type,
        events.c.data,
        webhooks.c.url,
        webhooks.c.secret,
        webhooks.c.earlier_secret,
        webhooks.c.earlier_secret_until,
        webhooks.c.delays_s,
        webhooks.c.failures,
        messages.c.attachments,
    )
    .join(events, events.c.id == _d.event_id)
    .join(webhooks, webhooks.c.id == _d.webhook_id)
    .outerjoin(messages, messages.c.id == events.c.subject_id)
    .where(among(_d.seq, "seqs"), _d.state == "running", _d.claim_token == bindparam("token"))
    .order_by(_d.seq)
)

_RUNNING = select(_d.seq, _d.claim_token).where(among(_d.seq, "seqs"), _d.state == "running")
_HELD = Statement(_RUNNING.with_for_update(key_share=True, skip_locked=True))
_HELD_BY_OTHERS_TOO = Statement(_RUNNING)
_is_this = and_(_d.seq == bindparam("delivery"), _d.state == "running")
_END = Statement(
    update(deliveries)
    .where(among(_d.seq, "seqs"), _d.state == "running")
    .values(state=bindparam("new_state"), reason=bindparam("word"), completed_at=bindparam("completed"))
)
_POSTPONE = Statement(
    update(deliveries)
    .where(_is_this)
    .values(state="pending", reason=bindparam("word"), available_at=bindparam("available"), lease_until=None)
)
_NOTE_ATTEMPT = Statement(insert_into(delivery_attempts))

_turn = deliveries.alias("turn")
_tried = deliveries.alias("tried")


def _head(webhook: object, chat: object) -> Select[tuple[int]]:
    """Return the first delivery of a chat that was not tried yet."""
    is_untried = and_(_turn.c.completed_at.is_(None), _turn.c.reason.is_(None))
    of_chat = select(_turn.c.seq).where(_turn.c.webhook_id == webhook, _turn.c.chat_id == chat, is_untried)
    return of_chat.order_by(_turn.c.seq).limit(1)


_next_of_chat = _head(_tried.c.webhook_id, _tried.c.chat_id).correlate(_tried).scalar_subquery()
_waits = and_(_d.webhook_id == webhooks.c.id, _is_open, _d.available_at < 0)
_HAVE_WAITING = Statement(select(webhooks.c.id).where(among(webhooks.c.id, "webhook_ids"), exists().where(_waits)))
_PROMOTE = Statement(
    update(deliveries)
    .where(
        _d.state == "waiting",
        _d.seq.in_(select(_next_of_chat).where(among(_tried.c.seq, "seqs"))),
    )
    .values(state="pending", available_at=-1 - _d.available_at)
)
# Whoever settles the head waits until what is put behind it is there to be promoted.
_LOCK_HEAD = Statement(_head(bindparam("webhook"), bindparam("chat")).with_for_update(key_share=True))
_PROMOTE_ALL = Statement(
    update(deliveries)
    .where(
        _d.state == "waiting",
        _d.completed_at.is_(None),
        ~exists().where(
            _turn.c.webhook_id == _d.webhook_id,
            _turn.c.chat_id == _d.chat_id,
            _turn.c.completed_at.is_(None),
            _turn.c.reason.is_(None),
            _turn.c.seq < _d.seq,
        ),
    )
    .values(state="pending", available_at=-1 - _d.available_at)
)

_HEALTH = Statement(
    select(webhooks.c.id, webhooks.c.account_id, webhooks.c.is_active, webhooks.c.failures, webhooks.c.failing_since)
    .where(among(webhooks.c.id, "webhook_ids"))
    .order_by(webhooks.c.id)
    .with_for_update(key_share=True)
)
_KEEP_HEALTH = Statement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook"))
    .values(failures=bindparam("how_many"), failing_since=bindparam("since"))
)
_DISABLE = Statement(
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook"), webhooks.c.is_active == 1)
    .values(is_active=0, disabled_at=bindparam("at"), disabled_reason=bindparam("why"))
)
_HASTEN = Statement(
    update(deliveries)
    .where(
        _d.webhook_id == bindparam("webhook"), _is_open, _d.state == "pending", _d.available_at > bindparam("now_ms")
    )
    .values(available_at=bindparam("now_ms"))
)
# A try that is logged later than now tells that the clock was set back; what this plan has not tried waits for files.
_is_later_than_now = or_(
    exists().where(delivery_attempts.c.delivery_id == _d.id, delivery_attempts.c.started_at > bindparam("now_ms")),
    and_(_d.attempts == _d.replayed_after, _d.available_at > bindparam("latest")),
)
_HASTEN_ALL = Statement(
    update(deliveries)
    .where(_is_open, _d.state == "pending", _d.available_at > bindparam("now_ms"), _is_later_than_now)
    .values(available_at=bindparam("now_ms"))
)
_HASTEN_WAITING = Statement(
    update(deliveries)
    .where(_is_open, _d.state == "waiting", _d.available_at < bindparam("latest"))
    .values(available_at=-1)
)

_SHORTEN_LEASES = Statement(
    update(deliveries).where(_is_running, _d.lease_until > bindparam("until")).values(lease_until=bindparam("until"))
)
_LOST = (
    select(
        *_OF_A_TRY,
        webhooks.c.delays_s,
    )
    .join(events, events.c.id == _d.event_id)
    .outerjoin(webhooks, webhooks.c.id == _d.webhook_id)
    .where(_is_running)
    .order_by(_d.seq)
    .with_for_update(of=deliveries, key_share=True, skip_locked=True)
)
_LOST_BY_TIME = Statement(_LOST.where(among(_d.webhook_id, "webhook_ids"), _d.lease_until <= bindparam("now_ms")))
_LOST_BY_DEATH = Statement(_LOST.where(_d.claimed_by.is_(None) | ~among(_d.claimed_by, "alive")))
_GIVE_BACK = Statement(
    update(deliveries)
    .where(_is_running, _d.claimed_by == bindparam("process"))
    .values(state="pending", attempts=_d.attempts - 1, lease_until=None, claim_token=None, claimed_by=None)
)
_FREE = Statement(
    update(deliveries).where(_is_this).values(state="pending", lease_until=None, claim_token=None, claimed_by=None)
)
_EXPIRE = Statement(
    update(deliveries)
    .where(
        _d.webhook_id.in_(
            select(webhooks.c.id).where(webhooks.c.is_active == 0, webhooks.c.disabled_at < bindparam("before"))
        ),
        _d.completed_at.is_(None),
    )
    .values(state="cancelled", reason="webhook_disabled", completed_at=bindparam("completed"))
)


def standings(tx: Tx) -> list[Standing]:
    """Return every active webhook with deliveries that have not ended."""
    return tx.all(Standing, _STANDINGS)


def new_of(tx: Tx, webhook_ids: Sequence[WebhookId]) -> list[Candidates]:
    """Return what each of these webhooks has that was not tried yet, in its order."""
    return tx.all(Candidates, _NEW, webhook_ids=webhook_ids)


def due_again(tx: Tx, webhook_ids: Sequence[WebhookId]) -> list[Candidates]:
    """Return what each of these webhooks has that is to be tried again by now, the first that was due first."""
    return tx.all(Candidates, _AGAIN, webhook_ids=webhook_ids, now_ms=tx.now_ms)


def claim(tx: Tx, seqs: Sequence[int], *, process: str, token: str, until: int) -> list[Due]:
    """Lease deliveries to a process, and count a try of each; return those that were still to be had."""
    tx.change(_CLAIM, seqs=seqs, token=token, process=process, until=until)
    return tx.all(Due, _DUE, seqs=seqs, token=token)


def held(tx: Tx, seqs: Sequence[int]) -> dict[int, str]:
    """Return which of these deliveries run, and by whose token; they stay as they are until this transaction ends.

    Those that another transaction has a hold on are left out.
    """
    return dict(tx.all(Held, _HELD, seqs=seqs))


def held_by_others_too(tx: Tx, seqs: Sequence[int]) -> dict[int, str]:
    """Return which of these deliveries run just now, and by whose token."""
    return dict(tx.all(Held, _HELD_BY_OTHERS_TOO, seqs=seqs))


def end(tx: Tx, seqs: Sequence[int], state: str, reason: str) -> None:
    """End deliveries that run, all in the same way."""
    tx.change(_END, seqs=seqs, new_state=state, word=reason, completed=tx.now_ms)


def postpone(tx: Tx, postponed: Iterable[tuple[int, str, int]]) -> None:
    """Plan another try of deliveries that run, each given with the reason and the time (Unix milliseconds)."""
    each: list[Values] = [
        {"delivery": seq, "word": reason, "available": available_at} for seq, reason, available_at in postponed
    ]
    tx.change_each(_POSTPONE, each)


def note_attempts(tx: Tx, attempts: Iterable[Attempt]) -> None:
    """Write tries into the log."""
    tx.change_each(_NOTE_ATTEMPT, [attempt._asdict() for attempt in attempts])


def have_waiting(tx: Tx, webhook_ids: Iterable[WebhookId]) -> set[WebhookId]:
    """Return which of these webhooks have a delivery that waits for another."""
    return {*tx.all(WebhookId, _HAVE_WAITING, webhook_ids=[*webhook_ids])}


def promote(tx: Tx, seqs: Sequence[int]) -> None:
    """Let the next delivery of each chat go, now that these were tried."""
    tx.change(_PROMOTE, seqs=seqs)


def promote_all(tx: Tx) -> None:
    """Let go whatever waits for nobody."""
    tx.change(_PROMOTE_ALL)


def is_behind_another(tx: Tx, webhook_id: WebhookId, chat_id: ChatId) -> bool:
    """Tell whether a delivery of the chat was not tried yet; it is not settled before this transaction ends."""
    # Asked again where there is none: the one that was looked at may have been settled while it was waited for.
    asked = [tx.one(int, _LOCK_HEAD, webhook=webhook_id, chat=chat_id)]
    return asked[0] is not None or tx.one(int, _LOCK_HEAD, webhook=webhook_id, chat=chat_id) is not None


def health_of(tx: Tx, webhook_ids: Iterable[WebhookId]) -> list[Health]:
    """Return what receivers were like; it stays so until this transaction ends."""
    return tx.all(Health, _HEALTH, webhook_ids=[*webhook_ids])


def keep_health(tx: Tx, health: Health) -> None:
    """Keep what a receiver was like."""
    tx.change(_KEEP_HEALTH, webhook=health.id, how_many=health.failures, since=health.failing_since)


def disable(tx: Tx, webhook_id: WebhookId, reason: str) -> bool:
    """Deliver no more to a webhook; False if that is so already."""
    return tx.change(_DISABLE, webhook=webhook_id, at=tx.now_ms, why=reason) == 1


def hasten(tx: Tx, webhook_id: WebhookId) -> None:
    """Make due what waits for its time."""
    tx.change(_HASTEN, webhook=webhook_id, now_ms=tx.now_ms)


def hasten_all(tx: Tx, *, files_awaited_until: int) -> None:
    """Make due what waits for a time that was there already, before the clock was set back (Unix milliseconds)."""
    tx.change(_HASTEN_ALL, latest=files_awaited_until, now_ms=tx.now_ms)
    tx.change(_HASTEN_WAITING, latest=-1 - files_awaited_until)


def shorten_leases(tx: Tx, *, until: int) -> None:
    """Have no lease end later than that (Unix milliseconds)."""
    tx.change(_SHORTEN_LEASES, until=until)


def lost_by_time(tx: Tx, webhook_ids: Sequence[WebhookId]) -> list[Lost]:
    """Return what runs for longer than its lease."""
    return tx.all(Lost, _LOST_BY_TIME, webhook_ids=[*webhook_ids], now_ms=tx.now_ms)


def lost_by_death(tx: Tx, alive: Iterable[str]) -> list[Lost]:
    """Return what processes run that are none of those who are alive."""
    return tx.all(Lost, _LOST_BY_DEATH, alive=[*alive])


def free(tx: Tx, seqs: Iterable[int]) -> None:
    """Let deliveries that run be tried by others, at once."""
    tx.change_each(_FREE, [{"delivery": seq} for seq in seqs])


def give_back(tx: Tx, process: str) -> bool:
    """Free what a process was trying, as if it had not begun; False if that is nothing."""
    return tx.change(_GIVE_BACK, process=process) > 0


def expire(tx: Tx, *, before: int) -> None:
    """Call off what waits for webhooks that were disabled before that moment (Unix milliseconds)."""
    tx.change(_EXPIRE, before=before, completed=tx.now_ms)
