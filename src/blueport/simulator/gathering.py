"""Finds the conversation with several people, or begins it: in chat.db and on their phones."""

import secrets
from collections.abc import Callable

from blueport.handles import sendable_handle
from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.bridge import CreateChat
from blueport.simulator.carrying import Carrier
from blueport.simulator.phones import Group
from blueport.simulator.stand_in import NO_SUCH_OBJECT

_RENAMED = 2  # item_type


class Gathering:
    """The groups of a Mac, as scripts begin them."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
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
        chat = self._db.group_chat(group_id, members, display_name=name, last_addressed_handle=line)
        if name is not None:
            row = self._db.add_row(item_type=_RENAMED, group_title=name, cache_roomnames=group_id, is_sent=1)
            self._db.link(row, chat)
        return chat
