"""Brings a database's schema up to date: by the same migrations on SQLite and PostgreSQL.

Nothing is done for what is up to date, and one that a newer Blueport has changed is refused: nobody knows what that one
keeps there. Who comes second while another migrates waits for it.
"""

import asyncio
import fcntl
import io
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from blueport.server.errors import MisconfiguredError, StoreUnavailableError
from blueport.server.settings import is_postgres, name_without_secret

_MIGRATIONS = Path(__file__).with_name("migrations")
# A migration's file is named after its revision.
_KNOWN = sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
NEWEST = _KNOWN[-1]
_VERSION = "SELECT version_num FROM alembic_version"
# The name of the lock that who migrates holds.
_MIGRATING = 0x6D696772
_CLOSE_TIMEOUT_S = 5

T = TypeVar("T")


def upgrade(database: str) -> str | None:
    """Make a database, readable by its owner alone, or bring it to the newest schema; return which it had before.

    Raises:
        MisconfiguredError: A newer Blueport has changed it.
        StoreUnavailableError: It cannot be had, is locked, or is no database.
    """
    if is_postgres(database):
        return asyncio.run(_on_postgres(database, _migrate_postgres))
    return _upgrade_file(Path(database).expanduser())


def revision(database: str) -> str | None:
    """Return the schema of a database, None if it has none yet; nothing is changed, and no file is made.

    Raises:
        MisconfiguredError: A newer Blueport has changed it.
        StoreUnavailableError: It cannot be had, is locked, or is no database.
    """
    if is_postgres(database):
        return asyncio.run(_on_postgres(database, _version_of_postgres))
    path = Path(database).expanduser()
    return _revision_of_file(path) if path.exists() else None


def engine_of(path: Path) -> Engine:
    """Return Alembic's way into the file: in whole transactions, of which Python's driver would leave out the DDL."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _upgrade_file(path: Path) -> str | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    before = _version_of_file(path)
    if before != NEWEST:
        with _alone_on(path):
            _migrate_file(path)
    return before


def _version_of_file(path: Path) -> str | None:
    """Return the file's schema; what cannot be read now is for the migration to wait for, or to tell."""
    try:
        return _revision_of_file(path, timeout_s=0)
    except StoreUnavailableError:
        return None


def _revision_of_file(path: Path, timeout_s: float = 5) -> str | None:
    try:
        place = f"file:{quote(str(path))}?mode=rw"
        with closing(sqlite3.connect(place, uri=True, timeout=timeout_s)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                return None
            found = connection.execute(_VERSION).fetchone()
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"{path}: {error}") from error
    return _known(found[0]) if found else None


def _known(version: str) -> str:
    if version not in _KNOWN:
        raise MisconfiguredError(
            f"this database has the schema {version} of a newer Blueport, and this one knows {NEWEST}: update Blueport"
        )
    return version


@contextmanager
def _alone_on(path: Path) -> Iterator[None]:
    """Wait until nobody else migrates the file."""
    with os.fdopen(os.open(path.with_name(f"{path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate_file(path: Path) -> None:
    engine = engine_of(path)
    try:
        _write_ahead(path)
        with engine.begin() as connection:
            _alembic("head", connection=connection)
    except DatabaseError as error:
        raise StoreUnavailableError(f"{path}: {error.orig}") from error
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"{path}: {error}") from error
    finally:
        engine.dispose()


def _write_ahead(path: Path) -> None:
    """Have the file keep a write-ahead log: those who find it without one at the same time would not wait in turn."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


async def connect_to_postgres(url: str) -> Any:
    """Open a connection.

    Raises:
        MisconfiguredError: The URL is none.
        StoreUnavailableError: There is no connection to be had.
    """
    import asyncpg  # noqa: PLC0415 - who has a file need not load it

    from blueport.server.store.postgres.connecting import TROUBLE, Connector  # noqa: PLC0415 - as above

    try:
        return await Connector(url).connect()
    except (ValueError, OverflowError) as error:
        # What the standard library says of a URL may quote the password.
        why = f": {error}" if isinstance(error, asyncpg.ClientConfigurationError) else ""
        raise MisconfiguredError(
            f"{name_without_secret(url)} is no URL of a database{why}; in a password / ? # @ % are %2F %3F %23 %40 %25"
        ) from None
    except TROUBLE as error:
        raise _unavailable(url, error) from error


async def _on_postgres(url: str, work: Callable[[Any], Awaitable[T]]) -> T:
    from blueport.server.store.postgres.connecting import TROUBLE  # noqa: PLC0415 - as above

    connection = await connect_to_postgres(url)
    try:
        return await work(connection)
    except TROUBLE as error:
        raise _unavailable(url, error) from error
    finally:
        await connection.close(timeout=_CLOSE_TIMEOUT_S)


def _unavailable(url: str, error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(f"{name_without_secret(url)}: {type(error).__name__}: {error}")


async def _migrate_postgres(connection: Any) -> str | None:
    """Run what is missing as one script in one transaction: so it also goes through a pooler."""
    async with connection.transaction():
        before = await _version_of_postgres(connection)
        if before == NEWEST:
            return before
        # Who migrates may take longer than any of our statements.
        await connection.execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
        await connection.execute(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
        found = await _version_of_postgres(connection)
        if found != NEWEST:
            await connection.execute(_script_from(found))
    return before


async def _version_of_postgres(connection: Any) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')::text") is None:
        return None
    found = await connection.fetchval(_VERSION)
    return None if found is None else _known(found)


def _script_from(version: str | None) -> str:
    """Return the SQL that leads from *version* to the newest schema."""
    script = io.StringIO()
    _alembic(f"{version or 'base'}:head", script=script)
    return script.getvalue()


def _alembic(revisions: str, *, connection: Any = None, script: io.StringIO | None = None) -> None:
    # A server that comes back after a crash, or a command beside it, need not wait for what only a new schema needs.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(output_buffer=script)
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revisions, sql=script is not None)
