"""The tables of chat.db: those of macOS 12, and what later releases added to them.

As on a Mac that was upgraded, columns of a later release stand behind the older ones; but for late builds of 26, which
have an order of their own. Triggers are left out: they call functions that exist inside Messages only.
"""

import sqlite3

from blueport.simulator.settings import MacOs

_MACOS_12 = """
CREATE TABLE _SqliteDatabaseProperties (key TEXT, value TEXT, UNIQUE (key));
CREATE TABLE kvtable (ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, key TEXT UNIQUE NOT NULL, value BLOB NOT NULL);
CREATE TABLE handle (
  ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, id TEXT NOT NULL, country TEXT, service TEXT NOT NULL,
  uncanonicalized_id TEXT, person_centric_id TEXT, UNIQUE (id, service)
);
CREATE TABLE chat (
  ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, style INTEGER, state INTEGER, account_id TEXT,
  properties BLOB, chat_identifier TEXT, service_name TEXT, room_name TEXT, account_login TEXT,
  is_archived INTEGER DEFAULT 0, last_addressed_handle TEXT, display_name TEXT, group_id TEXT,
  is_filtered INTEGER DEFAULT 0, successful_query INTEGER, engram_id TEXT, server_change_token TEXT,
  ck_sync_state INTEGER DEFAULT 0, original_group_id TEXT, last_read_message_timestamp INTEGER DEFAULT 0,
  sr_server_change_token TEXT, sr_ck_sync_state INTEGER DEFAULT 0, cloudkit_record_id TEXT,
  sr_cloudkit_record_id TEXT, last_addressed_sim_id TEXT,
  syndication_date INTEGER DEFAULT 0, syndication_type INTEGER DEFAULT 0
);
CREATE TABLE message (
  ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT, replace INTEGER DEFAULT 0,
  service_center TEXT, handle_id INTEGER DEFAULT 0, subject TEXT, country TEXT, attributedBody BLOB,
  version INTEGER DEFAULT 0, type INTEGER DEFAULT 0, service TEXT, account TEXT, account_guid TEXT,
  error INTEGER DEFAULT 0, date INTEGER, date_read INTEGER, date_delivered INTEGER, is_delivered INTEGER DEFAULT 0,
  is_finished INTEGER DEFAULT 0, is_emote INTEGER DEFAULT 0, is_from_me INTEGER DEFAULT 0,
  is_empty INTEGER DEFAULT 0, is_delayed INTEGER DEFAULT 0, is_auto_reply INTEGER DEFAULT 0,
  is_prepared INTEGER DEFAULT 0, is_read INTEGER DEFAULT 0, is_system_message INTEGER DEFAULT 0,
  is_sent INTEGER DEFAULT 0, has_dd_results INTEGER DEFAULT 0, is_service_message INTEGER DEFAULT 0,
  is_forward INTEGER DEFAULT 0, was_downgraded INTEGER DEFAULT 0, is_archive INTEGER DEFAULT 0,
  cache_has_attachments INTEGER DEFAULT 0, cache_roomnames TEXT, was_data_detected INTEGER DEFAULT 0,
  was_deduplicated INTEGER DEFAULT 0, is_audio_message INTEGER DEFAULT 0, is_played INTEGER DEFAULT 0,
  date_played INTEGER, item_type INTEGER DEFAULT 0, other_handle INTEGER DEFAULT 0, group_title TEXT,
  group_action_type INTEGER DEFAULT 0, share_status INTEGER DEFAULT 0, share_direction INTEGER DEFAULT 0,
  is_expirable INTEGER DEFAULT 0, expire_state INTEGER DEFAULT 0, message_action_type INTEGER DEFAULT 0,
  message_source INTEGER DEFAULT 0, associated_message_guid TEXT, associated_message_type INTEGER DEFAULT 0,
  balloon_bundle_id TEXT, payload_data BLOB, expressive_send_style_id TEXT,
  associated_message_range_location INTEGER DEFAULT 0, associated_message_range_length INTEGER DEFAULT 0,
  time_expressive_send_played INTEGER, message_summary_info BLOB, ck_sync_state INTEGER DEFAULT 0,
  ck_record_id TEXT, ck_record_change_tag TEXT, destination_caller_id TEXT, sr_ck_sync_state INTEGER DEFAULT 0,
  sr_ck_record_id TEXT, sr_ck_record_change_tag TEXT, is_corrupt INTEGER DEFAULT 0, reply_to_guid TEXT,
  sort_id INTEGER, is_spam INTEGER DEFAULT 0, has_unseen_mention INTEGER DEFAULT 0, thread_originator_guid TEXT,
  thread_originator_part TEXT, syndication_ranges TEXT, synced_syndication_ranges TEXT,
  was_delivered_quietly INTEGER DEFAULT 0, did_notify_recipient INTEGER DEFAULT 0
);
CREATE TABLE attachment (
  ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, created_date INTEGER DEFAULT 0,
  start_date INTEGER DEFAULT 0, filename TEXT, uti TEXT, mime_type TEXT, transfer_state INTEGER DEFAULT 0,
  is_outgoing INTEGER DEFAULT 0, user_info BLOB, transfer_name TEXT, total_bytes INTEGER DEFAULT 0,
  is_sticker INTEGER DEFAULT 0, sticker_user_info BLOB, attribution_info BLOB, hide_attachment INTEGER DEFAULT 0,
  ck_sync_state INTEGER DEFAULT 0, ck_server_change_token_blob BLOB, ck_record_id TEXT, original_guid TEXT UNIQUE,
  sr_ck_sync_state INTEGER DEFAULT 0, sr_ck_server_change_token_blob BLOB, sr_ck_record_id TEXT
);
CREATE TABLE chat_handle_join (
  chat_id INTEGER REFERENCES chat (ROWID) ON DELETE CASCADE,
  handle_id INTEGER REFERENCES handle (ROWID) ON DELETE CASCADE, UNIQUE (chat_id, handle_id)
);
CREATE TABLE chat_message_join (
  chat_id INTEGER REFERENCES chat (ROWID) ON DELETE CASCADE,
  message_id INTEGER REFERENCES message (ROWID) ON DELETE CASCADE,
  message_date INTEGER DEFAULT 0, PRIMARY KEY (chat_id, message_id)
);
CREATE TABLE message_attachment_join (
  message_id INTEGER REFERENCES message (ROWID) ON DELETE CASCADE,
  attachment_id INTEGER REFERENCES attachment (ROWID) ON DELETE CASCADE, UNIQUE (message_id, attachment_id)
);
CREATE TABLE deleted_messages (ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, guid TEXT NOT NULL);
CREATE TABLE sync_deleted_messages (
  ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, guid TEXT NOT NULL, recordID TEXT
);
CREATE TABLE sync_deleted_chats (
  ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, guid TEXT NOT NULL, recordID TEXT, timestamp INTEGER
);
CREATE TABLE sync_deleted_attachments (
  ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, guid TEXT NOT NULL, recordID TEXT
);
CREATE TABLE message_processing_task (
  ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, guid TEXT NOT NULL, task_flags INTEGER NOT NULL
);

CREATE INDEX message_idx_date ON message (date);
CREATE INDEX message_idx_handle ON message (handle_id, date);
CREATE INDEX message_idx_associated_message2 ON message (associated_message_guid)
  WHERE associated_message_guid IS NOT NULL;
CREATE INDEX message_idx_thread_originator_guid ON message (thread_originator_guid);
CREATE INDEX message_idx_is_sent_is_from_me_error ON message (is_sent, is_from_me, error);
CREATE INDEX message_idx_failed ON message (is_finished, is_from_me, error);
CREATE INDEX message_idx_undelivered_one_to_one_imessage ON message (cache_roomnames, service, is_sent, is_delivered)
  WHERE cache_roomnames IS NULL AND service IN ('iMessage', 'RCS') AND is_sent = 1 AND is_delivered = 0;
CREATE INDEX chat_message_join_idx_message_date_id_chat_id
  ON chat_message_join (chat_id, message_date, message_id);
CREATE INDEX chat_message_join_idx_message_id_only ON chat_message_join (message_id);
CREATE INDEX message_attachment_join_idx_message_id ON message_attachment_join (message_id);
CREATE INDEX message_attachment_join_idx_attachment_id ON message_attachment_join (attachment_id);
CREATE INDEX chat_idx_chat_identifier ON chat (chat_identifier);
CREATE INDEX chat_handle_join_idx_handle_id ON chat_handle_join (handle_id);
CREATE INDEX handle_idx_id ON handle (id, ROWID);
"""

