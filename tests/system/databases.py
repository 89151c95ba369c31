"""Databases for the command line: a PostgreSQL whose URL has a secret in it, and schemas of before."""

import contextlib
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from alembic import command
from alembic.config import Config

import blueport.server.store
from blueport.server.settings import is_postgres
from blueport.server.store.schema import engine_of
from tests.postgres import Postgres, psql

SECRET = "never-to-be-told"
_MIGRATIONS = Path(blueport.server.store.__file__).with_name("migrations")


def with_secret(url: str) -> str:
    """Return a URL with a password: a server that trusts this machine asks for none, and takes any."""
    parts = urlsplit(url)
    if parts.password:
        return url
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{SECRET}@{parts.hostname}:{parts.port}"))


@contextlib.contextmanager
def new_database(server: Postgres) -> Iterator[str]:
    """Return the URL, with a secret, of a database without tables."""
    url = server.new_database()
    try:
        yield with_secret(url)
    finally:
        server.drop(url)


def bring_to(revision: str, database: str) -> None:
    """Give a new database a schema of before."""
    script = io.StringIO()
    config = Config(output_buffer=script)
    config.set_main_option("script_location", str(_MIGRATIONS))
    if is_postgres(database):
        command.upgrade(config, f"base:{revision}", sql=True)
        psql(database, script.getvalue())
        return
    engine = engine_of(Path(database))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def sql(database: str, statement: str) -> str:
    """Run a statement past Blueport, and return the first column of what comes back, a row a line."""
    if is_postgres(database):
        return psql(database, statement)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        return "\n".join(str(row[0]) for row in connection.execute(statement))
