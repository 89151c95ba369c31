"""Codes by which Macs are let in, and what was sent otherwise than it was asked."""

import sqlalchemy as sa
from alembic import op

from blueport.server.store.types import TEXT

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Bring the schema forward."""
    with op.batch_alter_table("daemons") as daemons:
        daemons.alter_column("token_hash", existing_type=TEXT, nullable=True)
    op.create_table(
        "pairings",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("daemon_id", TEXT, nullable=False),
        sa.Column("selector", TEXT, nullable=False),
        sa.Column("code_hash", TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("wrong_tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("token_hash", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_pairings_account_id")),
        sa.ForeignKeyConstraint(["daemon_id"], ["daemons.id"], name=op.f("fk_pairings_daemon_id")),
        sa.PrimaryKeyConstraint("daemon_id", name=op.f("pk_pairings")),
        sa.UniqueConstraint("selector", name=op.f("uq_pairings_selector")),
        sqlite_with_rowid=False,
    )
    op.add_column("outbox", sa.Column("warning", TEXT, nullable=True))