_ADDED_BY_13 = """
ALTER TABLE message ADD COLUMN date_retracted INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN date_edited INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN was_detonated INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN part_count INTEGER;
CREATE TABLE chat_recoverable_message_join (
  chat_id INTEGER REFERENCES chat (ROWID) ON DELETE CASCADE,
  message_id INTEGER REFERENCES message (ROWID) ON DELETE CASCADE,
  delete_date INTEGER, ck_sync_state INTEGER DEFAULT 0, PRIMARY KEY (chat_id, message_id)
);
CREATE TABLE recoverable_message_part (
  chat_id INTEGER REFERENCES chat (ROWID) ON DELETE CASCADE,
  message_id INTEGER REFERENCES message (ROWID) ON DELETE CASCADE,
  part_index INTEGER, delete_date INTEGER, part_text BLOB NOT NULL, ck_sync_state INTEGER DEFAULT 0,
  PRIMARY KEY (chat_id, message_id, part_index)
);
"""

_ADDED_BY_14 = """
ALTER TABLE message ADD COLUMN is_stewie INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN is_kt_verified INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN is_sos INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN is_critical INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN bia_reference_id TEXT;
ALTER TABLE message ADD COLUMN fallback_hash TEXT;
ALTER TABLE attachment ADD COLUMN is_commsafety_sensitive INTEGER DEFAULT 0;
ALTER TABLE chat ADD COLUMN is_blackholed INTEGER DEFAULT 0;
"""

