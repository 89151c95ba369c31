"""Statements on the outbox; each change names the state that it expects and says whether it found it."""

from typing import NamedTuple

import msgspec
from sqlalchemy import and_, bindparam, exists, func, or_, select, update

from blueport.protocol.commands import LineService
from blueport.protocol.door import Begin
from blueport.server.ids import AccountId, ChatId, DaemonId, FileId, KeyId, LineId, OutboxId
from blueport.server.sending.pacing import Allowance, Pace, fuse
from blueport.server.sending.states import Kind, OpenItem
from blueport.server.shapes import Status
from blueport.server.store.tables import accounts, chats, files, installation, lines, messages, outbox
from blueport.server.store.tx import Statement, Tx, Value, add_row


class Accepted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A new outbox item; `payload` is the JSON of what was asked.

    `part_of` is the item whose text this is: callers know that one, which waits until this is sent.
    """

    id: OutboxId
    account_id: AccountId
    line_id: LineId
    chat_id: ChatId
    key_id: KeyId
    kind: Kind
    payload: str
    reply_to_guid: str | None = None
    about_guid: str | None = None
    about_part: int | None = None
    file_id: FileId | None = None
    part_of: OutboxId | None = None


class Task(NamedTuple):
    """An item with what its command needs; `about_sent_at` is when the message was sent that it is about (Unix ms).

    `participants` are those of the chat, as JSON.
    """

    id: OutboxId
    account_id: AccountId
    chat_id: ChatId
    kind: Kind
    payload: str
    reply_to_guid: str | None
    about_guid: str | None
    about_part: int | None
    about_sent_at: int | None
    is_group: int
    chat_key: str
    participants: str
    opted_out_at: int | None
    service: LineService
    filename: str | None
    mime_type: str | None
    size: int | None


class HeldFile(NamedTuple):
    """The file of an item that is held; a voice message is sent in another form than it was brought in."""

    kind: Kind
    mime_type: str
    size: int
    storage_key: str


class Holder(NamedTuple):
    """Who holds an item: a journal, by which token, and when it asked."""

    journal: str
    token: str
    asked: int


class EndedItem(NamedTuple):
    """An item that has ended, as callers know it; `payload` is JSON, `handle` its line's."""

    id: OutboxId
    line_id: LineId
    status: Status
    payload: str
    completed_at: int | None
    error: str | None
    attempts: int
    max_attempts: int
    created_at: int
    account_id: AccountId
    chat_id: ChatId
    handle: str


class ServedLine(NamedTuple):
    """A line that a daemon serves, what it may send, and since when its fuse holds it back (Unix milliseconds)."""

    id: LineId
    handle: str
    account_id: AccountId
    fused_since: int | None
    allowance: Allowance


class Waiting(NamedTuple):
    """Where an item stands that nobody was given yet, and what its line may send."""

    line_id: LineId
    seq: int
    allowance: Allowance


