"""Which columns of chat.db are read, by name: a release that lacks one reads as if it were empty there.

Each is cast to the type that it should have, so that no value whatever can stop the reader.
"""

import sqlite3
from collections.abc import Mapping

import msgspec

# The columns whose change makes a message worth another look; of the long ones the length.
_STATE_FLAGS = (
    "is_from_me",
    "is_sent",
    "error",
    "service",
    "is_empty",
    "date_edited",
    "date_retracted",
    "cache_has_attachments",
    "was_downgraded",
)
_STATE_LENGTHS = ("text", "attributedBody", "message_summary_info")


class RawMessage(msgspec.Struct, frozen=True, array_like=True):
    """A row of `message` with its handle and its chat; a field is a column of the same name, or of `_FROM`."""

    rowid: int
    state: str
    guid: str
    text: str | None
    attributed_body: bytes | None
    service: str | None
    date: int
    account: str | None
    destination_caller_id: str | None
    handle_id: int
    handle: str | None
    is_from_me: int
    is_sent: int
    error: int
    item_type: int
    group_action_type: int
    group_title: str | None
    other_handle: str | None
    associated_message_type: int
    associated_message_guid: str | None
    associated_message_emoji: str | None
    balloon_bundle_id: str | None
    message_summary_info: bytes | None
    thread_originator_guid: str | None
    date_edited: int
    date_retracted: int
    is_audio_message: int
    cache_has_attachments: int
    is_system_message: int
    is_service_message: int
    is_corrupt: int
    is_spam: int
    was_downgraded: int
    is_deleted: int
    chat_id: int
    chat_guid: str | None
    chat_identifier: str | None
    chat_style: int
    chat_service: str | None
    chat_name: str | None
    chat_account: str | None


class RawAttachment(msgspec.Struct, frozen=True, array_like=True):
    """A row of `attachment`, with the message that it belongs to; `filename` is a path, whose bytes are the disk's."""

    message_id: int
    guid: str | None
    filename: bytes | None
    transfer_name: str | None
    transfer_state: int
    mime_type: str | None
    uti: str | None
    total_bytes: int
    user_info: bytes | None
    is_sticker: int
    hide_attachment: int


# Fields that are no column of `message` of that name: table and column.
_FROM = {
    "rowid": ("m", "ROWID"),
    "attributed_body": ("m", "attributedBody"),
    "handle": ("h", "id"),
    "chat_id": ("c", "ROWID"),
    "chat_guid": ("c", "guid"),
    "chat_identifier": ("c", "chat_identifier"),
    "chat_style": ("c", "style"),
    "chat_service": ("c", "service_name"),
    "chat_name": ("c", "display_name"),
    "chat_account": ("c", "account_login"),
}
_TABLES = {"m": "message", "h": "handle", "c": "chat", "j": "message_attachment_join", "a": "attachment"}
_CASTS: dict[object, str] = {
    int: "CAST(ifnull({}, 0) AS INTEGER)",
    str: "CAST({} AS TEXT)",
    str | None: "CAST({} AS TEXT)",
    bytes | None: "CAST({} AS BLOB)",
}

# Numbers given as one JSON list: SQLite limits how many values a statement may be given, and nothing else does.
ANY_OF = "(SELECT value FROM json_each(?))"

# Whenever it was read, in the unit of most dates; a few are in seconds.
_NANOSECONDS = "CASE WHEN m.date_read < 100000000000 THEN m.date_read * 1000000000 ELSE m.date_read END"

# Of a row without one, a name that is at least its own.
GUID = "ifnull(nullif(CAST(m.guid AS TEXT), ''), 'row-' || m.ROWID)"

Columns = Mapping[str, frozenset[str]]


