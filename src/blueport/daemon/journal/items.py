"""Outbox items in this Mac's hands.

    claimed ──begin──► begun ──hand over──► handed ──row found──► proven ──told──► (gone)
       ▲                 │                   │└──────────────────► failed ──told──► (gone)
       └──surely unsent──┴──did not arrive───┘

A claimed one with a file waits until that lies on this Mac, and so do the later ones of its line.
One that has ended before, as a restored server offers it, goes from claimed to handed or failed at once; one whose
proof the server does not take goes from proven to failed.

From `begun` on, which is written before the hand-over, an item may be in Messages: it is never handed over again,
unless Messages itself says that it took nothing, or that it did not arrive and may go by another service. A row of
chat.db is one item at most. That is a claim, which outlives the item: one that failed may go out after all, and then
its row must not be taken for a later item of the same text. An edit has a version of its message's text instead, and a
version is one item at most: later ones are looked for behind it.
"""

import secrets
import uuid
from typing import Literal

import msgspec

from blueport.daemon.journal.file import Journal
from blueport.protocol.commands import Command, FileToSend, SendAudio, SendFile
from blueport.protocol.door import ClaimedItem

OUTCOME_UNKNOWN = "outcome_unknown"

Status = Literal["claimed", "begun", "handed", "proven", "failed"]


class Item(msgspec.Struct, frozen=True, array_like=True):
    """An item as journalled.

    `rowid_before` is the newest row of chat.db before the hand-over, which began at `begun_at`; `taken_at` is when
    Messages said that it took the item, if it did (Unix milliseconds). `message_guid` is the row that the item was
    found to be. `nonce` names this hand-over, and `nonce_before` the one before it. `staged` is where the file to be
    sent lies, if it has one. An edit is a version of its message behind the first `versions_before`.
    """

    id: str
    token: str
    line: str
    command_json: bytes
    status: Status
    rowid_before: int | None
    begun_at: int | None
    taken_at: int | None
    error: str | None
    permanent: int | None
    nonce: str | None
    nonce_before: str | None
    message_guid: str | None
    staged: str | None
    versions_before: int | None

    @property
    def command(self) -> Command:
        """What is to be done."""
        return _command_of.decode(self.command_json)

    @property
    def file(self) -> FileToSend | None:
        """The file that is to be sent, if there is one."""
        return file_of(self.command)


_COLUMNS = (
    "id, token, line, command, status, rowid_before, begun_at, taken_at, error, permanent, nonce, nonce_before, guid,"
    " (SELECT path FROM staged WHERE item_id = id), versions_before"
)
_TO_GIVE_BACK = "SELECT line FROM items WHERE status = 'failed' AND permanent = 0"
_BEHIND_A_FILE = (
    "EXISTS (SELECT 1 FROM items e WHERE e.line = items.line AND e.seq <= items.seq"
    " AND e.status = 'claimed' AND e.waits_for_file)"
)
_command_of: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def keep(journal: Journal, claimed: ClaimedItem) -> bool:
    """Take on an item; True if it is one that may be in Messages already, which goes on under its new token."""
    journal.change("DELETE FROM items WHERE id = ? AND (status = 'claimed' OR permanent = 0)", claimed.id)
    journal.change(
        "INSERT OR IGNORE INTO items (id, token, line, command, status, waits_for_file)"
        " VALUES (?, ?, ?, ?, 'claimed', ?)",
        *(claimed.id, claimed.token, claimed.line_handle, msgspec.json.encode(claimed.command)),
        int(file_of(claimed.command) is not None),
    )
    journal.work.set()
    journal.fetches.set()
    goes_on = "UPDATE items SET token = ? WHERE id = ? AND status IN ('begun', 'handed')"
    return journal.change(goes_on, claimed.token, claimed.id) == 1


def file_of(command: Command) -> FileToSend | None:
    """Return the file that a command sends, if there is one."""
    return command.file if isinstance(command, SendFile | SendAudio) else None


def all_held(journal: Journal) -> list[Item]:
    """Return every item that the server has not yet let go of."""
    return _items(journal, "TRUE")


def next_claimed(journal: Journal) -> Item | None:
    """Return the item whose turn it is; a line with a failure to give back has none, nor one that waits for a file."""
    condition = f"status = 'claimed' AND line NOT IN ({_TO_GIVE_BACK}) AND NOT {_BEHIND_A_FILE}"
    return next(iter(_items(journal, condition, limit=1)), None)


