"""Which outbox items the rows of chat.db prove, or end otherwise; how they are recognised is in `matching`.

A row is one item at most, for ever, and an item of which nothing is seen for too long ends as of unknown outcome.
"""

from math import inf

import msgspec

from blueport.daemon.chatdb.rows import MessageRow
from blueport.daemon.journal import items
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item
from blueport.daemon.settings import Settings
from blueport.daemon.watching.judging import BUBBLE_MS, DAY_MS, LIKELY_MS, is_ghost
from blueport.daemon.watching.matching import file_items, ghosts_item, item_of, likely_items
from blueport.logs.lines import logger
from blueport.protocol.commands import Command, SendFile, SendText

# Of Messages' own numbers, those that say something that can be helped.
NO_IMESSAGE = 22
_WORDS = {NO_IMESSAGE: "recipient_not_on_imessage", 25: "attachment_unreadable"}
GHOST = "ghost_row"

_log = logger(__name__)


class Proving:
    """Finds the items of a journal in rows; inside a transaction of the caller."""

    def __init__(self, journal: Journal, settings: Settings) -> None:
        self._journal = journal
        self._settings = settings

    def item(self, row: MessageRow, age_ms: int) -> tuple[Item | None, bool]:
        """Return the outbox item that an own row is, and whether it may yet turn out to be one."""
        if not row.is_from_me:
            return None, False
        if items.is_claimed(self._journal, row.guid):
            return items.of_row(self._journal, row.guid), False
        item, is_likely = self.match(row, age_ms), False
        if item is None:
            item, is_likely = self._weak_match(row, age_ms)
        if item is not None:
            items.match(self._journal, item, row.guid)
        return item, is_likely

    def match(self, row: MessageRow, age_ms: int) -> Item | None:
        """Return the item that a row is by all that it says, None if that is none of them."""
        # A link's bubble may be part of a text, which proves for itself.
        is_part = row.link == "preview" or (row.link == "unclear" and age_ms < BUBBLE_MS)
        if row.chat is None or row.kind not in ("message", "reaction", "group_event") or is_part:
            return None
        return item_of(row, items.unproven(self._journal), region=self._settings.region)

    def _weak_match(self, row: MessageRow, age_ms: int) -> tuple[Item | None, bool]:
        """Return the item that a row of another text is all the same, and whether there is one that it may be."""
        is_text = row.text is not None and not row.attachments and not row.names_files
        if not is_text or row.kind != "message" or row.link not in (None, "alone") or row.error:
            return None, False
        likely = likely_items(row, items.unproven(self._journal), region=self._settings.region)
        if not likely:
            return None, False
        [item, *others] = likely
        # What Messages has not said it took may yet fail, or come to nothing.
        is_clear = not others and item.taken_at is not None
        if items.note_likely(self._journal, item, row.guid) > 1 or not is_clear or age_ms < LIKELY_MS:
            return None, True
        _log.info("other_text_taken_for_item", outbox_id=item.id)
        return item, False

    def note_ghost(self, row: MessageRow) -> None:
        """End the item of which a row is the empty shell that Messages left, if it is one's."""
        if not is_ghost(row) or items.is_claimed(self._journal, row.guid):
            return
        send_timeout_ms = round(self._settings.send_timeout_s * 1000)
        item = ghosts_item(row, items.unproven(self._journal), send_timeout_ms=send_timeout_ms)
        if item is not None:
            _log.warning("empty_row_left", outbox_id=item.id)
            items.match(self._journal, item, row.guid)
            items.fail(self._journal, item, GHOST, permanent=True)

    def may_be_file(self, row: MessageRow) -> bool:
        """Say whether a row may turn out to be an item's, once its files are there."""
        if not (row.is_from_me and row.names_files) or items.is_claimed(self._journal, row.guid):
            return False
        return bool(file_items(row, items.unproven(self._journal), region=self._settings.region))

    def note_error(self, row: MessageRow, item: Item, error: int) -> None:
        """End an item that did not arrive; one that may go by SMS as well is tried once more."""
        by_sms = _by_sms(item.command) if error == NO_IMESSAGE and row.service != "SMS" else None
        if by_sms is None:
            items.fail(self._journal, item, _WORDS.get(error, f"messages_error_{error}"), permanent=True)
        else:
            _log.info("tried_by_sms", outbox_id=item.id)
            items.do_otherwise(self._journal, item, by_sms)

    def end_unproven(self, now_ms: int, *, back_at: int) -> None:
        """Give up the items of which chat.db has shown nothing, or nothing final, for too long."""
        for item in items.unproven(self._journal):
            if self.gives_up_at(item, back_at=back_at) <= now_ms:
                items.fail(self._journal, item, items.OUTCOME_UNKNOWN, permanent=True)

    def gives_up_at(self, item: Item, *, back_at: int) -> float:
        """Return until when the proof of an item is looked for (Unix ms); a Mac that slept showed nothing till then.

        While Messages is being asked for it there is no end, whatever the clock does.
        """
        if item.id == self._journal.performing:
            return inf
        patience_ms = DAY_MS if item.message_guid is not None else round(self._settings.proof_timeout_s * 1000)
        return max(item.begun_at or 0, item.taken_at or 0, back_at) + patience_ms


def _by_sms(command: Command) -> SendText | SendFile | None:
    """Return the command that sends the same by SMS, None if that is not wanted, or goes to no phone."""
    if not isinstance(command, SendText | SendFile) or command.service != "auto":
        return None
    is_phone = command.recipient is not None and "@" not in command.recipient
    return msgspec.structs.replace(command, service="sms") if is_phone else None
