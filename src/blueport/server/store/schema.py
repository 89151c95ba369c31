"""Brings a database's schema up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(path: Path) -> None:
    """Create the SQLite file at *path*, readable by its owner alone, or bring it to the newest schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    engine = engine_of(path)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def engine_of(path: Path) -> Engine:
    """Return Alembic's way into the file."""
    return create_engine(f"sqlite:///{path}", poolclass=NullPool)