# A shared line has one pace for all: that of the account whose it is.
_PACE = (
    func.coalesce(accounts.c.pace_ms, installation.c.pace_ms),
    func.coalesce(accounts.c.pace_burst, installation.c.pace_burst),
    lines.c.paced_until,
    installation.c.line_hourly_limit,
    lines.c.fused_until,
)
_of_its_line = accounts.c.id == lines.c.account_id, installation.c.id == 1
_SERVED_LINES = Statement(
    select(lines.c.id, lines.c.handle, lines.c.account_id, lines.c.fused_since, *_PACE)
    .where(lines.c.daemon_id == bindparam("daemon_id"), *_of_its_line)
    .order_by(lines.c.id)
)
_ALLOWANCE = Statement(select(*_PACE).where(lines.c.id == bindparam("line_id"), *_of_its_line))
_KEEP_ALLOWANCE = Statement(
    update(lines)
    .where(lines.c.id == bindparam("line_id"))
    .values(paced_until=bindparam("paced"), fused_until=bindparam("fused"))
)
_NOTE_FUSE = Statement(update(lines).where(lines.c.id == bindparam("line_id")).values(fused_since=bindparam("since")))
_OPEN_ITEM = select(
    outbox.c.id,
    outbox.c.status,
    outbox.c.attempts,
    outbox.c.max_attempts,
    outbox.c.available_at,
    outbox.c.claim_token,
    outbox.c.claimed_by,
    outbox.c.claim_asked_at,
    outbox.c.lease_until,
    outbox.c.begun_at,
    outbox.c.part_of,
)
_OPEN = Statement(
    _OPEN_ITEM.where(outbox.c.line_id == bindparam("line_id"), outbox.c.completed_at.is_(None))
    .order_by(outbox.c.seq)
    .limit(bindparam("limit"))
)
# Who looks after one item need not count a whole backlog.
_COUNTED_AHEAD = 10_000
_WAITING = Statement(
    select(outbox.c.line_id, outbox.c.seq, *_PACE).where(
        outbox.c.id == bindparam("id"), outbox.c.attempts == 0, lines.c.id == outbox.c.line_id, *_of_its_line
    )
)
_ahead = (
    select(outbox.c.seq)
    .where(
        outbox.c.line_id == bindparam("line_id"),
        outbox.c.completed_at.is_(None),
        outbox.c.seq < bindparam("seq"),
        outbox.c.attempts == 0,
    )
    .limit(_COUNTED_AHEAD)
    .subquery("ahead")
)
_AHEAD = Statement(select(func.count()).select_from(_ahead))
_TASK = Statement(
    select(
        outbox.c.id,
        outbox.c.account_id,
        outbox.c.chat_id,
        outbox.c.kind,
        outbox.c.payload,
        outbox.c.reply_to_guid,
        outbox.c.about_guid,
        outbox.c.about_part,
        messages.c.sent_at,
        chats.c.is_group,
        chats.c.key,
        chats.c.participants,
        chats.c.opted_out_at,
        lines.c.service,
        files.c.filename,
        files.c.mime_type,
        files.c.size,
    )
    .join(chats, chats.c.id == outbox.c.chat_id)
    .join(lines, lines.c.id == outbox.c.line_id)
    .outerjoin(files, files.c.id == outbox.c.file_id)
    .outerjoin(messages, and_(messages.c.line_id == outbox.c.line_id, messages.c.guid == outbox.c.about_guid))
    .where(outbox.c.id == bindparam("id"))
)
# By its state: an index of what is open must not tempt a database to find one row by walking through all of them.
_is_open = or_(outbox.c.status == "pending", outbox.c.status == "claimed")
_CLAIM = Statement(
    update(outbox)
    .where(outbox.c.id == bindparam("item_id"), _is_open)
    .values(
        status="claimed",
        attempts=bindparam("new_attempts"),
        claim_token=bindparam("token"),
        claimed_by=bindparam("journal"),
        claim_asked_at=bindparam("asked"),
        lease_until=bindparam("until"),
    )
)
_IS_HELD = (
    outbox.c.id == bindparam("item_id"),
    outbox.c.claim_token == bindparam("token"),
    outbox.c.status == "claimed",
)
_HELD = update(outbox).where(*_IS_HELD)
_OF_DAEMON = outbox.c.line_id.in_(select(lines.c.id).where(lines.c.daemon_id == bindparam("daemon")))
_RENEW = Statement(_HELD.where(_OF_DAEMON).values(lease_until=bindparam("until")))
_earlier = outbox.alias("earlier")
# A daemon may have got a line's items in another order than that of acceptance, after a failure that is tried again.
_is_next = ~exists().where(
    _earlier.c.line_id == outbox.c.line_id,
    _earlier.c.completed_at.is_(None),
    _earlier.c.begun_at.is_(None),
    _earlier.c.seq < outbox.c.seq,
)
_is_granted_to_nobody_else = or_(
    outbox.c.begun_nonce.is_(None), outbox.c.begun_nonce.in_([bindparam("nonce"), bindparam("after")])
)
_BEGIN = Statement(
    _HELD.where(_OF_DAEMON, _is_next, _is_granted_to_nobody_else).values(
        lease_until=bindparam("until"), begun_at=bindparam("begun"), begun_nonce=bindparam("nonce")
    )
)
_SENT = Statement(
    _HELD.where(outbox.c.line_id == bindparam("line")).values(
        status="sent", error=bindparam("no_error"), completed_at=bindparam("completed"), sent_by=bindparam("by")
    )
)
_WARN = Statement(update(outbox).where(outbox.c.id == bindparam("item_id")).values(warning=bindparam("word")))
_NOTE_SERVICE = Statement(update(outbox).where(outbox.c.id == bindparam("item_id")).values(sent_by=bindparam("by")))
_FAILED = Statement(_HELD.values(status="failed", error=bindparam("word"), completed_at=bindparam("completed")))
_RETRY = Statement(
    _HELD.values(
        status="pending",
        error=bindparam("word"),
        available_at=bindparam("available"),
        claim_token=None,
        claimed_by=None,
        claim_asked_at=None,
        lease_until=None,
        begun_at=None,
        begun_nonce=None,
    )
)
_GIVE_UP = Statement(
    update(outbox)
    .where(outbox.c.id == bindparam("item_id"), _is_open)
    .values(status="failed", error=bindparam("word"), completed_at=bindparam("completed"))
)
_SILENT = Statement(
    select(outbox.c.id).where(
        outbox.c.completed_at.is_(None), outbox.c.begun_at.is_not(None), outbox.c.lease_until < bindparam("before")
    )
)
# What a part belongs to ends with it if it fails.
_FAIL_WHOLE = Statement(
    update(outbox)
    .where(
        outbox.c.id == select(_earlier.c.part_of).where(_earlier.c.id == bindparam("part_id")).scalar_subquery(),
        _is_open,
    )
    .values(status="failed", error=bindparam("word"), completed_at=bindparam("completed"))
)
_CALL_OFF = Statement(
    update(outbox)
    .where(
        outbox.c.line_id == bindparam("line"),
        outbox.c.chat_id == bindparam("chat"),
        outbox.c.completed_at.is_(None),
        outbox.c.begun_at.is_(None),
    )
    .values(status="failed", error=bindparam("word"), completed_at=bindparam("completed"))
    .returning(func.coalesce(outbox.c.part_of, outbox.c.id))
)
_WHOLE = Statement(
    select(func.coalesce(outbox.c.part_of, outbox.c.id)).where(
        outbox.c.id == bindparam("id"), outbox.c.line_id == bindparam("line_id")
    )
)
_part = outbox.alias("part")
_ENDED = Statement(
    select(*[outbox.c[name] for name in EndedItem._fields if name != "handle"], lines.c.handle)
    .join(lines, lines.c.id == outbox.c.line_id)
    .where(
        outbox.c.id
        == select(func.coalesce(_part.c.part_of, _part.c.id)).where(_part.c.id == bindparam("id")).scalar_subquery()
    )
)
_ABOUT = Statement(
    select(outbox.c.kind).where(
        outbox.c.line_id == bindparam("line_id"),
        outbox.c.about_guid == bindparam("guid"),
        outbox.c.status != "failed",
    )
)
_GROUP_BEGUN = Statement(
    select(outbox.c.chat_id).where(
        outbox.c.id == bindparam("id"), outbox.c.line_id == bindparam("line_id"), outbox.c.kind == "group"
    )
)
_ACCOUNT_OF = Statement(
    select(outbox.c.account_id).where(outbox.c.id == bindparam("id"), outbox.c.line_id == bindparam("line_id"))
)
_FILE_SENT = Statement(
    select(outbox.c.file_id).where(
        outbox.c.id == bindparam("id"), outbox.c.line_id == bindparam("line_id"), outbox.c.kind == "file"
    )
)
_HELD_FILE = Statement(
    select(outbox.c.kind, files.c.mime_type, files.c.size, files.c.storage_key)
    .join(files, files.c.id == outbox.c.file_id)
    .where(_OF_DAEMON, *_IS_HELD)
)
_HELD_ITEM = Statement(_OPEN_ITEM.where(_OF_DAEMON, *_IS_HELD))