def waiting_for_files(journal: Journal) -> list[Item]:
    """Return the items whose file is still to be fetched, in the order of their lines."""
    return _items(journal, f"status = 'claimed' AND waits_for_file AND line NOT IN ({_TO_GIVE_BACK})")


def wait_for_file(journal: Journal, item: Item) -> None:
    """Have the file of *item* fetched, again if it was before."""
    journal.change("UPDATE items SET waits_for_file = 1 WHERE id = ? AND status = 'claimed'", item.id)
    journal.fetches.set()


def note_file(journal: Journal, item: Item) -> None:
    """Note that the file of *item* lies on this Mac."""
    journal.change("UPDATE items SET waits_for_file = 0 WHERE id = ?", item.id)
    journal.work.set()


def waiting_count(journal: Journal, *, behind_files: bool) -> int:
    """Return how many items were not handed over yet, of those that wait for a file of their line, or of the others."""
    condition = f"status = 'claimed' AND {'' if behind_files else 'NOT '}{_BEHIND_A_FILE}"
    return journal.find(tuple[int], f"SELECT COUNT(*) FROM items WHERE {condition}")[0][0]  # noqa: S608 - our own constants


def has_one_to_give_back(journal: Journal) -> bool:
    """Say whether the server has yet to learn of an item that it may offer again."""
    return bool(_items(journal, "status = 'failed' AND permanent = 0", limit=1))


def unproven(journal: Journal) -> list[Item]:
    """Return, in the order of their hand-over, the items that may be in Messages, and of which we do not know more."""
    return _items(journal, "status IN ('begun', 'handed')")


def failed(journal: Journal) -> list[Item]:
    """Return the items whose failure the server does not know yet."""
    return _items(journal, "status = 'failed'")


def name_hand_over(journal: Journal, item: Item) -> str:
    """Return the name of the item's next hand-over, which is on disk now and stays the same until `take_back`."""
    nonce = item.nonce or secrets.token_hex(16)
    journal.change("UPDATE items SET nonce = ? WHERE id = ?", nonce, item.id)
    return nonce


def guid_named(nonce: str) -> str:
    """Return the guid that the message of a hand-over gets, where the way into Messages lets us choose it."""
    return str(uuid.UUID(hex=nonce))


def begin(
    journal: Journal, item: Item, *, rowid_before: int, begun_at: int, versions_before: int | None = None
) -> None:
    """Write down that *item* is about to be handed over."""
    journal.change(
        "UPDATE items SET status = 'begun', rowid_before = ?, begun_at = ?, versions_before = ?"
        " WHERE id = ? AND status = 'claimed'",
        rowid_before,
        begun_at,
        versions_before,
        item.id,
    )


def take_back(journal: Journal, item: Item) -> None:
    """Undo `begin`: Messages surely did not accept the item."""
    journal.change(
        "UPDATE items SET status = 'claimed', nonce_before = nonce, nonce = NULL WHERE id = ? AND status = 'begun'",
        item.id,
    )


def do_otherwise(journal: Journal, item: Item, command: Command) -> None:
    """Have *command* done in the place of what did not arrive: what chat.db shows of that is no proof of this."""
    changed = journal.change(
        "UPDATE items SET status = 'claimed', command = ?, nonce_before = nonce, nonce = NULL, taken_at = NULL"
        " WHERE id = ? AND status IN ('begun', 'handed')",
        msgspec.json.encode(command),
        item.id,
    )
    if changed:
        journal.change("UPDATE claims SET item_seq = 0 WHERE item_seq = (SELECT seq FROM items WHERE id = ?)", item.id)
        journal.work.set()


def hand_over(journal: Journal, item: Item, taken_at: int | None) -> None:
    """Note that Messages took the item, or may have taken it (None)."""
    journal.change(
        "UPDATE items SET status = 'handed', taken_at = ? WHERE id = ? AND status = 'begun'", taken_at, item.id
    )


def match(journal: Journal, item: Item, message_guid: str) -> None:
    """Note which row of chat.db is this item's; no other item can ever have it, but the same one offered again."""
    journal.change("INSERT OR REPLACE INTO claims SELECT ?, seq FROM items WHERE id = ?", message_guid, item.id)


