"""The store: what was answered is on the disk, what failed has left no trace."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import update

from blueport.server.authorizing import queries as authorizing
from blueport.server.authorizing.queries import UNBOUNDED, Bounds, KeyRow
from blueport.server.errors import StoreUnavailableError
from blueport.server.ids import AccountId, KeyId
from blueport.server.store.schema import engine_of, upgrade
from blueport.server.store.sqlite import SqliteStore, connect
from blueport.server.store.tables import api_keys, metadata
from blueport.server.store.tx import Statement, Tx
from tests.patience import PATIENCE_S
from tests.server.world import Clock

REVOKE = Statement(update(api_keys).values(revoked_at=1))


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database, Clock())
    yield store
    store.close()


def add(tx: Tx, name: str) -> str:
    authorizing.add_account(tx, AccountId(f"acc_{name}"), name)
    return name


def add_and_fail(tx: Tx, name: str) -> None:
    add(tx, name)
    raise LookupError(name)


def add_key(tx: Tx, bounds: Bounds = UNBOUNDED, hashed: str = "hash") -> None:
    account_id = AccountId(f"acc_{hashed}")
    authorizing.add_account(tx, account_id, "ada")
    row = KeyRow(KeyId(f"key_{hashed}"), account_id, "", None)
    authorizing.add_key(tx, row, name="key", hashed=hashed, last4="last", bounds=bounds)


def is_live(tx: Tx, hashed: str = "hash") -> bool:
    return authorizing.live_key(tx, hashed) is not None


def revoke(tx: Tx) -> None:
    tx.change(REVOKE)


def names(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        found = {name for (name,) in connection.execute("SELECT name FROM accounts")}
    connection.close()
    return found


def put_a_folder_in_place_of(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.mkdir()


class TestUnits:
    async def test_a_unit_that_raises_undoes_only_itself(self, store: SqliteStore, database: Path) -> None:
        together = [store.write(add, "ada"), store.write(add_and_fail, "bad"), store.write(add, "carl")]

        outcomes = await asyncio.gather(*together, return_exceptions=True)

        assert (outcomes[0], outcomes[2]) == ("ada", "carl")
        assert isinstance(outcomes[1], LookupError)
        assert names(database) == {"ada", "carl"}

    async def test_a_broken_constraint_is_the_fault_of_its_own_unit(self, store: SqliteStore, database: Path) -> None:
        together = [store.write(add, name) for name in ("ada", "ada", "carl")]

        outcomes = await asyncio.gather(*together, return_exceptions=True)

        assert isinstance(outcomes[1], sqlite3.IntegrityError)
        assert names(database) == {"ada", "carl"}

    async def test_a_result_is_told_only_once_it_is_committed(self, store: SqliteStore, database: Path) -> None:
        for number in range(50):
            await store.write(add, str(number))
            assert str(number) in names(database)

    async def test_units_run_in_the_order_in_which_they_were_given(self, store: SqliteStore) -> None:
        ran: list[int] = []

        await asyncio.gather(*[store.write(lambda _tx, number=number: ran.append(number)) for number in range(600)])

        assert ran == list(range(600))

    async def test_one_whose_caller_is_gone_hurts_no_other(self, store: SqliteStore) -> None:
        gone = asyncio.create_task(store.write(add, "gone"))
        stays = asyncio.create_task(store.write(add, "stays"))
        await asyncio.sleep(0)
        gone.cancel()

        assert await stays == "stays"


class TestReading:
    async def test_a_reader_cannot_write(self, store: SqliteStore, database: Path) -> None:
        with pytest.raises(StoreUnavailableError):
            await store.read(add, "ada")

        assert names(database) == set()

    async def test_a_reader_sees_one_moment(self, store: SqliteStore, database: Path) -> None:
        def looked_twice(tx: Tx) -> tuple[int, int]:
            before = authorizing.how_many_accounts(tx)
            outside = connect(database)
            outside.execute("INSERT INTO accounts (id, name, created_at) VALUES ('acc_new', 'new', 1)")
            outside.close()
            return before, authorizing.how_many_accounts(tx)

        assert await store.read(looked_twice) == (0, 0)
        assert await store.read(authorizing.how_many_accounts) == 1

    async def test_a_reader_that_raises_leaves_no_transaction_open(self, store: SqliteStore) -> None:
        def fails(_tx: Tx) -> None:
            raise LookupError

        for _ in range(4):
            with pytest.raises(LookupError):
                await store.read(fails)

        await store.write(add, "ada")
        assert await store.read(authorizing.how_many_accounts) == 1


class TestKeptRows:
    async def test_what_another_connection_changed_is_seen_by_the_next_unit(
        self, store: SqliteStore, database: Path
    ) -> None:
        await store.write(add_key)
        assert await store.write(is_live)

        other = connect(database)
        other.execute("UPDATE api_keys SET revoked_at = 1")
        other.close()

        assert not await store.write(is_live)

    async def test_what_a_unit_changed_is_seen_by_the_next_one_of_its_group(self, store: SqliteStore) -> None:
        await store.write(add_key)
        together = [store.write(unit) for unit in (is_live, revoke, is_live)]

        assert await asyncio.gather(*together) == [True, None, False]

    async def test_what_was_undone_is_not_kept(self, store: SqliteStore) -> None:
        def is_live_until_it_raises(tx: Tx) -> None:
            add_key(tx)
            raise LookupError(is_live(tx))

        together = [store.write(unit) for unit in (is_live_until_it_raises, is_live)]
        outcomes = await asyncio.gather(*together, return_exceptions=True)

        assert [str(outcome) for outcome in outcomes] == ["True", "False"]

    async def test_a_key_expires_although_nobody_writes(self, store: SqliteStore) -> None:
        await store.write(add_key, Bounds(expires_at=store.now_ms() + 1))
        assert await store.write(is_live)

        store.now_ms.ms += 1  # type: ignore[attr-defined]  # the clock of these tests

        assert not await store.write(is_live)

    async def test_a_reader_sees_what_was_committed(self, store: SqliteStore) -> None:
        await store.write(add_key)
        assert await store.write(is_live)
        await store.write(revoke)

        assert not await store.read(is_live)

    async def test_no_more_rows_are_kept_than_there_is_room_for(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.server.store.sqlite.KEPT_ROWS", 1)
        await store.write(add_key)
        await store.write(add_key, hashed="other")

        for hashed in ("hash", "other", "hash", "none"):
            assert await store.write(is_live, hashed) == (hashed != "none")


class TestTrouble:
    # srv-091
    async def test_a_file_that_another_holds_takes_nothing_and_says_so(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blueport.server.store.sqlite.BUSY_TIMEOUT_S", 0.05)
        store = SqliteStore(database, Clock())
        other = connect(database)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailableError):
            await store.write(add, "ada")
        other.execute("ROLLBACK")
        other.close()

        assert names(database) == set()
        assert await store.write(add, "carl") == "carl"
        store.close()

    async def test_a_file_that_cannot_be_opened_ends_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(sqlite3.OperationalError):
            SqliteStore(tmp_path, Clock())

    async def test_a_file_that_cannot_be_opened_any_more_cannot_be_read(
        self, store: SqliteStore, database: Path
    ) -> None:
        put_a_folder_in_place_of(database)

        with pytest.raises(StoreUnavailableError):
            await store.read(authorizing.how_many_accounts)

    async def test_a_reader_is_not_held_up_by_a_writer(self, store: SqliteStore, database: Path) -> None:
        other = connect(database)
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO accounts (id, name, created_at) VALUES ('acc_new', 'new', 1)")

        assert await store.read(authorizing.how_many_accounts) == 0

        other.execute("ROLLBACK")
        other.close()

    async def test_what_was_accepted_is_written_before_the_store_closes(self, database: Path) -> None:
        store = SqliteStore(database, Clock())
        writes = [asyncio.create_task(store.write(add, str(number))) for number in range(300)]
        await asyncio.sleep(0)

        store.close()

        await asyncio.gather(*writes)
        assert names(database) == {str(number) for number in range(300)}


WRITES_FOR_EVER = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from blueport import failpoints
    from blueport.server.authorizing import queries
    from blueport.server.store.sqlite import SqliteStore

    async def main(database, folder):
        failpoints.arm(folder)
        store = SqliteStore(database, lambda: 1)
        for number in range(100_000):
            await asyncio.gather(*[written(store, f"{number}-{each}") for each in range(5)])

    async def written(store, name):
        await store.write(queries.add_account, f"acc_{name}", name)
        print(name, flush=True)

    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
""")


