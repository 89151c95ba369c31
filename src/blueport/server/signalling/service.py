"""Accepts signals, hands them to daemons, and takes their word on how they ended."""

from typing import assert_never

import msgspec

from blueport.protocol.commands import MarkRead, SetTyping, Signal
from blueport.protocol.door import ClaimedSignal, ClaimSignals, Failed
from blueport.server.addressing import service as addressing
from blueport.server.ids import DaemonId, OutboxId, mint
from blueport.server.signalling import queries
from blueport.server.signalling.queries import Holder, NewSignal, Offered
from blueport.server.signalling.states import LIFETIME_MS, RETRY_AFTER_MS
from blueport.server.store.tx import Tx

ERROR_LIMIT = 500

end_expired = queries.end_expired


class _Asked(msgspec.Struct, frozen=True):
    """What a signal takes out of what was asked."""

    state: str = "on"


_asked_of = msgspec.json.Decoder(_Asked)


def accept(tx: Tx, signal: NewSignal, *, max_attempts: int) -> OutboxId:
    """Take on a signal, and return its id; of what is shown of the line's typing in a chat the latest wins."""
    if signal.kind == "typing":
        queries.supersede_typing(tx, signal.line_id, signal.chat_id)
    signal_id = OutboxId(mint("obx", tx.now_ms))
    expires_at = tx.now_ms + LIFETIME_MS[signal.kind]
    queries.add(tx, signal_id, signal, max_attempts=max_attempts, expires_at=expires_at)
    tx.wake("signals")
    return signal_id


def claim(tx: Tx, daemon_id: DaemonId, asked: ClaimSignals) -> tuple[ClaimedSignal, ...]:
    """Lease to a daemon what its lines have to do."""
    queries.end_hopeless(tx, daemon_id)
    return tuple(
        ClaimedSignal(offered.id, token, offered.line_handle, _signal(tx, offered))
        for offered in queries.offered(tx, daemon_id, asked.limit)
        if queries.claim(tx, offered.id, token := mint("tok", tx.now_ms))
    )


def done(tx: Tx, daemon_id: DaemonId, signal_id: str, token: str) -> bool:
    """End a signal as done; False if it is no longer the caller's."""
    return queries.mark_sent(tx, Holder(daemon_id, signal_id, token))


def fail(tx: Tx, daemon_id: DaemonId, signal_id: str, failed: Failed) -> bool:
    """End a signal as failed, or put it back while it is worth trying; False if it is no longer the caller's."""
    holder = Holder(daemon_id, signal_id, failed.token)
    held = queries.held(tx, holder)
    if held is None:
        return False
    word = failed.error[:ERROR_LIMIT]
    available_at = tx.now_ms + RETRY_AFTER_MS
    if failed.permanent or held.attempts >= held.max_attempts or available_at >= held.expires_at:
        return queries.mark_failed(tx, holder, word)
    return queries.put_back(tx, holder, word, available_at)


def _signal(tx: Tx, offered: Offered) -> Signal:
    recipient = None if offered.is_group else offered.chat_key
    guids = tuple(addressing.known_guids(tx, offered.chat_id))
    match offered.kind:
        case "typing":
            return SetTyping(recipient, guids, is_typing=_asked_of.decode(offered.payload).state == "on")
        case "read":
            return MarkRead(recipient, guids)
        case _:
            assert_never(offered.kind)