def add(tx: Tx, accepted: Accepted, max_attempts: int) -> None:
    """Put a new item at the end of its line."""
    row: dict[str, Value] = msgspec.to_builtins(accepted)
    row |= {"status": "pending", "attempts": 0, "max_attempts": max_attempts, "available_at": 0}
    row["created_at"] = tx.now_ms
    add_row(tx, outbox, row)


def served_lines(tx: Tx, daemon_id: DaemonId) -> list[ServedLine]:
    """Return the lines that a daemon serves."""
    return tx.all(
        lambda line_id, handle, account_id, fused_since, *terms: ServedLine(
            line_id, handle, account_id, fused_since, _allowance(*terms)
        ),
        _SERVED_LINES,
        daemon_id=daemon_id,
    )


def allowance_of(tx: Tx, line_id: LineId) -> Allowance:
    """Return what a line may send."""
    return tx.all(_allowance, _ALLOWANCE, line_id=line_id)[0]


def keep_allowance(tx: Tx, line_id: LineId, left: Allowance) -> None:
    """Note how much a line has used up of what it may send."""
    tx.change(_KEEP_ALLOWANCE, line_id=line_id, paced=left.pace.used_until, fused=left.fuse.used_until)


def note_fuse(tx: Tx, line_id: LineId, since: int | None) -> None:
    """Note since when the fuse of a line holds it back (Unix milliseconds), None if it does not."""
    tx.change(_NOTE_FUSE, line_id=line_id, since=since)


