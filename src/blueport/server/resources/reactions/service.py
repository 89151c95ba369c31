"""Accepts reactions, and lists those of a message."""

import msgspec

from blueport.server.addressing import service as addressing
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Need
from blueport.server.errors import ApiError
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_in_order, page_size
from blueport.server.ids import OutboxId, mint
from blueport.server.resources.reactions import queries
from blueport.server.resources.reactions.queries import Place, ReactionRow
from blueport.server.resources.reactions.schema import ListReactions, NewReaction
from blueport.server.sending import service as sending
from blueport.server.sending.queries import Accepted as Work
from blueport.server.sending.tapbacks import is_emoji, tapback_named
from blueport.server.shapes import Accepted, Reaction
from blueport.server.store.tx import Tx


def send(tx: Tx, call: Call[NewReaction]) -> Accepted:
    """React to a message, or take a reaction back."""
    asked = call.asked
    name = addressing.line_name(asked.line_handle, region=call.terms.region)
    peer = addressing.peer_to_write(asked.recipient, region=call.terms.region)
    message = addressing.message_name(asked.message_id, param="message_id")
    _judge_sign(asked)
    needs = Need("reactions") if asked.emoji is None else Need("emoji_tapbacks", "emoji")
    line, chat = authorizing.target(tx, call.key, name, peer, needs)
    work = Work(
        id=OutboxId(mint("obx", tx.now_ms)),
        account_id=call.key.account_id,
        line_id=line.id,
        chat_id=chat.chat_id,
        key_id=call.key.id,
        kind="react",
        payload=msgspec.json.encode(asked).decode(),
        about_guid=addressing.guid_in_chat(tx, line, chat, message),
        about_part=message.part,
    )
    sending.accept(tx, work, max_attempts=call.terms.max_attempts)
    return Accepted(work.id)


def list_reactions(tx: Tx, call: Call[ListReactions]) -> Page[Reaction]:
    """List the reactions that stand on a message."""
    name = addressing.message_name(call.asked.message_id, param="message_id").name
    page_size(call.asked)
    line_ids = [line.id for line in authorizing.lines_for(tx, call.key)]
    message_ids = queries.messages_named(tx, call.key.account_id, line_ids, name)
    if not message_ids:
        raise ApiError("message_not_found", "No such message.", param="message_id")
    reactions = [_reaction(row) for row in queries.standing(tx, message_ids)]
    # Two accounts may know a message by the same guid.
    list_name = f"reactions {call.key.account_id} {name}"
    return page_in_order(reactions, list_name, call.asked, call.terms.cursors, _place, Place)


def _judge_sign(asked: NewReaction) -> None:
    if asked.type is not None and asked.emoji is not None:
        raise ApiError("invalid_parameter_value", "Give `type` or `emoji`, not both.", param="emoji")
    if asked.emoji is not None and not is_emoji(asked.emoji):
        raise ApiError("invalid_parameter_value", "`emoji` must be one emoji.", param="emoji")
    if asked.type is not None:
        _judge_type(asked.type)


def _judge_type(given: str) -> None:
    try:
        tapback_named(given)
    except KeyError:
        message = "`type` must be one of love, like, dislike, laugh, emphasize, question."
        raise ApiError("invalid_parameter_value", message, param="type") from None


def _place(reaction: Reaction) -> Place:
    return Place(reaction.sent_at, reaction.id)


def _reaction(row: ReactionRow) -> Reaction:
    return Reaction(
        id=row.id,
        message_id=row.message_id,
        type=row.type,
        sender=row.sender,
        is_from_me=bool(row.is_from_me),
        added=True,
        sent_at=row.sent_at,
        synced_at=row.synced_at,
    )
