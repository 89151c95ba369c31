"""Rows of chat.db that are no plain message, each as Messages leaves it: for tests of whoever reads the file."""

from pathlib import Path

from blueport.clock import now_ms
from blueport.simulator.chatdb import Attachment, Cell, ChatDb, Reactor, Row, apple_ns, attachment_guids

URL_BALLOON = "com.apple.messages.URLBalloonProvider"
_COPIED_TABLES = ("handle", "chat", "chat_handle_join", "attachment")
_LINK_TABLES = ("chat_message_join", "message_attachment_join", "chat_recoverable_message_join")


def tapback(db: ChatDb, target: str, kind: int, *, chat: int, sender: str | None = None, **columns: Cell) -> Row:
    """React to a message; of one person only the latest reaction to it keeps a row.

    Args:
        db: Where to.
        target: `p:<part>/<guid>`, `bp:<guid>` or a bare guid.
        kind: `associated_message_type`: 2000 love to 2005 question, 2006 emoji, 2007 sticker; 1000 more to remove.
        chat: The conversation.
        sender: Who reacted, None for ourselves.
        columns: Further columns, `associated_message_emoji` among them.
    """
    reactor = Reactor(target, 0 if sender is None else db.handle_id(sender), sender is None)
    with db.one_commit():
        row = db.add_tapback(reactor, kind, sender=sender)
        db.write_body(row, "Reacted to a message")
        db.link(row, chat)
        return db.change(row, **columns)


def group_event(
    db: ChatDb, chat: int, item_type: int, action: int = 0, *, actor: str | None = None, **columns: Cell
) -> Row:
    """Note in a group that *actor* added (1, 0) or removed (1, 1) somebody, renamed it (2), left (3, 0) and so on."""
    with db.one_commit():
        row = db.add_row(sender=actor)
        db.link(row, chat)
        return db.change(row, item_type=item_type, group_action_type=action, **columns)


def link_preview(db: ChatDb, url: str, *, sender: str | None = None, chat: int, **columns: Cell) -> Row:
    """Write the balloon that follows a text with a link: a message of its own, with its own guid."""
    with db.one_commit():
        row = db.add_message(url, sender=sender, chat=chat)
        return db.change(row, balloon_bundle_id=URL_BALLOON, **columns)


def offload(db: ChatDb, row: Row) -> None:
    """Let iCloud take the files of a message off the disk; their rows still say that they are there."""
    for path in _files(db, row):
        path.unlink()


def half_arrived(db: ChatDb, row: Row) -> None:
    """Cut the files of a message to half of what their rows say, as if they were still being written."""
    for path in _files(db, row):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])


def preview_icon(db: ChatDb, balloon: Row) -> None:
    """Give a link preview the file that it keeps its picture in, which is nobody's attachment."""
    db.attach(balloon, [Attachment("0A1B2C.pluginPayloadAttachment", b"an icon")])


def ghost(db: ChatDb, **columns: Cell) -> Row:
    """Write an own row that never gets body or chat: what macOS 26 leaves of some scripted sends."""
    with db.one_commit():
        return db.change(db.add_row(), **columns)


def bad_utf8(db: ChatDb, row: Row, text: bytes) -> None:
    """Put bytes that need not be UTF-8 into `text`, and take the archived body away."""
    db.execute("UPDATE message SET text = CAST(? AS TEXT), attributedBody = NULL WHERE ROWID = ?", text, row.rowid)


def recently_deleted(db: ChatDb, row: Row) -> None:
    """Move a message to Recently Deleted: its link moves, the row stays."""
    with db.one_commit():
        db.execute(
            "INSERT INTO chat_recoverable_message_join (chat_id, message_id, delete_date)"
            " SELECT chat_id, message_id, ? FROM chat_message_join WHERE message_id = ?",
            apple_ns(now_ms()),
            row.rowid,
        )
        db.unlink(row)


def backfill(db: ChatDb, count: int, *, sender: str, newest_at: int) -> list[Row]:
    """Let iCloud bring *count* old messages, a minute apart and the newest first: new rowids, old dates."""
    with db.one_commit():
        return [db.add_message(f"Old {n}", sender=sender, sent_at=newest_at - n * 60_000) for n in range(count)]


def rebuild(db: ChatDb, *, newest: int | None = None) -> None:
    """Let Messages lose its file and write it anew: another inode, and rowids counted from the newest message down.

    With *newest* only so many messages come back.
    """
    kept = db.rows("SELECT * FROM message ORDER BY date DESC, ROWID DESC LIMIT ?", -1 if newest is None else newest)
    renumbered = {message["ROWID"]: rowid for rowid, message in enumerate(kept, start=1)}
    copied = {table: db.rows(f"SELECT * FROM {table}") for table in _COPIED_TABLES}  # noqa: S608 - our own constants
    there = [table for table in _LINK_TABLES if db.has(table, "message_id")]
    links = {table: db.rows(f"SELECT * FROM {table}") for table in there}  # noqa: S608 - our own constants
    db.start_anew()
    with db.one_commit():
        for message in kept:
            db.insert("message", **{**dict(message), "ROWID": renumbered[message["ROWID"]]})
        for table, rows in copied.items():
            for row in rows:
                db.insert(table, **dict(row))
        for table, rows in links.items():
            for row in rows:
                if row["message_id"] in renumbered:
                    db.insert(table, **{**dict(row), "message_id": renumbered[row["message_id"]]})


def _files(db: ChatDb, row: Row) -> list[Path]:
    joined = db.rows("SELECT count(*) AS files FROM message_attachment_join WHERE message_id = ?", row.rowid)
    found = [db.file_of(guid) for guid in attachment_guids(row, joined[0]["files"])]
    return [path for path in found if path is not None]
