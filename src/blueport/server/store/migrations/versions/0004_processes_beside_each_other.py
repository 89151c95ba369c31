"""Which process answers or tries what; calls are counted beside the database."""

import sqlalchemy as sa
from alembic import op

from blueport.server.store.types import TEXT

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("unanswered", sa.Column("process", TEXT, nullable=False, server_default=""))
    op.add_column("deliveries", sa.Column("claimed_by", TEXT, nullable=True))
    op.create_index(
        "ix_deliveries_state",
        "deliveries",
        ["webhook_id", "state"],
        unique=False,
        sqlite_where=sa.text("completed_at IS NULL"),
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.drop_column("api_keys", "window_began_at")
    op.drop_column("api_keys", "window_calls")
    if op.get_context().dialect.name == "postgresql":
        # Counted on SQLite in a file beside it. What is not logged is not flushed, and is gone after a crash.
        op.execute(
            'CREATE UNLOGGED TABLE call_counts (name TEXT COLLATE "C" PRIMARY KEY, began_at BIGINT NOT NULL,'
            " calls INTEGER NOT NULL) WITH (fillfactor = 50)"
        )
