"""Fills a database with a long past, by SQL and past the API: schema and rows as they would be, but in minutes.

Half of the messages are one chat's, the others are spread over many; what was sent and told has long been done. Numbers
of rows become ids of one width, so that they sort as those of the server do: by time.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests import postgres

LINE = "+15555550100"
FRIEND = "+15550100001"
# Of the chat that holds half of all messages, and of how many others; of webhooks that hear all that happens.
BIG_CHAT = "cht_00000000000000000000000000"
MESSAGES_A_CHAT = 10
WEBHOOKS = 4
FIRST_MS = 1_700_000_000_000
BATCH = 500_000


class Filler(NamedTuple):
    """A database that is filled: what runs statements in it, and how it spells a range of numbers as the table `n`."""

    run: Callable[[str], None]
    numbers: str


def sqlite(path: Path, *, is_in_use: bool) -> Filler:
    """Return what fills an SQLite file; one that nobody uses need not be safe meanwhile."""

    def run(statements: str) -> None:
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
            pace = "PRAGMA cache_size = -200000;" + ("" if is_in_use else "PRAGMA synchronous = OFF;")
            connection.executescript(f"{pace} BEGIN; {statements}; COMMIT")

    recursion = "SELECT {first} AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}"
    return Filler(run, f"(WITH RECURSIVE numbers AS ({recursion}) SELECT n FROM numbers) AS numbers")


def postgresql(url: str) -> Filler:
    """Return what fills a PostgreSQL database; foreign keys are not looked up for each row: they are right."""

    def run(statements: str) -> None:
        postgres.psql(url, f"SET session_replication_role = replica; SET synchronous_commit = off; {statements}")

    return Filler(run, "generate_series({first}, {last}) AS numbers(n)")


def fill(filler: Filler, rows: int) -> None:
    """Add *rows* messages, and as many items of the outbox, events and deliveries that have ended."""
    add_chats(filler, rows)
    for table in (_MESSAGES, _OUTBOX, _EVENTS, _DELIVERIES):
        _insert(filler, table.format(chat=_chat(rows)), 1, rows)


def add_chats(filler: Filler, rows: int) -> None:
    """Add the chats of so many messages."""
    others = how_many_chats(rows)
    # The even messages are theirs, in turns: the last one of chat n has this number.
    last = f"2 * ({rows // 2} - ({rows // 2} + 1 - n) % {others})"
    filler.run(_BIG_CHAT.format(first_ms=FIRST_MS, rows=rows))
    _insert(filler, _CHATS.format(last=last), 1, others)


def add_messages(filler: Filler, rows: int) -> None:
    """Add *rows* messages to the big chat."""
    filler.run(_BIG_CHAT.format(first_ms=FIRST_MS, rows=rows))
    _insert(filler, _MESSAGES.format(chat=f"'{BIG_CHAT}'"), 1, rows)


def add_webhooks(filler: Filler) -> None:
    """Add the webhooks."""
    _insert(filler, _WEBHOOKS, 1, WEBHOOKS)


def add_open(filler: Filler, rows: int, *, items: int, deliveries: int) -> None:
    """Add items and deliveries that wait, behind *rows* that have ended."""
    _insert(filler, _open(_OUTBOX.format(chat=_chat(rows))), rows + 1, rows + items)
    _insert(filler, _EVENTS.format(chat=_chat(rows)), rows + 1, rows + deliveries)
    _insert(filler, _open(_DELIVERIES.format(chat=_chat(rows))), rows + 1, rows + deliveries)


def add_open_of_one_chat(filler: Filler, rows: int, count: int) -> None:
    """Add items of the big chat, and deliveries of its events to one webhook, that wait behind *rows* rows."""
    # The first of a chat goes, and the others wait for it.
    turn = f"CASE WHEN n = {rows + 1} THEN 'pending' ELSE 'waiting' END"
    due = f"CASE WHEN n = {rows + 1} THEN 0 ELSE -1 END"
    waiting = _open(_DELIVERIES).replace(_WEBHOOK, _name("wh", "1")).replace("'pending', 0, 0", f"{turn}, 0, {due}")
    for statement in (_open(_OUTBOX), _EVENTS, waiting):
        _insert(filler, statement.format(chat=f"'{BIG_CHAT}'"), rows + 1, rows + count)


def how_many_chats(rows: int) -> int:
    """Return how many chats there are beside the big one."""
    return max(1, rows // 2 // MESSAGES_A_CHAT)


def _insert(filler: Filler, statement: str, first: int, last: int) -> None:
    for begin in range(first, last + 1, BATCH):
        numbers = filler.numbers.format(first=begin, last=min(last, begin + BATCH - 1))
        filler.run(f"{statement} FROM {numbers}")


def _open(statement: str) -> str:
    """Return the statement for rows that have not ended."""
    return statement.replace("'sent'", "'pending'").replace("'delivered'", "'pending'").replace(_ENDED, "NULL")


def _name(prefix: str, number: str) -> str:
    """Return SQL for an id."""
    return f"'{prefix}_{'0' * 15}' || CAST(10000000000 + {number} AS TEXT)"


def _chat(rows: int) -> str:
    """Return SQL for the chat of message n."""
    other = _name("cht", f"(n / 2) % {how_many_chats(rows)} + 1")
    return f"CASE WHEN n % 2 = 1 THEN '{BIG_CHAT}' ELSE {other} END"


_LINE = "(SELECT account_id FROM lines), (SELECT id FROM lines)"
_AT = f"{FIRST_MS} + CAST(n AS BIGINT) * 1000"
_ENDED = f"{_AT} + 500"
_BIG_CHAT = f"""
INSERT INTO chats (account_id, line_id, id, key, identifier, service, is_group, participants, first_inbound_at,
  last_message_at, activity_seq, created_at)