_ADDED_BY_15 = """
ALTER TABLE message ADD COLUMN associated_message_emoji TEXT;
ALTER TABLE message ADD COLUMN is_pending_satellite_send INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN needs_relay INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN schedule_type INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN schedule_state INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN sent_or_received_off_grid INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN date_recovered INTEGER DEFAULT 0;
ALTER TABLE attachment ADD COLUMN emoji_image_content_identifier TEXT;
ALTER TABLE attachment ADD COLUMN emoji_image_short_description TEXT;
ALTER TABLE attachment ADD COLUMN preview_generation_state INTEGER DEFAULT 0;
ALTER TABLE chat ADD COLUMN is_recovered INTEGER DEFAULT 0;
ALTER TABLE chat ADD COLUMN is_deleting_incoming_messages INTEGER DEFAULT 0;
"""

_ADDED_BY_26 = """
ALTER TABLE message ADD COLUMN is_time_sensitive INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN ck_chat_id TEXT;
ALTER TABLE message ADD COLUMN index_state INTEGER DEFAULT 0;
ALTER TABLE chat ADD COLUMN is_pending_review INTEGER DEFAULT 0;
ALTER TABLE chat_message_join ADD COLUMN index_state INTEGER DEFAULT 0;
CREATE TABLE chat_lookup (
  identifier TEXT NOT NULL, domain TEXT NOT NULL,
  chat INTEGER NOT NULL REFERENCES chat (ROWID) ON DELETE CASCADE,
  priority INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (identifier, domain)
);
CREATE INDEX chat_lookup_idx_chat ON chat_lookup (chat);
CREATE TABLE chat_service (
  service TEXT NOT NULL, chat INTEGER NOT NULL REFERENCES chat (ROWID) ON DELETE CASCADE,
  PRIMARY KEY (service, chat)
);
"""

_ADDED_LATE_BY_26 = """
ALTER TABLE message ADD COLUMN filter_action INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN filter_sub_action INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN is_preview_sent INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN is_preview_delivered INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN date_preview_sent INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN date_updated INTEGER DEFAULT 0;
ALTER TABLE message ADD COLUMN retry_count INTEGER DEFAULT 0;
ALTER TABLE attachment ADD COLUMN preflight_info BLOB;
ALTER TABLE attachment ADD COLUMN sensitivity_analysis BLOB;
"""

# Each brings its own beside what those before it brought.
_SCRIPTS: dict[MacOs, str] = {
    "12": _MACOS_12,
    "13": _ADDED_BY_13,
    "14": _ADDED_BY_14,
    "15": _ADDED_BY_15,
    "26": _ADDED_BY_26,
    "26x": _ADDED_LATE_BY_26,
}


def create(connection: sqlite3.Connection, macos: MacOs) -> None:
    """Lay out an empty chat.db as that release of macOS has it, all of it or nothing."""
    releases = list(_SCRIPTS)
    until = releases[: releases.index(macos) + 1]
    connection.executescript("BEGIN; " + "".join(_SCRIPTS[release] for release in until))
    if macos == "26x":
        _put_in_another_order(connection)
    connection.execute("COMMIT")


def _put_in_another_order(connection: sqlite3.Connection) -> None:
    """Lay out `message` anew, its columns by their names and those of an old way to sync left out."""
    [(table,)] = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'message'").fetchall()
    indexes = "SELECT sql FROM sqlite_master WHERE tbl_name = 'message' AND type = 'index' AND sql IS NOT NULL"
    scripts = [sql for (sql,) in connection.execute(indexes)]
    head, _, rest = table.partition("(")
    rowid, *columns = (column.strip() for column in rest.rpartition(")")[0].split(","))
    kept = sorted(column for column in columns if not column.startswith("sr_"))
    connection.execute("DROP TABLE message")
    for script in (f"{head}({', '.join([rowid, *kept])})", *scripts):
        connection.execute(script)
