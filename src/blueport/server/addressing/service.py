"""Judges the parameters `from` and `to`: first as values, then against what exists."""

import re
from typing import NamedTuple

import msgspec

from blueport.handles import canonical_handle, sendable_handle
from blueport.server.addressing import queries
from blueport.server.addressing.queries import Address, Line, NewChat
from blueport.server.errors import ApiError
from blueport.server.ids import AccountId, ChatId, mint
from blueport.server.store.tx import Tx

_GUID_PREFIX = re.compile(r"p:(\d{1,3})/|bp:")
_OTHER_ID = re.compile(r"(?:cht|ln|obx|rxn|wh|ind|rcp|file|dlv|req)_.*")
# Those alone: alphanumeric senders may hold an underscore.
_NO_PEER = re.compile(r"(?:msg|ln|obx|rxn|wh|ind|rcp|file|dlv|req)_[0-9A-Za-z]*")


# What a request may be refused with, for whoever describes an endpoint: see the functions that raise them.
LINE_REFUSALS = ("line_not_found",)
READING_REFUSALS = ("chat_not_found",)
WRITING_REFUSALS = ("chat_not_found", "contact_has_not_messaged")


class MessageName(NamedTuple):
    """How a request names a message; `part` is what of it is meant, from 0, and `param` is where it was said."""

    name: str
    part: int
    param: str


add_line = queries.add_line
lines_of = queries.lines_of
line_of_daemon = queries.line_of_daemon
sandbox_line = queries.sandbox_line
any_line = queries.any_line
add_chat = queries.add_chat
known_guids = queries.known_guids


def line_name(handle: str, *, region: str) -> str:
    """Return `from` as `ln_...` or as a canonical handle.

    Raises:
        ApiError: `invalid_parameter_value`.
    """
    return handle if handle.startswith("ln_") else _sendable(handle, "from", region)


def peer_to_write(recipient: str, *, region: str) -> str:
    """Return `to` as `cht_...` or as the canonical handle of one person who can be reached.

    Raises:
        ApiError: `invalid_parameter_value`.
    """
    return recipient if recipient.startswith("cht_") else _sendable(recipient, "to", region)


def peer_to_read(recipient: str, *, region: str) -> str:
    """Return `to` as `cht_...` or as a canonical handle, alphanumeric senders included.

    Raises:
        ApiError: `invalid_parameter_value`.
    """
    if recipient.startswith("cht_"):
        return recipient
    if _NO_PEER.fullmatch(recipient) or not recipient.strip():
        raise _no_address("to")
    return canonical_handle(recipient, region=region)


def message_name(given: str, *, param: str) -> MessageName:
    """Return a reference to a message: `msg_...`, or a guid with or without the part of it that is meant.

    Raises:
        ApiError: `invalid_parameter_value`.
    """
    prefix = _GUID_PREFIX.match(given)
    name = given[prefix.end() :] if prefix else given
    if not name or _OTHER_ID.fullmatch(name):
        message = f"`{param}` takes `msg_...` or the guid of a message."
        raise ApiError("invalid_parameter_value", message, param=param)
    return MessageName(name, int(prefix[1] or 0) if prefix else 0, param)


def guid_in_chat(tx: Tx, line: Line, chat: Address, name: MessageName) -> str:
    """Return the guid of the chat's message of that name.

    Raises:
        ApiError: `message_not_found`.
    """
    find = queries.guid_by_id if name.name.startswith("msg_") else queries.guid_by_guid
    guid = find(tx, line.id, chat.chat_id, name.name)
    if guid is None:
        raise ApiError("message_not_found", "No such message in this chat.", param=name.param)
    return guid


def line_named(tx: Tx, account_id: AccountId, name: str) -> Line:
    """Find the account's line of that name.

    Raises:
        ApiError: `line_not_found`.
    """
    find = queries.line_by_id if name.startswith("ln_") else queries.line_by_handle
    line = find(tx, account_id, name)
    if line is None:
        raise ApiError("line_not_found", "No such line.", param="from")
    return line


def chat_to_read(tx: Tx, account_id: AccountId, line: Line, peer: str) -> Address:
    """Find the account's chat with *peer*, whoever that is.

    Raises:
        ApiError: `chat_not_found`.
    """
    chat = _chat(tx, account_id, line, peer)
    if chat is None:
        raise ApiError("chat_not_found", "No such chat on this line.", param="to")
    return chat


def chat_to_write(tx: Tx, account_id: AccountId, line: Line, peer: str) -> Address:
    """Find the account's chat with *peer*; somebody there must have written to the line, if that asks for it.

    Raises:
        ApiError: `chat_not_found` or `contact_has_not_messaged`.
    """
    find = chat_to_read if peer.startswith("cht_") else _chat
    chat = find(tx, account_id, line, peer)
    if line.is_contact_first and (chat is None or chat.first_inbound_at is None):
        raise ApiError("contact_has_not_messaged", "They have to message this line first.", param="to")
    return chat or _begun_chat(tx, account_id, line, peer)


def _chat(tx: Tx, account_id: AccountId, line: Line, peer: str) -> Address | None:
    find = queries.chat_by_id if peer.startswith("cht_") else queries.chat_by_peer
    return find(tx, account_id, line.id, peer)


def _begun_chat(tx: Tx, account_id: AccountId, line: Line, peer: str) -> Address:
    """Make the chat with one person in which nobody has written yet."""
    chat = NewChat(
        id=ChatId(mint("cht", tx.now_ms)),
        account_id=account_id,
        line_id=line.id,
        key=peer,
        identifier=peer,
        service="sms" if line.service == "sms" else "imessage",
        name=None,
        is_group=0,
        participants=msgspec.json.encode([peer]).decode(),
    )
    return Address(queries.add_chat(tx, chat), chat.is_group, first_inbound_at=None)


def _sendable(handle: str, param: str, region: str) -> str:
    canonical = sendable_handle(handle, region=region)
    if canonical is None:
        raise _no_address(param)
    return canonical


def _no_address(param: str) -> ApiError:
    own_id = "ln_..." if param == "from" else "cht_..."
    return ApiError(
        "invalid_parameter_value",
        f"`{param}` takes one phone number with its country code (+15551234567), one Apple ID, or `{own_id}`.",
        param=param,
    )