def waiting(tx: Tx, outbox_id: OutboxId) -> Waiting | None:
    """Return where an item stands; None if somebody was given it, or there is none."""
    return tx.one(lambda line_id, seq, *terms: Waiting(line_id, seq, _allowance(*terms)), _WAITING, id=outbox_id)


def ahead_of(tx: Tx, item: Waiting) -> int:
    """Count the items of its line that go before *item*, and that nobody was given yet."""
    return tx.all(int, _AHEAD, line_id=item.line_id, seq=item.seq)[0]


def open_items(tx: Tx, line_id: LineId, limit: int) -> list[OpenItem]:
    """Return the line's oldest items that have not ended, in the order of acceptance."""
    return tx.all(OpenItem, _OPEN, line_id=line_id, limit=limit)


def task(tx: Tx, outbox_id: OutboxId) -> Task:
    """Return what the item's command is made of."""
    return tx.all(Task, _TASK, id=outbox_id)[0]


def claim(tx: Tx, outbox_id: OutboxId, holder: Holder, *, attempts: int, lease_until: int) -> bool:
    """Lease the item to *holder*; an earlier token is worth nothing from now on."""
    return tx.change(_CLAIM, item_id=outbox_id, **holder._asdict(), new_attempts=attempts, until=lease_until) == 1


def renew(tx: Tx, daemon_id: DaemonId, outbox_id: str, token: str, lease_until: int) -> bool:
    """Keep the lease; False if *token* no longer holds the item."""
    return tx.change(_RENEW, daemon=daemon_id, item_id=outbox_id, token=token, until=lease_until) == 1


def begin(tx: Tx, daemon_id: DaemonId, outbox_id: str, said: Begin, lease_until: int) -> bool:
    """Note that the item is about to be handed to Messages; False if it is not the caller's, or not its line's next."""
    return (
        tx.change(
            _BEGIN,
            daemon=daemon_id,
            item_id=outbox_id,
            token=said.token,
            nonce=said.nonce,
            after=said.after,
            until=lease_until,
            begun=tx.now_ms,
        )
        == 1
    )


def mark_sent(tx: Tx, line_id: LineId, outbox_id: str, token: str, *, by: str | None) -> bool:
    """End the item as sent, *by* another service than the line's if it was; False if *token* no longer holds it."""
    values = {"item_id": outbox_id, "token": token, "by": by, "no_error": None}
    return tx.change(_SENT, line=line_id, completed=tx.now_ms, **values) == 1


def note_service(tx: Tx, outbox_id: OutboxId, by: str | None) -> None:
    """Note by which other service than the line's an item went, if it did."""
    tx.change(_NOTE_SERVICE, item_id=outbox_id, by=by)


