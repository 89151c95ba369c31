"""Notes what keeps a chat from being written to, and refuses what is sent there.

Both marks are on the chat's row, which whoever sends reads in any case; what the account has set about them is looked
up only where one stands. Who switches STOP handling or the guard off can write again at once, and the marks stay.
"""

from blueport.server.addressing.queries import Address, Line
from blueport.server.auditing import service as auditing
from blueport.server.auditing.service import SYSTEM
from blueport.server.customizing import service as customizing
from blueport.server.errors import ApiError
from blueport.server.guarding import queries
from blueport.server.guarding.words import wish_in
from blueport.server.ids import AccountId, ChatId
from blueport.server.shapes import Message
from blueport.server.store.tx import Tx

OPTED_OUT = "contact_opted_out"
LOOPING = "loop_detected"
# What a message may be refused with, for whoever describes an endpoint.
REFUSALS = (OPTED_OUT, LOOPING)


def heed(tx: Tx, line: Line, message: Message, *, is_news: bool) -> bool:
    """Heed a text of the one other person in a chat if it is STOP or START; True if nothing may go there from here on.

    The word that was said last counts, in whatever order they are told, and if it is only found in what the line missed
    too. Not so a STOP from before the line was set up: it was said to somebody else. START counts whatever the account
    has set, so that no mark outlives it.
    """
    wish = wish_in(message.text)
    if wish is None or any(map(wish_in, queries.said_later(tx, message.chat_id, message.sent_at))):
        return False
    if wish == "start":
        _note(tx, line, message.chat_id, "chat.opted_in", is_new=queries.opt_in(tx, message.chat_id))
        return False
    if not customizing.in_force(tx, line.account_id).stop_handling:
        return False
    if not is_news and message.sent_at < queries.served_since(tx, line.id):
        return False
    is_new = queries.opt_out(tx, message.chat_id, message.sent_at)
    _note(tx, line, message.chat_id, "chat.opted_out", is_new=is_new)
    return True


def unsay(tx: Tx, line: Line, message: Message) -> None:
    """Take back what a message was taken for that is our own after all."""
    if wish_in(message.text) == "stop":
        is_new = queries.unsay(tx, message.chat_id, message.sent_at)
        _note(tx, line, message.chat_id, "chat.opted_in", is_new=is_new)


def watch(tx: Tx, line: Line, message: Message) -> None:
    """Pause a chat in which a message of theirs shows that two programs talk to each other."""
    terms = customizing.in_force(tx, line.account_id)
    if not terms.loop_limit:
        return
    since = tx.now_ms - terms.loop_window_s * 1000
    said = queries.exchange(tx, message.chat_id, message.sender, since=since, limit=terms.loop_limit)
    if min(said) >= terms.loop_limit:
        is_new = queries.pause(tx, message.chat_id, tx.now_ms + terms.loop_pause_s * 1000)
        _note(tx, line, message.chat_id, "chat.paused", is_new=is_new)


def is_opted_out(tx: Tx, account_id: AccountId, opted_out_at: int | None) -> bool:
    """Tell whether a chat with that mark may not be written to."""
    return opted_out_at is not None and bool(customizing.in_force(tx, account_id).stop_handling)


def require_open(tx: Tx, account_id: AccountId, chat: Address) -> None:
    """Refuse to write to a chat that is to be left alone.

    Raises:
        ApiError: `contact_opted_out` or `loop_detected`.
    """
    if is_opted_out(tx, account_id, chat.opted_out_at):
        message = "They have asked to get no more messages. If they text START, you can write to them again."
        raise ApiError(OPTED_OUT, message, param="to")
    if chat.looping_until is not None and chat.looping_until > tx.now_ms:
        _require_no_loop(tx, account_id, chat.looping_until)


def _require_no_loop(tx: Tx, account_id: AccountId, until: int) -> None:
    terms = customizing.in_force(tx, account_id)
    if not terms.loop_limit:
        return
    wait_s = -(-(until - tx.now_ms) // 1000)
    message = (
        f"This chat looks like two programs that answer each other: {terms.loop_limit} messages each way within"
        f" {terms.loop_window_s} seconds. It can be written to again in {wait_s} seconds."
    )
    raise ApiError(LOOPING, message, param="to", retry_after_s=wait_s)


def _note(tx: Tx, line: Line, chat_id: ChatId, action: auditing.Action, *, is_new: bool) -> None:
    if is_new:
        auditing.note(tx, SYSTEM, action, account_id=line.account_id, target=chat_id)
