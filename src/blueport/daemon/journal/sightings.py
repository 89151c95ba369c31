"""What is to be told to the server, kept until it has said that it has it."""

import msgspec

from blueport.daemon.journal import endings, items
from blueport.daemon.journal.file import Journal
from blueport.protocol.sightings import MessageReached, ReceiptSeen, Sighting, TypingSeen


class Told(msgspec.Struct, frozen=True, array_like=True):
    """A sighting in the queue; `item_id` is the outbox item that it proves."""

    seq: int
    sighting_json: bytes
    item_id: str | None

    @property
    def sighting(self) -> Sighting:
        """What was seen."""
        return _sighting_of.decode(self.sighting_json)

    @property
    def proof_guid(self) -> str:
        """The guid of the row that is the proof."""
        return msgspec.json.decode(self.sighting_json, type=_WithGuid).guid


class _WithGuid(msgspec.Struct):
    guid: str


_sighting_of: msgspec.json.Decoder[Sighting] = msgspec.json.Decoder(Sighting)


def queue(journal: Journal, sighting: Sighting) -> int:
    """Put *sighting* at the end of the queue, and return its number there."""
    proof = None if isinstance(sighting, MessageReached | ReceiptSeen | TypingSeen) else sighting.proves
    item_id = proof.outbox_id if proof else None
    statement = "INSERT INTO sightings (sighting, item_id) VALUES (?, ?) RETURNING seq"
    [(seq,)] = journal.find(tuple[int], statement, msgspec.json.encode(sighting), item_id)
    journal.news.set()
    return seq


def oldest(journal: Journal, limit: int) -> list[Told]:
    """Return the head of the queue."""
    return journal.find(
        Told,
        "SELECT seq, sighting, item_id FROM sightings WHERE refused_because IS NULL ORDER BY seq LIMIT ?",
        limit,
    )


def acknowledge(journal: Journal, told: list[Told]) -> None:
    """Drop what the server has on disk, and the outbox items that it proved."""
    with journal.transaction():
        for one in told:
            if one.item_id is not None:
                endings.note_sent(journal, one.item_id, one.proof_guid)
            journal.change("DELETE FROM items WHERE id = ? AND status = 'proven'", one.item_id)
            journal.change("DELETE FROM sightings WHERE seq = ?", one.seq)
    journal.uploads.set()
    journal.told.set()


def set_aside(journal: Journal, told: Told, reason: str) -> None:
    """Keep what the server refuses out of the way of the rest, until the next start; what it proves ends unknown."""
    with journal.transaction():
        journal.change("UPDATE sightings SET refused_because = ? WHERE seq = ?", reason, told.seq)
        if told.item_id is not None:
            items.fail_proven(journal, told.item_id, items.OUTCOME_UNKNOWN)
    journal.told.set()


def offer_again(journal: Journal) -> int:
    """Put what was set aside back into the queue, and return how much that is."""
    return journal.change("UPDATE sightings SET refused_because = NULL WHERE refused_because IS NOT NULL")
