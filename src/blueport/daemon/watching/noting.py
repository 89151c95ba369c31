"""Puts rows of chat.db into the journal: what is to be told, which outbox items they prove, what to look at again.

All of it runs inside one transaction of the caller, together with the reader's new position. So whatever was decided
about a row is on disk together with the fact that the row was read.
"""

import logging
from math import inf
from typing import NamedTuple

from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal import items, reading, sightings
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item
from blueport.daemon.journal.reading import Seen, Watched
from blueport.daemon.settings import Settings
from blueport.daemon.watching.facts import are_files_there, digest_of, message_changed, message_seen
from blueport.daemon.watching.judging import DAY_MS, Past, is_ghost, is_history, judge
from blueport.daemon.watching.matching import ghosts_item, item_of
from blueport.handles import canonical_handle
from blueport.protocol.sightings import ChatSeen, Proof

# Of Messages' own numbers, those that say something that can be helped.
_WORDS = {22: "recipient_not_on_imessage", 25: "attachment_unreadable"}
GHOST = "ghost_row"

_log = logging.getLogger(__name__)


class Now(NamedTuple):
    """The moment of a look (Unix ms), that of the one before, and the addresses that are this Mac's own."""

    ms: int
    read_at: int
    own_addresses: frozenset[str]


class Noting:
    """Notes rows in a journal."""

    def __init__(self, journal: Journal, settings: Settings) -> None:
        self._journal = journal
        self._settings = settings
        self._lines = {self._canonical(line): line for line in settings.lines}

    def note(self, row: MessageRow, now: Now) -> None:
        """Note a row as it is now; it may have been seen before, in this state or another."""
        known = reading.seen(self._journal, row.guid)
        if known is not None and known.told is not None:
            self._note_change(row, known, now)
        else:
            self._note_untold(row, now)

    def pass_over(self, row: MessageRow) -> None:
        """Note a row as known, and never to be told as it is."""
        reading.unwatch(self._journal, row.guid)
        reading.note_seen(self._journal, row.guid, Seen(row.state, None))

    def end_unproven(self, now_ms: int) -> None:
        """Give up the items of which chat.db has shown nothing, or nothing final, for too long."""
        for item in items.unproven(self._journal):
            if self.gives_up_at(item) <= now_ms:
                items.fail(self._journal, item, items.OUTCOME_UNKNOWN, permanent=True)

    def gives_up_at(self, item: Item) -> float:
        """Return until when the proof of an item is looked for (Unix ms).

        While Messages is being asked for it there is no end, whatever the clock does.
        """
        if item.id == self._journal.performing:
            return inf
        patience_ms = DAY_MS if item.message_rowid is not None else round(self._settings.proof_timeout_s * 1000)
        return (item.begun_at or 0) + patience_ms

    def _note_untold(self, row: MessageRow, now: Now) -> None:
        item = self._item(row)
        if item is not None and row.error:
            word = _WORDS.get(row.error, f"messages_error_{row.error}")
            items.fail(self._journal, item, word, permanent=True)
            item = None
        watched = reading.watched_one(self._journal, row.guid)
        since = watched.since if watched else now.ms
        judgement = judge(
            row,
            age_ms=now.ms - since,
            is_own_sender=self._is_own_sender(row, now),
            is_like_ours=not row.is_from_me and self._match(row) is not None,
            settings=self._settings,
        )
        match judgement.verdict:
            case "hold":
                until = since + judgement.hold_ms
                reading.watch(self._journal, Watched(row.guid, row.rowid, since, until))
            case "pass":
                self._note_ghost(row)
                self.pass_over(row)
            case "tell":
                self._tell(row, item, now)

    def _tell(self, row: MessageRow, item: Item | None, now: Now) -> None:
        if row.chat is None:
            return
        sent_at = row.sent_at or now.ms
        proof = Proof(item.id, item.token) if item is not None and row.is_sent else None
        line = item.line if item is not None else self._line_of(row)
        is_news = proof is not None or not self._is_history(row.chat, sent_at, now)
        seen = message_seen(row, row.chat, line=line, sent_at=sent_at, proof=proof, is_news=is_news)
        sightings.queue(self._journal, seen)
        if item is not None and proof is not None:
            items.prove(self._journal, item)
        reading.note_told(self._journal, row.chat.guid, sent_at)
        self._note_told(row, now.ms, until=now.ms + DAY_MS)

    def _note_change(self, row: MessageRow, known: Seen, now: Now) -> None:
        if digest_of(row) != known.told:
            sightings.queue(self._journal, message_changed(row, line=self._line_of(row)))
        watched = reading.watched_one(self._journal, row.guid)
        self._note_told(row, now.ms, until=watched.until if watched else 0)

    def _note_told(self, row: MessageRow, now_ms: int, *, until: int) -> None:
        """Note what was told; a message whose files are still on their way is looked at again until then."""
        reading.note_seen(self._journal, row.guid, Seen(row.state, digest_of(row)))
        if are_files_there(row) or until <= now_ms:
            reading.unwatch(self._journal, row.guid)
        else:
            reading.watch(self._journal, Watched(row.guid, row.rowid, now_ms, until))

    def _item(self, row: MessageRow) -> Item | None:
        """Return the outbox item that an own row is, which is settled when its chat and body are first seen."""
        if not row.is_from_me:
            return None
        item = items.of_row(self._journal, row.rowid)
        if item is None:
            item = self._match(row)
            if item is not None:
                items.match(self._journal, item, row.rowid)
        return item

    def _match(self, row: MessageRow) -> Item | None:
        if row.chat is None or row.text is None or row.kind != "message":
            return None
        return item_of(row, items.unproven(self._journal), region=self._settings.region)

    def _note_ghost(self, row: MessageRow) -> None:
        item = ghosts_item(row, items.unproven(self._journal)) if is_ghost(row) else None
        if item is not None:
            _log.warning("Messages left an empty row of outbox item %s.", item.id)
            items.fail(self._journal, item, GHOST, permanent=True)

    def _is_own_sender(self, row: MessageRow, now: Now) -> bool:
        if row.sender is None:
            return False
        own = {self._canonical(address) for address in row.own_addresses}
        return self._canonical(row.sender) in now.own_addresses | own | self._lines.keys()

    def _is_history(self, chat: ChatSeen, sent_at: int, now: Now) -> bool:
        newest_told_at = reading.newest_told_at(self._journal, chat.guid)
        past = Past(now.read_at, newest_told_at, self._journal.created_at)
        return is_history(sent_at, now=now.ms, past=past, catch_up_h=self._settings.catch_up_h)

    def _line_of(self, row: MessageRow) -> str:
        """Return the line that the message went over; an own address that is no line belongs to the first."""
        address = self._canonical(row.line_address or "")
        return self._lines.get(address, self._settings.lines[0])

    def _canonical(self, address: str) -> str:
        return canonical_handle(address, region=self._settings.region)
