"""A whole installation in another database: cell by cell what it was, or nothing; and a server there goes on."""

import contextlib
import gc
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import BigInteger, Column, Table, Text, UniqueConstraint

from blueport.server.errors import MisconfiguredError, StoreUnavailableError
from blueport.server.sealing import new_sealing_key
from blueport.server.store.copying import copy
from blueport.server.store.ends import BATCH
from blueport.server.store.tables import XIDS, events, metadata
from tests.conftest import Kind
from tests.databases import Database, database_like, file_like
from tests.postgres import Postgres, psql
from tests.server.receiver import Receiver
from tests.server.world import ADA, CARL, MINUTE_MS, Clock, Customer, Json, Mac, World

ROWS = 30
MANY = 2 * BATCH + 1
HUGE = 2**63 - 1
SMALL = 2**31 - 1
ODD_TEXTS = (
    "",
    " ",
    "\n\t\r",
    "😀👩‍👩‍👧‍👦",
    "𐍈🂡𠜎",
    "e\u0301",
    "\ufeff\uffff\u2028",
    "'); DROP TABLE accounts; --",
    r"\N \\ \t \u0000 %s $1",
    '{"text": "\\u0000 \\ud83d", "n": 1.0}',
    "\x01\x7f",
    "long " * 5_000,
)
ODD_NUMBERS = (0, 1, -1, SMALL, -SMALL - 1)
HUGE_NUMBERS = (*ODD_NUMBERS, HUGE, -HUGE - 1, 1_760_000_000_000)

Made = dict[str, list[tuple[Any, ...]]]


class Watching:
    """Hears how far a copy is, and may do something meanwhile."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.total = 0
        self.done = 0
        self.meanwhile = meanwhile

    def reset(self, total: int) -> None:
        self.total = total

    def update(self, n: int) -> None:
        self.done += n
        self.meanwhile()


class Databases(NamedTuple):
    """As many empty databases of each kind as a test wants."""

    new: Callable[[Kind], Database]


@pytest.fixture
def databases(migrated: Path, postgres_server: Postgres, migrated_in_postgres: str) -> Iterator[Databases]:
    with contextlib.ExitStack() as stack:

        def new(kind: Kind) -> Database:
            if kind == "sqlite":
                return stack.enter_context(file_like(migrated))
            return stack.enter_context(database_like(postgres_server, migrated_in_postgres))

        yield Databases(new)


@pytest.fixture(params=["sqlite to postgres", "postgres to sqlite", "sqlite to sqlite", "postgres to postgres"])
def pair(request: pytest.FixtureRequest, databases: Databases) -> tuple[Database, Database]:
    source, target = request.param.split(" to ")
    return databases.new(source), databases.new(target)


@pytest.fixture
def source(databases: Databases) -> Database:
    return databases.new("sqlite")


@pytest.fixture
def target(databases: Databases) -> Database:
    return databases.new("postgres")


def put(database: Database, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Write rows into a file past Blueport."""
    places = ", ".join("?" * len(table.columns))
    with contextlib.closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO {table.name} ({names(table)}) VALUES ({places})", rows)
        connection.execute("COMMIT")


def names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


def content(database: Database, table: Table) -> list[tuple[Any, ...]]:
    return sorted(database.sql(f"SELECT {names(table)} FROM {table.name}"), key=repr)


def everything(database: Database) -> Made:
    return {table.name: content(database, table) for table in metadata.sorted_tables}


