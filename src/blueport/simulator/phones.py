"""The phones of the people: the truth of what a person was shown, in a file and a folder of its own.

Beside the screens it keeps the mail that is under way between a phone and chat.db. Mail is put down here before
anything else is done with it and struck off when it has arrived, so that a Mac that dies takes it up again.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from blueport.simulator.chatdb import Attachment
from blueport.simulator.tapbacks import Sign, Tapback

_TABLES = """
CREATE TABLE IF NOT EXISTS person (handle TEXT PRIMARY KEY, name TEXT) STRICT;
CREATE TABLE IF NOT EXISTS without_imessage (handle TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS "group" (id TEXT PRIMARY KEY, name TEXT, line TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS member (
  group_id TEXT NOT NULL, handle TEXT NOT NULL, PRIMARY KEY (group_id, handle)
) STRICT;
CREATE TABLE IF NOT EXISTS shown (
  position INTEGER PRIMARY KEY, person TEXT NOT NULL, guid TEXT NOT NULL, message BLOB NOT NULL, UNIQUE (person, guid)
) STRICT;
CREATE INDEX IF NOT EXISTS shown_guid ON shown (guid);
CREATE INDEX IF NOT EXISTS shown_unread ON shown (person, guid)
  WHERE json_extract(CAST(message AS TEXT), '$.from_me') = 0
  AND json_extract(CAST(message AS TEXT), '$.read_at') IS NULL;
CREATE TABLE IF NOT EXISTS mail (position INTEGER PRIMARY KEY, guid TEXT UNIQUE NOT NULL, content BLOB NOT NULL) STRICT;
"""

# What is done to a group is no message.
_UNREAD = """
SELECT person, json_extract(CAST(message AS TEXT), '$.chat'), guid FROM shown INDEXED BY shown_unread
WHERE json_extract(CAST(message AS TEXT), '$.from_me') = 0 AND json_extract(CAST(message AS TEXT), '$.read_at') IS NULL
AND json_extract(CAST(message AS TEXT), '$.note') IS NULL ORDER BY position
"""


class Enclosure(msgspec.Struct, frozen=True):
    """A file as a phone lists it, under the guid by which its bytes are asked for; `size` in bytes."""

    filename: str
    mime_type: str | None
    size: int
    guid: str | None = None
    transcription: str | None = None


class ShownReaction(msgspec.Struct, frozen=True):
    """What somebody put on part *part* (from 0) of a message: one of the six, or else an emoji."""

    sender: str
    part: int
    tapback: Tapback | None
    emoji: str | None


class GroupNote(msgspec.Struct, frozen=True):
    """What became of a group; `subject` is its new name, None for none any more, or who came, was put out, or left."""

    what: Literal["named", "added", "removed", "left"]
    subject: str | None = None


class ShownMessage(msgspec.Struct, frozen=True):
    """A bubble on a person's phone.

    `chat` is the line's handle or the group's id, `sender` whoever wrote it, `at` Unix milliseconds. `delivered` tells
    the person that it has arrived at the line. `read_at` is when the other side opened it: the line a message of this
    person's, this person one of the line's. `edits` counts how often it was edited. One that was unsent is a note that
    there was something. `service` is what it went by: an `SMS` tells nobody when it arrived or was read. With a `note`
    it is no bubble but a line between them.
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
    reactions: tuple[ShownReaction, ...] = ()
    is_audio: bool = False
    read_at: int | None = None
    edited_at: int | None = None
    edits: int = 0
    unsent_at: int | None = None
    effect: str | None = None
    service: str = "iMessage"
    note: GroupNote | None = None


class Person(msgspec.Struct, frozen=True):
    """Somebody with a phone, and the last thing on it; who has no iMessage writes and is written to by SMS.

    `unread` has the guids of what nobody has looked at yet, by conversation.
    """

    handle: str
    name: str | None
    last_text: str | None = None
    at: int | None = None
    has_imessage: bool = True
    unread: dict[str, list[str]] = {}


class Group(msgspec.Struct, frozen=True):
    """A group conversation; `line` is that in it, empty once that has left."""

    id: str
    name: str | None
    members: tuple[str, ...]
    line: str


class Incoming(msgspec.Struct, frozen=True, tag=True):
    """What a person wrote, on its way into chat.db; the bubble of its link follows after a while, if there is one."""

    guid: str
    sender: str
    line: str
    group_id: str | None
    text: str
    attachments: tuple[Attachment, ...]
    reply_to_guid: str | None
    at: int
    preview_after_ms: int | None = None
    service: str = "iMessage"


class FileToSend(msgspec.Struct, frozen=True):
    """A file that a script named; with `is_copied` Messages keeps a copy, else it reads it where it lies."""

    path: str
    is_audio: bool = False
    is_copied: bool = False


class Outgoing(msgspec.Struct, frozen=True, tag=True):
    """What a script had Messages send, on its way from chat.db to the phones.

    `chat` is a rowid of chat.db. With `error` it ends as failed instead; with `flips` its row looks inbound at first;
    `line` is the own address that it goes out from, None for that of its chat, and `service` that of the account that
    was named, None for the conversation's own.
    """

    guid: str
    chat: int
    text: str
    at: int
    error: int | None = None
    flips: bool = False
    line: str | None = None
    reply_to_guid: str | None = None
    reply_to_part: int = 0
    file: FileToSend | None = None
    effect: str | None = None
    service: str | None = None


class OwnTapback(msgspec.Struct, frozen=True, tag=True):
    """What a script had Messages put on part *part* of a message, or take off it; else as `Outgoing`."""

    guid: str
    chat: int
    at: int
    target_guid: str
    part: int
    tapback: Tapback | None
    is_removed: bool = False
    error: int | None = None
    flips: bool = False
    emoji: str | None = None
    line: str | None = None

    @property
    def sign(self) -> Sign:
        """What it is."""
        return Sign(self.tapback, self.emoji)


class OwnChange(msgspec.Struct, frozen=True, tag=True):
    """The text that a script gives a message of ours, None if it takes it back, on its way to everybody."""

    guid: str
    at: int
    target_guid: str
    text: str | None


class PersonsTapback(msgspec.Struct, frozen=True, tag=True):
    """What a person put on part *part* of a message, or took off it, on its way into chat.db."""

    guid: str
    sender: str
    line: str
    group_id: str | None
    at: int
    target_guid: str
    part: int
    tapback: Tapback | None
    emoji: str | None
    is_removed: bool = False
    service: str = "iMessage"


class PersonsChange(msgspec.Struct, frozen=True, tag=True):
    """The text that a person gives a message of theirs instead, None if they take it back, on its way into chat.db."""

    guid: str
    sender: str
    at: int
    target_guid: str
    text: str | None


class PersonRead(msgspec.Struct, frozen=True, tag=True):
    """A person has opened a conversation, and the line is to learn of it; in a group it does not."""

    guid: str
    person: str
    chat: str
    at: int


class LateFile(msgspec.Struct, frozen=True, tag=True):
    """A file whose message is in chat.db already; it comes there at `due_at`."""

    guid: str
    attachment_guid: str
    attachment: Attachment
    due_at: int


class LateTranscription(msgspec.Struct, frozen=True, tag=True):
    """What is said in a voice memo that is in chat.db already; it is written there at `due_at`."""

    guid: str
    message_guid: str
    text: str
    due_at: int


class LateBubble(msgspec.Struct, frozen=True, tag=True):
    """The bubble of a link whose text is in chat.db already; its row, of this guid, comes there at `due_at`."""

    guid: str
    message: Incoming
    due_at: int


FromScript = Outgoing | OwnTapback
FromPerson = Incoming | PersonsTapback | PersonsChange | PersonRead | LateFile | LateTranscription | LateBubble
Mail = FromScript | OwnChange | FromPerson


class Phones:
    """All phones, open; *on_change* hears of each bubble that looks different, with its person, and whether it is new.

    Files lie in the folder *files* under their guids. *on_people* hears that people or groups are others than before.
    """

    def __init__(
        self,
        path: Path,
        files: Path,
        on_change: Callable[[str, ShownMessage, bool], None],
        on_people: Callable[[], None],
    ) -> None:
        self._on_change = on_change
        self._on_people = on_people
        self._files = files
        self._files.mkdir(exist_ok=True)
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
        written = self._connection.execute(
            "INSERT INTO person VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name"
            " WHERE name IS NOT coalesce(excluded.name, name)",
            (handle, name),
        )
        if written.rowcount:
            self._on_people()

    def set_imessage(self, handle: str, *, has_it: bool) -> None:
        """Give somebody iMessage, or take it away: then there is SMS."""
        statement = "DELETE FROM without_imessage WHERE handle = ?"
        if not has_it:
            statement = "INSERT OR IGNORE INTO without_imessage VALUES (?)"
        if self._connection.execute(statement, (handle,)).rowcount:
            self._on_people()

    def service_among(self, people: Iterable[str]) -> str:
        """Return what a conversation with *people* goes by: SMS as soon as one of them has nothing else."""
        found = self._connection.execute("SELECT handle FROM without_imessage").fetchall()
        return "SMS" if {handle for (handle,) in found}.intersection(people) else "iMessage"

    def people(self) -> list[Person]:
        """Return everybody, whoever has news first."""
        found = self._connection.execute(
            "SELECT handle, name, message, handle NOT IN (SELECT handle FROM without_imessage) FROM person"
            " LEFT JOIN shown ON shown.position = (SELECT max(position) FROM shown WHERE person = handle)"
            " ORDER BY shown.position DESC, person.rowid"
        )
        unread = self._unread()
        return [_person(unread.get(row[0], {}), *row) for row in found.fetchall()]

    def _unread(self) -> dict[str, dict[str, list[str]]]:
        found = self._connection.execute(_UNREAD).fetchall()
        unread: dict[str, dict[str, list[str]]] = {}
        for person, chat, guid in found:
            unread.setdefault(person, {}).setdefault(chat, []).append(guid)
        return unread

    def add_group(self, group: Group) -> None:
        """Put people into a conversation."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute('INSERT INTO "group" VALUES (?, ?, ?)', (group.id, group.name, group.line))
            members = [(group.id, member) for member in group.members]
            self._connection.executemany("INSERT INTO member VALUES (?, ?)", members)
        self._on_people()

    def rename_group(self, group_id: str, name: str | None) -> None:
        """Give a conversation another name, or none."""
        self._connection.execute('UPDATE "group" SET name = ? WHERE id = ?', (name, group_id))
        self._on_people()

    def leave_group(self, group_id: str) -> None:
        """Take the line out of a conversation, which goes on without it."""
        self._connection.execute("""UPDATE "group" SET line = '' WHERE id = ?""", (group_id,))
        self._on_people()

    def add_member(self, group_id: str, member: str) -> None:
        """Take somebody into a conversation."""
        self._connection.execute("INSERT OR IGNORE INTO member VALUES (?, ?)", (group_id, member))
        self._on_people()

    def remove_member(self, group_id: str, member: str) -> None:
        """Put somebody out of a conversation."""
        self._connection.execute("DELETE FROM member WHERE group_id = ? AND handle = ?", (group_id, member))
        self._on_people()

    def groups(self) -> list[Group]:
        """Return all groups, the newest first."""
        found = self._connection.execute('SELECT id, name, line FROM "group" ORDER BY rowid DESC').fetchall()
        return [Group(id=id_, name=name, members=self._members(id_), line=line) for id_, name, line in found]

    def group(self, group_id: str) -> Group | None:
        """Return one group, None if there is no such id."""
        return next((group for group in self.groups() if group.id == group_id), None)

    # Screens

    def screen(self, person: str, *, newest: int = -1) -> list[ShownMessage]:
        """Return what a phone shows, or the newest of it, oldest first; of an unknown person nothing."""
        query = "SELECT message FROM shown WHERE person = ? ORDER BY position DESC LIMIT ?"
        found = self._connection.execute(query, (person, newest)).fetchall()
        return [msgspec.json.decode(message, type=ShownMessage) for (message,) in reversed(found)]

    def show(self, person: str, message: ShownMessage) -> None:
        """Show a message on a phone, once however often it is told."""
        written = self._connection.execute(
            "INSERT OR IGNORE INTO shown (person, guid, message) VALUES (?, ?, ?)",
            (person, message.guid, msgspec.json.encode(message)),
        )
        if written.rowcount:
            self._on_change(person, message, True)  # noqa: FBT003 - a callback's one flag

    def message(self, person: str, guid: str) -> ShownMessage | None:
        """Return what a phone shows of a message, None if it does not."""
        query = "SELECT message FROM shown WHERE person = ? AND guid = ?"
        found = self._connection.execute(query, (person, guid)).fetchone()
        return None if found is None else msgspec.json.decode(found[0], type=ShownMessage)

    def mark_delivered(self, person: str, guid: str) -> None:
        """Let a person see that a message of theirs has arrived."""
        shown = self.message(person, guid)
        if shown is not None:
            self._redraw(person, shown, msgspec.structs.replace(shown, delivered=True))

    def mark_read(self, person: str, guids: Iterable[str], at: int) -> None:
        """Note on a person's phone when the other side opened messages, unless it had before."""
        for guid in guids:
            shown = self.message(person, guid)
            if shown is not None and shown.read_at is None:
                self._redraw(person, shown, msgspec.structs.replace(shown, read_at=at))

    def react(self, guid: str, part: int, sender: str, sign: Sign | None) -> None:
        """Show what somebody has on part of a message now, in place of what they had there, on all its phones.

        On what was taken back there is nothing to put it on.
        """
        for person in self._viewers(guid):
            shown = self.message(person, guid)
            if shown is not None and shown.unsent_at is None:
                others = [each for each in shown.reactions if (each.sender, each.part) != (sender, part)]
                theirs = [] if sign is None else [ShownReaction(sender, part, sign.tapback, sign.emoji)]
                self._redraw(person, shown, msgspec.structs.replace(shown, reactions=(*others, *theirs)))

    def edit(self, guid: str, text: str, at: int) -> None:
        """Show another text of a message on all phones that have it, once however often it is told."""
        for person in self._viewers(guid):
            shown = self.message(person, guid)
            if shown is not None and shown.unsent_at is None and (shown.edited_at or 0) < at:
                edited = msgspec.structs.replace(shown, text=text, edited_at=at, edits=shown.edits + 1)
                self._redraw(person, shown, edited)

    def unsend(self, guid: str, at: int) -> None:
        """Leave of a message nothing but a note, on all phones that have it."""
        for person in self._viewers(guid):
            shown = self.message(person, guid)
            if shown is not None and shown.unsent_at is None:
                left = msgspec.structs.replace(shown, text=None, attachments=(), reactions=(), unsent_at=at)
                self._redraw(person, shown, left)

    def transcribe(self, guid: str, text: str) -> None:
        """Show what is said in a voice memo on all phones that have it."""
        for person in self._viewers(guid):
            shown = self.message(person, guid)
            if shown is not None:
                files = tuple(msgspec.structs.replace(file, transcription=text) for file in shown.attachments)
                self._redraw(person, shown, msgspec.structs.replace(shown, attachments=files))

    # Their files

    def keep_file(self, guid: str, content: bytes) -> None:
        """Keep the bytes of an attachment, which never change."""
        path = self._files / guid
        if not path.exists():
            draft = path.with_suffix(".new")
            draft.write_bytes(content)
            draft.replace(path)

    def file(self, person: str, guid: str) -> tuple[Enclosure, Path] | None:
        """Return a file that a phone shows and where it is, None if the phone shows no such file."""
        message = self.message(person, guid.split("_", 2)[-1])  # at_<part>_<guid of the message>
        shown = () if message is None else message.attachments
        found = next((each for each in shown if each.guid == guid), None)
        return None if found is None else (found, self._files / guid)

    # Mail under way

    def put_down(self, mail: Mail) -> None:
        """Keep mail until it is struck off."""
        content = msgspec.msgpack.encode(mail)
        self._connection.execute("INSERT INTO mail (guid, content) VALUES (?, ?)", (mail.guid, content))

    def strike_off(self, guid: str, *, followed_by: Sequence[Mail] = ()) -> None:
        """Forget mail that has arrived, or was never accepted; what follows from it is put down in its place."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute("DELETE FROM mail WHERE guid = ?", (guid,))
            for mail in followed_by:
                self.put_down(mail)

    def under_way(self) -> Sequence[Mail]:
        """Return the mail that has not arrived yet, in the order in which it was put down."""
        found = self._connection.execute("SELECT content FROM mail ORDER BY position").fetchall()
        return [msgspec.msgpack.decode(content, type=Mail) for (content,) in found]

    def _viewers(self, guid: str) -> list[str]:
        found = self._connection.execute("SELECT person FROM shown WHERE guid = ?", (guid,)).fetchall()
        return [person for (person,) in found]

    def _redraw(self, person: str, before: ShownMessage, after: ShownMessage) -> None:
        if after != before:
            self._connection.execute(
                "UPDATE shown SET message = ? WHERE person = ? AND guid = ?",
                (msgspec.json.encode(after), person, after.guid),
            )
            self._on_change(person, after, False)  # noqa: FBT003 - as above

    def _members(self, group_id: str) -> tuple[str, ...]:
        query = "SELECT handle FROM member WHERE group_id = ? ORDER BY rowid"
        return tuple(handle for (handle,) in self._connection.execute(query, (group_id,)).fetchall())


def _person(
    unread: dict[str, list[str]], handle: str, name: str | None, encoded: bytes | None, has_imessage: int
) -> Person:
    person = Person(handle, name, has_imessage=bool(has_imessage), unread=unread)
    if encoded is None:
        return person
    last = msgspec.json.decode(encoded, type=ShownMessage)
    return msgspec.structs.replace(person, last_text=_words(last), at=last.at)


def _words(last: ShownMessage) -> str:
    if last.note is not None:
        return "The group has changed"
    if last.unsent_at is not None:
        return "Unsent"
    if last.text is None and last.is_audio:
        return "Audio message"
    return last.text or ", ".join(file.filename for file in last.attachments)
