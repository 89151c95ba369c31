"""Accepts work, hands it to daemons, and takes their word on how it ended."""

from typing import NamedTuple

import msgspec

from blueport.protocol.commands import (
    AddMember,
    Change,
    Command,
    CreateGroup,
    EditText,
    Effect,
    FileToSend,
    GroupChange,
    LeaveGroup,
    React,
    RemoveMember,
    RenameGroup,
    SendAudio,
    SendFile,
    SendText,
    Unsend,
)
from blueport.protocol.door import Begin, Claim, ClaimedItem, Failed
from blueport.protocol.sightings import Proof
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.auditing import service as auditing
from blueport.server.auditing.service import SYSTEM
from blueport.server.blobs import kinds
from blueport.server.guarding import service as guarding
from blueport.server.ids import ChatId, DaemonId, LineId, OutboxId, mint
from blueport.server.notifying import service as notifying
from blueport.server.sending import queries
from blueport.server.sending.pacing import Allowance
from blueport.server.sending.queries import Accepted, Holder, ServedLine, Task
from blueport.server.sending.states import (
    ATTEMPTS_EXHAUSTED,
    EDIT_WITHIN_MS,
    OUTCOME_UNKNOWN,
    UNSEND_WITHIN_MS,
    Asking,
    OpenItem,
    Verdict,
    is_new,
    is_new_attempt,
    retry_at,
    verdict,
)
from blueport.server.sending.tapbacks import tapback_named
from blueport.server.shapes import ChatKnown, LineHandle, OutboxRecord
from blueport.server.store.tx import Tx

# How long past its lease a begun item may still be answered for by the Mac that began it.
SILENCE_MS = 30 * 60 * 1000
ERROR_LIMIT = 500
SENT_FROM_OTHER_LINE = "sent_from_other_line"
# Whatever was uploaded, this is what is made of it.
VOICE = FileToSend("Audio Message.caf", kinds.CAF, size=None)
_GIVEN_UP: dict[Verdict, str] = {"unknown": OUTCOME_UNKNOWN, "exhausted": ATTEMPTS_EXHAUSTED}

allowance_of = queries.allowance_of
whole = queries.whole
account_of = queries.account_of
held_file = queries.held_file
file_sent = queries.file_sent
kinds_about = queries.kinds_about
group_begun = queries.group_begun


class _Asked(msgspec.Struct, frozen=True):
    """What a command takes out of what was asked."""

    text: str = ""
    type: str | None = None
    emoji: str | None = None
    remove: bool = False
    effect: Effect | None = None
    name: str | None = None
    participant: str = ""


_asked_of = msgspec.json.Decoder(_Asked)


class FailedItem(OutboxRecord, frozen=True):
    """The payload of `message.failed`: an outbox item that ended so."""

    chat_id: ChatKnown
    line_handle: LineHandle


def accept(tx: Tx, accepted: Accepted, *, max_attempts: int) -> None:
    """Take on the work; once this is committed the promise of the 201 holds."""
    queries.add(tx, accepted, max_attempts)
    tx.wake("outbox")


class Offer(NamedTuple):
    """What a daemon is given, and when a line may send more (Unix milliseconds), if that is all it is.

    `fused` are the lines that their fuse has begun to hold back.
    """

    items: tuple[ClaimedItem, ...]
    more_at: int | None
    fused: tuple[LineId, ...]


class _Offered(NamedTuple):
    """What of one line may be given, what that leaves it to send, and whether it is that which holds the next item."""

    items: list[OpenItem]
    left: Allowance
    is_held: bool


def claim(tx: Tx, daemon_id: DaemonId, asked: Claim, *, lease_s: int) -> Offer:
    """Lease to a daemon what its lines have to do next, in order and at their pace.

    An item takes its part of the pace when it is first given to somebody: it will be sent, or be given again.
    """
    claimed: list[ClaimedItem] = []
    more_at: list[int] = []
    fused: list[LineId] = []
    for line in queries.served_lines(tx, daemon_id):
        offered = _offered(tx, line, asked)
        if offered.left != line.allowance:
            queries.keep_allowance(tx, line.id, offered.left)
        if offered.is_held:
            more_at.append(offered.left.free_at(tx.now_ms))
        if _is_newly_fused(tx, line, offered):
            fused.append(line.id)
        claimed += _claimed(tx, line, offered.items, asked, lease_s)
    return Offer(tuple(claimed), min(more_at, default=None), tuple(fused))


