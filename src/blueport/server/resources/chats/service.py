"""Begins and changes groups, and lists a line's chats."""

from typing import TypeVar

import msgspec

from blueport.handles import sendable_handle
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import NewChat
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.service import Need
from blueport.server.errors import ApiError
from blueport.server.http.bodies import is_blank
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_size
from blueport.server.ids import ChatId, OutboxId, mint
from blueport.server.resources.chats import queries
from blueport.server.resources.chats.queries import ChatRow, Place, Shelf
from blueport.server.resources.chats.schema import ChangeMember, Chat, LeaveGroup, ListChats, NewGroup, RenameGroup
from blueport.server.sending import service as sending
from blueport.server.sending.queries import Accepted as Work
from blueport.server.sending.states import Kind
from blueport.server.shapes import Accepted, unset_if_none
from blueport.server.store.tx import Tx

Changes = TypeVar("Changes", RenameGroup, ChangeMember, LeaveGroup)

FEWEST, MOST = 2, 31
NAME_LIMIT, TEXT_LIMIT = 100, 20_000
_NEVER_MS = 2**62  # later than any activity


def begin(tx: Tx, call: Call[NewGroup]) -> Accepted:
    """Begin a group with its first message; each of the people must have written to the line, if that asks for it."""
    asked = call.asked
    name = addressing.line_name(asked.line_handle, region=call.terms.region)
    people = _people(asked.participants, call.terms.region)
    _judge_words(asked)
    with authorizing.to_blame("participants"):
        targets = [authorizing.target(tx, call.key, name, person, Need("groups")) for person in people]
    line, _ = targets[0]
    outbox_id = OutboxId(mint("obx", tx.now_ms))
    group = NewChat(
        id=ChatId(mint("cht", tx.now_ms)),
        account_id=call.key.account_id,
        line_id=line.id,
        key=outbox_id,
        identifier="",  # what Messages makes of it is known once it is seen there
        service="imessage",
        name=asked.name,
        is_group=1,
        participants=msgspec.json.encode(people).decode(),
    )
    asked_json = msgspec.json.encode(asked).decode()
    work = Work(outbox_id, group.account_id, line.id, group.id, call.key.id, "group", asked_json)
    addressing.add_chat(tx, group)
    sending.accept(tx, work, max_attempts=call.terms.max_attempts)
    return Accepted(work.id)


def rename(tx: Tx, call: Call[RenameGroup]) -> Accepted:
    """Give a group another name."""
    _judge_group(call.asked.recipient)
    _judge_name(call.asked.name)
    return _changed(tx, call, "rename", call.asked)


def add(tx: Tx, call: Call[ChangeMember]) -> Accepted:
    """Take somebody into a group; they must have written to the line, if that asks for it."""
    _judge_group(call.asked.recipient)
    [person] = _handles([call.asked.participant], call.terms.region, "participant")
    line = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    accepted = _changed(tx, call, "add", msgspec.structs.replace(call.asked, participant=person))
    with authorizing.to_blame("participant"):
        authorizing.target(tx, call.key, line, person, Need("groups"))
    return accepted


def remove(tx: Tx, call: Call[ChangeMember]) -> Accepted:
    """Put somebody out of a group."""
    _judge_group(call.asked.recipient)
    [person] = _handles([call.asked.participant], call.terms.region, "participant")
    return _changed(tx, call, "remove", msgspec.structs.replace(call.asked, participant=person))


def leave(tx: Tx, call: Call[LeaveGroup]) -> Accepted:
    """Leave a group."""
    _judge_group(call.asked.recipient)
    return _changed(tx, call, "leave", call.asked)


def _changed(tx: Tx, call: Call[Changes], kind: Kind, asked: Changes) -> Accepted:
    name = addressing.line_name(asked.line_handle, region=call.terms.region)
    line, chat = authorizing.target(tx, call.key, name, asked.recipient, Need("groups"))
    if not chat.is_group:
        raise _no_group()
    asked_json = msgspec.json.encode(asked).decode()
    outbox_id = OutboxId(mint("obx", tx.now_ms))
    work = Work(outbox_id, call.key.account_id, line.id, chat.chat_id, call.key.id, kind, asked_json)
    sending.accept(tx, work, max_attempts=call.terms.max_attempts)
    return Accepted(work.id)


def _judge_group(recipient: str) -> None:
    if not recipient.startswith("cht_"):
        raise _no_group()


def _no_group() -> ApiError:
    return ApiError("invalid_parameter_value", "`to` takes the id of a group (`cht_...`).", param="to")


def _people(given: list[str], region: str) -> list[str]:
    """Return the canonical handles of several people.

    Raises:
        ApiError: `invalid_parameter_value`.
    """
    people = _handles(given, region, "participants")
    if not FEWEST <= len(people) <= MOST:
        message = f"A group has {FEWEST} to {MOST} people beside the line; to one person send a message."
        raise ApiError("invalid_parameter_value", message, param="participants")
    return people


def _handles(given: list[str], region: str, param: str) -> list[str]:
    handles = [sendable_handle(each, region=region) for each in given]
    if None in handles:
        message = f"`{param}` takes phone numbers with their country code (+15551234567) and Apple IDs."
        raise ApiError("invalid_parameter_value", message, param=param)
    return [handle for handle in dict.fromkeys(handles) if handle is not None]


def _judge_name(name: str) -> None:
    if is_blank(name) or len(name) > NAME_LIMIT:
        message = f"`name` must have 1 to {NAME_LIMIT} characters."
        raise ApiError("invalid_parameter_value", message, param="name")


def _judge_words(asked: NewGroup) -> None:
    if is_blank(asked.text) or len(asked.text) > TEXT_LIMIT:
        message = f"`text` must say something, in {TEXT_LIMIT} characters at most: a group begins with a message."
        raise ApiError("invalid_parameter_value", message, param="text")
    if asked.name is not None:
        _judge_name(asked.name)


def list_chats(tx: Tx, call: Call[ListChats]) -> Page[Chat]:
    """List the chats of a line, the most recently active first."""
    name = addressing.line_name(call.asked.line_handle, region=call.terms.region)
    size = page_size(call.asked)
    line = authorizing.line_for(tx, call.key, name)
    shelf = Shelf(line.id, call.key.account_id)
    list_name = f"chats {shelf.line_id} {shelf.account_id}"
    if call.asked.cursor is None:
        place = Place(queries.newest_activity(tx, shelf), _NEVER_MS, "")
    else:
        place = call.terms.cursors.place(list_name, call.asked.cursor, Place)
    rows = queries.chats_after(tx, shelf, place, size + 1)
    shown, next_cursor = call.terms.cursors.page(
        rows, size, list_name, lambda row: Place(place.as_of, row.active_at, row.id)
    )
    return Page([_chat(row, tx.now_ms) for row in shown], next_cursor is not None, next_cursor)


def _chat(row: ChatRow, now_ms: int) -> Chat:
    is_looping = row.looping_until is not None and row.looping_until > now_ms
    return Chat(
        id=row.id,
        line_id=row.line_id,
        identifier=row.identifier,
        service=row.service,
        name=row.name,
        is_group=bool(row.is_group),
        participants=msgspec.json.decode(row.participants, type=tuple[str, ...]),
        last_message_at=row.last_message_at,
        opted_out_at=unset_if_none(row.opted_out_at),
        looping_until=unset_if_none(row.looping_until if is_looping else None),
    )
