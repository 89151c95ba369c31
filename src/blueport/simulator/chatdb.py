"""The chat.db of a simulated Mac, and the hand that writes it.

Messages writes a message in several commits: the row, its body, its files, the link to its chat, and later what became
of it. Each is a method here, so that a reader in another process sees every step. `add_message` takes all of them in
one commit. Writing a step twice changes nothing: after a crash the steps of a message are simply taken again.
"""

import plistlib
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from blueport.clock import now_ms
from blueport.simulator import schema
from blueport.simulator.file_types import VOICE_MEMO, VOICE_MEMO_NAME, FileType, type_of
from blueport.simulator.settings import MacOs
from blueport.typedstream import Run, decode, encode, message_body

APPLE_EPOCH_MS = 978_307_200_000  # 2001-01-01T00:00:00Z
_DIRECT, _GROUP = 45, 43  # chat.style: ASCII "-" and "+", as in the guid
_WAITING, _FINISHED, _FAILED = 0, 5, 6  # attachment.transfer_state
_BUSY_TIMEOUT_S = 5
# Releases that write the text beside its archive, and those whose guids of conversations tell no service.
_PLAIN_TOO: tuple[MacOs, ...] = ("12", "13")
_OF_ANY_SERVICE: tuple[MacOs, ...] = ("26", "26x")

Cell = str | bytes | int | float | None


class Row(NamedTuple):
    """A row of `message`."""

    rowid: int
    guid: str


class Conversation(NamedTuple):
    """A row of `chat` with its members; `identifier` is the peer's address or the group's id."""

    identifier: str
    is_group: bool
    service: str
    line: str
    members: tuple[str, ...]


class Attachment(msgspec.Struct, frozen=True):
    """A file that goes with a message.

    `file_after_ms`: its bytes come so long after the message. `is_audio`: the message is a voice memo, with what Apple
    makes of the words in it, written down `transcription_after_ms` after the rest.
    """

    filename: str
    content: bytes
    mime_type: str | None = None
    file_after_ms: int | None = None
    is_audio: bool = False
    transcription: str | None = None
    transcription_after_ms: int = 0


class Reactor(NamedTuple):
    """Whose tapback on what; `handle_id` is 0 for our own, `target` as in `associated_message_guid`."""

    target: str
    handle_id: int
    is_from_me: bool


def apple_ns(unix_ms: int) -> int:
    """Turn Unix milliseconds into a date of chat.db: nanoseconds since 2001, UTC."""
    return (unix_ms - APPLE_EPOCH_MS) * 1_000_000


def new_guid() -> str:
    """Return a guid as Messages forms them."""
    return str(uuid.uuid4()).upper()


