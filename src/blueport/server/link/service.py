"""What a daemon may do once its token has let it in. Each function is one unit of work."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from blueport.protocol.door import (
    Begin,
    Claim,
    Claimed,
    ClaimedSignals,
    ClaimSignals,
    Failed,
    Held,
    Hello,
    Hold,
    LineReport,
    Noted,
    Pair,
    Paired,
    Sightings,
    Welcome,
)
from blueport.server.auditing import service as auditing
from blueport.server.auditing.service import Actor
from blueport.server.authorizing import codes, keys
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.codes import Code
from blueport.server.authorizing.limits import Limits
from blueport.server.authorizing.queries import DaemonRow
from blueport.server.authorizing.service import Visit
from blueport.server.blobs.storage import Kept
from blueport.server.errors import ApiError
from blueport.server.ids import DaemonId, LineId
from blueport.server.link import queries
from blueport.server.link.queries import Pairing
from blueport.server.receiving import attachments
from blueport.server.receiving import service as receiving
from blueport.server.receiving.attachments import Brought, Filed, Place
from blueport.server.sending import service as sending
from blueport.server.sending.queries import HeldFile
from blueport.server.signalling import service as signalling
from blueport.server.store.tx import Tx

Said = TypeVar("Said")
Done = TypeVar("Done")
Work = TypeVar("Work", Claimed, ClaimedSignals)

admit = authorizing.admit_daemon
note_all_silent = queries.note_all_silent
note_silent_lines = queries.note_silent_lines


def admitted(
    tx: Tx, limits: Limits, visit: Visit, unit: Callable[[Tx, DaemonRow, Said], Done], said: Said | ApiError
) -> Done:
    """Do *unit* for the daemon that visits.

    Raises:
        ApiError: `invalid_api_key` or `rate_limit_exceeded`; what is said, if that is a refusal; or as *unit*.
    """
    daemon = admit(tx, limits, visit)
    if isinstance(said, ApiError):
        raise said
    return unit(tx, daemon, said)


def may_be_paired(tx: Tx, said: Pair) -> bool:
    """Say whether there is a code that begins like the one that is named: what is guessed need not be written down.

    That there is shows in the time that the answer takes; but whoever finds that has used up one of the code's tries.
    """
    code = codes.code_in(said.code)
    return code is not None and keys.is_token(said.token) and queries.pairing(tx, code.selector) is not None


def pair(tx: Tx, said: Pair, by: Actor) -> Paired | None:
    """Let a Mac in under the token that it made; None if its code is wrong, was used by another, or is too old.

    No error: a wrong try has to be counted.
    """
    code = codes.code_in(said.code)
    found = None if code is None else queries.pairing(tx, code.selector)
    if code is None or found is None or not _is_right(tx, code, found):
        return None
    hashed = keys.digest(said.token)
    if found.used_by is None and _is_fresh(found, tx.now_ms) and not queries.is_anybodys(tx, hashed):
        queries.let_in(tx, found.daemon_id, hashed)
        detail = None if found.token_hash is None else "replaced"
        auditing.note(tx, by, "daemon.paired", account_id=found.account_id, target=found.daemon_id, detail=detail)
    elif hashed != found.used_by or hashed != found.token_hash:
        return None
    return Paired(found.name, tuple(queries.handles_of(tx, found.daemon_id)))


def _is_right(tx: Tx, code: Code, found: Pairing) -> bool:
    if found.wrong_tries >= codes.MOST_WRONG_TRIES:
        return False
    is_right = codes.is_of(code, found.code_hash)
    if not is_right:
        queries.count_wrong_try(tx, found.daemon_id)
    return is_right


def _is_fresh(found: Pairing, now_ms: int) -> bool:
    """Say whether a code is in its time; a clock that is set back makes it no longer."""
    return 0 < found.expires_at - now_ms <= codes.CODE_MS


class Found(NamedTuple, Generic[Work]):
    """What there is to do for a daemon, if anything; after `wait_ms` more falls due by itself, if that is known.

    `fused` are the lines that begin to be held back since they have sent too much within an hour.
    """

    work: Work
    is_any: bool
    wait_ms: int | None = None
    fused: tuple[LineId, ...] = ()


class Greeted(NamedTuple):
    """Who said hello, and what it is answered."""

    daemon_id: DaemonId
    welcome: Welcome


def greet(tx: Tx, daemon: DaemonRow, hello: Hello, *, lease_s: int) -> Greeted:
    """Take note of a daemon and of its lines' health.

    Raises:
        ApiError: `line_not_accessible`: it names a line that is not its own.
    """
    queries.note_daemon(tx, daemon.id, journal=hello.journal, process=hello.process, version=hello.version)
    for report in hello.lines:
        _note_line(tx, daemon, report)
    tx.wake("outbox")
    return Greeted(daemon.id, Welcome(lease_s))


def claim(tx: Tx, daemon: DaemonRow, asked: Claim, *, lease_s: int) -> Found[Claimed]:
    """Lease work to a daemon, or to the one of its processes that said hello last.

    Two of them, on a journal and a copy of it, would else take from each other what they are given, for ever.
    """
    if not queries.said_hello_last(tx, daemon.id, asked.process):
        return Found(Claimed((), is_superseded=True), is_any=False)
    queries.note_seen(tx, daemon.id)
    items, more_at, fused = sending.claim(tx, daemon.id, asked, lease_s=lease_s)
    return Found(Claimed(items), bool(items), None if more_at is None else more_at - tx.now_ms, fused)


def renew(tx: Tx, daemon: DaemonRow, hold: Hold, *, outbox_id: str, lease_s: int) -> Held:
    """Keep a daemon's claim on an item."""
    return Held(sending.renew(tx, daemon.id, outbox_id, hold.token, lease_s=lease_s))