def held_until(tx: Tx, outbox_id: OutboxId) -> int | None:
    """Return until when at least what its line may send holds an item back (Unix ms); None if it does not."""
    item = queries.waiting(tx, outbox_id)
    if item is None or not any(each.interval_ms for each in item.allowance):
        return None
    free_at = item.allowance.as_of(tx.now_ms).free_at(tx.now_ms, queries.ahead_of(tx, item))
    return free_at if free_at > tx.now_ms else None


def renew(tx: Tx, daemon_id: DaemonId, outbox_id: str, token: str, *, lease_s: int) -> bool:
    """Keep an item claimed; False if it is no longer the caller's."""
    return queries.renew(tx, daemon_id, outbox_id, token, tx.now_ms + lease_s * 1000)


def begin(tx: Tx, daemon_id: DaemonId, outbox_id: str, said: Begin, *, lease_s: int) -> bool:
    """Grant a hand-over to Messages; False if the item is no longer the caller's, or not its line's next."""
    return queries.begin(tx, daemon_id, outbox_id, said, tx.now_ms + lease_s * 1000)


def prove(tx: Tx, line_id: LineId, proof: Proof, *, by: str | None = None) -> bool:
    """End an item as sent, *by* another service than its line's if there is one; False if it is another's by now."""
    is_over = queries.mark_sent(tx, line_id, proof.outbox_id, proof.token, by=by)
    known = queries.whole(tx, line_id, proof.outbox_id) if is_over and proof.sent_from is not None else None
    if known is not None:
        queries.warn(tx, known, SENT_FROM_OTHER_LINE)
    return is_over


def other_service(line: Line, went_by: str | None) -> str | None:
    """Return by what a message went, if its line is for something else."""
    return None if line.service in ("auto", went_by) else went_by


def note_service(tx: Tx, line: Line, outbox_id: OutboxId, went_by: str) -> None:
    """Note by what an item went after all."""
    queries.note_service(tx, outbox_id, other_service(line, went_by))


def fail(tx: Tx, daemon_id: DaemonId, outbox_id: str, failed: Failed) -> bool:
    """End an item as failed, or put it back if it was surely not sent; False if it is no longer the caller's."""
    item = queries.held_item(tx, daemon_id, outbox_id, failed.token)
    if item is None:
        return False
    word = failed.error[:ERROR_LIMIT]
    if failed.permanent or item.attempts >= item.max_attempts:
        return _end_failed(tx, outbox_id, failed.token, word)
    return queries.put_back(tx, outbox_id, failed.token, word, retry_at(item.attempts, tx.now_ms))


def call_off(tx: Tx, line_id: LineId, chat_id: ChatId) -> None:
    """End what is for somebody who opted out, but for what may be in the hands of Messages."""
    for outbox_id in queries.call_off(tx, line_id, chat_id, guarding.OPTED_OUT):
        _tell_failed(tx, outbox_id)


def end_the_silent(tx: Tx) -> None:
    """End begun items whose Mac has long been silent: whether they were sent is unknown, and stays so."""
    for outbox_id in queries.silent_items(tx, tx.now_ms - SILENCE_MS):
        _give_up(tx, outbox_id, OUTCOME_UNKNOWN)


def _offered(tx: Tx, line: ServedLine, asked: Claim) -> _Offered:
    """Return the next items of a line for *asked*, ending on the way those that nobody can answer for."""
    offered: list[OpenItem] = []
    left = line.allowance.as_of(tx.now_ms)
    asking = Asking(asked.journal, frozenset(asked.holding), asked.asked_at)
    incomplete: set[OutboxId | None] = set()
    for item in queries.open_items(tx, line.id, asked.limit + len(asking.holding)):
        incomplete.add(item.part_of)
        said = "wait" if item.id in incomplete else verdict(item, asking, tx.now_ms)
        if said == "wait" or len(offered) == asked.limit:
            break
        if said == "offer":
            if is_new(item):
                if left.free_at(tx.now_ms) > tx.now_ms:
                    return _Offered(offered, left, is_held=True)
                left = left.less_one(tx.now_ms)
            offered.append(item)
        elif said in _GIVEN_UP:
            _give_up(tx, item.id, _GIVEN_UP[said])
    return _Offered(offered, left, is_held=False)


def _is_newly_fused(tx: Tx, line: ServedLine, offered: _Offered) -> bool:
    """Note whether the fuse holds a line back, and say whether that is news. One that blew is whole after a rest."""
    fuse = offered.left.fuse
    if line.fused_since is None and offered.is_held and fuse.free_at(tx.now_ms) > tx.now_ms:
        queries.note_fuse(tx, line.id, tx.now_ms)
        auditing.note(tx, SYSTEM, "line.fused", account_id=line.account_id, target=line.id)
        return True
    if line.fused_since is not None and fuse.has_rested(tx.now_ms):
        queries.note_fuse(tx, line.id, None)
    return False