def warn(tx: Tx, outbox_id: OutboxId, word: str) -> None:
    """Note that an item was not sent quite as it was asked."""
    tx.change(_WARN, item_id=outbox_id, word=word)


def mark_failed(tx: Tx, outbox_id: str, token: str, word: str) -> bool:
    """End the item as failed, and what it is part of; False if *token* no longer holds it."""
    if tx.change(_FAILED, item_id=outbox_id, token=token, word=word, completed=tx.now_ms) == 0:
        return False
    tx.change(_FAIL_WHOLE, part_id=outbox_id, word=word, completed=tx.now_ms)
    return True


def put_back(tx: Tx, outbox_id: str, token: str, word: str, available_at: int) -> bool:
    """Let the item be claimed again later; False if *token* no longer holds it."""
    return tx.change(_RETRY, item_id=outbox_id, token=token, word=word, available=available_at) == 1


def give_up(tx: Tx, outbox_id: OutboxId, word: str) -> bool:
    """End an item that nobody can answer for, and what it is part of; False if it has ended already."""
    if tx.change(_GIVE_UP, item_id=outbox_id, word=word, completed=tx.now_ms) == 0:
        return False
    tx.change(_FAIL_WHOLE, part_id=outbox_id, word=word, completed=tx.now_ms)
    return True


def ended(tx: Tx, outbox_id: str) -> EndedItem:
    """Return an item that has ended; of a part, what it is part of."""
    return tx.all(EndedItem, _ENDED, id=outbox_id)[0]


def call_off(tx: Tx, line_id: LineId, chat_id: ChatId, word: str) -> list[OutboxId]:
    """End as failed what is for a chat and was not begun; return it as callers know it."""
    ended = tx.all(OutboxId, _CALL_OFF, line=line_id, chat=chat_id, word=word, completed=tx.now_ms)
    return [*dict.fromkeys(ended)]


def whole(tx: Tx, line_id: LineId, outbox_id: str) -> OutboxId | None:
    """Return the item as callers know it, which a part is not; None if the line never had it."""
    return tx.one(OutboxId, _WHOLE, id=outbox_id, line_id=line_id)


def account_of(tx: Tx, line_id: LineId, outbox_id: str) -> AccountId | None:
    """Return whose item that is; None if the line never had it."""
    return tx.one(AccountId, _ACCOUNT_OF, id=outbox_id, line_id=line_id)


def group_begun(tx: Tx, line_id: LineId, outbox_id: str) -> ChatId | None:
    """Return the chat that an item of the line begins, None if it begins none."""
    return tx.one(ChatId, _GROUP_BEGUN, line_id=line_id, id=outbox_id)


def kinds_about(tx: Tx, line_id: LineId, guid: str) -> list[str]:
    """Return what was, or will be, done to the line's message of that guid, one entry an item that has not failed."""
    return tx.all(str, _ABOUT, line_id=line_id, guid=guid)


def silent_items(tx: Tx, before_ms: int) -> list[OutboxId]:
    """Return begun items whose lease ended before *before_ms*."""
    return tx.all(OutboxId, _SILENT, before=before_ms)


def held_item(tx: Tx, daemon_id: DaemonId, outbox_id: str, token: str) -> OpenItem | None:
    """Find an item that *token* holds, on a line of that daemon."""
    return tx.one(OpenItem, _HELD_ITEM, daemon=daemon_id, item_id=outbox_id, token=token)


def held_file(tx: Tx, daemon_id: DaemonId, outbox_id: str, token: str) -> HeldFile | None:
    """Find the file of an item that *token* holds, on a line of that daemon."""
    return tx.one(HeldFile, _HELD_FILE, daemon=daemon_id, item_id=outbox_id, token=token)


def file_sent(tx: Tx, line_id: LineId, outbox_id: str) -> FileId | None:
    """Return the file that an item of the line sends as it is, None if it sends none."""
    return tx.one(FileId, _FILE_SENT, line_id=line_id, id=outbox_id)


def _allowance(pace_ms: int, pace_burst: int, paced_until: int, hourly_limit: int, fused_until: int) -> Allowance:
    return Allowance(Pace(pace_ms, pace_burst, paced_until), fuse(hourly_limit, fused_until))
