"""How much a line may send in an hour, by what a message went, and which process of a daemon is given work."""

import sqlalchemy as sa
from alembic import op

from blueport.server.store.types import TEXT

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("installation", sa.Column("line_hourly_limit", sa.Integer(), nullable=False, server_default="150"))
    op.add_column("lines", sa.Column("fused_until", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("lines", sa.Column("fused_since", sa.BigInteger(), nullable=True))
    op.add_column("daemons", sa.Column("process", TEXT, nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("sent_by", TEXT, nullable=True))