def _end_failed(tx: Tx, outbox_id: str, token: str, word: str) -> bool:
    is_over = queries.mark_failed(tx, outbox_id, token, word)
    if is_over:
        _tell_failed(tx, outbox_id)
    return is_over


def _give_up(tx: Tx, outbox_id: OutboxId, word: str) -> None:
    if queries.give_up(tx, outbox_id, word):
        _tell_failed(tx, outbox_id)


def _tell_failed(tx: Tx, outbox_id: str) -> None:
    """Tell that an item has failed; who asked for it knows the whole, whichever part did."""
    row = queries.ended(tx, outbox_id)
    if not notifying.is_extended(tx, row.account_id):
        return
    data = FailedItem(
        id=row.id,
        line_id=row.line_id,
        status=row.status,
        payload=msgspec.Raw(row.payload.encode()),
        completed_at=row.completed_at,
        error=row.error,
        attempts=row.attempts,
        max_attempts=row.max_attempts,
        created_at=row.created_at,
        chat_id=row.chat_id,
        line_handle=row.handle,
    )
    fact = notifying.Fact(
        account_id=row.account_id,
        line_id=row.line_id,
        chat_id=row.chat_id,
        type="message.failed",
        subject_id=row.id,
        data=msgspec.json.encode(data).decode(),
    )
    notifying.announce_extended(tx, fact)


def _claimed(tx: Tx, line: ServedLine, items: list[OpenItem], asked: Claim, lease_s: int) -> list[ClaimedItem]:
    """Lease *items*, but for those to people who opted out while they were being accepted."""
    claimed: list[ClaimedItem] = []
    for item in items:
        task = queries.task(tx, item.id)
        if guarding.is_opted_out(tx, task.account_id, task.opted_out_at):
            _give_up(tx, item.id, guarding.OPTED_OUT)
            continue
        token = mint("tok", tx.now_ms)
        attempts = item.attempts + is_new_attempt(item, asked.journal)
        holder = Holder(asked.journal, token, asked.asked_at)
        queries.claim(tx, item.id, holder, attempts=attempts, lease_until=tx.now_ms + lease_s * 1000)
        claimed.append(ClaimedItem(item.id, token, line.handle, attempts, _command(tx, task)))
    return claimed


def _command(tx: Tx, task: Task) -> Command:
    recipient = None if task.is_group else task.chat_key
    guids = tuple(addressing.known_guids(tx, task.chat_id))
    part = task.about_part or 0
    match task.kind:
        case "text":
            asked = _asked_of.decode(task.payload)
            return SendText(recipient, guids, asked.text, task.reply_to_guid, part, asked.effect, task.service)
        case "file":
            return SendFile(recipient, guids, _file(task), task.reply_to_guid, part, task.service)
        case "audio":
            return SendAudio(recipient, guids, VOICE, task.reply_to_guid, part)
        case "react":
            asked = _asked_of.decode(task.payload)
            tapback = None if asked.type is None else tapback_named(asked.type)
            return React(
                recipient, guids, task.about_guid or "", tapback, part, emoji=asked.emoji, is_removed=asked.remove
            )
        case _:
            is_change = task.kind in ("edit", "unsend")
            return _change(task, recipient, guids) if is_change else _of_group(task, guids)


def _of_group(task: Task, guids: tuple[str, ...]) -> CreateGroup | GroupChange:
    asked = _asked_of.decode(task.payload)
    match task.kind:
        case "group":
            return CreateGroup(msgspec.json.decode(task.participants, type=tuple[str, ...]), asked.text, asked.name)
        case "rename":
            return RenameGroup(None, guids, asked.name or "")
        case "add":
            return AddMember(None, guids, asked.participant)
        case "remove":
            return RemoveMember(None, guids, asked.participant)
        case _:
            return LeaveGroup(None, guids)


def _change(task: Task, recipient: str | None, guids: tuple[str, ...]) -> Change:
    guid, sent_at = task.about_guid or "", task.about_sent_at or 0
    if task.kind == "unsend":
        return Unsend(recipient, guids, guid, sent_at + UNSEND_WITHIN_MS)
    return EditText(recipient, guids, guid, _asked_of.decode(task.payload).text, sent_at + EDIT_WITHIN_MS)


def _file(task: Task) -> FileToSend:
    mime_type = task.mime_type or kinds.OCTETS
    return FileToSend(task.filename or f"file{kinds.suffix(mime_type)}", mime_type, task.size or 0)