def begin(tx: Tx, daemon: DaemonRow, said: Begin, *, outbox_id: str, lease_s: int) -> Held:
    """Grant the hand-over of an item to Messages."""
    return Held(sending.begin(tx, daemon.id, outbox_id, said, lease_s=lease_s))


def fail(tx: Tx, daemon: DaemonRow, failed: Failed, *, outbox_id: str) -> Held:
    """Take a daemon's word that an item was not sent."""
    return Held(sending.fail(tx, daemon.id, outbox_id, failed))


def claim_signals(tx: Tx, daemon: DaemonRow, asked: ClaimSignals) -> Found[ClaimedSignals]:
    """Lease signals to a daemon."""
    queries.note_seen(tx, daemon.id)
    signals = signalling.claim(tx, daemon.id, asked)
    return Found(ClaimedSignals(signals), bool(signals))


def end_signal(tx: Tx, daemon: DaemonRow, hold: Hold, *, signal_id: str) -> Held:
    """Take a daemon's word that a signal was done."""
    return Held(signalling.done(tx, daemon.id, signal_id, hold.token))


def fail_signal(tx: Tx, daemon: DaemonRow, failed: Failed, *, signal_id: str) -> Held:
    """Take a daemon's word that a signal was not done."""
    return Held(signalling.fail(tx, daemon.id, signal_id, failed))


def note(tx: Tx, daemon: DaemonRow, sightings: Sightings, *, region: str) -> Noted:
    """Keep what a daemon saw, all of it or nothing."""
    for sighting in sightings.seen:
        receiving.note(tx, daemon.id, sighting, region=region)
    return Noted(len(sightings.seen))


def held_file(tx: Tx, daemon: DaemonRow, hold: Hold, *, outbox_id: str) -> HeldFile:
    """Return the file of an item that a daemon holds.

    Raises:
        ApiError: `outbox_item_not_found`: it is no longer the daemon's, or has no file.
    """
    held = sending.held_file(tx, daemon.id, outbox_id, hold.token)
    if held is None:
        raise ApiError("outbox_item_not_found", "This item has no file, or is no longer yours.")
    return held


def place_of(tx: Tx, daemon: DaemonRow, brought: Brought) -> Place:
    """Find the attachment whose bytes a daemon brings."""
    return attachments.place_of(tx, daemon.id, brought)


def file(tx: Tx, daemon: DaemonRow, brought: Brought, *, kept: Kept | None) -> Filed:
    """Give an attachment the bytes that a daemon brought."""
    return attachments.file(tx, daemon.id, brought, kept)


def _note_line(tx: Tx, daemon: DaemonRow, report: LineReport) -> None:
    capabilities = " ".join(report.capabilities)
    known = queries.note_line(
        tx, daemon.id, report.handle, health=report.health, hint=report.hint, capabilities=capabilities
    )
    if not known:
        raise ApiError("line_not_accessible", "This daemon does not serve that line.")
