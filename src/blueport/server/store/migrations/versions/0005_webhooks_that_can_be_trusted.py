"""What a receiver was like, each try that was made, events that can be read, and what an account may set."""

import sqlalchemy as sa
from alembic import op

from blueport.server.store.types import TEXT

revision = "0005"
down_revision = "0004"

_OPEN = sa.text("completed_at IS NULL")
_RUNNING = sa.text("state = 'running'")
_UNDELIVERED = sa.text("state IN ('failed', 'cancelled')")
_UNTRIED = sa.text("completed_at IS NULL AND reason IS NULL")


def upgrade() -> None:
    """Bring the schema forward."""
    _settings()
    _webhooks()
    _events()
    _deliveries()
    _attempts()


def _settings() -> None:
    with op.batch_alter_table("accounts") as accounts:
        accounts.add_column(sa.Column("extended_events", sa.Integer(), nullable=False, server_default="0"))
        accounts.add_column(sa.Column("stop_handling", sa.Integer(), nullable=False, server_default="0"))
        accounts.add_column(sa.Column("pace_ms", sa.Integer(), nullable=True))
        accounts.add_column(sa.Column("pace_burst", sa.Integer(), nullable=True))
        accounts.add_column(sa.Column("loop_limit", sa.Integer(), nullable=True))
        accounts.add_column(sa.Column("loop_window_s", sa.Integer(), nullable=True))
        accounts.add_column(sa.Column("loop_pause_s", sa.Integer(), nullable=True))
    usual = {"pace_ms": "1000", "pace_burst": "5", "loop_limit": "20", "loop_window_s": "120", "loop_pause_s": "600"}
    for name, value in usual.items():
        op.add_column("installation", sa.Column(name, sa.Integer(), nullable=False, server_default=value))
    op.add_column("lines", sa.Column("paced_until", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("chats", sa.Column("opted_out_at", sa.BigInteger(), nullable=True))
    op.add_column("chats", sa.Column("looping_until", sa.BigInteger(), nullable=True))


def _webhooks() -> None:
    op.add_column("webhooks", sa.Column("earlier_secret", TEXT, nullable=True))
    op.add_column("webhooks", sa.Column("earlier_secret_until", sa.BigInteger(), nullable=True))
    op.add_column("webhooks", sa.Column("delays_s", TEXT, nullable=True))
    op.add_column("webhooks", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("webhooks", sa.Column("failing_since", sa.BigInteger(), nullable=True))
    op.add_column("webhooks", sa.Column("disabled_at", sa.BigInteger(), nullable=True))
    op.add_column("webhooks", sa.Column("disabled_reason", TEXT, nullable=True))


def _events() -> None:
    with op.batch_alter_table("events") as events:
        events.alter_column("line_id", existing_type=TEXT, nullable=True)
        events.alter_column("chat_id", existing_type=TEXT, nullable=True)
        events.add_column(sa.Column("is_test", sa.Integer(), nullable=False, server_default="0"))
        events.add_column(sa.Column("tx_id", sa.BigInteger(), nullable=False, server_default="0"))
        events.add_column(sa.Column("occasion", sa.BigInteger(), nullable=False, server_default="0"))
        events.drop_constraint("uq_events_subject_id_type", type_="unique")
        events.create_unique_constraint("uq_events_subject_id_type_occasion", ["subject_id", "type", "occasion"])
    if op.get_context().dialect.name == "postgresql":
        # Numbers are not handed out in the order of commits there: who reads on must not pass by what commits late.
        op.execute("ALTER TABLE events ALTER tx_id SET DEFAULT pg_current_xact_id()::text::bigint")
    op.create_index("ix_events_account_id_tx_id_seq", "events", ["account_id", "tx_id", "seq"])


def _deliveries() -> None:
    op.add_column("deliveries", sa.Column("replayed_after", sa.Integer(), nullable=False, server_default="0"))
    for name in ("open", "state", "due"):
        op.drop_index(f"ix_deliveries_{name}", "deliveries")
    op.create_index(
        "ix_deliveries_turn",
        "deliveries",
        ["chat_id", "webhook_id", "seq"],
        sqlite_where=_UNTRIED,
        postgresql_where=_UNTRIED,
    )
    op.execute(
        "UPDATE deliveries SET state = 'waiting', available_at = -1 - available_at"
        " WHERE state = 'pending' AND reason IS NULL AND EXISTS"
        " (SELECT 1 FROM deliveries first WHERE first.webhook_id = deliveries.webhook_id"
        " AND first.chat_id = deliveries.chat_id AND first.seq < deliveries.seq"
        " AND first.completed_at IS NULL AND first.reason IS NULL)"
    )
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["webhook_id", "available_at", "seq"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "ix_deliveries_running",
        "deliveries",
        ["webhook_id", "lease_until"],
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )
    op.create_index("ix_deliveries_account_id_id", "deliveries", ["account_id", "id"])
    op.create_index("ix_deliveries_webhook_id_id", "deliveries", ["webhook_id", "id"])
    op.create_index(
        "ix_deliveries_undelivered",
        "deliveries",
        ["account_id", "id"],
        sqlite_where=_UNDELIVERED,
        postgresql_where=_UNDELIVERED,
    )


def _attempts() -> None:
    op.create_table(
        "delivery_attempts",
        sa.Column("delivery_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("response", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_delivery_attempts_account_id")),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_attempts")),
        sqlite_with_rowid=False,
    )
