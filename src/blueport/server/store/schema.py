"""Brings a database's schema up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from blueport.server.errors import StoreUnavailableError

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(path: Path) -> None:
    """Create the SQLite file at *path*, readable by its owner alone, or bring it to the newest schema.

    Raises:
        StoreUnavailableError: It is locked, or no database.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
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


def engine_of(path: Path) -> Engine:
    """Return Alembic's way into the file."""
    return create_engine(f"sqlite:///{path}", poolclass=NullPool)
