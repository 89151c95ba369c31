"""Brings a database's schema up to date."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from blueport.server.errors import StoreUnavailableError

_MIGRATIONS = Path(__file__).with_name("migrations")
# A migration's file is named after its revision.
_NEWEST = max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def upgrade(path: Path) -> None:
    """Create the SQLite file at *path*, readable by its owner alone, or bring it to the newest schema.

    Raises:
        StoreUnavailableError: It is locked, or no database.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    if not _is_newest(path):
        _migrate(path)


def engine_of(path: Path) -> Engine:
    """Return Alembic's way into the file."""
    return create_engine(f"sqlite:///{path}", poolclass=NullPool)


def _is_newest(path: Path) -> bool:
    """Say whether there is nothing to do; what cannot be read now is for the migration to wait for, or to tell."""
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            return connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(_NEWEST,)]
    except sqlite3.Error:
        return False


def _migrate(path: Path) -> None:
    # A server that comes back after a crash, or a command beside it, need not wait for what only a new schema needs.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    engine = engine_of(path)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as error:
        raise StoreUnavailableError(f"{path}: {error.orig}") from error
    finally:
        engine.dispose()