def match_as_it_is(journal: Journal, item: Item, message_guid: str) -> None:
    """Note that *item* has changed a message, whatever that is like now."""
    # The message is claimed by what sent it, and many may have changed it.
    match(journal, item, f"{message_guid}/{item.id}")


def versions_taken(journal: Journal, message_guid: str) -> int:
    """Return how many of a message's first versions no further edit can be."""
    found = journal.find(tuple[int], "SELECT versions FROM edited WHERE message_guid = ?", message_guid)
    return found[0][0] if found else 0


def take_versions(journal: Journal, message_guid: str, versions: int) -> None:
    """Note that the last of a message's first *versions* was found to be an edit."""
    journal.change("INSERT OR REPLACE INTO edited VALUES (?, ?)", message_guid, versions)


def is_claimed(journal: Journal, message_guid: str) -> bool:
    """Say whether a row was found to be an item, which may have ended since."""
    return bool(journal.find(tuple[int], "SELECT 1 FROM claims WHERE guid = ?", message_guid))


def of_row(journal: Journal, message_guid: str) -> Item | None:
    """Return the unproven item that a row was found to be."""
    return next(iter(_items(journal, "guid = ? AND status IN ('begun', 'handed')", message_guid)), None)


def note_likely(journal: Journal, item: Item, message_guid: str) -> int:
    """Note that a row may be an item, whatever its text, and return how many such rows there are."""
    journal.change("INSERT OR IGNORE INTO likely SELECT seq, ? FROM items WHERE id = ?", message_guid, item.id)
    query = "SELECT COUNT(*) FROM likely JOIN items ON seq = item_seq WHERE id = ?"
    return journal.find(tuple[int], query, item.id)[0][0]


def prove(journal: Journal, item: Item) -> None:
    """Note that chat.db shows the item as sent."""
    journal.change("UPDATE items SET status = 'proven' WHERE id = ?", item.id)


def fail(journal: Journal, item: Item, word: str, *, permanent: bool) -> None:
    """End an item unsent. One that may be tried again takes with it the line's later ones, which must wait for it.

    What chat.db has shown stands, and so does a first ending, whatever is said later.
    """
    has_ended = journal.change(
        "UPDATE items SET status = 'failed', error = ?, permanent = ?"
        " WHERE id = ? AND status NOT IN ('proven', 'failed')",
        word,
        int(permanent),
        item.id,
    )
    if has_ended and not permanent:
        journal.change("DELETE FROM items WHERE line = ? AND status = 'claimed'", item.line)
        journal.let_go.set()
    journal.outcomes.set()


def fail_proven(journal: Journal, item_id: str, word: str) -> None:
    """End an item whose proof the server does not take."""
    journal.change(
        "UPDATE items SET status = 'failed', error = ?, permanent = 1 WHERE id = ? AND status = 'proven'", word, item_id
    )
    journal.outcomes.set()


def drop_unbegun(journal: Journal, item: Item) -> None:
    """Forget an item that is no longer ours; one that may be in Messages is looked for all the same."""
    dropped = "DELETE FROM items WHERE id = ? AND token = ? AND status = 'claimed'"
    if journal.change(dropped, item.id, item.token):
        journal.let_go.set()
        journal.work.set()  # those behind it may have waited for its file


def drop_failed(journal: Journal, item: Item) -> None:
    """Forget an item whose failure the server knows."""
    journal.change("DELETE FROM items WHERE id = ? AND token = ? AND status = 'failed'", item.id, item.token)
    journal.work.set()


def forget_rowids(journal: Journal) -> None:
    """Let items be found anywhere: the rows of chat.db were numbered anew."""
    unproven_ones = "WHERE status IN ('begun', 'handed')"
    journal.change(f"DELETE FROM claims WHERE item_seq IN (SELECT seq FROM items {unproven_ones})")  # noqa: S608 - our own constants
    journal.change(f"UPDATE items SET rowid_before = 0 {unproven_ones}")  # noqa: S608 - our own constants


def _items(journal: Journal, condition: str, *parameters: str | int, limit: int = -1) -> list[Item]:
    query = f"SELECT {_COLUMNS} FROM items LEFT JOIN claims ON item_seq = seq WHERE {condition} ORDER BY seq LIMIT ?"  # noqa: S608 - our own constants
    return journal.find(Item, query, *parameters, limit)
