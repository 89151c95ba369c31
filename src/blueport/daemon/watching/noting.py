"""Puts rows of chat.db into the journal: what is to be told, which outbox items they prove, what to look at again.

All of it runs inside one transaction of the caller, together with the reader's new position. So whatever was decided
about a row is on disk together with the fact that the row was read.
"""

from collections.abc import Iterable
from math import inf
from typing import NamedTuple, TypeGuard

from blueport.daemon.chatdb.columns import RawAttachment
from blueport.daemon.chatdb.database import Reached
from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal import awaiting, imports, items, reading, sightings, uploads
from blueport.daemon.journal.awaiting import Awaited
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item
from blueport.daemon.journal.reading import NEVER, Seen, Sight
from blueport.daemon.journal.uploads import Upload
from blueport.daemon.settings import Settings
from blueport.daemon.watching import changes
from blueport.daemon.watching.facts import (
    Circumstances,
    digest_of,
    group_changed,
    message_changed,
    message_seen,
    reaction_seen,
    receipt_seen,
    typing_seen,
)
from blueport.daemon.watching.judging import (
    DAY_MS,
    Past,
    Ties,
    awaits_more_ms,
    has_content,
    is_history,
    is_unfinished,
    judge,
)
from blueport.daemon.watching.library import LARGEST_BYTES, Library
from blueport.daemon.watching.proving import Proving
from blueport.handles import canonical_handle
from blueport.protocol.sightings import ChatSeen, MessageChanged, MessageReached, Proof, TypingSeen

# Who reads may have a clock that is ahead of ours; what is written while we look is ahead of when we began to.
AHEAD_MS = 10 * 60 * 1000


class Now(NamedTuple):
    """The moment of a look, and since when nobody had looked (Unix ms)."""

    ms: int
    unread_since: int


