"""Judges what receivers heard of events against what the database says of it.

An event and a webhook are a pair: it has one delivery, whose every try bears its id, and which ends as delivered once
the receiver has said so, and not before.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.system.failing_receivers import Heard

INTERRUPTED = "interrupted"

Pair = tuple[str, int]


class Row(NamedTuple):
    """A delivery as the database has it in the end."""

    webhook: str
    number: int
    id: str
    state: str
    attempts: int


class Logged(NamedTuple):
    """A try as the log has it."""

    delivery_id: str
    number: int
    status: int | None
    reason: str


class Told(NamedTuple):
    """What was told to the server: the numbers of the events of each chat, in their order."""

    by_chat: Mapping[str, Sequence[int]]
    webhooks: Sequence[str]

    def pairs(self) -> set[Pair]:
        return {(webhook, number) for webhook in self.webhooks for each in self.by_chat.values() for number in each}


class Kept(NamedTuple):
    """What a database and the receivers have in the end."""

    told: Told
    heard: Sequence[Heard]
    rows: Sequence[Row]
    log: Sequence[Logged]


def breaches(kept: Kept, interrupted_at_most: int) -> list[str]:
    """Return every promise that was broken; so many tries may have been interrupted."""
    found = [*_of_rows(kept), *_of_ids(kept), *_of_ends(kept), *_of_order(kept), *_of_stamps(kept.heard)]
    log = defaultdict[str, list[Logged]](list)
    for logged in sorted(kept.log, key=lambda each: each.number):
        log[logged.delivery_id].append(logged)
    statuses = defaultdict[str, Counter[int]](Counter)
    for heard in kept.heard:
        if heard.status is not None:
            statuses[heard.delivery_id][heard.status] += 1
    found += [fault for row in kept.rows for fault in _of_log(row, log[row.id], statuses[row.id])]
    interrupted = sum(each.reason == INTERRUPTED for each in kept.log)
    if interrupted > interrupted_at_most:
        found.append(f"{interrupted} tries were interrupted, where {interrupted_at_most} can have been")
    return found


def _of_rows(kept: Kept) -> Iterator[str]:
    """Each pair has one delivery, and each delivery is of a pair."""
    counts = Counter((row.webhook, row.number) for row in kept.rows)
    yield from (f"{pair} has no delivery" for pair in sorted(kept.told.pairs() - counts.keys()))
    yield from (f"{pair} was never told of" for pair in sorted(counts.keys() - kept.told.pairs()))
    yield from (f"{pair} has {count} deliveries" for pair, count in counts.items() if count > 1)


def _of_ids(kept: Kept) -> Iterator[str]:
    """Each pair was heard of under the id of its delivery alone."""
    known = {(row.webhook, row.number): row.id for row in kept.rows}
    strange = {(heard.webhook, heard.number, heard.delivery_id) for heard in kept.heard}
    for webhook, number, delivery_id in sorted(strange):
        if known.get((webhook, number)) != delivery_id:
            yield f"{(webhook, number)} was heard of as {delivery_id}, not as {known.get((webhook, number))}"


def _of_ends(kept: Kept) -> Iterator[str]:
    """Each delivery has ended as delivered, and the receiver knows it."""
    accepted = {(heard.webhook, heard.number) for heard in kept.heard if heard.is_accepted}
    for row in kept.rows:
        if row.state != "delivered":
            yield f"{row.id} has ended as {row.state}"
        if (row.webhook, row.number) not in accepted:
            yield f"{row.id} was accepted by nobody"


def _of_order(kept: Kept) -> Iterator[str]:
    """Each webhook has heard first of what came first in a chat; of later tries nothing is promised."""
    chats = {number: chat for chat, numbers in kept.told.by_chat.items() for number in numbers}
    missed = _missed(kept)
    first_heard = defaultdict[tuple[str, str], dict[int, None]](dict)
    for heard in kept.heard:
        if heard.number in chats and heard.delivery_id not in missed:
            first_heard[heard.webhook, chats[heard.number]].setdefault(heard.number)
    for (webhook, chat), numbers in first_heard.items():
        told = [number for number in kept.told.by_chat[chat] if number in numbers]
        if told != [*numbers]:
            yield f"{webhook} has heard of {chat} in another order: {[*numbers]}"


def _missed(kept: Kept) -> set[str]:
    """Return the deliveries of which a try may have timed out before it was heard: it could be the first one.

    Which one that was nobody knows: what was taken for interrupted may have been heard long after, by a process that
    had stood still.
    """
    tries = Counter(each.delivery_id for each in kept.log)
    heard = Counter(each.delivery_id for each in kept.heard)
    unanswered = {each.delivery_id for each in kept.log if each.status is None and each.reason != INTERRUPTED}
    return {delivery_id for delivery_id in unanswered if heard[delivery_id] < tries[delivery_id]}


def _of_stamps(heard: Iterable[Heard]) -> Iterator[str]:
    """A try that follows one that was answered has a stamp of its own."""
    before: dict[str, Heard] = {}
    for each in heard:
        last = before.get(each.delivery_id)
        if last is not None and last.status is not None and last.stamp == each.stamp:
            yield f"{each.delivery_id} was tried again with the stamp of before"
        before[each.delivery_id] = each


def _of_log(row: Row, log: Sequence[Logged], heard: Counter[int]) -> Iterator[str]:
    """The log has every try, and nothing that the receiver does not know of; the last one, alone, was a success.

    A try that has no status there may have had one: its answer came too late, or whoever made it died.
    """
    if [each.number for each in log] != [*range(1, row.attempts + 1)]:
        yield f"{row.id} was tried {row.attempts} times, of which the log has {[each.number for each in log]}"
    if [each.number for each in log if _is_success(each.status)] != [row.attempts]:
        yield f"{row.id}: not the last try alone was a success: {_words(log)}"
    logged = Counter(each.status for each in log if each.status is not None)
    unknown = len(log) - logged.total()
    if logged - heard:
        yield f"{row.id}: the log has answers that nobody gave: {_words(log)}, heard {dict(heard)}"
    if (heard - logged).total() > unknown:
        yield f"{row.id}: answers are not in the log: {_words(log)}, heard {dict(heard)}"


def _is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _words(log: Collection[Logged]) -> str:
    return " ".join(each.reason for each in log)
