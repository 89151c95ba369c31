"""Units of work with which tests try a store of whatever kind."""

import asyncio

from blueport.server.authorizing import queries as authorizing
from blueport.server.ids import AccountId
from blueport.server.store.interface import Store
from blueport.server.store.postgres.bridging import wait_for
from blueport.server.store.tx import Tx
from tests.databases import Database
from tests.patience import PATIENCE_S


def add(tx: Tx, name: str) -> str:
    """Add an account of that name."""
    authorizing.add_account(tx, AccountId(f"acc_{name}"), name)
    return name


def looked_twice(tx: Tx, database: Database) -> tuple[int, int]:
    """Count the accounts before and after somebody else has added one."""
    before = authorizing.how_many_accounts(tx)
    database.sql("INSERT INTO accounts (id, name, created_at) VALUES ('acc_new', 'new', 1)")
    return before, authorizing.how_many_accounts(tx)


async def two_that_add_the_same(store: Store) -> tuple[list[int], list[int]]:
    """Have two units add an account if there is none, neither before both have looked.

    Returns:
        How many accounts each of them found, and how many each of their runs did.
    """
    runs: list[int] = []
    both = asyncio.Event()

    def looks_and_adds(tx: Tx) -> int:
        before = authorizing.how_many_accounts(tx)
        runs.append(before)
        if len(runs) == 2:
            both.set()
        wait_for(asyncio.wait_for(both.wait(), PATIENCE_S))
        if not before:
            add(tx, "ada")
        return before

    return await asyncio.gather(*[store.write_holding(None, looks_and_adds) for _ in range(2)]), runs