def columns_of(connection: sqlite3.Connection) -> Columns:
    """Return the columns of each table that is read, none for one that is missing."""
    tables = (*_TABLES.values(), "chat_recoverable_message_join", "chat_lookup")
    return {
        table: frozenset(name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")) for table in tables
    }


def message_query(columns: Columns) -> str:
    """Return the statement, without its condition, that reads RawMessages; a message in two chats is in the older.

    Links to chats that are gone stay behind.
    """
    fields = ", ".join(_message_field(columns, field) for field in msgspec.structs.fields(RawMessage))
    return f"""
        SELECT {fields} FROM message m
        LEFT JOIN handle h ON h.ROWID = m.handle_id
        LEFT JOIN chat c ON c.ROWID = (
            SELECT MIN(k.ROWID) FROM chat_message_join n JOIN chat k ON k.ROWID = n.chat_id WHERE n.message_id = m.ROWID
        )
    """  # noqa: S608 - our own constants


def state_query(columns: Columns) -> str:
    """Return the statement, without its condition, that reads rowid, guid and state of messages."""
    return f"SELECT m.ROWID, {GUID}, {_state(columns)} FROM message m"  # noqa: S608 - our own constants


def own_address_query(columns: Columns) -> str:
    """Return the statement, without its condition, that reads what messages say of this Mac's address and account."""
    fields = ", ".join(_cast(columns, "m", name, str | None) for name in ("destination_caller_id", "account"))
    return f"SELECT DISTINCT {fields} FROM message m"  # noqa: S608 - our own constants


def reading_query(columns: Columns, *, is_by_date: bool) -> str:
    """Return the statement that finds, for each chat of two, the own message that was read last, and when.

    Of those behind a rowid, or sent since a date, which were read between two dates; all dates in nanoseconds.
    """
    if "date_read" not in columns["message"]:
        return "SELECT 0, 0, '' WHERE FALSE AND ? = ? AND ?"
    # The order of the joins is ours: SQLite would rather go through all chats.
    return f"""
        SELECT m.ROWID, MAX({_NANOSECONDS}), CAST(c.guid AS TEXT) FROM message m
        CROSS JOIN chat_message_join n ON n.message_id = m.ROWID CROSS JOIN chat c ON c.ROWID = n.chat_id
        WHERE {"m.date >= ?" if is_by_date else "m.ROWID > ?"} AND m.is_from_me = 1 AND m.item_type = 0
        AND m.date_read > 0 AND {_NANOSECONDS} BETWEEN ? AND ? AND c.guid IS NOT NULL AND c.style = 45
        GROUP BY c.ROWID
    """  # noqa: S608 - our own constants


def reached_query(columns: Columns) -> str:
    """Return the statement that finds which of the own messages with the guids given as JSON arrived, or were read."""
    names = ("is_delivered", "date_delivered", "date_read")
    fields = [_cast(columns, "m", name, int) for name in names]
    return f"""
        SELECT {GUID}, {", ".join(fields)} FROM message m
        WHERE m.guid IN {ANY_OF} AND m.is_from_me = 1 AND ({" OR ".join(f"{field} > 0" for field in fields)})
    """  # noqa: S608 - our own constants


def linked_query(columns: Columns) -> str | None:
    """Return the statement that finds which of the conversations given as JSON go on in another, and how that is named.

    The identifier of such a one leads to another of its kind, which leads nowhere else. None if the release has none.
    """
    if not {"identifier", "chat"} <= columns["chat_lookup"] or not {"style", "chat_identifier"} <= columns["chat"]:
        return None
    priority = "l.priority, " if "priority" in columns["chat_lookup"] else ""
    return f"""
        SELECT c.ROWID, CAST(t.chat_identifier AS TEXT) FROM chat c
        CROSS JOIN chat_lookup l ON l.identifier = c.chat_identifier AND l.chat != c.ROWID
        CROSS JOIN chat t ON t.ROWID = l.chat AND t.style = c.style AND t.chat_identifier IS NOT NULL
        WHERE c.ROWID IN {ANY_OF}
        AND NOT EXISTS (SELECT 1 FROM chat_lookup o WHERE o.identifier = t.chat_identifier AND o.chat != t.ROWID)
        ORDER BY {priority}l.chat
    """  # noqa: S608 - our own constants


def attachment_query(columns: Columns) -> str:
    """Return the statement that reads the RawAttachments of messages whose rowids it is given as JSON."""
    fields = ", ".join(
        _cast(columns, "j" if field.name == "message_id" else "a", field.name, field.type)
        for field in msgspec.structs.fields(RawAttachment)
    )
    return f"""
        SELECT {fields} FROM message_attachment_join j JOIN attachment a ON a.ROWID = j.attachment_id
        WHERE j.message_id IN {ANY_OF} ORDER BY a.ROWID
    """  # noqa: S608 - our own constants


def _message_field(columns: Columns, field: msgspec.structs.FieldInfo) -> str:
    if field.name == "state":
        return _state(columns)
    if field.name == "guid":
        return GUID
    if field.name == "is_deleted":
        return _is_deleted(columns)
    if field.name == "other_handle":
        return _other_handle(columns)
    table, column = _FROM.get(field.name, ("m", field.name))
    return _cast(columns, table, column, field.type)


def _cast(columns: Columns, table: str, column: str, kind: object) -> str:
    is_there = column == "ROWID" or column in columns[_TABLES[table]]
    return _CASTS[kind].format(f"{table}.{column}" if is_there else "NULL")


def _state(columns: Columns) -> str:
    there = columns["message"]
    flags = [f"ifnull(m.{name}, '')" for name in _STATE_FLAGS if name in there]
    lengths = [f"ifnull(length(CAST(m.{name} AS BLOB)), '')" for name in _STATE_LENGTHS if name in there]
    # The link to a chat comes last of all, sometimes long after the rest, and goes with Recently Deleted.
    link = "EXISTS (SELECT 1 FROM chat_message_join n WHERE n.message_id = m.ROWID)"
    return " || ':' || ".join([*flags, *lengths, link]) + f" || {_what_is_said(columns)}"


def _what_is_said(columns: Columns) -> str:
    """Of a voice memo: a transcription may come beside the file alone, with nothing written to the message's row."""
    if "user_info" not in columns["attachment"] or "is_audio_message" not in columns["message"]:
        return "''"
    return """
        CASE WHEN m.is_audio_message THEN ifnull((
            SELECT ':' || SUM(length(CAST(a.user_info AS BLOB))) FROM message_attachment_join j
            JOIN attachment a ON a.ROWID = j.attachment_id WHERE j.message_id = m.ROWID
        ), '') ELSE '' END
    """


def _other_handle(columns: Columns) -> str:
    """Who was put into a group, or out of it."""
    if not {"other_handle", "item_type"} <= columns["message"]:
        return "NULL"
    return "CASE m.item_type WHEN 1 THEN (SELECT CAST(o.id AS TEXT) FROM handle o WHERE o.ROWID = m.other_handle) END"


def _is_deleted(columns: Columns) -> str:
    """Recently Deleted: the link to the chat lies in another table.

    That need not have an index of messages, so it is looked into only for those without a chat; an AND would do both.
    """
    if not columns["chat_recoverable_message_join"]:
        return "0"
    link = "EXISTS (SELECT 1 FROM chat_recoverable_message_join r WHERE r.message_id = m.ROWID)"
    return f"CASE WHEN c.ROWID IS NULL THEN {link} ELSE 0 END"
