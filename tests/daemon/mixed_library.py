"""A chat.db of any size with all kinds of rows mixed, and what a reader of it is to say of each: nothing, or a fact.

What is written is decided by a seed, and each row goes through the simulated Mac's own hand, which writes one as
Messages leaves it. Dates lie in the past, a minute and a half apart.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from blueport.protocol.commands import Tapback
from blueport.simulator import edits, oddities
from blueport.simulator.chatdb import Attachment, Cell, ChatDb, Row
from blueport.simulator.settings import MacOs

LINE = "+15550100000"
BEGAN_AT = 1_600_000_000_000  # Unix ms
_APART_MS = 90_000
_COMMIT_ROWS = 5_000
_TAPBACKS: tuple[Tapback, ...] = ("love", "like", "dislike", "laugh", "emphasize", "question")
_WORDS = ("lunch", "tomorrow", "at", "seven?", "ok", "see", "you", "there", "running", "late", "keys", "mat", "call")
_CURIOUS = (
    "İ am here",
    "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED} (abc)",
    "👩‍👩‍👧‍👦 family",
    "日本語のテキスト",
    "naïve e\u0301",
    "a\u00a0b",
    "\u202b\N{HEBREW LETTER SHIN}\u202c",
    "#️⃣ 1️⃣",
)
_LENGTHS = (1, 31, 48, 126, 127, 128, 255, 256, 292, 1_000, 32_767, 32_768)


class Told(NamedTuple):
    """A message, or a tapback: then `of` is what it is on, which part, what it is, and whether it was put on."""

    guid: str
    chat: str
    is_group: bool
    sender: str | None
    is_from_me: bool
    sent_at: int
    text: str | None = None
    service: str | None = None
    files: tuple[str, ...] = ()
    transcription: str | None = None
    is_audio: bool = False
    reply_to_guid: str | None = None
    of: tuple[str, int, str | None, str | None, bool] | None = None


class Place(NamedTuple):
    """A conversation: its row, its identifier, who is in it, and the service of its rows."""

    chat: int
    identifier: str
    members: tuple[str, ...]
    service: str
    is_group: bool


class Moment(NamedTuple):
    """Where, by whom (None: by us) and when (Unix ms) something is written."""

    place: Place
    sender: str | None
    at: int


class Library:
    """Writes rows, and yields what is to be told of each: of one row at most one fact."""

    def __init__(self, path: Path, *, macos: MacOs = "26", seed: int = 1, is_utf8: bool = False) -> None:
        """Begin a file; with *is_utf8* it holds no text that is not."""
        self.db = ChatDb(path, macos=macos, line=LINE)
        self._columns = {column["name"] for column in self.db.rows("PRAGMA table_info(message)")}
        self._random = random.Random(seed)
        self._places = self._people() + self._groups()
        self._earlier: list[tuple[Row, Moment]] = []
        self._reacted: set[tuple[str, str | None]] = set()
        self._to_be_sent = 20
        self._at = BEGAN_AT
        kinds: dict[Callable[[Moment], Iterator[Told]], int] = {
            self._text: 700,
            self._curious: 40,
            self._long: 15,
            self._plain: 30,
            self._photo: 25,
            self._photos: 8,
            self._voice: 8,
            self._reply: 30,
            self._edited: 10,
            self._unsent: 6,
            self._partly_unsent: 3,
            self._tapback: 60,
            self._tapback_off: 8,
            self._emoji: 8,
            self._sticker: 4,
            self._unknown_tapback: 1,
            self._group_event: 8,
            self._link: 10,
            self._link_alone: 5,
            self._app_bubble: 3,
            self._poll: 1,
            self._junk: 3,
            self._orphan: 1,
            self._deleted: 2,
            self._in_two_chats: 1,
            self._failed: 2,
            self._in_seconds: 6,
            self._handleless: 5,
            self._bad_bytes: int(not is_utf8),
            self._nul: 1,
            self._to_oneself: 4,
            self._send_later: 2,
        }
        if "date_edited" not in self._columns:
            # Before macOS 13 nothing was edited, taken back, or recently deleted.
            kinds |= dict.fromkeys((self._edited, self._unsent, self._partly_unsent, self._deleted), 0)
        self._kinds, self._weights = list(kinds), list(kinds.values())

    def fill(self, messages: int) -> Iterator[Told]:
        """Write so many messages, and yield what is to be told of them in the order of their rows."""
        for first in range(0, messages, _COMMIT_ROWS):
            with self.db.one_commit():
                for _ in range(min(_COMMIT_ROWS, messages - first)):
                    [kind] = self._random.choices(self._kinds, self._weights)
                    yield from kind(self._moment())

    # Words and places

    def _people(self) -> list[Place]:
        people = [f"+1555020{number:04}" for number in range(150)] + [f"person{n}@example.com" for n in range(30)]
        # The SMS and RCS twins of some, and senders that are no people.
        by_sms, by_rcs = [*people[:30], "88438", "PayPal 2-FA."], people[:10]
        services = {"iMessage": people, "SMS": by_sms, "RCS": by_rcs}
        return [self._direct(who, service) for service, some in services.items() for who in some]

    def _direct(self, who: str, service: str) -> Place:
        guid = f"{'any' if service == 'iMessage' else service};-;{who}"
        chat = self.db.direct_chat(who, service=service, guid=guid)
        return Place(chat, who, (who,), service, is_group=False)

    def _groups(self) -> list[Place]:
        found = []
        for number in range(20):
            members = tuple(f"+1555020{(number * 3 + n) % 150:04}" for n in range(3 + number % 4))
            identifier = f"chat{1000 + number}"
            chat = self.db.group_chat(identifier, members)
            found.append(Place(chat, identifier, members, "iMessage", is_group=True))
        return found

    def _moment(self) -> Moment:
        self._at += _APART_MS
        place = self._random.choice(self._places)
        is_ours = place.identifier[0] in "+p" and self._random.random() < 0.4
        return Moment(place, None if is_ours else self._random.choice(place.members), self._at)

    def _words(self) -> str:
        return " ".join(self._random.choices(_WORDS, k=self._random.randint(1, 14)))

    def _written(self, moment: Moment, text: str, /, attachments: tuple[Attachment, ...] = (), **columns: Cell) -> Row:
        sent: dict[str, Cell] = {"service": moment.place.service, "is_sent": int(moment.sender is None)}
        row = self.db.add_message(
            text,
            sender=moment.sender,
            chat=moment.place.chat,
            sent_at=moment.at,
            attachments=attachments,
            **{**sent, **columns},
        )
        if len(self._earlier) < 1_000:
            self._earlier.append((row, moment))
        else:
            self._earlier[self._random.randrange(1_000)] = (row, moment)
        return row

    def _told(self, row: Row, moment: Moment, **facts: object) -> Told:
        place = moment.place
        known = {"service": place.service, **facts}
        return Told(
            row.guid, place.identifier, place.is_group, moment.sender, moment.sender is None, moment.at, **known
        )  # type: ignore[arg-type]

    # Messages

    def _text(self, moment: Moment) -> Iterator[Told]:
        text = self._words()
        yield self._told(self._written(moment, text), moment, text=text)

    def _curious(self, moment: Moment) -> Iterator[Told]:
        text = self._random.choice(_CURIOUS)
        yield self._told(self._written(moment, text), moment, text=text)

    def _long(self, moment: Moment) -> Iterator[Told]:
        text = "x" + "7" * (self._random.choice(_LENGTHS) - 1)
        yield self._told(self._written(moment, text), moment, text=text)

    def _plain(self, moment: Moment) -> Iterator[Told]:
        """Of old releases: no archived body."""
        text = self._words()
        yield self._told(self._written(moment, "", text=text, attributedBody=None), moment, text=text)

    def _photo(self, moment: Moment) -> Iterator[Told]:
        text = self._words() if self._random.random() < 0.5 else None
        name = self._random.choice(("IMG_0001.HEIC", "photo 天狗.jpeg", "clip.mov"))
        row = self._written(moment, text or "", (Attachment(name, b"bytes"),))
        yield self._told(row, moment, text=text, files=(name,))

    def _photos(self, moment: Moment) -> Iterator[Told]:
        names = tuple(f"IMG_{number}.jpeg" for number in range(3))
        row = self._written(moment, "", tuple(Attachment(name, name.encode()) for name in names))
        # Their order is that of the body, whatever that of their rows is.
        first, _, last = (f"at_{part}_{row.guid}" for part in range(3))
        for before, after in ((first, "aside"), (last, first), ("aside", last)):
            self.db.execute("UPDATE attachment SET guid = ? WHERE guid = ?", after, before)
        yield self._told(row, moment, files=names[::-1])

    def _voice(self, moment: Moment) -> Iterator[Told]:
        said = self._words() if self._random.random() < 0.7 else None
        row = self._written(moment, "", (Attachment("", b"caff", is_audio=True, transcription=said),))
        yield self._told(row, moment, files=("Audio Message.caf",), is_audio=True, transcription=said)

    def _reply(self, moment: Moment) -> Iterator[Told]:
        if self._earlier:
            text, (target, _) = self._words(), self._random.choice(self._earlier)
            thread: dict[str, Cell] = {"thread_originator_guid": target.guid, "reply_to_guid": "not this one"}
            yield self._told(self._written(moment, text, **thread), moment, text=text, reply_to_guid=target.guid)

    def _edited(self, moment: Moment) -> Iterator[Told]:
        text = self._words()
        row = self._written(moment, self._words())
        edits.edit(self.db, row, f"{text}!", at=moment.at + 9_000)
        edits.edit(self.db, row, text, at=moment.at + 20_000)
        yield self._told(row, moment, text=text)

    def _unsent(self, moment: Moment) -> Iterator[Told]:
        edits.unsend(self.db, self._written(moment, self._words()), at=moment.at + 30_000)
        yield from ()

    def _partly_unsent(self, moment: Moment) -> Iterator[Told]:
        text = self._words()
        row = self._written(moment, text, (Attachment("gone.jpeg", b"bytes"),))
        edits.unsend(self.db, row, parts=(0,), text_left=text, at=moment.at + 30_000)
        yield self._told(row, moment, text=text)

    def _failed(self, moment: Moment) -> Iterator[Told]:
        """Of what we could not send nobody is told."""
        columns: dict[str, Cell] = {"error": 22, "is_sent": 0} if moment.sender is None else {}
        text = self._words()
        row = self._written(moment, text, **columns)
        if moment.sender is not None:
            yield self._told(row, moment, text=text)

    def _in_seconds(self, moment: Moment) -> Iterator[Told]:
        """From before macOS 10.13."""
        text, at = self._words(), moment.at // 1000 * 1000
        row = self._written(moment, text, date=at // 1000 - 978_307_200)
        yield self._told(row, moment._replace(at=at), text=text)

    def _handleless(self, moment: Moment) -> Iterator[Told]:
        """Own ones from another device have no handle; of others the peer is the chat's, in a group nobody's."""
        text = self._words()
        row = self._written(moment, text, handle_id=0)
        told = self._told(row, moment, text=text)
        yield told._replace(sender=None) if moment.place.is_group else told

    def _bad_bytes(self, moment: Moment) -> Iterator[Told]:
        row = self._written(moment, "")
        oddities.bad_utf8(self.db, row, b"caf\xe9")
        yield self._told(row, moment, text="caf\ufffd")

    def _nul(self, moment: Moment) -> Iterator[Told]:
        yield self._told(self._written(moment, "a\x00b"), moment, text="ab")

    def _in_two_chats(self, moment: Moment) -> Iterator[Told]:
        text = self._words()
        row = self._written(moment, text)
        other = self._random.choice(
            [place for place in self._places if place.chat > moment.place.chat] or [moment.place]
        )
        self.db.link(row, other.chat)
        yield self._told(row, moment, text=text)

    def _to_oneself(self, moment: Moment) -> Iterator[Told]:
        """Our words as we sent them and as we got them: only the former are told."""
        text, myself = self._words(), self._direct(LINE, "iMessage")
        ours = Moment(myself, None, moment.at)
        yield self._told(self._written(ours, text), ours, text=text)
        self._written(Moment(myself, LINE, moment.at + 2_000), text)

    def _send_later(self, moment: Moment) -> Iterator[Told]:
        """Its row is there long before it is sent."""
        if moment.sender is None and self._to_be_sent > 0:
            self._to_be_sent -= 1
            later: dict[str, Cell] = (
                {"schedule_type": 2, "schedule_state": 1} if "schedule_type" in self._columns else {}
            )
            self._written(moment, self._words(), is_sent=0, **later)
        yield from ()

    # Links

    def _link(self, moment: Moment) -> Iterator[Told]:
        """A text with a link, its bubble, and sometimes the same bubble again: one message."""
        url = f"https://example.com/{self._random.randrange(10**9)}"
        text = f"{self._words()} {url}"
        yield self._told(self._written(moment, text), moment, text=text)
        for later_ms in (900, 40_000)[: self._random.choice((1, 1, 2))]:
            self._written(moment._replace(at=moment.at + later_ms), url, balloon_bundle_id=oddities.URL_BALLOON)

    def _link_alone(self, moment: Moment) -> Iterator[Told]:
        url = f"https://example.com/{self._random.randrange(10**9)}"
        yield self._told(self._written(moment, url, balloon_bundle_id=oddities.URL_BALLOON), moment, text=url)

    # Tapbacks

    def _target(self, moment: Moment) -> tuple[str, Moment] | None:
        """Return what is reacted to, and where: of one person and message only the latest tapback keeps its row."""
        if not self._earlier:
            return None
        target, there = self._random.choice(self._earlier)
        sender = None if moment.sender is None else self._random.choice(there.place.members)
        if sender == LINE or (target.guid, sender) in self._reacted:
            return None
        self._reacted.add((target.guid, sender))
        return target.guid, Moment(there.place, sender, moment.at)

    def _put(self, moment: Moment, kind: int, form: str = "p:0/", **columns: Cell) -> Iterator[tuple[Told, str]]:
        found = self._target(moment)
        if found is not None:
            guid, where = found
            row = oddities.tapback(self.db, form + guid, kind, chat=where.place.chat, sender=where.sender, **columns)
            self.db.change(row, date=(where.at - 978_307_200_000) * 1_000_000, is_sent=int(where.sender is None))
            yield self._told(row, where)._replace(service=None), guid

    def _tapback(self, moment: Moment) -> Iterator[Told]:
        number = self._random.randrange(6)
        form, part = self._random.choice((("p:0/", 0), ("p:1/", 1), ("bp:", 0), ("", 0)))
        for told, guid in self._put(moment, 2000 + number, form):
            yield told._replace(of=(guid, part, _TAPBACKS[number], None, True))

    def _tapback_off(self, moment: Moment) -> Iterator[Told]:
        number = self._random.randrange(6)
        for told, guid in self._put(moment, 3000 + number):
            yield told._replace(of=(guid, 0, _TAPBACKS[number], None, False))

    def _emoji(self, moment: Moment) -> Iterator[Told]:
        emoji = "🎉" if "associated_message_emoji" in self._columns else None
        columns = {} if emoji is None else {"associated_message_emoji": emoji}
        for told, guid in self._put(moment, 2006, **columns):
            yield told._replace(of=(guid, 0, None, emoji, True))

    def _sticker(self, moment: Moment) -> Iterator[Told]:
        for told, guid in self._put(moment, 2007):
            yield told._replace(of=(guid, 0, None, None, True))

    def _unknown_tapback(self, moment: Moment) -> Iterator[Told]:
        for _ in self._put(moment, 2999):
            pass
        yield from ()

    # Rows of which nothing is told

    def _group_event(self, moment: Moment) -> Iterator[Told]:
        item_type, action = self._random.choice(((1, 0), (1, 1), (2, 0), (3, 0), (3, 1), (4, 0), (5, 0), (6, 0)))
        oddities.group_event(self.db, moment.place.chat, item_type, action, actor=moment.sender)
        yield from ()

    def _app_bubble(self, moment: Moment) -> Iterator[Told]:
        """A game, a drawing, money: neither text nor file."""
        bubble = "com.apple.messages.MSMessageExtensionBalloonPlugin:0000000000:com.apple.game"
        self._written(moment, "\ufffd", balloon_bundle_id=bubble)
        yield from ()

    def _poll(self, moment: Moment) -> Iterator[Told]:
        self._written(moment, self._words(), associated_message_type=4000)
        yield from ()

    def _junk(self, moment: Moment) -> Iterator[Told]:
        column = self._random.choice(("is_spam", "is_system_message", "is_service_message", "is_corrupt"))
        self._written(moment, self._words(), **{column: 1})
        yield from ()

    def _orphan(self, moment: Moment) -> Iterator[Told]:
        self.db.unlink(self._written(moment, self._words()))
        yield from ()

    def _deleted(self, moment: Moment) -> Iterator[Told]:
        oddities.recently_deleted(self.db, self._written(moment, self._words()))
        yield from ()