def lowered(event: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row of events as a copy has it: behind all transactions of another database."""
    place = names(events).split(", ").index("tx_id")
    return (*event[:place], event[place] - XIDS, *event[place + 1 :])


def fill(database: Database) -> Made:
    """Put rows of odd values into every table; return them."""
    rng = random.Random(5)
    made: Made = {}
    for table in metadata.sorted_tables:
        how_many = MANY if table.name == "audit_log" else ROWS
        made[table.name] = [_row(table, number, made, rng) for number in range(how_many)]
        put(database, table, made[table.name])
    return {name: sorted(rows, key=repr) for name, rows in made.items()}


def _row(table: Table, number: int, made: Made, rng: random.Random) -> tuple[Any, ...]:
    return tuple(_value(column, number, made, rng) for column in table.columns)


def _value(column: Column[Any], number: int, made: Made, rng: random.Random) -> Any:
    if column.nullable and rng.random() < 0.3:
        return None
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return made[key.column.table.name][number % ROWS][list(key.column.table.columns).index(key.column)]
    if _is_unique(column):
        return f"{number} {rng.choice(ODD_TEXTS)}" if isinstance(column.type, Text) else 3 * number + 1
    return rng.choice(_odd_values(column))


def _odd_values(column: Column[Any]) -> tuple[Any, ...]:
    if column.name == "is_sandbox":
        return (0,)  # there is one such line
    if column.name == "tx_id":
        return (0, 1, 4711, SMALL, -XIDS)
    if isinstance(column.type, Text):
        return ODD_TEXTS
    return HUGE_NUMBERS if isinstance(column.type, BigInteger) else ODD_NUMBERS


def _is_unique(column: Column[Any]) -> bool:
    rules = [rule for rule in column.table.constraints if isinstance(rule, UniqueConstraint)]
    return column.primary_key or bool(column.unique) or any(column in rule.columns.values() for rule in rules)


def account(database: Database, name: str) -> None:
    database.sql("INSERT INTO accounts (id, name, created_at) VALUES (?, ?, 1)", f"acc_{name}", name)


def message(database: Database, guid: str) -> int:
    """Put a message there that takes the next number; return it."""
    database.sql("INSERT INTO audit_log (at, actor, action) VALUES (1, 'system', ?)", guid)
    return database.sql("SELECT seq FROM audit_log WHERE action = ?", guid)[0][0]


def moved(source: Database, target: Database) -> dict[str, int]:
    return {each.table: each.rows for each in copy(source.named, target.named, Watching())}


class TestContent:
    def test_every_cell_of_every_table_is_what_it_was_on_each_kind_of_database(self, databases: Databases) -> None:
        source = databases.new("sqlite")
        made = fill(source)
        watching = Watching()

        for kind in ("postgres", "postgres", "sqlite", "sqlite"):
            target = databases.new(kind)  # type: ignore[arg-type]  # one of the two
            watching = Watching()
            told = copy(source.named, target.named, watching)

            assert {each.table: each.rows for each in told} == {name: len(rows) for name, rows in made.items()}
            assert watching.done == watching.total == 3 * sum(map(len, made.values()))
            assert everything(source) == made
            made["events"] = sorted(map(lowered, made["events"]), key=repr)
            for table in metadata.sorted_tables:
                assert content(target, table) == made[table.name], table.name
            source = target

    def test_what_is_next_gets_a_higher_number(self, pair: tuple[Database, Database]) -> None:
        source, target = pair
        last = [message(source, f"GUID-{number}") for number in range(5)][-1]

        moved(source, target)

        assert message(target, "GUID-next") > last
        assert source.sql("SELECT max(seq) FROM audit_log") == [(last,)]

    def test_the_number_of_what_was_deleted_is_not_given_again(self, databases: Databases) -> None:
        source, target = databases.new("postgres"), databases.new("postgres")
        source.sql("SELECT setval('audit_log_seq_seq', 4711)")

        moved(source, target)

        assert message(target, "GUID-next") == 4712

    def test_the_rules_of_the_database_are_what_they_were(self, source: Database, target: Database) -> None:
        rules = "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2"
        triggers = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
        before = target.sql(rules), target.sql(triggers)
        account(source, "Alice")

        moved(source, target)

        assert (target.sql(rules), target.sql(triggers)) == before

    def test_postgresql_knows_for_its_plans_how_much_there_is(self, source: Database, target: Database) -> None:
        account(source, "Alice")
        account(source, "Bob")

        moved(source, target)

        assert target.sql("SELECT reltuples FROM pg_class WHERE relname = 'accounts'") == [(2,)]

    def test_a_target_without_tables_gets_them(self, source: Database, postgres_server: Postgres) -> None:
        account(source, "Alice")
        with database_like(postgres_server, "template0") as target:
            moved(source, target)

            assert target.sql("SELECT name FROM accounts") == [("Alice",)]


class TestGoingOn:
    def test_what_was_accepted_is_sent_and_cursors_and_keys_still_lead_on(
        self, pair: tuple[Database, Database]
    ) -> None:
        said = {"from": "+15550101000", "to": ADA, "text": "said once"}
        named = {"Idempotency-Key": "a-name"}
        with running_on(pair[0]) as world:
            alice = world.customer("Alice", "+15550101000")
            alice.hears(ADA)
            alice.hears(CARL)
            accepted = alice.sends("accepted before")
            once = alice.post("/v1/messages", said, **named).json()
            page = chats(alice)

        move(*pair)

        with running_on(pair[1]) as world:
            alice = elsewhere(alice, world)
            assert alice.post("/v1/messages", said, **named).json()["id"] == once["id"]
            items = alice.mac.claim()
            assert [item.command.text for item in items] == ["accepted before", "said once"]
            alice.mac.sends(items[0])
            assert alice.item(accepted)["status"] == "sent"
            (rest,) = chats(alice, cursor=page["next_cursor"])["data"]
            assert rest["id"] != page["data"][0]["id"]

    def test_what_a_webhook_was_not_told_is_told_and_files_are_found(
        self, pair: tuple[Database, Database], receiver: Receiver
    ) -> None:
        files = str(pair[0].folder / "files")
        receiver.answering = lambda _: 500
        with running_on(pair[0], files=files) as world:
            alice = world.customer("Alice", "+15550101000")
            webhook = alice.webhook(receiver.url)
            alice.hears(ADA, "heard before")
            receiver.waits_for(1)
            file_id = alice.keeps(b"a file of before")

        move(*pair)
        receiver.answering = lambda _: 200

        with running_on(pair[1], files=files) as world:
            tried = len(receiver.heard)
            world.pass_time(10 * MINUTE_MS)
            heard = receiver.waits_for(tried + 1)[-1]
            assert (heard.text, heard.is_signed_with(webhook["secret"])) == ("heard before", True)
            assert elsewhere(alice, world).get("/v1/files", {"id": file_id}).content == b"a file of before"

    def test_what_is_sealed_is_opened_there_by_the_same_key(
        self, pair: tuple[Database, Database], receiver: Receiver
    ) -> None:
        key = new_sealing_key()
        with running_on(pair[0], secrets_key=key) as world:
            alice = world.customer("Alice", "+15550101000")
            webhook = alice.webhook(receiver.url)

        move(*pair)

        assert pair[1].sql("SELECT secret FROM webhooks") == pair[0].sql("SELECT secret FROM webhooks")
        with pytest.raises(MisconfiguredError, match="`secrets_key` is not set"), running_on(pair[1]):
            pass
        with running_on(pair[1], secrets_key=key) as world:
            elsewhere(alice, world).hears(ADA)
            assert receiver.waits_for(1)[0].is_signed_with(webhook["secret"])

    def test_who_reads_events_goes_on_where_he_was(self, pair: tuple[Database, Database]) -> None:
        with running_on(pair[0]) as world:
            alice = world.customer("Alice", "+15550101000")
            for text in ("one", "two", "three"):
                alice.hears(ADA, text)
            first = events_after(alice)[0]["id"]
        if pair[0].is_postgres:  # one that has done far more than the other
            pair[0].sql("UPDATE events SET tx_id = tx_id + 1000000000")

        move(*pair)

        with running_on(pair[1]) as world:
            alice = elsewhere(alice, world)
            alice.hears(ADA, "four")
            assert [event["data"]["text"] for event in events_after(alice, first)] == ["two", "three", "four"]


def events_after(customer: Customer, event_id: str | None = None) -> list[Json]:
    return customer.get("/v1/events", {} if event_id is None else {"after": event_id}).json()["data"]


@contextlib.contextmanager
def running_on(database: Database, **settings: str) -> Iterator[World]:
    with World(database, Clock(), **settings).open() as world:
        yield world


def move(source: Database, target: Database) -> None:
    gc.collect()  # a server's process would have ended; here its readers still have the file open
    moved(source, target)


def chats(customer: Customer, **more: Json) -> Json:
    return customer.get("/v1/chats", {"from": customer.line, "limit": 1, **more}).json()


def elsewhere(customer: Customer, world: World) -> Customer:
    """Return the same customer, with the same key and Mac, in another world."""
    mac = Mac(world, customer.mac.token, customer.mac.id)
    return Customer(world, customer.account_id, customer.key, customer.line, customer.line_id, mac)


class TestNothingElse:
    def test_nobody_writes_meanwhile_into_either(self, pair: tuple[Database, Database]) -> None:
        source, target = pair
        account(source, "Alice")
        came_in: list[str] = []
        watching = Watching()

        def meanwhile() -> None:
            # Nobody has the target yet while the source is looked over: whoever writes there then is in the way.
            for database, name in ((source, "Bob"), (target, "Carl"))[: 1 + (watching.done > watching.total / 3)]:
                with contextlib.suppress(RuntimeError, sqlite3.OperationalError):
                    account_at_once(database, name)
                    came_in.append(name)

        watching.meanwhile = meanwhile
        copy(source.named, target.named, watching)

        assert (watching.done, came_in) == (3, [])
        assert target.sql("SELECT name FROM accounts") == [("Alice",)]

    def test_a_writer_who_came_to_the_target_first_is_in_the_way(self, pair: tuple[Database, Database]) -> None:
        source, target = pair
        account(source, "Alice")

        with pytest.raises(StoreUnavailableError, match="is not empty: there are rows in `accounts`"):
            copy(source.named, target.named, Watching(lambda: account_at_once(target, "Carl")))

        assert target.sql("SELECT name FROM accounts") == [("Carl",)]

    def test_what_arrives_otherwise_than_it_was_sent_undoes_all(self, pair: tuple[Database, Database]) -> None:
        source, target = pair
        account(source, "Alice")
        if target.is_postgres:
            target.sql(
                "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN NEW.name := 'Mallory'; RETURN NEW; END $$"
            )
            target.sql("CREATE TRIGGER change BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION change()")
        else:
            target.sql("CREATE TRIGGER change AFTER INSERT ON accounts BEGIN UPDATE accounts SET name = 'Mallory'; END")

        with pytest.raises(StoreUnavailableError, match="what arrived in `accounts`"):
            moved(source, target)

        assert target.sql("SELECT count(*) FROM accounts") == [(0,)]

    def test_a_row_in_any_table_is_in_the_way(self, source: Database, target: Database) -> None:
        made = fill(source)
        for table in metadata.sorted_tables:
            if not table.foreign_keys:
                psql(target.named, f"BEGIN; {insertion_of_one(table, made)}; COMMIT")
                with pytest.raises(StoreUnavailableError, match=rf"not empty: there are rows in `{table.name}`"):
                    moved(source, target)
                psql(target.named, f"SET session_replication_role = replica; DELETE FROM {table.name}")

    def test_a_row_that_leads_nowhere_is_told_and_undoes_all(self, source: Database, target: Database) -> None:
        source.sql("INSERT INTO sandbox_usage (account_id, day, used) VALUES ('acc_nobody', 1, 1)")

        with pytest.raises(StoreUnavailableError, match=r"ForeignKeyViolation.*acc_nobody"):
            moved(source, target)

        assert not any(everything(target).values())

    @pytest.mark.parametrize(
        ("statement", "told"),
        [
            ("UPDATE accounts SET name = 'a' || char(0) || 'b'", "`accounts` with id 'acc_Alice': name holds a NUL"),
            (
                "UPDATE accounts SET name = CAST(x'61eda080' AS TEXT)",
                "`accounts` with id 'acc_Alice': name is no UTF-8",
            ),
            ("UPDATE accounts SET name = x'6162'", "`accounts` with id 'acc_Alice': name: Expected `str`"),
            ("UPDATE accounts SET created_at = 'noon'", "created_at: Expected `int`, got `str`"),
            ("UPDATE accounts SET created_at = 1.5", "created_at: Expected `int`, got `float`"),
            (f"UPDATE sandbox_usage SET used = {2**31}", "`sandbox_usage` with account_id 'acc_Alice', day 1: used: "),
        ],
    )
    def test_what_postgresql_could_not_keep_is_told_before_anything_is_copied(
        self, source: Database, target: Database, statement: str, told: str
    ) -> None:
        account(source, "Bob")
        account(source, "Alice")
        source.sql("INSERT INTO sandbox_usage (account_id, day, used) VALUES ('acc_Alice', 1, 1)")
        source.sql(f"{statement} WHERE {'account_id' if 'usage' in statement else 'id'} = 'acc_Alice'")

        with pytest.raises(StoreUnavailableError) as refused:
            moved(source, target)

        assert told in str(refused.value)
        assert "Bob" not in str(refused.value)
        assert "\n" not in str(refused.value)
        assert not any(everything(target).values())

    def test_a_thousand_faults_are_not_all_told(self, source: Database, target: Database) -> None:
        nothing = (None,) * 5
        rows = [(f"acc_{n}", "a\x00", None, 0, 0, *nothing, 1) for n in range(1000)]
        put(source, metadata.tables["accounts"], rows)

        with pytest.raises(StoreUnavailableError, match=r"(NUL.*){5}, and more$"):
            moved(source, target)

    def test_a_file_takes_a_nul_from_a_file(self, source: Database, databases: Databases) -> None:
        account(source, "a\x00b")
        target = databases.new("sqlite")

        moved(source, target)

        assert target.sql("SELECT name FROM accounts") == [("a\x00b",)]


def account_at_once(database: Database, name: str) -> None:
    """Make an account, or fail if one has to wait for it."""
    insertion = f"INSERT INTO accounts (id, name, created_at) VALUES ('acc_{name}', '{name}', 1)"
    if database.is_postgres:
        psql(database.named, f"SET lock_timeout = 50; {insertion}")
        return
    with contextlib.closing(sqlite3.connect(database.path, timeout=0, isolation_level=None)) as connection:
        connection.execute(insertion)


def insertion_of_one(table: Table, made: Made) -> str:
    literals = [
        "NULL" if value is None else f"{int(value)}" if isinstance(value, int) else f"$q${value}$q$"
        for value in made[table.name][0]
    ]
    return f"INSERT INTO {table.name} ({names(table)}) VALUES ({', '.join(literals)})"
