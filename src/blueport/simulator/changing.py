"""Changes messages of ours, as scripts ask for it: in chat.db, then on the phones.

From the moment at which it is put down a change is on its way; any of it may be begun anew after a death.
"""

import asyncio

import msgspec

from blueport.failpoints import reached
from blueport.simulator import edits
from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.bridge import EditMessage, UnsendMessage
from blueport.simulator.carrying import Carrier
from blueport.simulator.chatdb import Row, apple_ns, new_guid
from blueport.simulator.faults import Fault, Faults
from blueport.simulator.phones import OwnChange
from blueport.simulator.sending import for_ever
from blueport.simulator.stand_in import NO_SUCH_OBJECT

_NOT_ALLOWED = -10_000


class Changing:
    """The edits and unsends of scripts that are on their way."""

    def __init__(self, carrier: Carrier, faults: Faults) -> None:
        self._carrier = carrier
        self._db = carrier.db
        self._phones = carrier.phones
        self._faults = faults

    def resume(self, mail: OwnChange) -> None:
        """Carry on after a death."""
        self._carrier.in_background(self._carry_out(mail))

    async def change(self, asked: EditMessage | UnsendMessage) -> None:
        """Change a message as is asked, or as a fault has it.

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
            case fault:
                await self._change_really(asked, fault)

    async def _change_really(self, asked: EditMessage | UnsendMessage, fault: Fault | None) -> None:
        self._require(asked)
        text = asked.text if isinstance(asked, EditMessage) else None
        mail = OwnChange(new_guid(), self._carrier.moment(), asked.message_guid, text)
        match fault:
            case Fault(next="late", after_ms=after_ms):
                self._carrier.in_background(self._carry_out_late(mail, after_ms))
            case Fault(next="hang_after"):
                self._begin(mail)
                await for_ever()
            case _:
                self._begin(mail)

    def _require(self, asked: EditMessage | UnsendMessage) -> None:
        """Refuse what Messages lets nobody change."""
        row = self._own(asked.message_guid, self._carrier.chat_by_guid(asked.chat_guid))
        if row is None or asked.part_index > 0:
            raise AppleEventError(NO_SUCH_OBJECT, "Messages got an error: There is no such message.")
        is_edit = isinstance(asked, EditMessage)
        within_ms = edits.EDIT_WITHIN_MS if is_edit else edits.UNSEND_WITHIN_MS
        is_late = self._sent_ns(row) < apple_ns(self._carrier.moment() - within_ms)
        is_too_often = is_edit and edits.edit_count(self._db, row) >= edits.MOST_EDITS
        if is_late or is_too_often or edits.is_unsent(self._db, row):
            raise AppleEventError(_NOT_ALLOWED, "Messages got an error: That message cannot be changed any more.")

    def _own(self, guid: str, chat: int) -> Row | None:
        """Return the row of a message of ours in a conversation that has gone out by iMessage, None if it is none."""
        found = self._db.rows(
            "SELECT ROWID FROM message JOIN chat_message_join ON message_id = message.ROWID WHERE guid = ?"
            " AND chat_id = ? AND is_from_me = 1 AND is_sent = 1 AND service = 'iMessage'"
            " AND item_type = 0 AND associated_message_type = 0",
            guid,
            chat,
        )
        return Row(found[0]["ROWID"], guid) if found else None

    def _sent_ns(self, row: Row) -> int:
        [sent] = self._db.rows("SELECT date FROM message WHERE ROWID = ?", row.rowid)
        return int(sent["date"])

    def _begin(self, mail: OwnChange) -> None:
        self._phones.put_down(mail)
        reached("simulator.put_down")
        self._carrier.in_background(self._carry_out(mail))

    async def _carry_out_late(self, mail: OwnChange, after_ms: int) -> None:
        await asyncio.sleep(after_ms / 1000)
        self._begin(msgspec.structs.replace(mail, at=self._carrier.moment()))

    async def _carry_out(self, mail: OwnChange) -> None:
        await self._carrier.network.until_online()
        await self._carrier.step()
        row = self._db.message(mail.target_guid)
        if row is not None and not edits.is_unsent(self._db, row):
            self._write(mail, row)
        reached("simulator.changed")
        await self._carrier.step()
        self._show(mail)
        self._phones.strike_off(mail.guid)

    def _write(self, mail: OwnChange, row: Row) -> None:
        if mail.text is None:
            edits.unsend(self._db, row, at=mail.at)
        else:
            edits.edit(self._db, row, mail.text, at=mail.at)

    def _show(self, mail: OwnChange) -> None:
        if mail.text is None:
            self._phones.unsend(mail.target_guid, mail.at)
        else:
            self._phones.edit(mail.target_guid, mail.text, mail.at)
