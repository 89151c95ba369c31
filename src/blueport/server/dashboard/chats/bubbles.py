"""Puts together what is seen of messages in a chat: bubbles, with all that is on them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from blueport.server.blobs.kinds import CAF
from blueport.server.blobs.links import Links
from blueport.server.dashboard.chats import queries
from blueport.server.dashboard.chats.queries import Original
from blueport.server.ids import FileId, LineId, MessageId
from blueport.server.shapes import StoredAttachment
from blueport.server.store.rows import MessageRow
from blueport.server.store.tx import Tx

Kind = Literal["picture", "sound", "memo", "film", "file"]
# What every browser draws and plays, of what it may at all.
_DRAWN: dict[str, Kind] = {
    **dict.fromkeys(("image/png", "image/jpeg", "image/gif", "image/webp"), "picture"),
    **dict.fromkeys(("audio/x-m4a", "audio/mpeg", "audio/aac", "audio/x-wav"), "sound"),
    CAF: "memo",  # by a script of ours
    "video/mp4": "film",
}
SIGNS = {
    "love": "\N{HEAVY BLACK HEART}\ufe0f",
    "like": "\N{THUMBS UP SIGN}",
    "dislike": "\N{THUMBS DOWN SIGN}",
    "laugh": "\N{FACE WITH TEARS OF JOY}",
    "emphasize": "\N{DOUBLE EXCLAMATION MARK}\ufe0f",
    "question": "\N{BLACK QUESTION MARK ORNAMENT}",
}
_FATES = ("message.edited", "message.delivered", "message.read")
_stored = msgspec.json.Decoder(tuple[StoredAttachment, ...])


class Shown(NamedTuple):
    """A file of a message; `url` leads to its bytes once they are stored, and `kind` says how it is drawn."""

    kind: Kind
    name: str
    size: int | None
    type: str | None
    url: str | None
    transcription: str | None
    is_coming: bool


class Sign(NamedTuple):
    """A reaction, and whose."""

    words: str
    sender: str
    is_from_me: bool


class Bubble(NamedTuple):
    """A message with all that is on it; `earlier` are the texts that it had, the oldest first."""

    row: MessageRow
    files: tuple[Shown, ...]
    signs: tuple[Sign, ...]
    original: Original | None
    earlier: tuple[str, ...]
    delivered_at: int | None
    read_at: int | None

    @property
    def at(self) -> int:
        """Return when it was sent."""
        return self.row.sent_at

    @property
    def is_unsent(self) -> bool:
        """Tell whether it was taken back: then nothing is left of it."""
        return self.row.text is None and not self.files


class _Told(msgspec.Struct, frozen=True):
    """What an event tells of a message that is of interest here."""

    previous_text: str | None = None
    delivered_at: int | None = None
    read_at: int | None = None


_told = msgspec.json.Decoder(_Told)


class _Around(NamedTuple):
    """What is known about messages, by the name of each."""

    kinds: dict[FileId, str | None]
    signs: dict[MessageId, list[Sign]]
    originals: dict[str, Original]
    told: dict[MessageId, list[_Told]]


def bubbles(tx: Tx, line_id: LineId, rows: Sequence[MessageRow], links: Links) -> list[Bubble]:
    """Return messages of a line as they are seen."""
    files = {row.id: _stored.decode(row.attachments) for row in rows}
    around = _Around(
        queries.kinds(tx, [file.file_id for stored in files.values() for file in stored if file.file_id]),
        _signs(tx, [row.id for row in rows]),
        queries.originals(tx, line_id, [row.reply_to_guid for row in rows if row.reply_to_guid]),
        _told_of(tx, [row.id for row in rows]),
    )
    return [
        _bubble(row, tuple(_shown(file, around, links, tx.now_ms) for file in files[row.id]), around) for row in rows
    ]


def _bubble(row: MessageRow, files: tuple[Shown, ...], around: _Around) -> Bubble:
    told = around.told.get(row.id, [])
    return Bubble(
        row=row,
        files=files,
        signs=tuple(around.signs.get(row.id, ())),
        original=around.originals.get(row.reply_to_guid or ""),
        earlier=tuple(each.previous_text for each in told if each.previous_text is not None),
        delivered_at=next((each.delivered_at for each in told if each.delivered_at), None),
        read_at=next((each.read_at for each in told if each.read_at), None),
    )


def _shown(file: StoredAttachment, around: _Around, links: Links, now_ms: int) -> Shown:
    seen = links.attachment(file, now_ms)
    kind = _DRAWN.get(around.kinds.get(file.file_id) or "", "file") if file.file_id else "file"
    name = seen.filename or "a file without a name"
    return Shown(kind, name, seen.size, seen.mime_type, seen.url, seen.transcription, file.is_awaited)


def _signs(tx: Tx, message_ids: Sequence[MessageId]) -> dict[MessageId, list[Sign]]:
    signs: dict[MessageId, list[Sign]] = {}
    for row in queries.reactions_on(tx, message_ids):
        words = row.emoji or SIGNS.get(row.type or "", "a sticker")
        signs.setdefault(row.message_id, []).append(Sign(words, row.sender, bool(row.is_from_me)))
    return signs


def _told_of(tx: Tx, message_ids: Sequence[MessageId]) -> dict[MessageId, list[_Told]]:
    """Return what events tell of messages: an account without extended events has none of these."""
    told: dict[MessageId, list[_Told]] = {}
    for fate in queries.fates(tx, message_ids, _FATES):
        told.setdefault(fate.message_id, []).append(_told.decode(fate.data))
    return told
