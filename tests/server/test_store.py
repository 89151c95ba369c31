"""The store: what was answered is on the disk, what failed has left no trace."""

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, update
from sqlalchemy.ext.asyncio import create_async_engine

from blueport.server.authorizing import queries as authorizing
from blueport.server.authorizing.queries import UNBOUNDED, Bounds, KeyRow
from blueport.server.errors import MisconfiguredError, StoreUnavailableError
from blueport.server.ids import AccountId, KeyId
from blueport.server.store.interface import Store
from blueport.server.store.opening import opened
from blueport.server.store.schema import NEWEST, engine_of, upgrade
from blueport.server.store.sqlite.store import SqliteStore, connect
from blueport.server.store.tables import api_keys, metadata
from blueport.server.store.tx import Statement, Tx
from tests.databases import BROKEN_RULES, Database
from tests.patience import PATIENCE_S
from tests.server.world import CONNECTIONS, Clock
from tests.units import add, looked_twice

ON_SQLITE = pytest.mark.one_store("it is about the file, or the one thread that writes it")

REVOKE = Statement(update(api_keys).values(revoked_at=1))


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    store = opened(database.named, Clock(), CONNECTIONS)
    yield store
    await store.close()


def add_and_fail(tx: Tx, name: str) -> None:
    add(tx, name)
    raise LookupError(name)


def fail(_tx: Tx, name: str) -> None:
    raise LookupError(name)


def names(database: Database) -> set[str]:
    return {name for (name,) in database.sql("SELECT name FROM accounts")}


async def differences(database: Database) -> list[Any]:
    """Return where the tables of a database are not those of `tables.py`."""
    if not database.is_postgres:
        with contextlib.closing(engine_of(database.path).connect()) as connection:
            return compared(connection)
    engine = create_async_engine(database.named.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool)
    async with engine.connect() as connection:
        return await connection.run_sync(compared)


def compared(connection: Connection) -> list[Any]:
    """Compare all tables but the counts of calls: they are none of what is kept."""
    found = compare_metadata(MigrationContext.configure(connection), metadata)
    return [each for each in found if not (each[0] == "remove_table" and each[1].name == "call_counts")]


def add_key(tx: Tx, bounds: Bounds = UNBOUNDED, hashed: str = "hash") -> None:
    account_id = AccountId(f"acc_{hashed}")
    authorizing.add_account(tx, account_id, "ada")
    row = KeyRow(KeyId(f"key_{hashed}"), account_id, "", None)
    authorizing.add_key(tx, row, name="key", hashed=hashed, last4="last", bounds=bounds)


def is_live(tx: Tx, hashed: str = "hash") -> bool:
    return authorizing.live_key(tx, hashed) is not None


def revoke(tx: Tx) -> None:
    tx.change(REVOKE)


