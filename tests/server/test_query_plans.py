# ruff: noqa: SLF001 - a plan belongs to a statement, and statements are private to the functions that run them
"""The statements of the hot paths find their rows by an index and sort nothing: a table may grow as it likes."""

import pytest
from sqlalchemy import Dialect

from blueport.server.guarding import queries as guarding
from blueport.server.notifying import queries as notifying
from blueport.server.notifying.delivering import queries as delivering
from blueport.server.notifying.log import queries as log
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
}


def _text(name: str, dialect: Dialect) -> str:
    return str(HOT[name]._core.compile(dialect=dialect))


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", HOT)
def test_a_hot_statement_seeks_and_does_not_sort(alice: Customer, name: str) -> None:
    text = _text(name, sqlite._DIALECT)

    # Unbound values would be refused; what they are does not change the plan.
    unbound = text.replace("?", "1")
    plan = [row[3] for row in alice.world.sql(f"EXPLAIN QUERY PLAN {unbound}")]

    assert plan
    bounded = ("SCAN recent", "SCAN ahead", "SCAN json_each")  # so many rows, found by an index or given
    plan = [step for step in plan if not step.startswith(bounded)]
    assert not [step for step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step], plan


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=True)
def test_the_reactions_of_a_message_are_found_by_it(alice: Customer) -> None:  # cur-18
    text = str(reactions._STANDING._core.compile(dialect=sqlite._DIALECT)).replace("?", "1")

    plan = [row[3] for row in alice.world.sql(f"EXPLAIN QUERY PLAN {text}")]

    # There are few: they are sorted.
    assert [step for step in plan if step.startswith("SEARCH reactions USING INDEX") and "message_id=?" in step]
    assert not [step for step in plan if step.startswith("SCAN") and not step.startswith("SCAN json_each")]


@pytest.mark.parametrize("store_kind", ["postgres"], indirect=True)
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
