"""The phones of the people: the truth of what a person was shown, in a file of its own.

Beside the screens it keeps the mail that is under way between a phone and chat.db. Mail is put down here before
anything else is done with it and struck off when it has arrived, so that a Mac that dies takes it up again.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from blueport.simulator.chatdb import Attachment

_TABLES = """
CREATE TABLE IF NOT EXISTS person (handle TEXT PRIMARY KEY, name TEXT) STRICT;
CREATE TABLE IF NOT EXISTS "group" (id TEXT PRIMARY KEY, name TEXT, line TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS member (
  group_id TEXT NOT NULL, handle TEXT NOT NULL, PRIMARY KEY (group_id, handle)
) STRICT;
CREATE TABLE IF NOT EXISTS shown (
  position INTEGER PRIMARY KEY, person TEXT NOT NULL, guid TEXT NOT NULL, message BLOB NOT NULL, UNIQUE (person, guid)
) STRICT;
CREATE TABLE IF NOT EXISTS mail (position INTEGER PRIMARY KEY, guid TEXT UNIQUE NOT NULL, content BLOB NOT NULL) STRICT;
"""


class Enclosure(msgspec.Struct, frozen=True):
    """A file as a phone lists it; `size` in bytes."""

    filename: str
    mime_type: str | None
    size: int


class ShownMessage(msgspec.Struct, frozen=True):
    """A bubble on a person's phone.

    `chat` is the line's handle or the group's id, `sender` whoever wrote it, `at` Unix milliseconds. `delivered` tells
    the person that it has arrived at the line.
    """

    guid: str
    chat: str
    sender: str
    from_me: bool
    text: str | None
    attachments: tuple[Enclosure, ...]
    reply_to_guid: str | None
    at: int
    delivered: bool
    reactions: tuple[str, ...] = ()


class Person(msgspec.Struct, frozen=True):
    """Somebody with a phone, and the last thing on it."""

    handle: str
    name: str | None
    last_text: str | None = None
    at: int | None = None


class Group(msgspec.Struct, frozen=True):
    """A group conversation with one of the lines in it."""

    id: str
    name: str | None
    members: tuple[str, ...]
    line: str


class Incoming(msgspec.Struct, frozen=True, tag=True):
    """What a person wrote, on its way into chat.db."""

    guid: str
    sender: str
    line: str
    group_id: str | None
    text: str
    attachments: tuple[Attachment, ...]
    reply_to_guid: str | None
    at: int


class Outgoing(msgspec.Struct, frozen=True, tag=True):
    """What a script had Messages send, on its way from chat.db to the phones.

    `chat` is a rowid of chat.db. With `error` it ends as failed instead; with `flips` its row looks inbound at first.
    """

    guid: str
    chat: int
    text: str
    at: int
    error: int | None = None
    flips: bool = False
    reply_to_guid: str | None = None


Mail = Incoming | Outgoing


class Phones:
    """All phones, open; *on_change* hears of each bubble that is new or looks different, with the person's handle."""

    def __init__(self, path: Path, on_change: Callable[[str, ShownMessage], None]) -> None:
        self._on_change = on_change
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # People and groups

    def add_person(self, handle: str, name: str | None = None) -> None:
        """Give somebody a phone, or one who has a phone a name."""
        self._connection.execute(
            "INSERT INTO person VALUES (?, ?) ON CONFLICT DO UPDATE SET name = coalesce(excluded.name, name)",
            (handle, name),
        )

    def people(self) -> list[Person]:
        """Return everybody, whoever has news first."""
        found = self._connection.execute(
            "SELECT handle, name, message FROM person LEFT JOIN shown ON shown.position ="
            " (SELECT max(position) FROM shown WHERE person = handle) ORDER BY shown.position DESC, person.rowid"
        )
        return [_person(*row) for row in found.fetchall()]

    def add_group(self, group: Group) -> None:
        """Put people into a conversation."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute('INSERT INTO "group" VALUES (?, ?, ?)', (group.id, group.name, group.line))
            members = [(group.id, member) for member in group.members]
            self._connection.executemany("INSERT INTO member VALUES (?, ?)", members)

    def groups(self) -> list[Group]:
        """Return all groups, the newest first."""
        found = self._connection.execute('SELECT id, name, line FROM "group" ORDER BY rowid DESC').fetchall()
        return [Group(id=id_, name=name, members=self._members(id_), line=line) for id_, name, line in found]

    def group(self, group_id: str) -> Group | None:
        """Return one group, None if there is no such id."""
        return next((group for group in self.groups() if group.id == group_id), None)

    # Screens

    def screen(self, person: str) -> list[ShownMessage]:
        """Return what a phone shows, oldest first; of an unknown person nothing."""
        query = "SELECT message FROM shown WHERE person = ? ORDER BY position"
        found = self._connection.execute(query, (person,)).fetchall()
        return [msgspec.json.decode(message, type=ShownMessage) for (message,) in found]

    def show(self, person: str, message: ShownMessage) -> None:
        """Show a message on a phone, once however often it is told."""
        written = self._connection.execute(
            "INSERT OR IGNORE INTO shown (person, guid, message) VALUES (?, ?, ?)",
            (person, message.guid, msgspec.json.encode(message)),
        )
        if written.rowcount:
            self._on_change(person, message)

    def mark_delivered(self, person: str, guid: str) -> None:
        """Let a person see that a message of theirs has arrived."""
        query = "SELECT message FROM shown WHERE person = ? AND guid = ?"
        [encoded] = self._connection.execute(query, (person, guid)).fetchone()
        message = msgspec.structs.replace(msgspec.json.decode(encoded, type=ShownMessage), delivered=True)
        self._connection.execute(
            "UPDATE shown SET message = ? WHERE person = ? AND guid = ?", (msgspec.json.encode(message), person, guid)
        )
        self._on_change(person, message)

    # Mail under way

    def put_down(self, mail: Mail) -> None:
        """Keep mail until it is struck off."""
        content = msgspec.msgpack.encode(mail)
        self._connection.execute("INSERT INTO mail (guid, content) VALUES (?, ?)", (mail.guid, content))

    def strike_off(self, guid: str) -> None:
        """Forget mail that has arrived, or was never accepted."""
        self._connection.execute("DELETE FROM mail WHERE guid = ?", (guid,))

    def under_way(self) -> Sequence[Mail]:
        """Return the mail that has not arrived yet, in the order in which it was put down."""
        found = self._connection.execute("SELECT content FROM mail ORDER BY position").fetchall()
        return [msgspec.msgpack.decode(content, type=Mail) for (content,) in found]

    def _members(self, group_id: str) -> tuple[str, ...]:
        query = "SELECT handle FROM member WHERE group_id = ? ORDER BY rowid"
        return tuple(handle for (handle,) in self._connection.execute(query, (group_id,)).fetchall())


def _person(handle: str, name: str | None, encoded: bytes | None) -> Person:
    if encoded is None:
        return Person(handle, name)
    last = msgspec.json.decode(encoded, type=ShownMessage)
    return Person(handle, name, last.text or ", ".join(file.filename for file in last.attachments), last.at)
