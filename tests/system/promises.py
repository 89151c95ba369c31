"""What an installation has promised, and whether it was kept once everything has come to rest."""

import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import quote

from tests.system.blueport import Json, until
from tests.system.receiver import Receiver
from tests.system.site import Mac, Site

# What is waited for at most while nothing changes: a webhook that failed twice is tried again after half a minute.
STANDSTILL_S = 150
SWEPT_WITHIN_S = 60
# How long answers that nobody was heard to have are kept.
KEPT_MS = 120_000
UNKNOWN = "outcome_unknown"
OPEN = {
    "outbox": "SELECT count(*) FROM outbox WHERE completed_at IS NULL",
    "deliveries": "SELECT count(*) FROM deliveries WHERE completed_at IS NULL",
    "texts heard": "SELECT count(*) FROM messages WHERE is_from_me = 0",
}


class Sent(Protocol):
    """Somebody who wrote to one person; *accepted* are texts and their outbox ids, in order."""

    mac: Mac
    person: str
    accepted: dict[str, str]
    repeated: int


class Said(Protocol):
    """Somebody who wrote to a line."""

    mac: Mac
    handle: str
    texts: list[str]


class Kept(NamedTuple):
    """What came of it."""

    sends: int
    repeated: int
    texts: int
    unknown: int
    tries: int
    tried_again: int
    blows: dict[tuple[str, str], int]
    ends: dict[str, dict[int, int]]
    seconds_to_rest: float

    def __str__(self) -> str:
        blows = ", ".join(f"{what} {whom}: {count}" for (what, whom), count in sorted(self.blows.items()))
        ends = "; ".join(f"{name}: {dict(statuses)}" for name, statuses in sorted(self.ends.items()) if statuses)
        return (
            f"{self.sends} sends accepted once each ({self.repeated} calls repeated, {self.unknown} outcomes unknown), "
            f"{self.texts} texts heard once each, {self.tries} tries of webhooks ({self.tried_again} of them again); "
            f"at rest after {self.seconds_to_rest:.0f} s\nblows: {blows}\nends: {ends}"
        )


def judged(
    here: Site,
    receivers: list[Receiver],
    people: Sequence[Said],
    agents: Sequence[Sent],
    blows: Counter[tuple[str, str]],
    seed: int,
) -> Kept:
    """Wait until everything is at rest, and return what came of it.

    Raises:
        AssertionError: A promise was broken.
    """
    said = f"(seed {seed})"
    seconds = _rest(here, sum(len(person.texts) for person in people))
    ends = {name: dict(member.ends) for name, member in here.hands.members.items()}
    unknown = [_unknown_of(here, agent, said) for agent in agents]
    _judge_hand_overs(here, agents, unknown, ends, said)
    for person in people:
        assert Counter(_heard_from(here, person)) == Counter(person.texts), f"{person.handle} {said}"
    _judge_events(here, receivers, said)
    _sweep(here)
    faults = here.hands.faults()
    assert not faults, f"{faults} {said}"
    tries = [heard.event["delivery_id"] for receiver in receivers for heard in receiver.heard]
    return Kept(
        sends=sum(len(agent.accepted) for agent in agents),
        repeated=sum(agent.repeated for agent in agents),
        texts=sum(len(person.texts) for person in people),
        unknown=sum(map(len, unknown)),
        tries=len(tries),
        tried_again=len(tries) - len(set(tries)),
        blows=blows,
        ends=ends,
        seconds_to_rest=seconds,
    )


# Rest


def _rest(here: Site, texts: int) -> float:
    """Wait until nothing is open, as long as something moves; return how long it took."""
    began_at = moved_at = time.monotonic()
    before: dict[str, int] = {}
    while True:
        now = _open(here, texts)
        if not any(now.values()):
            return time.monotonic() - began_at
        if now != before:
            before, moved_at = now, time.monotonic()
        assert time.monotonic() - moved_at < STANDSTILL_S, f"nothing moves: {now}"
        time.sleep(0.5)


