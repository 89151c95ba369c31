# ruff: noqa: SLF001 - a plan belongs to a statement, and statements are private to the functions that run them
"""The statements of the hot paths find their rows by an index and sort nothing: a table may grow as it likes."""

import pytest
from sqlalchemy import Dialect

from blueport.server.dashboard.audit import queries as audit
from blueport.server.dashboard.chats import queries as dashboard_chats
from blueport.server.dashboard.deliveries import queries as one_delivery
from blueport.server.dashboard.events import queries as events
from blueport.server.dashboard.lines import queries as lines
from blueport.server.dashboard.webhooks import queries as webhooks
from blueport.server.guarding import queries as guarding
from blueport.server.notifying import queries as notifying
from blueport.server.notifying.delivering import queries as delivering
from blueport.server.notifying.log import queries as log
from blueport.server.operating import queries as operating
from blueport.server.receiving import queries as receiving
from blueport.server.resources.chats import queries as chats
from blueport.server.resources.messages import queries as messages
from blueport.server.resources.reactions import queries as reactions
from blueport.server.sending import queries as sending
from blueport.server.signalling import queries as signalling
from blueport.server.store.postgres import connecting
from blueport.server.store.postgres import store as postgres
from blueport.server.store.sqlite import store as sqlite
from tests.postgres import psql
from tests.server.world import ADA, Customer

HOT = {
    "a page of messages, and of those that are looked through for words": messages._PAGE,  # body-03, cur-19
    "the message that reactions are asked of": reactions._BY_GUID,  # cur-18
    "a page of chats": chats._STILL,
    "open items of a line": sending._OPEN,
    "where an item stands": sending._WAITING,
    "what is ahead of an item": sending._AHEAD,
    "what is called off": sending._CALL_OFF,
    "what was done to a message": sending._ABOUT,
    "what was said to and fro": guarding._EXCHANGE,
    "what was said after a STOP": guarding._SAID_LATER,
    "the claim of a signal": signalling._CLAIM,
    "older signs of typing": signalling._SUPERSEDE,
    "signals that a Mac is too late for": signalling._EXPIRE_OF_DAEMON,
    "reactions that wait for a message": receiving._ATTACH_REACTIONS,
    "a reaction told again": receiving._IS_KNOWN_REACTION,
    "what of a webhook was not tried yet": delivering._NEW,
    "what of a webhook is to be tried again": delivering._AGAIN,
    "who has a delivery that waits for another": delivering._HAVE_WAITING,
    "what a try needs": delivering._DUE,
    "whether a delivery of the chat was not tried yet": delivering._LOCK_HEAD,
    "the next of a chat": delivering._PROMOTE,
    "what waits for a receiver that is back": delivering._HASTEN,
    "whether an event was made": notifying._EVENT,
    "a message by its guid": receiving._MESSAGE,
    "what failed, as callers know it": sending._ENDED,
    "what comes after an event": log._after(has_lines=False, has_types=False),
    "the newest event": log._newest(has_lines=False),
    "the newest events of accounts": log._HEADS,
    "deliveries that are kept no longer": log._ENDED,
    "events that are kept no longer": log._TOLD,
    "a part of all events": log._LOWER,
    "a page of keys": operating._page_of_keys(is_of_account=True, is_older=True, is_with_dead=False),
    "how far the audit log was looked through": audit._last_looked_at(("account_id", "before")),
    "what a list tells of chats": dashboard_chats._STANDINGS,
    "what was said after a message": dashboard_chats._LATER,
    "what is answered": dashboard_chats._ORIGINALS,
    "a line on its page": lines._ONE_LINE,
    "what a line has sent lately": lines._SENT,
    "what a line still has to send": lines._WAITING,
    "how a pairing stands": lines._PAIRING,
    "a page of webhooks": webhooks._PAGE,
    "a page of an account's webhooks": webhooks._PAGE_OF_ACCOUNT,
    "a webhook on its page": webhooks._CARD,
    "the end of the log of a webhook": webhooks._END,
    "a delivery on its page": one_delivery._STORY,
    "an event on its page": events._STORY,
}
# What these look through is bounded, and found by an index; of that they sort what is wanted.
LOOKED_THROUGH = {
    "the log of a webhook": webhooks._LOG,
    "what a webhook did not get": webhooks._LOG_OF_UNDELIVERED,
    "a page of events": events._PAGE,
    "messages of all chats, for words": dashboard_chats._SAID,
    "what stands on messages that are seen": dashboard_chats._REACTIONS,
    "what became of messages that are seen": dashboard_chats._FATES,
}
BOUNDED = ("SCAN recent", "SCAN ahead", "SCAN newest", "SCAN open", "SCAN json_each")


def _text(name: str, dialect: Dialect) -> str:
    return str((HOT | LOOKED_THROUGH)[name]._core.compile(dialect=dialect))


def _plan(alice: Customer, name: str) -> list[str]:
    """Return the steps by which SQLite does a statement, but for those through so many rows as were asked for."""
    # Unbound values would be refused; what they are does not change the plan.
    unbound = _text(name, sqlite._DIALECT).replace("?", "1")
    plan = [row[3] for row in alice.world.sql(f"EXPLAIN QUERY PLAN {unbound}")]
    assert plan
    return [step for step in plan if not step.startswith(BOUNDED)]


@pytest.mark.one_store("it reads the plans of SQLite")
@pytest.mark.parametrize("name", HOT)
def test_a_hot_statement_seeks_and_does_not_sort(alice: Customer, name: str) -> None:
    plan = _plan(alice, name)

    assert not [step for step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step], plan


@pytest.mark.one_store("it reads the plans of SQLite")
@pytest.mark.parametrize("name", LOOKED_THROUGH)
def test_what_is_looked_through_is_found_by_an_index(alice: Customer, name: str) -> None:
    plan = _plan(alice, name)

    assert not [step for step in plan if step.startswith("SCAN")], plan


@pytest.mark.one_store("it reads the plans of SQLite")
def test_the_reactions_of_a_message_are_found_by_it(alice: Customer) -> None:  # cur-18
    text = str(reactions._STANDING._core.compile(dialect=sqlite._DIALECT)).replace("?", "1")

    plan = [row[3] for row in alice.world.sql(f"EXPLAIN QUERY PLAN {text}")]

    # There are few: they are sorted.
    assert [step for step in plan if step.startswith("SEARCH reactions USING INDEX") and "message_id=?" in step]
    assert not [step for step in plan if step.startswith("SCAN") and not step.startswith("SCAN json_each")]


@pytest.mark.one_store("it reads the plans of PostgreSQL", kind="postgres")
@pytest.mark.parametrize("name", HOT)
def test_it_can_on_postgres_too(alice: Customer, name: str) -> None:
    text = _text(name, postgres._DIALECT)
    alice.hears(ADA)
    alice.world.sql("ANALYZE")

    # As our connections plan, and without sorting: the few rows that there are here are best sorted.
    forced = f"{connecting._terms('SET', is_terse=False)}; SET enable_sort = off"
    plan = psql(alice.world.database.named, f"{forced}; EXPLAIN (GENERIC_PLAN) {text}")

    assert "Index" in plan
    assert "Seq Scan" not in plan, plan
    assert "Sort" not in plan, plan
