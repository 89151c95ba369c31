"""How much a line may send in an hour, and by what a message went."""

import sqlalchemy as sa
from alembic import op

from blueport.server.store.types import TEXT

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("installation", sa.Column("line_hourly_limit", sa.Integer(), nullable=False, server_default="150"))
    op.add_column("lines", sa.Column("fused_until", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("lines", sa.Column("fused_since", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("sent_by", TEXT, nullable=True))
