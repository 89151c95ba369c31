"""How a journal came to be what it is: each step is SQL, taken once and whole; `user_version` counts those taken.

A step that was released is never changed: journals hold what is in nobody else's hands.
"""

_THE_FIRST_SCHEMA = """
CREATE TABLE identity (journal TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE items (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, token TEXT NOT NULL, line TEXT NOT NULL,
  command BLOB NOT NULL, status TEXT NOT NULL, rowid_before INTEGER, begun_at INTEGER, message_rowid INTEGER UNIQUE,
  error TEXT, permanent INTEGER
);
CREATE TABLE sightings (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, sighting BLOB NOT NULL, item_id TEXT, refused_because TEXT
);
CREATE INDEX sightings_to_tell ON sightings (seq) WHERE refused_because IS NULL;
CREATE TABLE reading (
  file INTEGER NOT NULL, cursor INTEGER NOT NULL, cursor_guid TEXT, read_at INTEGER NOT NULL
);
CREATE TABLE seen (guid TEXT PRIMARY KEY, state TEXT NOT NULL, told TEXT) WITHOUT ROWID;
CREATE TABLE watched (guid TEXT PRIMARY KEY, rowid INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE TABLE chats (guid TEXT PRIMARY KEY, newest_at INTEGER NOT NULL) WITHOUT ROWID;
"""

_WHEN_WE_LOOKED = """
ALTER TABLE reading ADD COLUMN away_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reading ADD COLUMN back_at INTEGER NOT NULL DEFAULT 0;
CREATE TABLE sights (
  guid TEXT PRIMARY KEY, since INTEGER NOT NULL, unread_since INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO sights SELECT guid, since, ifnull((SELECT read_at FROM reading), since) FROM watched;
ALTER TABLE watched DROP COLUMN since;
UPDATE chats SET newest_at = MIN(newest_at, 1000 * strftime('%s', 'now'));
"""

_CLAIMS_BY_GUID = """
CREATE TABLE claims (guid TEXT PRIMARY KEY, item_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX claims_of_items ON claims (item_seq);
INSERT OR IGNORE INTO claims SELECT guid, seq FROM items JOIN watched ON watched.rowid = message_rowid;
INSERT OR IGNORE INTO claims
  SELECT json_extract(CAST(sighting AS TEXT), '$.guid'), items.seq FROM sightings JOIN items ON items.id = item_id;
CREATE TABLE items_without_rowids (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, token TEXT NOT NULL, line TEXT NOT NULL,
  command BLOB NOT NULL, status TEXT NOT NULL, rowid_before INTEGER, begun_at INTEGER, error TEXT, permanent INTEGER
);
INSERT INTO items_without_rowids
  SELECT seq, id, token, line, command, status, rowid_before, begun_at, error, permanent FROM items;
DROP TABLE items;
ALTER TABLE items_without_rowids RENAME TO items;
"""

# The state of a message now ends with whether it is in a chat, and begins with whether it is our own, as ever.
_WHAT_WAS_TOLD = """
ALTER TABLE seen ADD COLUMN is_from_me INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seen ADD COLUMN line TEXT;
UPDATE seen SET is_from_me = state LIKE '1:%', state = state || ':1';
"""

_LIKELY_ROWS = """
CREATE TABLE likely (
  item_seq INTEGER NOT NULL, guid TEXT NOT NULL, PRIMARY KEY (item_seq, guid)
) WITHOUT ROWID;
"""

_HAND_OVERS_BY_NAME = """
ALTER TABLE items ADD COLUMN nonce TEXT;
ALTER TABLE items ADD COLUMN nonce_before TEXT;
ALTER TABLE items ADD COLUMN taken_at INTEGER;
"""

_WHAT_HAS_ENDED = """
CREATE TABLE ended (id TEXT PRIMARY KEY, message_guid TEXT, error TEXT, ended_at INTEGER NOT NULL);
CREATE INDEX ended_at ON ended (ended_at);
"""

# Commands had no files before; a file is brought once its sighting is no longer among those to be told.
_FILES_AND_RECEIPTS = """
ALTER TABLE items ADD COLUMN waits_for_file INTEGER NOT NULL DEFAULT 0;
CREATE TABLE staged (
  item_id TEXT PRIMARY KEY, path TEXT NOT NULL, is_whole INTEGER NOT NULL, ended_at INTEGER
) WITHOUT ROWID;
CREATE TABLE uploads (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, message_guid TEXT NOT NULL, attachment_guid TEXT NOT NULL,
  sighting_seq INTEGER NOT NULL, line TEXT NOT NULL, path BLOB NOT NULL, mime_type TEXT, total_bytes INTEGER NOT NULL,
  since INTEGER NOT NULL, is_over INTEGER NOT NULL DEFAULT 0, UNIQUE (message_guid, attachment_guid)
);
CREATE INDEX uploads_to_do ON uploads (seq) WHERE is_over = 0;
CREATE TABLE receipts (chat_guid TEXT PRIMARY KEY, read_at INTEGER NOT NULL) WITHOUT ROWID;
"""

_WHAT_BECOMES_OF_OURS = """
CREATE TABLE awaited (
  guid TEXT PRIMARY KEY, line TEXT NOT NULL, is_group INTEGER NOT NULL, is_delivered INTEGER NOT NULL,
  since INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX awaited_since ON awaited (since);
"""

_VERSIONS_OF_MESSAGES = """
ALTER TABLE items ADD COLUMN versions_before INTEGER;
CREATE TABLE edited (message_guid TEXT PRIMARY KEY, versions INTEGER NOT NULL) WITHOUT ROWID;
"""

# Of what was imported only the hash of a guid is kept: a million rows of `seen` would be 200 MB, these are 15.
_HISTORY = """
CREATE TABLE imports (
  asked TEXT PRIMARY KEY, asked_at INTEGER NOT NULL, file INTEGER NOT NULL, cursor INTEGER NOT NULL,
  cursor_guid TEXT, last INTEGER NOT NULL, looked INTEGER NOT NULL, told INTEGER NOT NULL, total INTEGER NOT NULL,
  ended_at INTEGER
) WITHOUT ROWID;
CREATE TABLE imported (hash INTEGER PRIMARY KEY);
CREATE TABLE server (id INTEGER PRIMARY KEY CHECK (id = 1), version TEXT NOT NULL);
"""

_MESSAGES_ITSELF = """
CREATE TABLE messages_app (
  id INTEGER PRIMARY KEY CHECK (id = 1), has_answered INTEGER NOT NULL, restarted_at INTEGER NOT NULL
);
INSERT INTO messages_app VALUES (1, 0, 0);
"""

MIGRATIONS = (
    _THE_FIRST_SCHEMA,
    _WHEN_WE_LOOKED,
    _CLAIMS_BY_GUID,
    _WHAT_WAS_TOLD,
    _LIKELY_ROWS,
    _HAND_OVERS_BY_NAME,
    _WHAT_HAS_ENDED,
    _FILES_AND_RECEIPTS,
    _WHAT_BECOMES_OF_OURS,
    _VERSIONS_OF_MESSAGES,
    _HISTORY,
    _MESSAGES_ITSELF,
)