class ChatDb:
    """A chat.db of some macOS release, open for writing.

    Keyword arguments named `columns` are columns of the row to be written and win over what would be written there.
    """

    def __init__(self, path: Path, *, macos: MacOs = "26", line: str = "+15550100000") -> None:
        """Open the file, laid out first if it is new; *line* is the own address of rows that name no other."""
        self.path = path
        self.macos = macos
        self.line = line
        path.parent.mkdir(parents=True, exist_ok=True)
        self._columns: dict[str, frozenset[str]] = {}
        self._connection = self._opened()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def start_anew(self) -> None:
        """Replace the file by an empty one."""
        self._connection.close()
        # Kept until the new file is there: else the new one might be given the inode of the old.
        lost = self.path.rename(self.path.with_suffix(".lost"))
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._connection = self._opened()
        lost.unlink()

    def rows(self, query: str, *parameters: Cell) -> list[sqlite3.Row]:
        """Return what *query* finds, columns by name."""
        return self._connection.execute(query, parameters).fetchall()

    def has(self, table: str, column: str) -> bool:
        """Say whether this release has a column, and its table."""
        if table not in self._columns:
            named = self.rows("SELECT name FROM pragma_table_info(?)", table)
            self._columns[table] = frozenset(each["name"] for each in named)
        return column in self._columns[table]

    @contextmanager
    def one_commit(self) -> Iterator[None]:
        """Make all that is written inside visible at once; otherwise each statement is a commit of its own."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # People and conversations

    def handle_id(self, address: str, *, service: str = "iMessage") -> int:
        """Return the rowid of an address on a service, a new one if it was never seen."""
        known = self.rows("SELECT ROWID FROM handle WHERE id = ? AND service = ?", address, service)
        return known[0]["ROWID"] if known else self.insert("handle", id=address, service=service, country="us")

    def direct_chat(self, address: str, *, service: str = "iMessage", **columns: Cell) -> int:
        """Return the rowid of the conversation with one person, a new one if there was none."""
        guid = columns.pop("guid", f"{self._guid_service(service)};-;{address}")
        return self._chat(
            (address,), guid=guid, style=_DIRECT, chat_identifier=address, service_name=service, **columns
        )

    def direct_guid(self, address: str) -> str:
        """Return the guid that the iMessage conversation with one person has, or would have."""
        return f"{self._guid_service('iMessage')};-;{address}"

    def group_chat(self, identifier: str, members: Sequence[str], *, service: str = "iMessage", **columns: Cell) -> int:
        """Return the rowid of a group, a new one with *members* if there was none; *identifier* is like `chat123`."""
        guid = columns.pop("guid", f"{self._guid_service(service)};+;{identifier}")
        named = {"guid": guid, "chat_identifier": identifier, "room_name": identifier, "service_name": service}
        return self._chat(members, style=_GROUP, **{**named, **columns})

    def chat_by_guid(self, guid: str) -> int | None:
        """Return the rowid of a conversation, or None if there is no such guid."""
        known = self.rows("SELECT ROWID FROM chat WHERE guid = ?", guid)
        return known[0]["ROWID"] if known else None

    def conversation(self, chat: int) -> Conversation:
        """Return who is in a conversation, and which own address it goes out from."""
        [found] = self.rows("SELECT * FROM chat WHERE ROWID = ?", chat)
        members = self.rows(
            "SELECT id FROM chat_handle_join JOIN handle ON handle.ROWID = handle_id WHERE chat_id = ?"
            " ORDER BY chat_handle_join.ROWID",
            chat,
        )
        return Conversation(
            identifier=found["chat_identifier"],
            is_group=found["style"] == _GROUP,
            service=found["service_name"],
            line=found["last_addressed_handle"],
            members=tuple(member["id"] for member in members),
        )

    def message(self, guid: str) -> Row | None:
        """Return the row with this guid, None if there is none."""
        known = self.rows("SELECT ROWID FROM message WHERE guid = ?", guid)
        return Row(known[0]["ROWID"], guid) if known else None

    # The life of a message, step by step

    def add_row(self, *, sender: str | None = None, sent_at: int | None = None, **columns: Cell) -> Row:
        """Write the bare row of a message, with neither body nor chat; None as sender means that we wrote it.

        A row that is there already under this guid is returned as it is.
        """
        guid = str(columns.pop("guid", None) or new_guid())
        known = self.message(guid)
        if known is not None:
            return known
        cells = self._usual_cells(sender, columns)
        date = apple_ns(now_ms() if sent_at is None else sent_at)
        return Row(self.insert("message", **{"guid": guid, "date": date, **cells, **columns}), guid)

    def write_body(self, row: Row, text: str, *, attachment_count: int = 0) -> None:
        """Write the body; `text` beside it stays NULL on releases that leave it so."""
        body = message_body(text, attachment_guids=attachment_guids(row, attachment_count))
        plain = body.text if self.macos in _PLAIN_TOO else None
        parts: dict[str, Cell] = {"part_count": attachment_count + bool(text)}
        self.change(
            row, attributedBody=encode(body), text=plain, **(parts if self.has("message", "part_count") else {})
        )

    def attach(self, row: Row, attachments: Sequence[Attachment], **columns: Cell) -> None:
        """Store the files of a message, and their rows."""
        for guid, attachment in zip(attachment_guids(row, len(attachments)), attachments, strict=True):
            if self._is_attached(guid):
                continue
            path = self._store_file(guid, attachment)
            self._insert_attachment(row, guid, {**self._cells_of(path, attachment), **columns})

    def announce(self, row: Row, attachments: Sequence[Attachment]) -> None:
        """Write the rows of files that are still on their way: their names, and no more."""
        for guid, attachment in zip(attachment_guids(row, len(attachments)), attachments, strict=True):
            if not self._is_attached(guid):
                name, uti = _name_of(attachment), _type_of(attachment).uti
                cells: dict[str, Cell] = {"transfer_name": name, "uti": uti, "transfer_state": _WAITING}
                self._insert_attachment(row, guid, cells)

    def bring(self, guid: str, attachment: Attachment) -> None:
        """Store a file that was announced, and write where it is."""
        path = self._store_file(guid, attachment)
        for row in self.rows("SELECT ROWID FROM attachment WHERE guid = ?", guid):
            self.update("attachment", row["ROWID"], **self._cells_of(path, attachment))

    def attach_path(self, row: Row, path: str, **columns: Cell) -> None:
        """Write the row of a file that stays where it is; if it cannot be read, that its transfer failed."""
        [guid] = attachment_guids(row, 1)
        if self._is_attached(guid):
            return
        name = Path(path).name
        file = self.readable(path)
        found = (_FINISHED, file.stat().st_size) if file is not None else (_FAILED, 0)
        usual: dict[str, Cell] = {
            "filename": self._shown_path(Path(path)),
            "uti": type_of(name).uti,
            "mime_type": type_of(name).mime_type,
            "transfer_name": name,
            **dict(zip(("transfer_state", "total_bytes"), found, strict=True)),
        }
        self._insert_attachment(row, guid, {**usual, **columns})

    def readable(self, path: str) -> Path | None:
        """Return the file as Messages may read it; None if it lies outside of its sandbox, or nowhere."""
        if not path or "\0" in path:
            return None
        real = Path(path).resolve()
        return real if real.is_relative_to(self.path.parent.resolve()) and real.is_file() else None

    def file_of(self, guid: str) -> Path | None:
        """Return where the file of an attachment is, None if it is not there."""
        known = self.rows("SELECT filename FROM attachment WHERE guid = ? AND filename IS NOT NULL", guid)
        return self.readable(str(self._home / known[0]["filename"].removeprefix("~/"))) if known else None

    def transcribe(self, row: Row, text: str) -> None:
        """Write what is said in a voice memo, unless it was taken back: into its body, and beside its file."""
        [stored] = self.rows("SELECT attributedBody FROM message WHERE ROWID = ?", row.rowid)
        if stored["attributedBody"] is None:
            return
        body = decode(stored["attributedBody"])
        runs = [each if each.attachment_guid is None else _spoken(each, text) for each in body.runs]
        with self.one_commit():
            self.change(row, attributedBody=encode(msgspec.structs.replace(body, runs=tuple(runs))))
            said = plistlib.dumps({"audio-transcription": text}, fmt=plistlib.FMT_BINARY)
            for guid in body.attachment_guids:
                self.execute("UPDATE attachment SET user_info = ? WHERE guid = ?", said, guid)

    def mark_read_by_peer(self, guids: Sequence[str], at: int) -> None:
        """Write when the other side read messages of ours (Unix milliseconds) that had arrived and were unread."""
        with self.one_commit():
            for guid in guids:
                self.execute(
                    "UPDATE message SET date_read = ? WHERE guid = ? AND is_from_me = 1 AND is_delivered = 1"
                    " AND coalesce(date_read, 0) = 0",
                    apple_ns(at),
                    guid,
                )

    def unread_of(self, chat: int) -> list[str]:
        """Return the guids of what others wrote into a conversation and we have not read."""
        found = self.rows(
            "SELECT guid FROM message JOIN chat_message_join ON message_id = message.ROWID"
            " WHERE chat_id = ? AND is_from_me = 0 AND coalesce(date_read, 0) = 0 ORDER BY message.ROWID",
            chat,
        )
        return [row["guid"] for row in found]

    def mark_read_by_us(self, guids: Sequence[str], at: int) -> None:
        """Write when we read what others wrote (Unix milliseconds)."""
        with self.one_commit():
            for guid in guids:
                self.execute(
                    "UPDATE message SET is_read = 1, date_read = ? WHERE guid = ? AND is_from_me = 0",
                    apple_ns(at),
                    guid,
                )

    # Tapbacks

    def add_tapback(
        self, reactor: Reactor, kind: int, *, sender: str | None = None, sent_at: int | None = None, **columns: Cell
    ) -> Row:
        """Write the bare row of a tapback, which takes the place of that person's earlier one there."""
        with self.one_commit():
            row = self.add_row(
                sender=sender,
                sent_at=sent_at,
                associated_message_guid=reactor.target,
                associated_message_type=kind,
                **columns,
            )
            self.drop_tapbacks(reactor, but=row)
            return row

    def drop_tapbacks(self, reactor: Reactor, *, but: Row | None = None) -> None:
        """Delete the rows of somebody's tapbacks on something, found by what they are on: hence the plus."""
        gone = self.rows(
            "SELECT ROWID FROM message WHERE associated_message_guid = ? AND +handle_id = ? AND +is_from_me = ?"
            " AND ROWID != ?",
            *reactor,
            0 if but is None else but.rowid,
        )
        with self.one_commit():
            for row in gone:
                self.unlink(Row(row["ROWID"], ""))
                self.execute("DELETE FROM message WHERE ROWID = ?", row["ROWID"])

    def has_newer_tapback(self, reactor: Reactor, at: int) -> bool:
        """Tell whether that person has put something there after *at* (Unix milliseconds)."""
        newer = (
            "SELECT 1 FROM message WHERE associated_message_guid = ? AND handle_id = ? AND is_from_me = ? AND date > ?"
        )
        return bool(self.rows(newer, *reactor, apple_ns(at)))

    # What becomes of it

    def change(self, row: Row, **columns: Cell) -> Row:
        """Write what Messages learns later: sent, delivered, an error, another body."""
        if columns:
            self.update("message", row.rowid, **columns)
        return Row(row.rowid, str(columns.get("guid", row.guid)))

    def link(self, row: Row, chat: int) -> None:
        """Put a message into a conversation; a message may stand in two."""
        self._connection.execute(
            "INSERT OR IGNORE INTO chat_message_join (chat_id, message_id, message_date)"
            " SELECT ?, ROWID, date FROM message WHERE ROWID = ?",
            (chat, row.rowid),
        )

    def unlink(self, row: Row) -> None:
        """Take a message out of its conversations."""
        self._connection.execute("DELETE FROM chat_message_join WHERE message_id = ?", (row.rowid,))

    def add_message(
        self,
        text: str,
        /,
        *,
        sender: str | None = None,
        chat: int | None = None,
        sent_at: int | None = None,
        attachments: Sequence[Attachment] = (),
        **columns: Cell,
    ) -> Row:
        """Write a whole message at once.

        Args:
            text: The body without its files; may be empty.
            sender: Who wrote it, None for ourselves.
            chat: The conversation, that with *sender* by default.
            sent_at: Unix milliseconds, now by default.
            attachments: Its files, which stand before the text.
            columns: Further columns of `message`, `guid` among them.
        """
        if chat is None:
            if sender is None:
                raise ValueError("an own message needs its chat")
            chat = self.direct_chat(sender, service=str(columns.get("service", "iMessage")))
        with self.one_commit():
            row = self.add_row(sender=sender, sent_at=sent_at, **columns)
            self.write_body(row, text, attachment_count=len(attachments))
            self.attach(row, attachments)
            self.link(row, chat)
            if any(attachment.is_audio for attachment in attachments):
                self.change(row, is_audio_message=1)
            for attachment in attachments:
                if attachment.transcription is not None:
                    self.transcribe(row, attachment.transcription)
            return self.change(row, **columns)

    # Any row of any table

    def insert(self, table: str, **columns: Cell) -> int:
        """Write a row and return its rowid."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names come from our own code
        rowid = self._connection.execute(statement, tuple(columns.values())).lastrowid
        if rowid is None:
            raise sqlite3.ProgrammingError(f"no row went into {table}")
        return rowid

    def update(self, table: str, rowid: int, **columns: Cell) -> None:
        """Change columns of a row."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        statement = f"UPDATE {table} SET {assignments} WHERE ROWID = ?"  # noqa: S608 - names come from our own code
        self._connection.execute(statement, (*columns.values(), rowid))

    def execute(self, statement: str, *parameters: Cell) -> None:
        """Run any other statement."""
        self._connection.execute(statement, parameters)

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=_BUSY_TIMEOUT_S)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'message'").fetchone():
            schema.create(connection, self.macos)
        return connection

    def _guid_service(self, service: str) -> str:
        return "any" if self.macos in _OF_ANY_SERVICE else service

    def _chat(self, members: Sequence[str], **columns: Cell) -> int:
        known = self.chat_by_guid(str(columns["guid"]))
        if known is not None:
            return known
        group_id = new_guid()
        usual: dict[str, Cell] = {
            "state": 3,
            "group_id": group_id,
            "original_group_id": group_id,
            "last_addressed_handle": self.line,
        }
        with self.one_commit():
            chat = self.insert("chat", **{**usual, "account_login": _account(self.line), **columns})
            service = str(columns["service_name"])
            for member in members:
                self.insert("chat_handle_join", chat_id=chat, handle_id=self.handle_id(member, service=service))
            if self.has("chat_lookup", "chat"):
                self._look_up(chat, str(columns["chat_identifier"]), service)
        return chat

    def _look_up(self, chat: int, identifier: str, service: str) -> None:
        self.execute("INSERT OR IGNORE INTO chat_lookup VALUES (?, 'identifier', ?, 0)", identifier, chat)
        self.execute("INSERT OR IGNORE INTO chat_service VALUES (?, ?)", service, chat)

    def _usual_cells(self, sender: str | None, columns: Mapping[str, Cell]) -> dict[str, Cell]:
        service, line = columns.get("service", "iMessage"), columns.get("destination_caller_id", self.line)
        usual = {"service": service, "account": _account(str(line)), "destination_caller_id": line, "is_finished": 1}
        if sender is None:
            return {**usual, "is_from_me": 1, "is_read": 1}
        return {**usual, "handle_id": self.handle_id(sender, service=str(service)), "is_delivered": 1}

    @property
    def _home(self) -> Path:
        return self.path.parents[2]

    def _shown_path(self, path: Path) -> str:
        return f"~/{path.relative_to(self._home)}" if path.is_relative_to(self._home) else str(path)

    def _is_attached(self, guid: str) -> bool:
        return bool(self.rows("SELECT 1 FROM attachment WHERE guid = ?", guid))

    def _store_file(self, guid: str, attachment: Attachment) -> Path:
        hashed = uuid.uuid5(uuid.NAMESPACE_OID, guid).hex
        folder = self.path.parent / "Attachments" / hashed[:2] / hashed[2:4] / guid
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _name_of(attachment).replace("/", ":")
        path.write_bytes(attachment.content)
        return path

    def _cells_of(self, path: Path, attachment: Attachment) -> dict[str, Cell]:
        uti, mime_type = _type_of(attachment)
        return {
            "filename": self._shown_path(path),
            "uti": uti,
            "mime_type": mime_type,
            "transfer_name": _name_of(attachment),
            "transfer_state": _FINISHED,
            "total_bytes": len(attachment.content),
        }

    def _insert_attachment(self, row: Row, guid: str, cells: Mapping[str, Cell]) -> None:
        usual: dict[str, Cell] = {
            "guid": guid,
            "original_guid": guid,
            # Alone among the dates of new rows, this one is in seconds.
            "created_date": apple_ns(now_ms()) // 1_000_000_000,
        }
        with self.one_commit():
            attachment_id = self.insert("attachment", **{**usual, **cells})
            self.insert("message_attachment_join", message_id=row.rowid, attachment_id=attachment_id)


def attachment_guids(row: Row, count: int) -> list[str]:
    """Return the guids of a message's files, in their order."""
    return [f"at_{part}_{row.guid}" for part in range(count)]


def _name_of(attachment: Attachment) -> str:
    return VOICE_MEMO_NAME if attachment.is_audio else attachment.filename


def _type_of(attachment: Attachment) -> FileType:
    if attachment.is_audio:
        return VOICE_MEMO
    usual = type_of(attachment.filename)
    return usual if attachment.mime_type is None else usual._replace(mime_type=attachment.mime_type)


def _spoken(run: Run, text: str) -> Run:
    return msgspec.structs.replace(run, transcription=text)


def _account(line: str) -> str:
    return f"E:{line}" if "@" in line else f"P:{line}"