def put_a_folder_in_place_of(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.mkdir()


class TestUnits:
    async def test_a_unit_that_raises_undoes_only_itself(self, store: Store, database: Database) -> None:
        together = [store.write(add, "ada"), store.write(add_and_fail, "bad"), store.write(add, "carl")]

        outcomes = await asyncio.gather(*together, return_exceptions=True)

        assert (outcomes[0], outcomes[2]) == ("ada", "carl")
        assert isinstance(outcomes[1], LookupError)
        assert names(database) == {"ada", "carl"}

    async def test_many_that_raise_leave_the_others_as_if_they_had_not_been(
        self, store: Store, database: Database
    ) -> None:
        units = [(add_and_fail, fail, add)[number % 3] for number in range(30)]
        together = [store.write(unit, str(number)) for number, unit in enumerate(units)]

        outcomes = await asyncio.gather(*together, return_exceptions=True)

        added = {str(number) for number in range(2, 30, 3)}
        assert [outcome for outcome in outcomes if not isinstance(outcome, LookupError)] == sorted(added, key=int)
        assert names(database) == added

    @ON_SQLITE
    async def test_one_that_raised_is_not_asked_again_for_the_sake_of_another(self, store: Store) -> None:
        asked: list[str] = []

        def refuse(_tx: Tx, name: str) -> None:
            asked.append(name)
            raise LookupError(name)

        together = [store.write(refuse, "first"), store.write(add_and_fail, "bad"), store.write(refuse, "last")]
        await asyncio.gather(*together, return_exceptions=True)

        assert asked == ["first", "last"]

    async def test_a_broken_constraint_is_the_fault_of_its_own_unit(self, store: Store, database: Database) -> None:
        together = [store.write(add, name) for name in ("ada", "ada", "carl")]

        outcomes = await asyncio.gather(*together, return_exceptions=True)

        assert [type(outcome) in BROKEN_RULES for outcome in outcomes].count(True) == 1
        assert names(database) == {"ada", "carl"}

    async def test_a_result_is_told_only_once_it_is_committed(self, store: Store, database: Database) -> None:
        for number in range(50):
            await store.write(add, str(number))
            assert str(number) in names(database)

    @ON_SQLITE
    async def test_units_run_in_the_order_in_which_they_were_given(self, store: Store) -> None:
        ran: list[int] = []

        await asyncio.gather(*[store.write(lambda _tx, number=number: ran.append(number)) for number in range(600)])

        assert ran == list(range(600))

    async def test_one_whose_caller_is_gone_hurts_no_other(self, store: Store) -> None:
        gone = asyncio.ensure_future(store.write(add, "gone"))
        stays = asyncio.ensure_future(store.write(add, "stays"))
        await asyncio.sleep(0)
        gone.cancel()

        assert await stays == "stays"


class TestReading:
    async def test_a_reader_cannot_write(self, store: Store, database: Database) -> None:
        with pytest.raises(StoreUnavailableError):
            await store.read(add, "ada")

        assert names(database) == set()

    async def test_a_reader_sees_one_moment(self, store: Store, database: Database) -> None:
        assert await store.read(looked_twice, database) == (0, 0)
        assert await store.read(authorizing.how_many_accounts) == 1

    async def test_a_reader_that_raises_leaves_no_transaction_open(self, store: Store) -> None:
        def fails(_tx: Tx) -> None:
            raise LookupError

        for _ in range(4):
            with pytest.raises(LookupError):
                await store.read(fails)

        await store.write(add, "ada")
        assert await store.read(authorizing.how_many_accounts) == 1


class TestKeptRows:
    async def test_what_another_connection_changed_is_seen_by_the_next_unit(
        self, store: Store, database: Database
    ) -> None:
        await store.write(add_key)
        assert await store.write(is_live)

        database.sql("UPDATE api_keys SET revoked_at = 1")

        assert not await store.write(is_live)

    @ON_SQLITE
    async def test_what_a_unit_changed_is_seen_by_the_next_one_of_its_group(self, store: Store) -> None:
        await store.write(add_key)
        together = [store.write(unit) for unit in (is_live, revoke, is_live)]

        assert await asyncio.gather(*together) == [True, None, False]

    async def test_what_was_undone_is_not_kept(self, store: Store) -> None:
        def is_live_until_it_raises(tx: Tx) -> None:
            add_key(tx)
            raise LookupError(is_live(tx))

        together = [store.write(unit) for unit in (is_live_until_it_raises, is_live)]
        outcomes = await asyncio.gather(*together, return_exceptions=True)

        assert [str(outcome) for outcome in outcomes] == ["True", "False"]

    async def test_a_key_expires_although_nobody_writes(self, store: Store) -> None:
        await store.write(add_key, Bounds(expires_at=store.now_ms() + 1))
        assert await store.write(is_live)

        store.now_ms.ms += 1  # type: ignore[attr-defined]  # the clock of these tests

        assert not await store.write(is_live)

    async def test_a_reader_sees_what_was_committed(self, store: Store) -> None:
        await store.write(add_key)
        assert await store.write(is_live)
        await store.write(revoke)

        assert not await store.read(is_live)

    async def test_no_more_rows_are_kept_than_there_is_room_for(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.server.store.sqlite.store.KEPT_ROWS", 1)
        await store.write(add_key)
        await store.write(add_key, hashed="other")

        for hashed in ("hash", "other", "hash", "none"):
            assert await store.write(is_live, hashed) == (hashed != "none")


class TestTrouble:
    async def test_two_that_read_and_then_write_all_the_time_fail_each_other_in_nothing(
        self, database: Database
    ) -> None:
        # srv-091
        stores = [opened(database.named, Clock(), CONNECTIONS) for _ in range(2)]

        def looks_and_adds(tx: Tx, name: str) -> None:
            authorizing.how_many_accounts(tx)
            add(tx, name)

        async def write(number: int, store: Store) -> None:
            for count in range(60):
                await store.write(looks_and_adds, f"{number} {count}")

        await asyncio.gather(*[write(number, store) for number, store in enumerate(stores)])

        assert names(database) == {f"{number} {count}" for number in range(2) for count in range(60)}
        for store in stores:
            await store.close()

    async def test_what_another_holds_takes_nothing_and_says_so(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.server.store.sqlite.store.BUSY_TIMEOUT_S", 0.05)
        monkeypatch.setattr("blueport.server.store.postgres.connecting.LOCK_TIMEOUT_MS", 50)
        store = opened(database.named, Clock(), CONNECTIONS)

        with database.locked(), pytest.raises(StoreUnavailableError):
            await store.write(add, "ada")

        assert names(database) == set()
        assert await store.write(add, "carl") == "carl"
        await store.close()

    async def test_a_file_that_cannot_be_opened_ends_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(sqlite3.OperationalError):
            SqliteStore(tmp_path, Clock())

    @ON_SQLITE
    async def test_a_file_that_cannot_be_opened_any_more_cannot_be_read(self, store: Store, database: Database) -> None:
        put_a_folder_in_place_of(database.path)

        with pytest.raises(StoreUnavailableError):
            await store.read(authorizing.how_many_accounts)

    async def test_a_reader_is_not_held_up_by_a_writer(self, store: Store, database: Database) -> None:
        with database.locked():
            assert await store.read(authorizing.how_many_accounts) == 0

    async def test_what_was_accepted_is_written_before_the_store_closes(self, database: Database) -> None:
        store = opened(database.named, Clock(), CONNECTIONS)
        writes = [asyncio.ensure_future(store.write(add, str(number))) for number in range(300)]
        await asyncio.sleep(0)

        await store.close()

        await asyncio.gather(*writes)
        assert names(database) == {str(number) for number in range(300)}


WRITES_FOR_EVER = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from blueport import failpoints
    from blueport.server.authorizing import queries
    from blueport.server.store.opening import opened

    async def main(database, folder):
        failpoints.arm(folder)
        store = opened(database, lambda: 1, 5)
        for number in range(100_000):
            await asyncio.gather(*[written(store, f"{number}-{each}") for each in range(5)])

    async def written(store, name):
        await store.write_holding(name, queries.add_account, f"acc_{name}", name)
        print(name, flush=True)

    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
""")


class TestDeath:
    @pytest.mark.parametrize("point", ["server.commit", "server.committed"])
    def test_what_was_answered_is_on_the_disk_and_groups_are_whole(
        self, database: Database, tmp_path: Path, point: str
    ) -> None:
        # srv-036, hook-17
        command = [sys.executable, "-c", WRITES_FOR_EVER, database.named, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        answered = {process.stdout.readline().strip() for _ in range(20)}

        (tmp_path / point).touch()
        answered |= set(process.stdout.read().split())
        process.stdout.close()

        assert process.wait(timeout=PATIENCE_S) == -signal.SIGKILL
        written = names(database)
        assert answered <= written
        if database.is_postgres:  # which commits each by itself
            assert len(written - answered) <= 5
        else:
            assert len(written) % 5 == 0
            assert len(written - answered) == (5 if point == "server.committed" else 0)


class TestSchema:
    def test_the_tables_are_the_sum_of_the_migrations(self, database: Database) -> None:
        assert asyncio.run(differences(database)) == []

    @ON_SQLITE
    def test_an_upgrade_of_what_is_up_to_date_changes_nothing(self, database: Database) -> None:
        before = database.path.read_bytes()

        assert upgrade(database.named) == NEWEST

        assert database.path.read_bytes() == before

    def test_what_is_up_to_date_is_opened_without_the_tools_of_a_migration(self, database: Database) -> None:
        program = f"""if True:
            import sys
            from blueport.server.store.schema import upgrade
            upgrade({database.named!r})
            sys.exit("alembic" in sys.modules)
        """

        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

    def test_the_file_is_its_owners_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "blueport.db"

        assert upgrade(str(path)) is None

        assert path.stat().st_mode & 0o077 == 0

    @ON_SQLITE
    async def test_those_who_open_a_new_file_first_at_the_same_time_all_can(self, empty: Database) -> None:
        program = f"""if True:
            import asyncio, sys
            from blueport.server.store.opening import opened
            sys.stdin.read()  # until all of them are there
            asyncio.run(opened({empty.named!r}, lambda: 1).close())
        """
        upgrade(empty.named)
        start = [sys.executable, "-c", program]
        opening = [await asyncio.create_subprocess_exec(*start, stdin=subprocess.PIPE) for _ in range(4)]
        for process in opening:
            assert process.stdin is not None
            process.stdin.close()

        assert [await process.wait() for process in opening] == [0, 0, 0, 0]

    @ON_SQLITE
    def test_a_new_file_is_in_the_mode_in_which_nobody_waits_for_readers(self, database: Database) -> None:
        assert database.sql("PRAGMA journal_mode") == [("wal",)]

    def test_one_that_a_newer_blueport_has_changed_is_refused_and_left_alone(self, database: Database) -> None:
        database.sql("UPDATE alembic_version SET version_num = '9999'")

        with pytest.raises(MisconfiguredError, match="9999"):
            upgrade(database.named)

        assert database.sql("SELECT version_num FROM alembic_version") == [("9999",)]

    async def test_processes_that_start_at_once_migrate_it_once(self, empty: Database) -> None:
        program = f"from blueport.server.store.schema import upgrade; upgrade({empty.named!r})"
        processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", program) for _ in range(4)]

        assert [await process.wait() for process in processes] == [0, 0, 0, 0]
        assert await differences(empty) == []

    @ON_SQLITE
    def test_every_connection_is_durable(self, database: Database) -> None:
        connection = connect(database.path)

        values = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        connection.close()

        assert values == ["wal", 2]  # 2 is FULL
