"""Tells how an account stands on the shared line, and gives it a code to text there."""

from blueport.server.http.endpoint import Call
from blueport.server.resources.sandbox.schema import NothingAsked, Sandbox, Usage
from blueport.server.sandboxing import service as sandboxing
from blueport.server.store.tx import Tx


def get(tx: Tx, call: Call[NothingAsked]) -> Sandbox:
    """Tell how you stand on the sandbox line."""
    line = sandboxing.require_line(tx, call.key.account_id)
    pairing = sandboxing.pairing_of(tx, call.key.account_id)
    code, contact, activated_at = (None, None, None) if pairing is None else pairing[1:]
    return Sandbox(
        status="missing" if pairing is None else "pending" if contact is None else "active",
        activation_code=code,
        sandbox_line_handle=line.handle,
        contact_identifier=contact,
        activated_at=activated_at,
        usage=_usage(tx, call),
    )


def begin(tx: Tx, call: Call[NothingAsked]) -> Sandbox:
    """Get a code that pairs the phone from which it is texted to the sandbox line."""
    sandboxing.require_line(tx, call.key.account_id)
    sandboxing.begin(tx, call.key.account_id)
    return get(tx, call)


def _usage(tx: Tx, call: Call[NothingAsked]) -> Usage:
    used, limit, resets_at = sandboxing.usage(tx, call.key.account_id)
    return Usage(used, limit, max(limit - used, 0), resets_at)
