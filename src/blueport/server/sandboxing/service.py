"""Says whose the shared line's people are, and what an account may send there.

Each account has one phone on the line, and each phone one account: the one whose code was last texted from it. Until
then an account *waits* for its code; one that loses its phone to another waits for a fresh one.
"""

from typing import NamedTuple

from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.auditing import service as auditing
from blueport.server.auditing.service import Actor
from blueport.server.errors import ApiError
from blueport.server.ids import AccountId
from blueport.server.sandboxing import queries
from blueport.server.sandboxing.codes import codes_in, new_code
from blueport.server.sandboxing.queries import Pairing
from blueport.server.store import installation
from blueport.server.store.tx import Tx

# What somebody may be refused with who has no phone on the shared line, for whoever describes an endpoint.
REFUSALS = ("sandbox_not_activated", "sandbox_requires_owner")

DAY_MS = 24 * 60 * 60 * 1000

pairing_of = queries.pairing_of


class Usage(NamedTuple):
    """How much of a day's messages an account has sent; the day ends at `resets_at` (Unix milliseconds)."""

    used: int
    limit: int
    resets_at: int


def require_line(tx: Tx, account_id: AccountId) -> Line:
    """Return the shared line, for an account that somebody owns.

    Raises:
        ApiError: `line_not_found` or `sandbox_requires_owner`.
    """
    line = addressing.sandbox_line(tx)
    if line is None:
        raise ApiError("line_not_found", "This installation has no sandbox line.")
    _require_owner(tx, account_id)
    return line


def begin(tx: Tx, account_id: AccountId, actor: Actor) -> Pairing:
    """Return the account's place on the shared line; if it had none it waits for a code from now on."""
    known = queries.pairing_of(tx, account_id)
    if known is not None:
        return known
    pairing = Pairing(account_id, new_code(), contact=None, activated_at=None)
    queries.add_pairing(tx, pairing)
    auditing.note(tx, actor, "sandbox.begun", account_id=account_id, target=account_id)
    return pairing


def usage(tx: Tx, account_id: AccountId) -> Usage:
    """Return how much the account has sent today."""
    day = tx.now_ms // DAY_MS
    return Usage(queries.used(tx, account_id, day), installation.sandbox_daily_limit(tx), (day + 1) * DAY_MS)


def paired_phone(tx: Tx, account_id: AccountId) -> str:
    """Return whom the account may write to on the shared line.

    Raises:
        ApiError: `sandbox_requires_owner` or `sandbox_not_activated`.
    """
    _require_owner(tx, account_id)
    pairing = queries.pairing_of(tx, account_id)
    if pairing is None or pairing.contact is None:
        message = "Pair a phone first: text the code of `POST /v1/sandbox` to the sandbox line."
        raise ApiError("sandbox_not_activated", message)
    return pairing.contact


def count_message(tx: Tx, account_id: AccountId) -> None:
    """Count a message of today; with a refusal of the request that is undone.

    Raises:
        ApiError: `sandbox_quota_exceeded`.
    """
    today = usage(tx, account_id)
    if not queries.count_one(tx, account_id, tx.now_ms // DAY_MS, today.limit):
        wait_s = -(-(today.resets_at - tx.now_ms) // 1000)
        message = f"All {today.limit} sandbox messages of this day are used up; they come back at midnight UTC."
        raise ApiError("sandbox_quota_exceeded", message, retry_after_s=wait_s)


def account_of(tx: Tx, line: Line, contact: str) -> AccountId:
    """Return whose phone that is; nobody's is the business of the line's own account."""
    pairing = queries.pairing_with(tx, contact)
    return line.account_id if pairing is None else pairing.account_id


def activate(tx: Tx, contact: str, text: str) -> bool:
    """Pair the phone with the account that waits for the first code in *text*; False if there is none.

    A phone that was another's is that one's no longer.
    """
    codes = codes_in(text)
    pending = queries.first_pending(tx, codes) if codes else None
    if pending is None:
        return False
    earlier = queries.pairing_with(tx, contact)
    if earlier is not None:
        _free(tx, earlier, auditing.SYSTEM, why="moved")
    queries.pair(tx, pending.account_id, contact)
    auditing.note(tx, auditing.SYSTEM, "sandbox.paired", account_id=pending.account_id, target=pending.account_id)
    return True


def renew(tx: Tx, account_id: AccountId, actor: Actor) -> None:
    """Have the account wait for a fresh code, whatever phone it had."""
    known = queries.pairing_of(tx, account_id)
    if known is None:
        begin(tx, account_id, actor)
    else:
        _free(tx, known, actor, why="renewed")


def _free(tx: Tx, pairing: Pairing, actor: Actor, *, why: str) -> None:
    queries.unpair(tx, pairing.account_id, new_code())
    auditing.note(tx, actor, "sandbox.unpaired", account_id=pairing.account_id, target=pairing.account_id, detail=why)


def _require_owner(tx: Tx, account_id: AccountId) -> None:
    if not queries.is_owned(tx, account_id):
        message = "The sandbox is for people: this API key's account has no owner."
        raise ApiError("sandbox_requires_owner", message)
