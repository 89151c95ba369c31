"""What was asked to be done to a message is found by that message."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_IS_ABOUT = sa.text("about_guid IS NOT NULL")


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_index(
        "ix_outbox_about",
        "outbox",
        ["line_id", "about_guid"],
        sqlite_where=_IS_ABOUT,
        postgresql_where=_IS_ABOUT,
    )
