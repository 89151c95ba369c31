"""Begins groups, and lists a line's chats."""

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
from blueport.server.resources.chats.schema import Chat, ListChats, NewGroup
from blueport.server.sending import service as sending
from blueport.server.sending.queries import Accepted as Work
from blueport.server.shapes import Accepted, unset_if_none
from blueport.server.store.tx import Tx

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
    work = Work(
        id=outbox_id,
        account_id=group.account_id,
        line_id=line.id,
        chat_id=addressing.add_chat(tx, group),
        key_id=call.key.id,
        kind="group",
        payload=msgspec.json.encode(asked).decode(),
    )
    sending.accept(tx, work, max_attempts=call.terms.max_attempts)
    return Accepted(work.id)


def _people(given: list[str], region: str) -> list[str]:
    """Return the canonical handles of several people.

    Raises:
        ApiError: `invalid_parameter_value`.
    """
    handles = [sendable_handle(each, region=region) for each in given]
    people = [handle for handle in dict.fromkeys(handles) if handle is not None]
    if None in handles:
        message = "`participants` takes phone numbers with their country code (+15551234567) and Apple IDs."
        raise ApiError("invalid_parameter_value", message, param="participants")
    if not FEWEST <= len(people) <= MOST:
        message = f"A group has {FEWEST} to {MOST} people beside the line; to one person send a message."
        raise ApiError("invalid_parameter_value", message, param="participants")
    return people


def _judge_words(asked: NewGroup) -> None:
    if is_blank(asked.text) or len(asked.text) > TEXT_LIMIT:
        message = f"`text` must say something, in {TEXT_LIMIT} characters at most: a group begins with a message."
        raise ApiError("invalid_parameter_value", message, param="text")
    if asked.name is not None and (is_blank(asked.name) or len(asked.name) > NAME_LIMIT):
        message = f"`name` must have 1 to {NAME_LIMIT} characters."
        raise ApiError("invalid_parameter_value", message, param="name")


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
