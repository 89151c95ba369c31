"""Accepts signals, hands them to daemons, and takes their word on how they ended."""

from typing import assert_never

import msgspec

from blueport.protocol.commands import MarkRead, SetTyping, Signal
from blueport.protocol.door import ClaimedSignal, ClaimSignals, Failed
from blueport.server.addressing import service as addressing
from blueport.server.ids import DaemonId, mint
from blueport.server.signalling import queries
from blueport.server.signalling.queries import Accepted, Offered
from blueport.server.signalling.states import LIFETIME_MS, RETRY_AFTER_MS
from blueport.server.store.tx import Tx

ERROR_LIMIT = 500

end_expired = queries.end_expired


class _Asked(msgspec.Struct, frozen=True):
    """What a signal takes out of what was asked."""

    state: str = "on"


_asked_of = msgspec.json.Decoder(_Asked)


def accept(tx: Tx, accepted: Accepted, *, max_attempts: int) -> None:
    """Take on a signal; of what is shown of the line's typing in a chat the latest wins."""
    if accepted.kind == "typing":
        queries.supersede_typing(tx, accepted.line_id, accepted.chat_id)
    expires_at = tx.now_ms + LIFETIME_MS[accepted.kind]
    queries.add(tx, accepted, max_attempts=max_attempts, expires_at=expires_at)
    tx.wake("signals")


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
    return queries.mark_sent(tx, daemon_id, signal_id, token)


def fail(tx: Tx, daemon_id: DaemonId, signal_id: str, failed: Failed) -> bool:
    """End a signal as failed, or put it back while it is worth trying; False if it is no longer the caller's."""
    held = queries.held(tx, daemon_id, signal_id, failed.token)
    if held is None:
        return False
    word = failed.error[:ERROR_LIMIT]
    available_at = tx.now_ms + RETRY_AFTER_MS
    if failed.permanent or held.attempts >= held.max_attempts or available_at >= held.expires_at:
        return queries.mark_failed(tx, daemon_id, signal_id, failed.token, word)
    return queries.put_back(tx, daemon_id, signal_id, failed.token, word, available_at)


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
