"""Begins groups and changes them: in chat.db, which has a row for each change, and on the phones of their people."""

import asyncio
import secrets
from collections.abc import Callable
from typing import assert_never

import msgspec

from blueport.handles import sendable_handle
from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.bridge import (
    AddParticipant,
    CreateChat,
    GroupChange,
    LeaveGroup,
    RemoveParticipant,
    RenameGroup,
)
from blueport.simulator.carrying import Carrier
from blueport.simulator.chatdb import Cell, Conversation
from blueport.simulator.faults import Fault, Faults
from blueport.simulator.phones import Group, GroupNote, ShownMessage
from blueport.simulator.sending import for_ever
from blueport.simulator.stand_in import NO_SUCH_OBJECT

_MEMBERS, _RENAMED, _LEFT = 1, 2, 3  # item_type


class Gathering:
    """The groups of a Mac, as scripts begin them."""

    def __init__(self, carrier: Carrier, faults: Faults) -> None:
        self._carrier = carrier
        self._faults = faults
        self._db = carrier.db
        self._phones = carrier.phones

    def wish(self, asked: CreateChat) -> Callable[[], int]:
        """Return what finds the conversation that is asked for, or begins it.

        Raises:
            AppleEventError: Somebody cannot be reached; nothing is begun then.
        """
        region = self._carrier.settings.region
        handles = [sendable_handle(address, region=region) for address in asked.addresses]
        members = tuple(dict.fromkeys(handle for handle in handles if handle is not None))
        if None in handles or len(members) < len(asked.addresses):
            raise AppleEventError(NO_SUCH_OBJECT, "Messages got an error: Somebody cannot be reached.")
        return lambda: self._chat_of(members, asked.name)

    def _chat_of(self, members: tuple[str, ...], name: str | None) -> int:
        known = None if name is not None else self._known(members)
        return self._begun(members, name) if known is None else known

    def _known(self, members: tuple[str, ...]) -> int | None:
        """Return the newest conversation of these people that has no name: Messages begins no other beside it."""
        for chat in self._db.rows("SELECT ROWID FROM chat WHERE style = 43 ORDER BY ROWID DESC"):
            conversation = self._db.conversation(chat["ROWID"])
            group = self._phones.group(conversation.identifier)
            if set(conversation.members) == set(members) and group is not None and group.name is None:
                return int(chat["ROWID"])
        return None

    def _begun(self, members: tuple[str, ...], name: str | None) -> int:
        line = self._carrier.settings.lines[0]
        group_id = f"chat{secrets.randbelow(9 * 10**17) + 10**17}"
        for member in members:
            self._phones.add_person(member)
        self._phones.add_group(Group(id=group_id, name=name, members=members, line=line))
        service = self._phones.service_among(members)
        named = {"display_name": name, "last_addressed_handle": line}
        chat = self._db.group_chat(group_id, members, service=service, **named)
        if name is not None:
            self._add_event(chat, group_id, GroupNote("named", name), item_type=_RENAMED, group_title=name)
        return chat

    async def change(self, asked: GroupChange) -> None:
        """Change a group as is asked, or as a fault has it.

        Raises:
            AppleEventError: Messages refuses.
        """
        match self._faults.take():
            case Fault(next="hang"):
                await for_ever()
            case Fault(next="silent" | "ghost"):
                return
            case Fault(next="error", number=number):
                raise AppleEventError(number or NO_SUCH_OBJECT, "Messages got an error: Something went wrong.")
            case Fault(next="late", after_ms=after_ms):
                self._carrier.in_background(self._change_late(asked, after_ms))
            case Fault(next="hang_after"):
                self._change(asked)
                await for_ever()
            case _:
                self._change(asked)

    async def _change_late(self, asked: GroupChange, after_ms: int) -> None:
        await asyncio.sleep(after_ms / 1000)
        self._change(asked)

    def _change(self, asked: GroupChange) -> None:
        chat = self._carrier.chat_by_guid(asked.chat_guid)
        self._carry_out(chat, self._db.conversation(chat), _note_of(asked), by=None)

    def change_by(self, person: str, group_id: str, note: GroupNote) -> None:
        """Let a member change their group; `left` is about themselves.

        Raises:
            AppleEventError: They cannot.
        """
        [found] = self._db.rows("SELECT ROWID FROM chat WHERE chat_identifier = ?", group_id)
        chat = int(found["ROWID"])
        self._carry_out(chat, self._db.conversation(chat), note, by=person)

    def _carry_out(self, chat: int, conversation: Conversation, note: GroupNote, *, by: str | None) -> None:
        """Change a group, as the member *by* or, if that is None, as the line."""
        group = self._phones.group(conversation.identifier)
        if group is None or not group.line:
            raise _impossible("That is no group that we are in.")
        match note.what:
            case "named":
                self._phones.rename_group(group.id, note.subject)
                self._db.update("chat", chat, display_name=note.subject or "")
                self._add_event(chat, group.id, note, by, item_type=_RENAMED, group_title=note.subject)
            case "left":
                if by is None:
                    self._phones.leave_group(group.id)
                else:
                    self._take_out(chat, conversation, by)
                self._add_event(chat, group.id, GroupNote("left", by or group.line), by, item_type=_LEFT)
            case "added":
                self._add_member(chat, conversation, note.subject or "", by)
            case "removed":
                self._remove_member(chat, conversation, note.subject or "", by)
            case _ as never:
                assert_never(never)

    def _add_member(self, chat: int, conversation: Conversation, address: str, by: str | None) -> None:
        member = sendable_handle(address, region=self._carrier.settings.region)
        if member is None or member in conversation.members:
            raise _impossible("They cannot be reached, or are there.")
        self._phones.add_person(member)
        self._phones.add_member(conversation.identifier, member)
        handle_id = self._db.handle_id(member)
        self._db.insert("chat_handle_join", chat_id=chat, handle_id=handle_id)
        note = GroupNote("added", member)
        self._add_event(chat, conversation.identifier, note, by, item_type=_MEMBERS, other_handle=handle_id)

    def _remove_member(self, chat: int, conversation: Conversation, address: str, by: str | None) -> None:
        member = sendable_handle(address, region=self._carrier.settings.region)
        if member is None or member not in conversation.members:
            raise _impossible("They are not there.")
        columns = {"group_action_type": 1, "other_handle": self._take_out(chat, conversation, member)}
        note = GroupNote("removed", member)
        self._add_event(chat, conversation.identifier, note, by, item_type=_MEMBERS, **columns)

    def _take_out(self, chat: int, conversation: Conversation, member: str) -> int:
        self._phones.remove_member(conversation.identifier, member)
        handle_id = self._db.handle_id(member)
        self._db.execute("DELETE FROM chat_handle_join WHERE chat_id = ? AND handle_id = ?", chat, handle_id)
        return handle_id

    def _add_event(self, chat: int, group_id: str, note: GroupNote, by: str | None = None, **columns: Cell) -> None:
        at = self._carrier.moment()
        sent: dict[str, Cell] = {"is_sent": 1} if by is None else {}
        with self._db.one_commit():
            row = self._db.add_row(sender=by, sent_at=at, cache_roomnames=group_id, **sent, **columns)
            self._db.link(row, chat)
        self._show(self._db.conversation(chat), _noted(row.guid, group_id, at, note), by)

    def _show(self, conversation: Conversation, noted: ShownMessage, by: str | None) -> None:
        for member in conversation.members:
            told = msgspec.structs.replace(noted, sender=by or conversation.line, from_me=member == by)
            self._phones.show(member, told)


def _note_of(asked: GroupChange) -> GroupNote:
    match asked:
        case RenameGroup(name=name):
            return GroupNote("named", name or None)
        case LeaveGroup():
            return GroupNote("left", None)
        case AddParticipant(address=address):
            return GroupNote("added", address)
        case RemoveParticipant(address=address):
            return GroupNote("removed", address)
        case _ as never:
            assert_never(never)


def _noted(guid: str, group_id: str, at: int, note: GroupNote) -> ShownMessage:
    return ShownMessage(
        guid=guid,
        chat=group_id,
        sender="",
        from_me=False,
        text=None,
        attachments=(),
        reply_to_guid=None,
        at=at,
        delivered=True,
        note=note,
    )


def _impossible(why: str) -> AppleEventError:
    return AppleEventError(NO_SUCH_OBJECT, f"Messages got an error: {why}")
