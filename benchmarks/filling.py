"""Fills a database with a long conversation, past the API."""

import sqlite3
from pathlib import Path

from blueport.server.authorizing import keys

LINE = "+15555550100"
FRIEND = "+15550100001"
BATCH = 50_000
FIRST_MS = 1_700_000_000_000

new_key = keys.new_key


def fill(database: Path, rows: int) -> None:
    """Add a chat with FRIEND that holds *rows* messages."""
    connection = sqlite3.connect(database, timeout=30)
    account_id, line_id = connection.execute("SELECT account_id, id FROM lines").fetchone()
    chat_id = "cht_00000000000000000000000000"
    last_ms = FIRST_MS + rows * 1000
    connection.execute(
        "INSERT INTO chats VALUES (?,?,?,?,?,'imessage',NULL,0,'[]',?,?,?,?)",
        (chat_id, account_id, line_id, FRIEND, FRIEND, FIRST_MS, last_ms, rows, FIRST_MS),
    )
    for start in range(0, rows, BATCH):
        connection.executemany(
            "INSERT INTO messages (id, account_id, line_id, chat_id, guid, sender, text, attachments, service,"
            " is_from_me, is_audio_message, sent_at, synced_at) VALUES (?,?,?,?,?,?,?,'[]','imessage',0,0,?,?)",
            [
                (f"msg_{n:026}", account_id, line_id, chat_id, f"guid-{n}", FRIEND, f"text {n}", at, at)
                for n in range(start, min(start + BATCH, rows))
                for at in [FIRST_MS + n * 1000]
            ],
        )
        connection.commit()
    connection.close()