class Noting:
    """Notes rows in a journal; of their files it looks at no more than whether they are there.

    `proving` is what knows of outbox items.
    """

    def __init__(self, journal: Journal, library: Library, settings: Settings) -> None:
        self._journal = journal
        self._library = library
        self._settings = settings
        self.proving = Proving(journal, settings)
        self._lines = {self._canonical(line): line for line in settings.lines}
        self._own_addresses = set(self._lines)

    def learn(self, addresses: Iterable[str]) -> None:
        """Know these addresses as this Mac's own from now on."""
        self._own_addresses.update(map(self._canonical, addresses))

    def note(self, row: MessageRow, now: Now) -> None:
        """Note a row as it is now; it may have been seen before, in this state or another."""
        self.learn(row.own_addresses)
        sight = reading.first_sight(self._journal, row.guid, Sight(now.ms, now.unread_since))
        known = reading.seen(self._journal, row.guid)
        if row.kind == "unreadable" or (known is not None and known.told == NEVER):
            self.pass_over(row)
        elif row.kind == "group_event":
            self._note_group_event(row, sight, now)
        elif known is None or known.told is None or (row.is_from_me and not known.is_from_me):
            self._note_untold(row, known or Seen(row.state, None), sight, now)
            self._note_changes_of_ours(row, now)
        else:
            self._note_changes_of_ours(row, now)
            self._note_change(row, reading.seen(self._journal, row.guid) or known, sight, now)

    def note_reading(self, row: MessageRow, read_at: int, now: Now) -> None:
        """Note that an own message was read by the peer (Unix ms), if that is the latest that was read there."""
        if self._is_with_peer(row.chat) and reading.has_read_later(self._journal, row.chat.guid, read_at):
            told_at = min(read_at, now.ms)  # by our clock it cannot be later
            sightings.queue(self._journal, receipt_seen(row.chat, line=self._line_of(row), read_at=told_at))

    def note_reached(self, found: Reached, now: Now) -> None:
        """Note that an own message has arrived, or was read, if that was not told; nobody is told of history."""
        awaited = awaiting.awaited(self._journal, found.guid)
        if awaited is None:
            return
        read_at = found.read_at if not awaited.is_group and (found.read_at or inf) <= now.ms + AHEAD_MS else None
        # What was read has arrived.
        has_arrived = not awaited.is_delivered and bool(found.is_delivered or found.date_delivered or read_at)
        delivered_at = (found.delivered_at or read_at or now.ms) if has_arrived else None
        if delivered_at is None and read_at is None:
            return
        sightings.queue(
            self._journal,
            MessageReached(awaited.line, found.guid, _by_now(delivered_at, now), _by_now(read_at, now)),
        )
        awaiting.note_reached(self._journal, awaited, is_all=read_at is not None or bool(awaited.is_group))

    def typing_seen(self, row: MessageRow, *, is_typing: bool, at: int) -> TypingSeen | None:
        """Return what to tell of somebody who types in the chat of *row*, None if that is nobody's concern."""
        if not self._is_with_peer(row.chat):
            return None
        return typing_seen(row.chat, line=self._line_of(row), is_typing=is_typing, at=at)

    def pass_over(self, row: MessageRow) -> None:
        """Note a row as known, and not to be told as it is; one that was deleted before it was told never will be."""
        known = reading.seen(self._journal, row.guid) or Seen(row.state, None)
        told = NEVER if row.is_deleted and known.told is None else known.told
        reading.unwatch(self._journal, row.guid)
        reading.note_seen(self._journal, row.guid, Seen(row.state, told, known.is_from_me, known.line))

    def note_history(self, row: MessageRow, now: Now, *, with_files: bool) -> bool:
        """Tell, as it is now, a message from before our time, and say whether that was done: not if it is known.

        Of old ones it is only kept that they were told; what the sweep may still find changed is known as what we told.
        """
        self.learn(row.own_addresses)
        if row.chat is None or row.sent_at >= self._journal.created_at or self._is_known(row.guid):
            return False
        ties = self._ties_of_old(row)
        if judge(row, age_ms=DAY_MS, ties=ties, settings=self._settings).verdict != "tell":
            return False
        line = self._line_of(row)
        coming = self._coming(row) if with_files else frozenset[str]()
        known = Circumstances(line, row.chat, row.sent_at, None, is_news=False, coming=coming)
        seq = self._queue(row, known)
        if with_files:
            self._queue_files(row, line, seq, now)
        imports.note_imported(self._journal, row.guid)
        if row.sent_at > now.ms - 2 * self._settings.sweep_window_h * 3_600_000:
            reading.note_seen(self._journal, row.guid, Seen(row.state, digest_of(row), int(row.is_from_me), line))
        return True

    def _is_known(self, guid: str) -> bool:
        """Say whether a message was told, or is being looked at until it can be; what was only passed over is not."""
        known = reading.seen(self._journal, guid)
        is_seen = known is not None and (known.told is not None or reading.watched_one(self._journal, guid) is not None)
        return is_seen or items.is_claimed(self._journal, guid) or imports.is_imported(self._journal, guid)

    def _ties_of_old(self, row: MessageRow) -> Ties:
        return Ties(
            is_own_sender=self._is_own(row),
            is_item=False,
            may_be_item=False,
            may_be_file=False,
            is_like_ours=False,
            awaits_files=False,
        )

    def _note_untold(self, row: MessageRow, known: Seen, sight: Sight, now: Now) -> None:
        age_ms = now.ms - sight.since
        item, may_be_item = self.proving.item(row, age_ms)
        if item is not None and row.error:
            self.proving.note_error(row, item, row.error)
            item = None
        ties = self._ties(row, age_ms, is_item=item is not None, may_be_item=may_be_item)
        judgement = judge(row, age_ms=age_ms, ties=ties, settings=self._settings)
        match judgement.verdict:
            case "hold":
                reading.watch(self._journal, row.guid, row.rowid, sight.since + judgement.hold_ms)
            case "pass":
                self.proving.note_ghost(row)
                self.pass_over(row)
            case "tell":
                line = known.line or (self._line_of(row) if item is None else item.line)
                self._tell(row, item, line, sight, now)

    def _note_group_event(self, row: MessageRow, sight: Sight, now: Now) -> None:
        """Tell what we have done to a group, once it is known to which; of what others do nothing is told."""
        until = sight.since + round(self._settings.settle_s * 1000)
        if row.is_from_me and row.chat is None and now.ms < until:
            reading.watch(self._journal, row.guid, row.rowid, until)
            return
        item, _ = self.proving.item(row, now.ms - sight.since)
        if item is not None and row.chat is not None:
            items.prove(self._journal, item)
            sightings.queue(self._journal, group_changed(row, row.chat, item, now_ms=now.ms))
        self.pass_over(row)

    def _note_changes_of_ours(self, row: MessageRow, now: Now) -> None:
        """Tell which edits and unsends a message shows as made, each as what it made of the message."""
        waiting = changes.of_message(items.unproven(self._journal), row.guid) if row.is_from_me else []
        known = reading.seen(self._journal, row.guid)
        if not waiting or known is None or self._is_held(row, known):
            return
        # Of what was told as it is now, or never was, there is only that.
        is_all_told = known.told in (None, digest_of(row))
        for one in changes.made(row, waiting, items.versions_taken(self._journal, row.guid)):
            shown = row if is_all_told else one.row
            self._tell_change(shown, one.item, now)
            if known.told is not None:
                told = Seen(known.state, digest_of(shown), known.is_from_me, known.line)
                reading.note_seen(self._journal, row.guid, told)
            if one.versions:
                items.take_versions(self._journal, row.guid, one.versions)

    def _is_held(self, row: MessageRow, known: Seen) -> bool:
        """Say whether a message is still being written, as far as one can see, or is to be told later."""
        is_untold = known.told is None and reading.watched_one(self._journal, row.guid) is not None
        return is_untold or (is_unfinished(row) and not row.is_unsent)

    def _tell_change(self, row: MessageRow, item: Item, now: Now) -> None:
        proof = Proof(item.id, item.token)
        items.prove(self._journal, item)
        seen = message_changed(row, line=item.line, coming=self._coming(row), now_ms=now.ms, proof=proof)
        sightings.queue(self._journal, seen)

    def _ties(self, row: MessageRow, age_ms: int, *, is_item: bool, may_be_item: bool) -> Ties:
        return Ties(
            is_own_sender=self._is_own(row),
            is_item=is_item,
            may_be_item=may_be_item,
            may_be_file=not is_item and self.proving.may_be_file(row),
            is_like_ours=not row.is_from_me and self.proving.match(row, age_ms) is not None,
            awaits_files=any(map(self._library.is_on_the_way, row.files)),
        )

    def _is_own(self, row: MessageRow) -> bool:
        return row.sender is not None and self._canonical(row.sender) in self._own_addresses

    def _tell(self, row: MessageRow, item: Item | None, line: str, sight: Sight, now: Now) -> None:
        if row.chat is None:
            return
        sent_at = row.sent_at or now.ms
        proof = self._proof(row, item) if item is not None and row.is_sent else None
        is_news = proof is not None or not self._is_history(row.chat, sent_at, sight)
        known = Circumstances(line, row.chat, sent_at, proof, is_news, self._coming(row))
        if item is not None and proof is not None:
            items.prove(self._journal, item)
        seq = self._queue(row, known)
        if row.reaction is None:
            self._queue_files(row, line, seq, now)
            self._note_news(known, now)
            self._await_reading(row, known, now)
        self._note_told(row, digest_of(row), line, now, until=now.ms + DAY_MS)

    def _queue(self, row: MessageRow, known: Circumstances) -> int:
        """Have a message or a tapback told, and return its number among what is to be told."""
        if row.reaction is not None:
            return sightings.queue(self._journal, reaction_seen(row, row.reaction, known))
        return sightings.queue(self._journal, message_seen(row, known))

    def _proof(self, row: MessageRow, item: Item) -> Proof:
        address = self._canonical(row.line_address or "")
        is_another = bool(address) and address != self._canonical(item.line)
        return Proof(item.id, item.token, address if is_another else None)

    def _note_news(self, known: Circumstances, now: Now) -> None:
        if known.is_news:
            # History says nothing of where the news begins, and a date still to come would silence all before it.
            reading.note_news(self._journal, known.chat.guid, min(known.sent_at, now.ms))

    def _await_reading(self, row: MessageRow, known: Circumstances, now: Now) -> None:
        if row.is_from_me and known.is_news and (known.chat.is_group or self._is_with_peer(known.chat)):
            awaiting.begin(self._journal, Awaited(row.guid, known.line, int(known.chat.is_group)), now.ms)

    def _coming(self, row: MessageRow) -> frozenset[str]:
        """Return the guids of the files that are on disk now, and not at the server yet."""
        return frozenset(file.guid for file in row.files if file.guid and self._is_coming(row.guid, file))

    def _is_coming(self, message_guid: str, file: RawAttachment) -> bool:
        look = self._library.look(file.filename)
        is_wanted = not uploads.is_over(self._journal, message_guid, file.guid or "")
        return is_wanted and look is not None and look.size <= LARGEST_BYTES

    def _queue_files(self, row: MessageRow, line: str, sighting_seq: int, now: Now) -> None:
        """Have the files brought behind a sighting: also those that are not there, but may yet come."""
        mime_types = {file.guid: file.mime_type for file in row.attachments}
        for file in row.files:
            guid = file.guid or ""
            if file.filename and not uploads.is_over(self._journal, row.guid, guid):
                size = max(file.total_bytes, 0)
                upload = Upload(row.guid, guid, line, file.filename, mime_types.get(guid), size, now.ms)
                uploads.queue(self._journal, upload, sighting_seq)

    def _note_change(self, row: MessageRow, known: Seen, sight: Sight, now: Now) -> None:
        watched = reading.watched_one(self._journal, row.guid)
        if is_unfinished(row) and not row.is_unsent and (watched is None or watched.until > now.ms):
            # Messages may be writing the message anew, step by step: the server knows better than that.
            until = watched.until if watched else now.ms + round(self._settings.settle_s * 1000)
            reading.watch(self._journal, row.guid, row.rowid, until)
            return
        told = digest_of(row) if has_content(row) or row.is_unsent else known.told
        line = known.line or self._line_of(row)
        seq = 0
        if told != known.told:
            seq = sightings.queue(self._journal, self._changed(row, line, now))
        if row.was_changed:
            uploads.end_others(self._journal, row.guid, [file.guid for file in row.files if file.guid])
        if row.chat is not None:
            self._queue_files(row, line, seq, now)
        # Nobody watches what was found under another number, until it is noted.
        self._note_told(row, told, line, now, until=watched.until if watched else sight.since + DAY_MS)

    def _changed(self, row: MessageRow, line: str, now: Now) -> MessageChanged:
        return message_changed(row, line=line, coming=self._coming(row), now_ms=now.ms)

    def _note_told(self, row: MessageRow, told: str | None, line: str, now: Now, *, until: int) -> None:
        """Note what was told; a message of which more is to come is looked at again, at the longest until then."""
        reading.note_seen(self._journal, row.guid, Seen(row.state, told, int(row.is_from_me), line))
        until = min(until, now.ms + awaits_more_ms(row))
        if until > now.ms:
            reading.watch(self._journal, row.guid, row.rowid, until)
        else:
            reading.unwatch(self._journal, row.guid)

    def _is_history(self, chat: ChatSeen, sent_at: int, sight: Sight) -> bool:
        newest_told_at = reading.newest_told_at(self._journal, chat.guid)
        past = Past(sight.unread_since, newest_told_at, self._journal.created_at)
        return is_history(sent_at, seen_at=sight.since, past=past, catch_up_h=self._settings.catch_up_h)

    def _is_with_peer(self, chat: ChatSeen | None) -> TypeGuard[ChatSeen]:
        """Say whether a conversation is one of two, and not with oneself."""
        return chat is not None and not chat.is_group and self._canonical(chat.identifier) not in self._own_addresses

    def _line_of(self, row: MessageRow) -> str:
        """Return the line that the message went over; an own address that is no line belongs to the first."""
        address = self._canonical(row.line_address or "")
        return self._lines.get(address, self._settings.lines[0])

    def _canonical(self, address: str) -> str:
        return canonical_handle(address, region=self._settings.region)


def _by_now(moment: int | None, now: Now) -> int | None:
    """Return a moment of somebody else's clock, which by ours cannot be later than now."""
    return None if moment is None else min(moment, now.ms)
