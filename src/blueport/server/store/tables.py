"""Every table, in plain integers and text so that a driver's rows need no conversion.

`*_at` and `*_until` are Unix milliseconds; lists are words joined by spaces; `payload`, `data`, `attachments` and
`participants` are JSON. `seq` is the order of acceptance. Each table is led by its account.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, UniqueConstraint, text

from blueport.server.store.types import SEQUENCE, TEXT

# More than any PostgreSQL's transactions are counted to.
XIDS = 2**44

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", TEXT, primary_key=True)


def _account() -> Column[str]:
    return Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False)


def _seq() -> Column[int]:
    return Column("seq", SEQUENCE, primary_key=True, autoincrement=True)


installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cursor_secret", TEXT, nullable=False),
    # As a server was last started with; the last five but for the limit are for accounts that say nothing else.
    Column("sandbox_daily_limit", Integer, nullable=False, server_default="50"),
    Column("pace_ms", Integer, nullable=False, server_default="1000"),
    Column("pace_burst", Integer, nullable=False, server_default="5"),
    Column("loop_limit", Integer, nullable=False, server_default="20"),
    Column("loop_window_s", Integer, nullable=False, server_default="120"),
    Column("loop_pause_s", Integer, nullable=False, server_default="600"),
    Column("line_hourly_limit", Integer, nullable=False, server_default="150"),
    Column("created_at", BigInteger, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    _id(),
    Column("name", TEXT, nullable=False),
    Column("owner", TEXT),  # the person's e-mail; null: nobody's, as of a service
    Column("extended_events", Integer, nullable=False, server_default="0"),
    Column("stop_handling", Integer, nullable=False, server_default="0"),
    # How a line of the account is paced, and a chat kept from looping; null: as the installation does.
    Column("pace_ms", Integer),  # between two messages; 0: no pace
    Column("pace_burst", Integer),
    Column("loop_limit", Integer),  # 0: no guard
    Column("loop_window_s", Integer),
    Column("loop_pause_s", Integer),
    Column("created_at", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _account(),
    Column("name", TEXT, nullable=False),
    Column("hash", TEXT, nullable=False, unique=True),
    Column("last4", TEXT, nullable=False),
    Column("scopes", TEXT, nullable=False),
    Column("line_ids", TEXT),  # null: every line of the account
    Column("hourly_limit", Integer),  # null: the installation's
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("lives_ms", BigInteger),  # as it was made: one that takes its place lives as long; null: for ever
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)

daemons = Table(
    "daemons",
    metadata,
    _id(),
    _account(),
    Column("name", TEXT, nullable=False),
    Column("token_hash", TEXT, unique=True),  # null: no Mac was paired yet
    Column("process", TEXT, nullable=False, server_default=""),  # that said hello last
    Column("journal", TEXT),
    Column("version", TEXT),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger),
    Column("revoked_at", BigInteger),
)

# The code by which a Mac may be let in as a daemon; a new one takes its place.
pairings = Table(
    "pairings",
    metadata,
    _account(),
    Column("daemon_id", TEXT, ForeignKey("daemons.id"), primary_key=True),
    Column("selector", TEXT, nullable=False, unique=True),
    Column("code_hash", TEXT, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("wrong_tries", Integer, nullable=False, server_default="0"),
    Column("token_hash", TEXT),  # of the Mac that used it, which may ask again
    sqlite_with_rowid=False,
)

lines = Table(
    "lines",
    metadata,
    _id(),
    _account(),
    Column("daemon_id", TEXT, ForeignKey("daemons.id"), index=True),
    Column("handle", TEXT, nullable=False, unique=True),
    Column("label", TEXT),
    Column("service", TEXT, nullable=False),
    Column("is_active", Integer, nullable=False),
    Column("capabilities", TEXT, nullable=False),
    Column("health", TEXT, nullable=False),
    Column("hint", TEXT),
    Column("is_sandbox", Integer, nullable=False, server_default="0"),
    Column("is_contact_first", Integer, nullable=False, server_default="1"),
    Column("paced_until", BigInteger, nullable=False, server_default="0"),  # see sending/pacing.py
    Column("fused_until", BigInteger, nullable=False, server_default="0"),  # the same over an hour
    Column("fused_since", BigInteger),  # when that began to hold the line back; null: it does not
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
    Column("line_id", TEXT, ForeignKey("lines.id"), nullable=False),
    Column("key", TEXT, nullable=False),  # the peer's canonical handle, or the group's own identifier
    Column("identifier", TEXT, nullable=False),
    Column("service", TEXT, nullable=False),
    Column("name", TEXT),
    Column("is_group", Integer, nullable=False),
    Column("participants", TEXT, nullable=False),
    Column("first_inbound_at", BigInteger),
    Column("last_message_at", BigInteger, nullable=False),  # created_at while there is none
    Column("activity_seq", BigInteger, nullable=False),  # seq of the message that made last_message_at; 0: none
    Column("created_at", BigInteger, nullable=False),
    Column("opted_out_at", BigInteger),  # when the person said STOP
    Column("looping_until", BigInteger),
    UniqueConstraint("line_id", "account_id", "key"),  # of a shared line each account has its own chats
    Index(None, "line_id", "account_id", "last_message_at", "id"),
    Index(None, "line_id", "account_id", "activity_seq"),
)

chat_guids = Table(
    "chat_guids",
    metadata,
    _account(),
    Column("line_id", TEXT, ForeignKey("lines.id"), primary_key=True),
    Column("guid", TEXT, primary_key=True),
    Column("chat_id", TEXT, ForeignKey("chats.id"), nullable=False, index=True),
    Column("seen_at", BigInteger, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    _seq(),
    Column("id", TEXT, nullable=False, unique=True),
    _account(),
    Column("line_id", TEXT, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", TEXT, ForeignKey("chats.id"), nullable=False),
    Column("guid", TEXT, nullable=False),
    Column("sender", TEXT, nullable=False),
    Column("text", TEXT),
    Column("attachments", TEXT, nullable=False),  # as `shapes.StoredAttachment`
    Column("service", TEXT),
    Column("is_from_me", Integer, nullable=False),
    Column("is_audio_message", Integer, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("synced_at", BigInteger, nullable=False),
    Column("outbox_id", TEXT),
    Column("reply_to_guid", TEXT),
    UniqueConstraint("line_id", "guid"),
    Index(None, "chat_id", "sent_at", "id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _account(),
    Column("key_id", TEXT, ForeignKey("api_keys.id"), primary_key=True),
    Column("name", TEXT, primary_key=True),
    Column("fingerprint", TEXT, nullable=False),
    Column("body", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# Answers that have not left yet; a row lives as long as it takes to answer, or until the one who asked asks again.
unanswered = Table(
    "unanswered",
    metadata,
    Column("account_id", TEXT, nullable=False),
    Column("fingerprint", TEXT, primary_key=True),
    Column("request_id", TEXT, primary_key=True),
    Column("process", TEXT, nullable=False),  # that answers it; empty: nobody waits for the answer any more
    Column("body", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    _seq(),
    Column("id", TEXT, nullable=False, unique=True),
    _account(),
    Column("line_id", TEXT, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", TEXT, ForeignKey("chats.id"), nullable=False),
    Column("key_id", TEXT, ForeignKey("api_keys.id"), nullable=False),
    Column("kind", TEXT, nullable=False, server_default="text"),
    Column("payload", TEXT, nullable=False),
    Column("reply_to_guid", TEXT),
    Column("about_guid", TEXT),  # the message that is reacted to, edited or unsent
    Column("about_part", Integer),  # of that, or of what is answered
    Column("file_id", TEXT),
    Column("part_of", TEXT),  # the item whose text this is: it waits until this is sent, and is what callers know
    Column("status", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("available_at", BigInteger, nullable=False),
    Column("claim_token", TEXT),
    Column("claimed_by", TEXT),  # the journal that holds it
    Column("claim_asked_at", BigInteger),  # when, by that journal's own clock
    Column("lease_until", BigInteger),
    Column("begun_at", BigInteger),  # from here on it may be in Messages' hands
    Column("begun_nonce", TEXT),  # of the hand-over that was granted
    Column("error", TEXT),
    Column("warning", TEXT),  # of what was sent, but not quite as it was asked
    Column("sent_by", TEXT),  # the service, if that is not what the line is for
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
    # Most are about nothing that was there before.
    Index(
        "ix_outbox_about",
        "line_id",
        "about_guid",
        sqlite_where=text("about_guid IS NOT NULL"),
        postgresql_where=text("about_guid IS NOT NULL"),
    ),
)

events = Table(
    "events",
    metadata,
    _seq(),
    Column("id", TEXT, nullable=False, unique=True),
    _account(),
    Column("line_id", TEXT, ForeignKey("lines.id")),  # null: of a test that names none
    Column("chat_id", TEXT, ForeignKey("chats.id")),
    Column("type", TEXT, nullable=False),
    Column("subject_id", TEXT, nullable=False),
    Column("data", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("is_test", Integer, nullable=False, server_default="0"),
    # The transaction's number on PostgreSQL, where `seq` is not the order of commits; 0 on SQLite. Numbers of another
    # database, of which this is a copy, are lower by XIDS.
    Column("tx_id", BigInteger, nullable=False, server_default="0"),
    Column("occasion", BigInteger, nullable=False, server_default="0"),  # of what happens again to a subject: when
    UniqueConstraint("subject_id", "type", "occasion"),
    Index(None, "account_id", "tx_id", "seq"),
)

webhooks = Table(
    "webhooks",
    metadata,
    _id(),
    _account(),
    Column("url", TEXT, nullable=False),
    Column("secret", TEXT, nullable=False),
    Column("events", TEXT, nullable=False),
    Column("line_ids", TEXT),  # null: every line of the account, later ones too
    Column("is_active", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("earlier_secret", TEXT),
    Column("earlier_secret_until", BigInteger),
    Column("delays_s", TEXT),  # null: the usual plan of tries
    Column("failures", Integer, nullable=False, server_default="0"),  # tries that failed since one that did not
    Column("failing_since", BigInteger),
    Column("disabled_at", BigInteger),
    Column("disabled_reason", TEXT),
    Index(None, "account_id", "id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _seq(),
    Column("id", TEXT, nullable=False, unique=True),
    _account(),
    Column("event_id", TEXT, ForeignKey("events.id"), nullable=False),
    Column("webhook_id", TEXT, nullable=False),  # outlives its webhook
    Column("chat_id", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    # 0: at once; below 0 while it waits for its turn, -1 less what it will be then.
    Column("available_at", BigInteger, nullable=False),
    Column("claim_token", TEXT),
    Column("claimed_by", TEXT),  # the process that tries it
    Column("lease_until", BigInteger),
    Column("reason", TEXT),
    Column("created_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger),
    Column("replayed_after", Integer, nullable=False, server_default="0"),  # tries: the plan begins anew after them
    UniqueConstraint("event_id", "webhook_id"),
    Index(
        "ix_deliveries_open",
        "webhook_id",
        "available_at",
        "seq",
        sqlite_where=text("completed_at IS NULL"),
        postgresql_where=text("completed_at IS NULL"),
    ),
    # What runs is not told apart above: whoever is claimed would change his place there, and a page of the disk each.
    Index(
        "ix_deliveries_running",
        "webhook_id",
        "lease_until",
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
    Index(
        "ix_deliveries_turn",
        "chat_id",
        "webhook_id",
        "seq",
        sqlite_where=text("completed_at IS NULL AND reason IS NULL"),
        postgresql_where=text("completed_at IS NULL AND reason IS NULL"),
    ),
    # The log is in the order of ids, and so of time: a part of it is found by when that was.
    Index(None, "account_id", "id"),
    Index(None, "webhook_id", "id"),
    Index(
        "ix_deliveries_undelivered",
        "account_id",
        "id",
        sqlite_where=text("state IN ('failed', 'cancelled')"),
        postgresql_where=text("state IN ('failed', 'cancelled')"),
    ),
)

# Tries that ended, or whose process died; a delivery's numbers go on when it is replayed.
delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", TEXT, primary_key=True),
    Column("number", Integer, primary_key=True),
    _account(),
    Column("started_at", BigInteger, nullable=False),
    Column("duration_ms", BigInteger),
    Column("status", Integer),
    Column("reason", TEXT, nullable=False),
    Column("address", TEXT),
    Column("response", TEXT),
    sqlite_with_rowid=False,
)

# Typing and read marks: worth little when late, and in nobody's way.
signals = Table(
    "signals",
    metadata,
    _seq(),
    Column("id", TEXT, nullable=False, unique=True),
    _account(),
    Column("line_id", TEXT, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", TEXT, ForeignKey("chats.id"), nullable=False),
    Column("key_id", TEXT, ForeignKey("api_keys.id"), nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("payload", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("available_at", BigInteger, nullable=False),
    Column("claim_token", TEXT),
    Column("lease_until", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
    Column("error", TEXT),
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
    Column("filename", TEXT),
    Column("mime_type", TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", TEXT, nullable=False),
    Column("shown_as", TEXT),  # the media type as which a browser may show it; null: it must save it
    Column("storage_key", TEXT, nullable=False, unique=True),
    Column("line_id", TEXT, ForeignKey("lines.id")),  # of a file that somebody sent to that line
    Column("attachment_guid", TEXT),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("line_id", "attachment_guid"),
)

reactions = Table(
    "reactions",
    metadata,
    _seq(),
    Column("id", TEXT, nullable=False, unique=True),
    _account(),
    Column("line_id", TEXT, ForeignKey("lines.id"), nullable=False),
    Column("chat_id", TEXT, ForeignKey("chats.id"), nullable=False),
    Column("message_id", TEXT),  # null until the message is known
    Column("message_guid", TEXT, nullable=False),
    Column("part", Integer, nullable=False),
    Column("guid", TEXT, nullable=False),  # of the row that put it there
    Column("removed_by_guid", TEXT),
    Column("type", TEXT),  # null: none of the six
    Column("emoji", TEXT),
    Column("sender", TEXT, nullable=False),
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
    Column("chat_id", TEXT, ForeignKey("chats.id"), nullable=False),
    Column("handle", TEXT, nullable=False),
    Column("is_typing", Integer, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("chat_id", "handle"),
)

receipts = Table(
    "receipts",
    metadata,
    _id(),
    _account(),
    Column("chat_id", TEXT, ForeignKey("chats.id"), nullable=False),
    Column("handle", TEXT, nullable=False),
    Column("last_read_at", BigInteger, nullable=False),
    Column("synced_at", BigInteger, nullable=False),
    UniqueConstraint("chat_id", "handle"),
)

# An account's phone on the shared line; `contact` is null until the code was texted.
sandbox_pairings = Table(
    "sandbox_pairings",
    metadata,
    Column("account_id", TEXT, ForeignKey("accounts.id"), primary_key=True),
    Column("activation_code", TEXT, nullable=False, unique=True),
    Column("contact", TEXT, unique=True),
    Column("activated_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
)

sandbox_usage = Table(
    "sandbox_usage",
    metadata,
    Column("account_id", TEXT, ForeignKey("accounts.id"), primary_key=True),
    Column("day", Integer, primary_key=True),  # since 1970, UTC
    Column("used", Integer, nullable=False),
)

# Who may sign in to the dashboard; at first the owner.
users = Table(
    "users",
    metadata,
    _id(),
    Column("email", TEXT, nullable=False, unique=True),  # casefolded
    Column("password_hash", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_signed_in_at", BigInteger),
)

# Of a browser that is signed in; its cookie's token is kept as a hash.
sessions = Table(
    "sessions",
    metadata,
    _id(),
    Column("hash", TEXT, nullable=False, unique=True),
    Column("user_id", TEXT, ForeignKey("users.id"), index=True),  # null: whoever has the dashboard's token
    Column("opened_by", TEXT),  # the hash of that token, where it is that
    Column("address", TEXT, nullable=False),
    Column("agent", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

# By which the owner is made, or gets another password: whoever runs commands on the server makes one.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("hash", TEXT, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    sqlite_with_rowid=False,
)

# Append only, by triggers.
audit_log = Table(
    "audit_log",
    metadata,
    _seq(),
    Column("account_id", TEXT),  # null: the installation's own matters
    Column("at", BigInteger, nullable=False),
    Column("actor", TEXT, nullable=False),  # a key's id, or who else it was: `operator`, `system`
    Column("action", TEXT, nullable=False),
    Column("target", TEXT),
    Column("detail", TEXT),
    Column("address", TEXT),
    Column("request_id", TEXT),
    Index(None, "account_id", "seq"),
)
