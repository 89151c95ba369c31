"""Every table, in plain integers and text so that a driver's rows need no conversion.

`*_at` and `*_until` are Unix milliseconds; lists are words joined by spaces; `payload`, `data`, `attachments` and
`participants` are JSON. `seq` is the order of acceptance. Each table is led by its account.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only a column of the type INTEGER.
_Sequence = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[str]:
    return Column("id", Text, primary_key=True)


def _account() -> Column[str]:
    return Column("account_id", Text, ForeignKey("accounts.id"), nullable=False)


def _seq() -> Column[int]:
    return Column("seq", _Sequence, primary_key=True, autoincrement=True)


installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cursor_secret", Text, nullable=False),
    Column("sandbox_daily_limit", Integer, nullable=False, server_default="50"),  # as the server was last started with
    Column("created_at", BigInteger, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("owner", Text),  # the person's e-mail; null: nobody's, as of a service
    Column("created_at", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _account(),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("last4", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("line_ids", Text),  # null: every line of the account
    Column("hourly_limit", Integer),  # null: the installation's
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("lives_ms", BigInteger),  # as it was made: one that takes its place lives as long; null: for ever
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
    # How many calls were made in the hour that began then; written now and then, and read at the start.
    Column("window_began_at", BigInteger),
    Column("window_calls", Integer, nullable=False, server_default="0"),
)

daemons = Table(
    "daemons",
    metadata,
    _id(),
    _account(),
    Column("name", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("journal", Text),
    Column("version", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger),
    Column("revoked_at", BigInteger),
)

lines = Table(
    "lines",
    metadata,
    _id(),
    _account(),
    Column("daemon_id", Text, ForeignKey("daemons.id"), index=True),
    Column("handle", Text, nullable=False, unique=True),
    Column("label", Text),
    Column("service", Text, nullable=False),
    Column("is_active", Integer, nullable=False),
    Column("capabilities", Text, nullable=False),
    Column("health", Text, nullable=False),
    Column("hint", Text),
    Column("is_sandbox", Integer, nullable=False, server_default="0"),
    Column("is_contact_first", Integer, nullable=False, server_default="1"),
    Column("created_at", BigInteger, nullable=False),
    # There is one shared line.
    Index(
        "ix_lines_sandbox",
        "is_sandbox",
        unique=True,
        sqlite_where=text("is_sandbox = 1"),
        postgresql_where=text("is_sandbox = 1"),
    ),
)

chats = Table(
    "chats",
    metadata,
    _id(),
    _account(),
    Column("line_id", Text, ForeignKey("lines.id"), nullable=False),
    Column("key", Text, nullable=False),  # the peer's canonical handle, or the group's own identifier
    Column("identifier", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("name", Text),
    Column("is_group", Integer, nullable=False),
    Column("participants", Text, nullable=False),
    Column("first_inbound_at", BigInteger),
    Column("last_message_at", BigInteger, nullable=False),  # created_at while there is none
    Column("activity_seq", BigInteger, nullable=False),  # seq of the message that made last_message_at; 0: none
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("line_id", "account_id", "key"),  # of a shared line each account has its own chats
    Index(None, "line_id", "account_id", "last_message_at", "id"),
    Index(None, "line_id", "account_id", "activity_seq"),
)

chat_guids = Table(
    "chat_guids",
    metadata,
    _account(),
    Column("line_id", Text, ForeignKey("lines.id"), primary_key=True),
    Column("guid", Text, primary_key=True),
    Column("chat_id", Text, ForeignKey("chats.id"), nullable=False, index=True),
    Column("seen_at", BigInteger, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _account(),
    Column("line_id", Text, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", Text, ForeignKey("chats.id"), nullable=False),
    Column("guid", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("text", Text),
    Column("attachments", Text, nullable=False),  # as `shapes.StoredAttachment`
    Column("service", Text),
    Column("is_from_me", Integer, nullable=False),
    Column("is_audio_message", Integer, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("synced_at", BigInteger, nullable=False),
    Column("outbox_id", Text),
    Column("reply_to_guid", Text),
    UniqueConstraint("line_id", "guid"),
    Index(None, "chat_id", "sent_at", "id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _account(),
    Column("key_id", Text, ForeignKey("api_keys.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# Answers that have not left yet; a row lives as long as it takes to answer, or until the one who asked asks again.
unanswered = Table(
    "unanswered",
    metadata,
    Column("account_id", Text, nullable=False),
    Column("fingerprint", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _account(),
    Column("line_id", Text, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", Text, ForeignKey("chats.id"), nullable=False),
    Column("key_id", Text, ForeignKey("api_keys.id"), nullable=False),
    Column("kind", Text, nullable=False, server_default="text"),
    Column("payload", Text, nullable=False),
    Column("reply_to_guid", Text),
    Column("about_guid", Text),  # the message that is reacted to
    Column("about_part", Integer),
    Column("file_id", Text),
    Column("part_of", Text),  # the item whose text this is: it waits until this is sent, and is what callers know
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("available_at", BigInteger, nullable=False),
    Column("claim_token", Text),
    Column("claimed_by", Text),  # the journal that holds it
    Column("claim_asked_at", BigInteger),  # when, by that journal's own clock
    Column("lease_until", BigInteger),
    Column("begun_at", BigInteger),  # from here on it may be in Messages' hands
    Column("begun_nonce", Text),  # of the hand-over that was granted
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger),
    # What is open is little, whatever the table has grown to.
    Index(
        "ix_outbox_open",
        "line_id",
        "seq",
        sqlite_where=text("completed_at IS NULL"),
        postgresql_where=text("completed_at IS NULL"),
    ),
)

events = Table(
    "events",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _account(),
    Column("line_id", Text, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", Text, ForeignKey("chats.id"), nullable=False),
    Column("type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("subject_id", "type"),
)

webhooks = Table(
    "webhooks",
    metadata,
    _id(),
    _account(),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("line_ids", Text),  # null: every line of the account, later ones too
    Column("is_active", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "account_id", "id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _account(),
    Column("event_id", Text, ForeignKey("events.id"), nullable=False),
    Column("webhook_id", Text, nullable=False),  # outlives its webhook
    Column("chat_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("available_at", BigInteger, nullable=False),
    Column("claim_token", Text),
    Column("lease_until", BigInteger),
    Column("reason", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger),
    UniqueConstraint("event_id", "webhook_id"),
    Index(
        "ix_deliveries_open",
        "webhook_id",
        "chat_id",
        "seq",
        sqlite_where=text("completed_at IS NULL"),
        postgresql_where=text("completed_at IS NULL"),
    ),
    Index(
        "ix_deliveries_due",
        "available_at",
        sqlite_where=text("completed_at IS NULL"),
        postgresql_where=text("completed_at IS NULL"),
    ),
)

# Typing and read marks: worth little when late, and in nobody's way.
signals = Table(
    "signals",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _account(),
    Column("line_id", Text, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", Text, ForeignKey("chats.id"), nullable=False),
    Column("key_id", Text, ForeignKey("api_keys.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("available_at", BigInteger, nullable=False),
    Column("claim_token", Text),
    Column("lease_until", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger),
    Index(
        "ix_signals_open",
        "line_id",
        "seq",
        sqlite_where=text("completed_at IS NULL"),
        postgresql_where=text("completed_at IS NULL"),
    ),
)

files = Table(
    "files",
    metadata,
    _id(),
    _account(),
    Column("filename", Text),
    Column("mime_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("shown_as", Text),  # the media type as which a browser may show it; null: it must save it
    Column("storage_key", Text, nullable=False, unique=True),
    Column("line_id", Text, ForeignKey("lines.id")),  # of a file that somebody sent to that line
    Column("attachment_guid", Text),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("line_id", "attachment_guid"),
)

reactions = Table(
    "reactions",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _account(),
    Column("line_id", Text, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", Text, ForeignKey("chats.id"), nullable=False),
    Column("message_id", Text),  # null until the message is known
    Column("message_guid", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("guid", Text, nullable=False),  # of the row that put it there
    Column("removed_by_guid", Text),
    Column("type", Text),  # null: none of the six
    Column("emoji", Text),
    Column("sender", Text, nullable=False),
    Column("is_from_me", Integer, nullable=False),
    Column("added", Integer, nullable=False),  # 0 once it was taken off or replaced
    Column("sent_at", BigInteger, nullable=False),
    Column("synced_at", BigInteger, nullable=False),
    Column("news_until", BigInteger),  # to be announced if its message becomes known by then; null: not to be
    UniqueConstraint("line_id", "guid"),
    Index(None, "message_id"),
    Index(None, "line_id", "message_guid"),
)

typing_indicators = Table(
    "typing_indicators",
    metadata,
    _id(),
    _account(),
    Column("chat_id", Text, ForeignKey("chats.id"), nullable=False),
    Column("handle", Text, nullable=False),
    Column("is_typing", Integer, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("chat_id", "handle"),
)

receipts = Table(
    "receipts",
    metadata,
    _id(),
    _account(),
    Column("chat_id", Text, ForeignKey("chats.id"), nullable=False),
    Column("handle", Text, nullable=False),
    Column("last_read_at", BigInteger, nullable=False),
    Column("synced_at", BigInteger, nullable=False),
    UniqueConstraint("chat_id", "handle"),
)

# An account's phone on the shared line; `contact` is null until the code was texted.
sandbox_pairings = Table(
    "sandbox_pairings",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("activation_code", Text, nullable=False, unique=True),
    Column("contact", Text, unique=True),
    Column("activated_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
)

sandbox_usage = Table(
    "sandbox_usage",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("day", Integer, primary_key=True),  # since 1970, UTC
    Column("used", Integer, nullable=False),
)

# Append only, by triggers.
audit_log = Table(
    "audit_log",
    metadata,
    _seq(),
    Column("account_id", Text),  # null: the installation's own matters
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # a key's id, or who else it was: `operator`, `system`
    Column("action", Text, nullable=False),
    Column("target", Text),
    Column("detail", Text),
    Column("address", Text),
    Column("request_id", Text),
    Index(None, "account_id", "seq"),
)