def _open(here: Site, texts: int) -> dict[str, int]:
    counts = {name: here.database.sql(query)[0][0] for name, query in OPEN.items()}
    counts["texts heard"] = texts - counts["texts heard"]
    for mac in here.macs:
        for table in ("items", "sightings"):
            counts[f"{table} of {mac.name}"] = _count(mac.journal, f"SELECT count(*) FROM {table}")
    return counts


def _count(file: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchone()[0]


def _sweep(here: Site) -> None:
    """Answers of which nobody knows whether they were heard are gone after their time, which is let pass."""
    here.database.sql("UPDATE unanswered SET created_at = created_at - ?", KEPT_MS)
    until(lambda: here.database.sql("SELECT count(*) FROM unanswered") == [(0,)], SWEPT_WITHIN_S)


# Sends


def _unknown_of(here: Site, agent: Sent, said: str) -> set[str]:
    """Return the texts whose outcome is unknown; all others were sent, and are on the phone once, in their order."""
    items = _items(here)
    ends = {text: items[outbox_id] for text, outbox_id in agent.accepted.items()}
    unknown = {text for text, end in ends.items() if end == ("failed", UNKNOWN)}
    assert {end for text, end in ends.items() if text not in unknown} <= {("sent", None)}, f"{ends} {said}"
    shown = agent.mac.phone(agent.person)
    assert len(shown) == len(set(shown)), f"{agent.person}: something is doubled on the phone {said}"
    assert set(agent.accepted) - unknown <= set(shown) <= set(agent.accepted), f"{agent.person} {said}"
    assert shown == [text for text in agent.accepted if text in shown], f"{agent.person}: another order {said}"
    return unknown


def _items(here: Site) -> dict[str, tuple[str, str | None]]:
    rows = here.database.sql("SELECT id, status, error FROM outbox")
    return {outbox_id: (status, error) for outbox_id, status, error in rows}


def _judge_hand_overs(
    here: Site, agents: Sequence[Sent], unknown: list[set[str]], ends: dict[str, dict[int, int]], said: str
) -> None:
    """There is no item but those that were accepted; a death of a daemon cuts one hand-over at most."""
    accepted = [outbox_id for agent in agents for outbox_id in agent.accepted.values()]
    assert sorted(accepted) == sorted(_items(here)), f"a call was done twice {said}"
    for mac in here.macs:
        cut = sum(len(texts) for agent, texts in zip(agents, unknown, strict=True) if agent.mac == mac)
        assert cut <= sum(ends[f"daemon {mac.name}"].values()), f"{unknown} {said}"


# Texts and events


def _heard_from(here: Site, person: Said) -> list[str]:
    """Return the texts of a person, as the API tells them."""
    path = f"/v1/messages?from={quote(person.mac.line)}&to={quote(person.handle)}&limit=100"
    texts: list[str] = []
    cursor = ""
    while True:
        page: Json = here.get(path + cursor)
        texts += [message["text"] for message in page["data"] if not message["is_from_me"]]
        if not page["has_more"]:
            return texts
        cursor = f"&cursor={page['next_cursor']}"


def _judge_events(here: Site, receivers: list[Receiver], said: str) -> None:
    """Each message is one event, and each webhook has heard of it under one id."""
    rows = here.database.sql("SELECT id, is_from_me FROM messages")
    expected = Counter(("message.sent" if is_from_me else "message.received", each) for each, is_from_me in rows)
    events = Counter(here.database.sql("SELECT type, subject_id FROM events"))
    assert events == expected, f"{events - expected} {expected - events} {said}"
    for receiver in receivers:
        ids: dict[tuple[str, str], set[str]] = {}
        for event in [heard.event for heard in list(receiver.heard)]:
            ids.setdefault((event["event"], event["data"]["id"]), set()).add(event["delivery_id"])
        assert ids.keys() == expected.keys(), f"{expected.keys() ^ ids.keys()} {said}"
        assert {len(each) for each in ids.values()} == {1}, f"an event is doubled {said}"