SELECT {_LINE}, '{BIG_CHAT}', '{FRIEND}', '{FRIEND}', 'imessage', 0, '[]', {{first_ms}},
  {{first_ms}} + {{rows}} * CAST(1000 AS BIGINT), {{rows}}, {{first_ms}}"""
_CHATS = f"""
INSERT INTO chats (account_id, line_id, id, key, identifier, service, is_group, participants, first_inbound_at,
  last_message_at, activity_seq, created_at)
SELECT {_LINE}, {_name("cht", "n")}, '+1777' || CAST(10000000 + n AS TEXT), '+1777' || CAST(10000000 + n AS TEXT),
  'imessage', 0, '[]', {FIRST_MS}, {FIRST_MS} + CAST({{last}} AS BIGINT) * 1000, {{last}}, {FIRST_MS}"""
_MESSAGES = f"""
INSERT INTO messages (account_id, line_id, id, chat_id, guid, sender, text, attachments, service, is_from_me,
  is_audio_message, sent_at, synced_at)
SELECT {_LINE}, {_name("msg", "n")}, {{chat}}, 'guid-{"0" * 20}' || CAST(10000000000 + n AS TEXT), '{FRIEND}',
  'text number ' || n, '[]', 'imessage', 0, 0, {_AT}, {_AT}"""
_PAYLOAD = f"""'{{{{"from":"{LINE}","to":"{FRIEND}","text":"text number ' || n || '"}}}}'"""
_OUTBOX = f"""
INSERT INTO outbox (account_id, line_id, id, chat_id, key_id, kind, payload, status, attempts, max_attempts,
  available_at, created_at, completed_at)
SELECT {_LINE}, {_name("obx", "n")}, {{chat}}, (SELECT id FROM api_keys), 'text', {_PAYLOAD}, 'sent', 0, 5,
  0, {_AT}, {_ENDED}"""
_EVENTS = f"""
INSERT INTO events (account_id, line_id, id, chat_id, type, subject_id, data, created_at)
SELECT {_LINE}, {_name("evt", "n")}, {{chat}}, 'message.received', {_name("msg", "n")}, {_PAYLOAD}, {_AT}"""
_WEBHOOK = _name("wh", f"n % {WEBHOOKS} + 1")
_DELIVERIES = f"""
INSERT INTO deliveries (account_id, id, event_id, webhook_id, chat_id, state, attempts, available_at, created_at,
  completed_at)
SELECT (SELECT account_id FROM lines), {_name("dlv", "n")}, {_name("evt", "n")}, {_WEBHOOK},
  {{chat}}, 'delivered', 0, 0, {_AT}, {_ENDED}"""
_WEBHOOKS = f"""
INSERT INTO webhooks (account_id, id, url, secret, events, is_active, created_at)
SELECT (SELECT account_id FROM lines), {_name("wh", "n")}, 'http://127.0.0.1:9/' || n, 'whsec_' || n,
  'message.received', 1, {FIRST_MS}"""
