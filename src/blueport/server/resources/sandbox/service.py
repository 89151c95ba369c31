"""Tells how an account stands on the shared line, and gives it a code to text there."""

from blueport.server.http.endpoint import Call
from blueport.server.resources.sandbox.schema import NothingAsked, Sandbox, Usage
from blueport.server.sandboxing import service as sandboxing
from blueport.server.store.tx import Tx


def get(tx: Tx, call: Call[NothingAsked]) -> Sandbox:
    """Tell how you stand on the sandbox line."""
    line = sandboxing.require_line(tx, call.key.account_id)
    pairing = sandboxing.pairing_of(tx, call.key.account_id)
    usage = _usage(tx, call)
    if pairing is None:
        return Sandbox("missing", None, line.handle, None, None, usage)
    _, code, contact, activated_at = pairing
    return Sandbox("pending" if contact is None else "active", code, line.handle, contact, activated_at, usage)


def begin(tx: Tx, call: Call[NothingAsked]) -> Sandbox:
    """Get a code that pairs the phone from which it is texted to the sandbox line."""
    sandboxing.require_line(tx, call.key.account_id)
    sandboxing.begin(tx, call.key.account_id, call.actor)
    return get(tx, call)


def _usage(tx: Tx, call: Call[NothingAsked]) -> Usage:
    used, limit, resets_at = sandboxing.usage(tx, call.key.account_id)
    return Usage(used, limit, max(limit - used, 0), resets_at)
