"""When the claim that holds an item was asked, and which hand-over of it was granted."""

import sqlalchemy as sa
from alembic import op

from blueport.server.store.types import TEXT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("outbox", sa.Column("claim_asked_at", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("begun_nonce", TEXT, nullable=True))