class TestDeath:
    @pytest.mark.parametrize("point", ["server.commit", "server.committed"])
    def test_what_was_answered_is_on_the_disk_and_groups_are_whole(
        self, database: Path, tmp_path: Path, point: str
    ) -> None:
        # srv-036, hook-17
        command = [sys.executable, "-c", WRITES_FOR_EVER, str(database), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        answered = {process.stdout.readline().strip() for _ in range(20)}

        (tmp_path / point).touch()
        answered |= set(process.stdout.read().split())
        process.stdout.close()

        assert process.wait(timeout=PATIENCE_S) == -signal.SIGKILL
        written = names(database)
        assert answered <= written
        assert len(written) % 5 == 0
        assert len(written - answered) == (5 if point == "server.committed" else 0)


class TestSchema:
    def test_the_tables_are_the_sum_of_the_migrations(self, migrated: Path) -> None:
        engine = engine_of(migrated)
        with engine.connect() as connection:
            difference = compare_metadata(MigrationContext.configure(connection), metadata)
        engine.dispose()

        assert difference == []

    def test_an_upgrade_of_what_is_up_to_date_changes_nothing(self, database: Path) -> None:
        before = database.read_bytes()

        upgrade(database)

        assert database.read_bytes() == before

    def test_what_is_up_to_date_is_opened_without_the_tools_of_a_migration(self, database: Path) -> None:
        program = f"""if True:
            import sys
            from pathlib import Path
            from blueport.server.store.schema import upgrade
            upgrade(Path({str(database)!r}))
            sys.exit("alembic" in sys.modules)
        """

        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

    def test_the_file_is_its_owners_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "blueport.db"

        upgrade(path)

        assert path.stat().st_mode & 0o077 == 0

    def test_every_connection_is_durable(self, database: Path) -> None:
        connection = connect(database)

        values = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        connection.close()

        assert values == ["wal", 2]  # 2 is FULL
