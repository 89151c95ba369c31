"""Notes what a daemon saw.

A sighting may come twice (the daemon repeats what was not acknowledged), late, and after the outbox item that it proves
has ended otherwise. The unique line and guid of a message decide: row, outbox, event and deliveries are one
transaction, so that a message that is known has all that follows from it.
"""

from typing import assert_never

import msgspec

from blueport.handles import canonical_handle
from blueport.protocol.sightings import (
    GroupChanged,
    MessageChanged,
    MessageReached,
    MessageSeen,
    Proof,
    ReactionSeen,
    ReceiptSeen,
    Sighting,
    TypingSeen,
)
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.errors import ApiError
from blueport.server.guarding import service as guarding
from blueport.server.ids import ChatId, DaemonId, MessageId, OutboxId, mint
from blueport.server.notifying import service as notifying
from blueport.server.receiving import attachments, changes, presence, queries, reactions, sharing
from blueport.server.receiving.attachments import Attachments
from blueport.server.receiving.chats import chat_of, clean
from blueport.server.receiving.queries import Known
from blueport.server.sending import service as sending
from blueport.server.shapes import Message, MessageData
from blueport.server.store.tx import Tx


def note(tx: Tx, daemon_id: DaemonId, sighting: Sighting, *, region: str) -> None:
    """Keep what was seen; what is known already changes nothing.

    Raises:
        ApiError: `line_not_found`: the line is not the daemon's.
    """
    line = addressing.line_of_daemon(tx, daemon_id, sighting.line_handle)
    if line is None:
        raise ApiError("line_not_found", "This daemon does not serve that line.")
    shared = (
        sharing.as_their_account_sees_it(tx, line, sighting, region=region) if line.is_sandbox else (line, sighting)
    )
    if shared is not None:
        _note(tx, *shared, region)


def _note(tx: Tx, line: Line, sighting: Sighting, region: str) -> None:
    match sighting:
        case MessageSeen():
            _note_message(tx, line, sighting, region)
        case ReactionSeen():
            reactions.note(tx, line, sighting, region=region)
        case ReceiptSeen():
            presence.note_receipt(tx, line, sighting, region=region)
        case TypingSeen():
            presence.note_typing(tx, line, sighting, region=region)
        case MessageChanged():
            changes.change(tx, line, sighting)
        case MessageReached():
            changes.reach(tx, line, sighting)
        case GroupChanged():
            _note_group(tx, line, sighting, region)
        case _:
            assert_never(sighting)


def _note_group(tx: Tx, line: Line, seen: GroupChanged, region: str) -> None:
    """Note what is known of a group that we have changed."""
    sending.prove(tx, line.id, seen.proves)
    chat_of(tx, line, seen.chat, seen.changed_at, region=region)


def _note_message(tx: Tx, line: Line, seen: MessageSeen, region: str) -> None:
    known = queries.known_message(tx, line.id, seen.guid)
    if known is None:
        _note_new(tx, line, seen, region)
    elif seen.is_from_me and not known.is_from_me:
        _note_own_after_all(tx, line, known, seen, region)
    else:
        _note_late_proof(tx, line, known, seen)


def _note_new(tx: Tx, line: Line, seen: MessageSeen, region: str) -> None:
    begun = None if seen.proves is None else sending.group_begun(tx, line.id, seen.proves.outbox_id)
    chat_id = chat_of(tx, line, seen.chat, seen.sent_at, region=region, begun=begun)
    files = attachments.of_message(tx, line, seen)
    message = _message(tx, line, chat_id, seen, region)
    seq = queries.add_message(tx, line.account_id, message, attachments.to_json(files))
    queries.note_activity(tx, chat_id, message.sent_at, seq)
    if not message.is_from_me:
        queries.note_inbound(tx, chat_id, message.sent_at)
        _guard(tx, line, seen, message)
    _note_what_follows(tx, line, seen, message, files)
    reactions.attach(tx, line, message.id, message.guid)


def _guard(tx: Tx, line: Line, seen: MessageSeen, message: Message) -> None:
    """Have what somebody else wrote stop us, if it asks for that, or is one too many."""
    if not seen.chat.is_group and guarding.heed(tx, line, message, is_news=seen.announce):
        sending.call_off(tx, line.id, message.chat_id)
    if seen.announce:
        guarding.watch(tx, line, message)


def _note_own_after_all(tx: Tx, line: Line, known: Known, seen: MessageSeen, region: str) -> None:
    """Messages shows some of our own at first as somebody else's; nobody else has written, then."""
    as_seen = _message(tx, line, known.chat_id, seen, region)
    message = msgspec.structs.replace(as_seen, id=known.id, synced_at=known.synced_at)
    files = attachments.of_message(tx, line, seen)
    queries.make_own(tx, message, attachments.to_json(files))
    guarding.unsay(tx, line, message)
    _note_what_follows(tx, line, seen, message, files)


def _note_what_follows(tx: Tx, line: Line, seen: MessageSeen, message: Message, files: Attachments) -> None:
    if seen.proves is not None:
        sending.prove(tx, line.id, seen.proves, by=sending.other_service(line, _service(seen)))
    if seen.announce:
        notifying.announce(tx, _fact(line, message), waits_for_files=attachments.are_awaited(files))


def _note_late_proof(tx: Tx, line: Line, known: Known, seen: MessageSeen) -> None:
    if seen.proves is not None:
        sending.prove(tx, line.id, seen.proves, by=sending.other_service(line, _service(seen)))
    outbox_id = _outbox_id(tx, line, seen.proves)
    if outbox_id is not None:
        queries.link_to_outbox(tx, known.id, outbox_id)


def _service(seen: MessageSeen) -> str | None:
    return seen.service.lower() if seen.service else None


def _outbox_id(tx: Tx, line: Line, proof: Proof | None) -> OutboxId | None:
    """Return the item that a message came from, however it ended; one that the line never had is none."""
    return None if proof is None else sending.whole(tx, line.id, proof.outbox_id)


def _message(tx: Tx, line: Line, chat_id: ChatId, seen: MessageSeen, region: str) -> Message:
    sender = line.handle if seen.is_from_me else canonical_handle(seen.sender or "unknown", region=region)
    return Message(
        id=MessageId(mint("msg", tx.now_ms)),
        line_id=line.id,
        chat_id=chat_id,
        guid=seen.guid,
        sender=sender,
        text=clean(seen.text),
        attachments=(),  # kept in their own form, and rendered when they are shown
        service=_service(seen),
        is_from_me=seen.is_from_me,
        is_audio_message=seen.is_audio,
        sent_at=seen.sent_at,
        synced_at=tx.now_ms,
        outbox_id=_outbox_id(tx, line, seen.proves),
        reply_to_guid=seen.reply_to_guid,
    )


def _fact(line: Line, message: Message) -> notifying.Fact:
    data = MessageData(**msgspec.structs.asdict(message), line_handle=line.handle)
    return notifying.Fact(
        account_id=line.account_id,
        line_id=line.id,
        chat_id=message.chat_id,
        type="message.sent" if message.is_from_me else "message.received",
        subject_id=message.id,
        data=msgspec.json.encode(data).decode(),
    )
