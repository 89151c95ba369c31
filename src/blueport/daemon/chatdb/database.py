"""The open chat.db, and what can be asked of it.

Messages comes first: the file is opened read-only, no statement is left unfinished (one would pin a snapshot that is
stale for ever after), and it is never opened `immutable`, which would hide what is in the write-ahead log.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from blueport.daemon.chatdb.columns import (
    ANY_OF,
    GUID,
    Columns,
    RawAttachment,
    RawMessage,
    attachment_query,
    columns_of,
    linked_query,
    message_query,
    own_address_query,
    reached_query,
    reading_query,
    state_query,
)
from blueport.daemon.chatdb.dates import BELOW_SECONDS, apple_ns, apple_s, around, unix_ms
from blueport.daemon.chatdb.links import BEHIND_BUBBLE_MS, BEHIND_TEXT_MS, link_of
from blueport.daemon.chatdb.rows import URL_BALLOON, MessageRow, message_row, own_addresses
from blueport.logs.lines import logger

# Long enough for a checkpoint, short enough not to be noticed; a longer lock is waited out from outside.
_BUSY_TIMEOUT_S = 1.0
# More than anybody writes into one chat within the time that a bubble follows its text.
_NEIGHBOURS = 100
# So many rows are taken for new where they have no date, and show which addresses are in use.
_NEWEST_ROWS = 5_000
# So many are looked at for edits at every look.
_NEWEST_STATES = 50
# And so many for receipts.
_NEWEST_READ_ROWS = 200
_DAY_MS = 86_400_000

_log = logger(__name__)

_Raw = TypeVar("_Raw")
_Given = int | str


class State(msgspec.Struct, frozen=True, array_like=True):
    """The part of a message that shows whether it is worth another look."""

    rowid: int
    guid: str
    state: str


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """The own message of a conversation of two that its peer read last, and when (Apple's nanoseconds)."""

    rowid: int
    read_ns: int
    chat_guid: str

    @property
    def read_at(self) -> int:
        """When, in Unix milliseconds."""
        return unix_ms(self.read_ns) or 0


class Reached(msgspec.Struct, frozen=True, array_like=True):
    """What became of an own message: it arrived (0 or 1), when, and when it was read (as chat.db writes dates)."""

    guid: str
    is_delivered: int
    date_delivered: int
    date_read: int

    @property
    def delivered_at(self) -> int | None:
        """When it arrived, in Unix milliseconds; None if that is not known."""
        return unix_ms(self.date_delivered)

    @property
    def read_at(self) -> int | None:
        """When it was read, in Unix milliseconds; None if it was not."""
        return unix_ms(self.date_read)


class _Open(NamedTuple):
    """An open file, and the statements that are put together once for all that is asked of it."""

    connection: sqlite3.Connection
    schema: int
    columns: Columns
    messages: str
    attachments: str


class ChatDb:
    """The chat.db at an absolute path: opened when first asked, and again after an error or when it is another file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: _Open | None = None
        # Means something within one connection only: None is never equal.
        self._version: int | None = None
        self.file = 0

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.connection.close()
            self._open = self._version = None

    def interrupt(self) -> None:
        """Have the question that is being answered fail; may be called from any thread."""
        opened = self._open
        if opened is not None:
            with suppress(sqlite3.ProgrammingError):  # it was closed meanwhile
                opened.connection.interrupt()

    def has_another_schema(self) -> bool:
        """Say whether there are other columns than were looked for when the file was opened."""
        return self._open is not None and _schema_of(self._open.connection) != self._open.schema

    def has_changed(self) -> bool:
        """Say whether anything was committed since this was last asked."""
        if self._open is not None and self._path.stat().st_ino != self.file:
            self.close()
        before, self._version = self._version, self._number("PRAGMA data_version")
        return self._version != before

    def newest_rowid(self) -> int:
        """Return the rowid of the newest message, 0 if there is none."""
        return self._number("SELECT ifnull(MAX(ROWID), 0) FROM message")

    def highest_rowid_ever(self) -> int:
        """Return the highest rowid that this file has given out: messages can be deleted, their numbers stay used."""
        given = self._number("SELECT ifnull(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'message'")
        return max(given, self.newest_rowid())

    def last_rowid_before(self, moment: int) -> int:
        """Return the rowid behind which all is news to one who came at *moment* (Unix ms)."""
        return self._number(
            "SELECT ifnull((SELECT MIN(ROWID) - 1 FROM message WHERE date BETWEEN ? AND ?), ?)",
            apple_ns(moment),
            apple_ns(moment + _DAY_MS),
            self.newest_rowid(),
        )

    def last_rowid_without(self, moment: int) -> int:
        """Return the rowid behind which all messages are that were sent since *moment* (Unix ms), and maybe others."""
        # As in `states_since`, but for the plus: the least rowid is wanted of each range.
        since = (apple_ns(moment), apple_s(moment), BELOW_SECONDS)
        query = "SELECT ifnull(MIN(ROWID) - 1, ?) FROM message WHERE date >= ? OR date BETWEEN ? AND ?"
        return self._number(query, self.newest_rowid(), *since)

    def count_between(self, first: int, last: int) -> int:
        """Return how many rows there are behind *first* and up to *last*."""
        return self._number("SELECT COUNT(*) FROM message WHERE ROWID > ? AND ROWID <= ?", first, last)

    def guid_at(self, rowid: int) -> str | None:
        """Return the guid of a row, None if there is no such row."""
        found = self._read(tuple[str], f"SELECT {GUID} FROM message m WHERE m.ROWID = ?", rowid)  # noqa: S608 - our own constants
        return found[0][0] if found else None

    def rowid_of(self, guid: str) -> int | None:
        """Return the row of a guid, None if there is none."""
        found = self._read(tuple[int], "SELECT ROWID FROM message WHERE guid = ?", guid)
        return found[0][0] if found else None

    def rows_after(self, rowid: int, limit: int) -> list[MessageRow]:
        """Return the next messages, oldest row first."""
        return self._messages("WHERE m.ROWID > ? ORDER BY m.ROWID LIMIT ?", rowid, limit)

    def rows_at(self, rowids: Sequence[int]) -> list[MessageRow]:
        """Return the messages with these rowids, as far as they exist."""
        return self._messages(f"WHERE m.ROWID IN {ANY_OF} ORDER BY m.ROWID", _json(rowids)) if rowids else []

    def rows_of(self, guids: Sequence[str]) -> list[MessageRow]:
        """Return the messages with these guids, as far as they exist."""
        return self._messages(f"WHERE m.guid IN {ANY_OF} ORDER BY m.ROWID", _json(guids)) if guids else []

    def states_since(self, moment: int) -> list[State]:
        """Return the states of all messages sent since *moment* (Unix ms), and of the newest without a date.

        Each way of writing a date is a range of its own in the index on dates, which SQLite leaves aside for the whole
        table if it can save sorting: hence the plus.
        """
        condition = """
            WHERE m.date >= ? OR m.date BETWEEN ? AND ?
            OR (m.date = 0 AND m.ROWID > ?) OR (m.date IS NULL AND m.ROWID > ?) ORDER BY +m.ROWID
        """
        undated = self.newest_rowid() - _NEWEST_ROWS
        since = (apple_ns(moment), apple_s(moment), BELOW_SECONDS, undated, undated)
        return self._read(State, state_query(self._columns) + condition, *since)

    def newest_states(self) -> list[State]:
        """Return the states of the newest messages, which are those that people change."""
        condition = " WHERE m.ROWID > ? ORDER BY m.ROWID"
        return self._read(State, state_query(self._columns) + condition, self.newest_rowid() - _NEWEST_STATES)

    def reached(self, guids: Sequence[str]) -> list[Reached]:
        """Return which of these own messages have arrived, or were read."""
        return self._read(Reached, reached_query(self._columns), _json(guids)) if guids else []

    def readings(self, *, since: int | None, between: tuple[int, int]) -> list[Reading]:
        """Return the latest reading of each peer *between* two moments (Unix ms).

        Of all messages sent since a moment (Unix ms), or of the newest.
        """
        first = self.newest_rowid() - _NEWEST_READ_ROWS if since is None else apple_ns(since)
        query = reading_query(self._columns, is_by_date=since is not None)
        return self._read(Reading, query, first, *map(apple_ns, between))

    def newest_of_chat(self, guid: str) -> MessageRow | None:
        """Return the newest message of a conversation, which may be named by another service's guid; None if none."""
        condition = """
            WHERE m.ROWID = (
                SELECT MAX((SELECT MAX(n.message_id) FROM chat_message_join n WHERE n.chat_id = k.ROWID)) FROM chat k
                WHERE k.guid = ? OR (k.style = 45 AND k.chat_identifier = ?)
            )
        """
        service, _, identifier = guid.partition(";-;")
        return next(iter(self._messages(condition, guid, identifier if service else "")), None)

    def addresses_of_chats(self) -> list[str]:
        """Return the accounts that conversations were ever held under, as written there."""
        if "account_login" not in self._columns["chat"]:
            return []
        query = "SELECT DISTINCT CAST(account_login AS TEXT) FROM chat WHERE account_login IS NOT NULL"
        return [address for (account,) in self._read(tuple[str], query) for address in own_addresses(None, account)]

    def addresses_of_rows(self) -> list[str]:
        """Return the own addresses that the newest messages name, as written there."""
        query = f"{own_address_query(self._columns)} WHERE m.ROWID > ?"
        found = self._read(tuple[str | None, str | None], query, self.newest_rowid() - _NEWEST_ROWS)
        return [address for caller_id, account in found for address in own_addresses(caller_id, account)]

    def _messages(self, condition: str, *parameters: _Given) -> list[MessageRow]:
        raws = self._read(RawMessage, self._opened().messages + condition, *parameters)
        attachments = self._attachments([raw.rowid for raw in raws])
        chat_ids = {raw.chat_id for raw in raws}
        participants, onwards = self._participants(chat_ids), self._onwards(chat_ids)
        return [
            _in_words(
                _gone_on(raw, onwards),
                participants.get(raw.chat_id, ()),
                attachments.get(raw.rowid, []),
                self._before(raw),
            )
            for raw in raws
        ]

    def _onwards(self, chat_ids: Iterable[int]) -> dict[int, str]:
        """Return which conversations go on in another, with the identifier of that; mostly none do."""
        query = linked_query(self._columns)
        return dict(self._read(tuple[int, str], query, _json([*chat_ids]))) if query else {}

    def _attachments(self, rowids: list[int]) -> dict[int, list[RawAttachment]]:
        found: dict[int, list[RawAttachment]] = {}
        if rowids:
            for raw in self._read(RawAttachment, self._opened().attachments, _json(rowids)):
                found.setdefault(raw.message_id, []).append(raw)
        return found

    def _participants(self, chat_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
        query = f"""
            SELECT j.chat_id, CAST(h.id AS TEXT) FROM chat_handle_join j JOIN handle h ON h.ROWID = j.handle_id
            WHERE j.chat_id IN {ANY_OF} AND h.id IS NOT NULL ORDER BY h.ROWID
        """  # noqa: S608 - our own constants
        found: dict[int, dict[str, None]] = {}
        for chat_id, address in self._read(tuple[int, str], query, _json([*chat_ids])):
            found.setdefault(chat_id, {})[address] = None
        return {chat_id: tuple(addresses) for chat_id, addresses in found.items()}

    def _before(self, raw: RawMessage) -> list[RawMessage]:
        """Return what a link's bubble may belong to; of own rows one may name the other person, and the next nobody.

        In a file that was written anew what came before may have a higher rowid. Found is it by the index on dates:
        hence the pluses, without which SQLite would rather look through all that is older.
        """
        if raw.balloon_bundle_id != URL_BALLOON:
            return []
        condition = """
            WHERE m.date BETWEEN ? AND ? AND (+m.date BETWEEN ? AND ? OR m.balloon_bundle_id = ?)
            AND (+m.ROWID < ? OR +m.date < ?) AND m.is_from_me = ? AND (m.is_from_me OR ifnull(m.handle_id, 0) = ?)
            AND EXISTS (SELECT 1 FROM chat_message_join n WHERE n.message_id = m.ROWID AND n.chat_id = ?)
            ORDER BY abs(m.ROWID - ?) LIMIT ?
        """
        near = (*around(raw.date, BEHIND_BUBBLE_MS), *around(raw.date, BEHIND_TEXT_MS), URL_BALLOON)
        same = (raw.rowid, raw.date, raw.is_from_me, raw.handle_id, raw.chat_id, raw.rowid, _NEIGHBOURS)
        return self._read(RawMessage, self._opened().messages + condition, *near, *same)

    def _number(self, query: str, *parameters: int) -> int:
        [(number,)] = self._read(tuple[int], query, *parameters)
        return number

    def _read(self, kind: type[_Raw], query: str, *parameters: _Given) -> list[_Raw]:
        return [msgspec.convert(row, kind) for row in self._opened().connection.execute(query, parameters).fetchall()]

    @property
    def _columns(self) -> Columns:
        return self._opened().columns

    def _opened(self) -> _Open:
        if self._open is None:
            self.file = self._path.stat().st_ino
            connection = _connected(self._path)
            schema = _schema_of(connection)  # before its columns: what changes in between is told
            columns = columns_of(connection)
            self._open = _Open(connection, schema, columns, message_query(columns), attachment_query(columns))
        return self._open


def _gone_on(raw: RawMessage, onwards: Mapping[int, str]) -> RawMessage:
    return msgspec.structs.replace(raw, chat_identifier=onwards[raw.chat_id]) if raw.chat_id in onwards else raw


def _in_words(
    raw: RawMessage, participants: tuple[str, ...], attachments: list[RawAttachment], before: list[RawMessage]
) -> MessageRow:
    try:
        link = link_of(raw, before) if raw.balloon_bundle_id == URL_BALLOON else None
        return message_row(raw, participants=participants, attachments=attachments, link=link)
    except Exception:  # noqa: BLE001 - whatever nobody thought of: the rows behind this one must not wait for that
        _log.exception("row_passed_over", row=raw.rowid)
        return MessageRow(rowid=raw.rowid, guid=raw.guid, state=raw.state, kind="unreadable")


def _connected(path: Path) -> sqlite3.Connection:
    # Opening by hand first: SQLite does not say why it could not.
    os.close(os.open(path, os.O_RDONLY))
    uri = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    # One body that is no UTF-8 must not stop all that come after it.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    connection.execute("PRAGMA query_only = 1")
    return connection


def _schema_of(connection: sqlite3.Connection) -> int:
    """Return a number that changes with every table and every column."""
    [(number,)] = connection.execute("PRAGMA schema_version").fetchall()
    return int(number)


def _json(names: Sequence[_Given]) -> str:
    return msgspec.json.encode(names).decode()
