"""Decides which deliveries are tried now, and what the outcome of each try means.

Fair: no webhook and no account has more than its share of tries under way, what is new goes before what failed, and
what failed never takes all places. Fenced: who lost the lease of a delivery has no say in it any more.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from blueport.server.ids import AccountId, WebhookId, mint
from blueport.server.notifying.delivering import health, queries
from blueport.server.notifying.delivering.outcomes import INTERRUPTED, TIMED_OUT, TOO_BUSY, Outcome
from blueport.server.notifying.delivering.queries import Attempt, Candidates, Due, Lost, Standing
from blueport.server.notifying.delivering.schedule import (
    BREATHER_MS,
    DELAYS_S,
    DOWN_AFTER_FAILURES,
    FILES_WAIT_MS,
    LONGEST_LEASE_MS,
    next_attempt_at,
)
from blueport.server.notifying.delivering.tries import Tried, Try
from blueport.server.store.tx import Tx

# Tries under way at a time: for one webhook, for all of one account, which is half of a process's places.
RUNNING_LIMIT = 4
ACCOUNT_LIMIT = 256
# Webhooks that are looked at in one claim.
WEBHOOKS_LIMIT = 64
# What waits for a webhook that was disabled is kept for a week.
DISABLED_LIFE_MS = 7 * 24 * 3_600_000


class Places(NamedTuple):
    """How many tries may begin, and how many of them with what has failed before."""

    all: int
    again: int


class Settled(NamedTuple):
    """Tries that were not written down: those that had lost their lease, and with it the say, and those for later."""

    lost: list[Tried]
    busy: list[Tried]


class Turn(NamedTuple):
    """What follows from what was written down and claimed.

    `tries` are those that are to begin now; `next_in_ms` is how many milliseconds it is until more falls due, None if
    nothing waits for its time.
    """

    settled: Settled
    tries: list[Try]
    next_in_ms: int | None


def turn(tx: Tx, tried: Sequence[Tried], places: Places, process: str, *, lease_s: float) -> Turn:
    """Write down how tries ended, and claim what may be tried now that they have."""
    settled = settle(tx, tried) if tried else Settled([], [])
    if places.all == 0:
        tx.wake("deliveries")  # others may have places
        return Turn(settled, [], None)
    standings = _standings(tx)
    seqs = _due(tx, standings, places)
    # Asked at the same moment: what falls due between two questions would be overslept.
    waits = [at - tx.now_ms for at in (standing.next_at for standing in standings) if at and at > tx.now_ms]
    tries = _leased(tx, seqs, process, tx.now_ms + round(lease_s * 1000)) if seqs else []
    return Turn(settled, tries, min(waits, default=None))


def _standings(tx: Tx) -> list[Standing]:
    standings = queries.standings(tx)
    late = [standing.id for standing in standings if (standing.first_lease or tx.now_ms) < tx.now_ms]
    if late and _recover(tx, queries.lost_by_time(tx, late)):
        return queries.standings(tx)
    return standings


def _due(tx: Tx, standings: Iterable[Standing], places: Places) -> list[int]:
    """Return what is to be tried now; who is left is looked at in another turn, here or elsewhere."""
    due = [each for each in standings if each.has_new or _is_due_again(each, tx.now_ms)]
    rooms = _rooms(due, standings)
    of_new = [each.id for each in due if each.has_new and each.id in rooms]
    of_again = [each.id for each in due if _is_due_again(each, tx.now_ms) and each.id in rooms]
    new = queries.new_of(tx, of_new) if of_new else []
    again = queries.due_again(tx, of_again) if of_again and places.again > 0 else []
    seqs = _chosen(new, again, rooms, places)
    if seqs and (len(seqs) == places.all or len(rooms) == WEBHOOKS_LIMIT):
        tx.wake("deliveries")
    return seqs


def _is_due_again(standing: Standing, now_ms: int) -> bool:
    return standing.next_at is not None and standing.next_at <= now_ms


def _leased(tx: Tx, seqs: Sequence[int], process: str, until: int) -> list[Try]:
    token = mint("tok", tx.now_ms)
    due = queries.claim(tx, seqs, process=process, token=token, until=until)
    return [Try(each, token, until) for each in due]


def _rooms(due: list[Standing], standings: Iterable[Standing]) -> dict[WebhookId, int]:
    """Return how many more tries each webhook may have that something is due for."""
    by_account = Counter[AccountId]()
    for standing in standings:
        by_account[standing.account_id] += standing.running
    random.shuffle(due)  # nobody is always the last
    rooms: dict[WebhookId, int] = {}
    for standing in due:
        limit = RUNNING_LIMIT if standing.failures < DOWN_AFTER_FAILURES else 1
        room = min(limit - standing.running, ACCOUNT_LIMIT - by_account[standing.account_id])
        if room > 0 and len(rooms) < WEBHOOKS_LIMIT:
            rooms[standing.id] = room
            by_account[standing.account_id] += room
    return rooms


def _chosen(
    new: Iterable[Candidates], again: Iterable[Candidates], rooms: dict[WebhookId, int], places: Places
) -> list[int]:
    """Choose by turns: each webhook's first, then each one's second; of one webhook new ones and others by turns."""
    new_of, again_of = ({each.webhook_id: each[1:] for each in found} for found in (new, again))
    queues = [_queue(new_of.get(who, ()), again_of.get(who, ()))[:room] for who, room in rooms.items()]
    chosen: list[int] = []
    again_left = places.again
    for seq, is_again in (each for by_turns in zip_longest(*queues) for each in by_turns if each is not None):
        if len(chosen) < places.all and (again_left > 0 or not is_again):
            chosen.append(seq)
            again_left -= is_again
    return chosen


def _queue(new: Sequence[int | None], again: Sequence[int | None]) -> list[tuple[int, bool]]:
    pairs = [((first, False), (second, True)) for first, second in zip_longest(new, again)]
    return [(seq, is_again) for pair in pairs for seq, is_again in pair if seq is not None]


def settle(tx: Tx, tried: Sequence[Tried]) -> Settled:
    """Write down how tries ended, but for those that another transaction has a hold on, or whose lease was lost."""
    mine, others = _parted(tried, queries.held(tx, _seqs_of(tried)))
    busy, lost = _parted(others, queries.held_by_others_too(tx, _seqs_of(others))) if others else ([], [])
    queries.note_attempts(tx, map(_attempt_of, mine))
    _end_or_postpone(tx, mine)
    _promote(tx, [each.made.due for each in mine])
    health.note(tx, mine)
    return Settled(lost, busy)


def _seqs_of(tried: Iterable[Tried]) -> list[int]:
    return [each.made.due.seq for each in tried]


def _parted(tried: Iterable[Tried], held: Mapping[int, str]) -> tuple[list[Tried], list[Tried]]:
    """Part tries into those whose token is the one that is *held*, and the others."""
    ours: list[Tried] = []
    others: list[Tried] = []
    for each in tried:
        (ours if held.get(each.made.due.seq) == each.made.token else others).append(each)
    return ours, others


def _attempt_of(tried: Tried) -> Attempt:
    due, outcome = tried.made.due, tried.outcome
    return Attempt(
        due.id,
        due.attempts,
        due.account_id,
        tried.started_at,
        tried.duration_ms,
        outcome.status,
        outcome.reason,
        outcome.address,
        outcome.response,
    )


def _end_or_postpone(tx: Tx, tried: Iterable[Tried]) -> None:
    ended: dict[tuple[str, str], list[int]] = {}
    postponed: list[tuple[int, str, int]] = []
    for each in tried:
        due, outcome = each.made.due, each.outcome
        available_at = None if outcome.is_delivered else _next_at(due, outcome, tx.now_ms)
        if available_at is None:
            state = "delivered" if outcome.is_delivered else "failed"
            ended.setdefault((state, outcome.reason), []).append(due.seq)
        else:
            postponed.append((due.seq, outcome.reason, available_at))
    for (state, reason), seqs in ended.items():
        queries.end(tx, seqs, state, reason)
    queries.postpone(tx, postponed)


def _promote(tx: Tx, tried: Iterable[Due | Lost]) -> None:
    """Let go what waits in a chat for one of these to have been tried."""
    firsts = [each for each in tried if each.is_first]
    waited_for = queries.have_waiting(tx, {each.webhook_id for each in firsts}) if firsts else set()
    seqs = [each.seq for each in firsts if each.webhook_id in waited_for]
    if seqs:
        queries.promote(tx, seqs)


def _next_at(due: Due | Lost, outcome: Outcome, now_ms: int) -> int | None:
    """Return when to try again (Unix milliseconds), None if that is to be left."""
    if due.is_test or outcome.is_final:
        return None
    is_breathless = outcome.status in TOO_BUSY or outcome.reason in TIMED_OUT
    return next_attempt_at(
        due.attempts - due.replayed_after,
        now_ms,
        jitter=random.uniform(-1, 1),  # noqa: S311 - spreads load, keeps no secret
        delays_s=DELAYS_S if due.delays_s is None else [int(word) for word in due.delays_s.split()],
        wish_ms=max(outcome.wish_ms, BREATHER_MS if is_breathless else 0),
    )


def give_back(tx: Tx, process: str) -> None:
    """Free what a process was trying, for others to try at once; it does not count as a try."""
    if queries.give_back(tx, process):
        tx.wake("deliveries")


def recover(tx: Tx) -> None:
    """Free what processes were trying that are gone; where that cannot be known, leases run out."""
    alive = tx.processes()
    if alive is not None and _recover(tx, queries.lost_by_death(tx, alive)):
        tx.wake("deliveries")


def _recover(tx: Tx, lost: Sequence[Lost]) -> bool:
    """Have deliveries tried anew whose try came to no known end; one that ends so again and again is a failure."""
    unknown = Outcome(is_delivered=False, reason=INTERRUPTED)
    queries.note_attempts(
        tx,
        [
            Attempt(each.id, each.attempts, each.account_id, tx.now_ms, None, None, INTERRUPTED, None, None)
            for each in lost
        ],
    )
    given_up = [each for each in lost if _next_at(each, unknown, tx.now_ms) is None]
    if given_up:
        queries.end(tx, [each.seq for each in given_up], "failed", INTERRUPTED)
        _promote(tx, given_up)
    queries.free(tx, [each.seq for each in lost if each not in given_up])
    return bool(lost)


def set_right(tx: Tx) -> None:
    """Make due what would wait for a time that a clock, set back since, was past already."""
    queries.shorten_leases(tx, until=tx.now_ms + LONGEST_LEASE_MS)
    queries.hasten_all(tx, files_awaited_until=tx.now_ms + FILES_WAIT_MS)
    queries.promote_all(tx)
    tx.wake("deliveries")


def expire(tx: Tx) -> None:
    """Call off what has waited for a week for a webhook that was disabled."""
    queries.expire(tx, before=tx.now_ms - DISABLED_LIFE_MS)
