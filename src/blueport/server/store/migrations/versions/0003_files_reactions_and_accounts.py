"""Files, reactions, typing, receipts, the sandbox, keys that tell of their use, and the audit log."""

import sqlalchemy as sa
from alembic import op

from blueport.server.store.types import SEQUENCE, TEXT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema forward."""
    _new_tables()
    _new_columns()
    if op.get_context().dialect.name == "postgresql":
        _make_append_only_on_postgres()
    else:
        _make_append_only_on_sqlite()


def _make_append_only_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for events, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER audit_log_is_append_only_{each.lower()} BEFORE {events} ON audit_log"
            f" FOR EACH {each} EXECUTE FUNCTION audit_log_is_append_only()"
        )


def _make_append_only_on_sqlite() -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_log_is_append_only_{event.lower()} BEFORE {event} ON audit_log"
            " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
    # REPLACE deletes what is in its way without a word to the trigger above.
    op.execute(
        "CREATE TRIGGER audit_log_is_append_only_replace BEFORE INSERT ON audit_log"
        " WHEN EXISTS (SELECT 1 FROM audit_log WHERE seq = NEW.seq)"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    )


def _new_tables() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("request_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_log_account_id_seq"), ["account_id", "seq"], unique=False)

    op.create_table(
        "sandbox_pairings",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("activation_code", TEXT, nullable=False),
        sa.Column("contact", TEXT, nullable=True),
        sa.Column("activated_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sandbox_pairings_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_sandbox_pairings")),
        sa.UniqueConstraint("activation_code", name=op.f("uq_sandbox_pairings_activation_code")),
        sa.UniqueConstraint("contact", name=op.f("uq_sandbox_pairings_contact")),
    )
    op.create_table(
        "sandbox_usage",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sandbox_usage_account_id")),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_sandbox_usage")),
    )
    op.create_table(
        "files",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("filename", TEXT, nullable=True),
        sa.Column("mime_type", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("shown_as", TEXT, nullable=True),
        sa.Column("storage_key", TEXT, nullable=False),
        sa.Column("line_id", TEXT, nullable=True),
        sa.Column("attachment_guid", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_files_account_id")),
        sa.ForeignKeyConstraint(["line_id"], ["lines.id"], name=op.f("fk_files_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("line_id", "attachment_guid", name=op.f("uq_files_line_id_attachment_guid")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_files_storage_key")),
    )
    op.create_table(
        "reactions",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("line_id", TEXT, nullable=False),
        sa.Column("chat_id", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=True),
        sa.Column("message_guid", TEXT, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("guid", TEXT, nullable=False),
        sa.Column("removed_by_guid", TEXT, nullable=True),
        sa.Column("type", TEXT, nullable=True),
        sa.Column("emoji", TEXT, nullable=True),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("is_from_me", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("synced_at", sa.BigInteger(), nullable=False),
        sa.Column("news_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_reactions_account_id")),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_reactions_chat_id")),
        sa.ForeignKeyConstraint(["line_id"], ["lines.id"], name=op.f("fk_reactions_line_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_reactions")),
        sa.UniqueConstraint("id", name=op.f("uq_reactions_id")),
        sa.UniqueConstraint("line_id", "guid", name=op.f("uq_reactions_line_id_guid")),
    )
    with op.batch_alter_table("reactions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_reactions_line_id_message_guid"), ["line_id", "message_guid"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_reactions_message_id"), ["message_id"], unique=False)

    op.create_table(
        "receipts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("chat_id", TEXT, nullable=False),
        sa.Column("handle", TEXT, nullable=False),
        sa.Column("last_read_at", sa.BigInteger(), nullable=False),
        sa.Column("synced_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_receipts_account_id")),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_receipts_chat_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("chat_id", "handle", name=op.f("uq_receipts_chat_id_handle")),
    )
    op.create_table(
        "signals",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("line_id", TEXT, nullable=False),
        sa.Column("chat_id", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("available_at", sa.BigInteger(), nullable=False),
        sa.Column("claim_token", TEXT, nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_signals_account_id")),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_signals_chat_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_signals_key_id")),
        sa.ForeignKeyConstraint(["line_id"], ["lines.id"], name=op.f("fk_signals_line_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_signals")),
        sa.UniqueConstraint("id", name=op.f("uq_signals_id")),
    )
    with op.batch_alter_table("signals", schema=None) as batch_op:
        batch_op.create_index(
            "ix_signals_open",
            ["line_id", "seq"],
            unique=False,
            sqlite_where=sa.text("completed_at IS NULL"),
            postgresql_where=sa.text("completed_at IS NULL"),
        )

    op.create_table(
        "typing_indicators",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("chat_id", TEXT, nullable=False),
        sa.Column("handle", TEXT, nullable=False),
        sa.Column("is_typing", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_typing_indicators_account_id")),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_typing_indicators_chat_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_typing_indicators")),
        sa.UniqueConstraint("chat_id", "handle", name=op.f("uq_typing_indicators_chat_id_handle")),
    )


def _new_columns() -> None:
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("owner", TEXT, nullable=True))
    # Until now there was only the account that an installation starts with: the operator's own.
    op.execute("UPDATE accounts SET owner = 'operator'")

    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hourly_limit", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("lives_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("last_used_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("window_began_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("window_calls", sa.Integer(), server_default="0", nullable=False))

    op.execute("UPDATE api_keys SET lives_ms = expires_at - created_at")

    with op.batch_alter_table("chats", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_chats_line_id_key"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_chats_line_id_account_id_key"), ["line_id", "account_id", "key"]
        )
        batch_op.drop_index(batch_op.f("ix_chats_line_id_last_message_at_id"))
        batch_op.drop_index(batch_op.f("ix_chats_line_id_activity_seq"))
        batch_op.create_index(
            batch_op.f("ix_chats_line_id_account_id_last_message_at_id"),
            ["line_id", "account_id", "last_message_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_chats_line_id_account_id_activity_seq"),
            ["line_id", "account_id", "activity_seq"],
            unique=False,
        )

    with op.batch_alter_table("installation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sandbox_daily_limit", sa.Integer(), server_default="50", nullable=False))

    with op.batch_alter_table("lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_sandbox", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("is_contact_first", sa.Integer(), server_default="1", nullable=False))
        batch_op.create_index(batch_op.f("ix_lines_daemon_id"), ["daemon_id"], unique=False)
        batch_op.create_index(
            "ix_lines_sandbox",
            ["is_sandbox"],
            unique=True,
            sqlite_where=sa.text("is_sandbox = 1"),
            postgresql_where=sa.text("is_sandbox = 1"),
        )

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", TEXT, server_default="text", nullable=False))
        batch_op.add_column(sa.Column("about_guid", TEXT, nullable=True))
        batch_op.add_column(sa.Column("about_part", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("file_id", TEXT, nullable=True))
        batch_op.add_column(sa.Column("part_of", TEXT, nullable=True))
