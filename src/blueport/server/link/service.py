"""What a daemon may do once its token has let it in. Each function is one unit of work."""

from blueport.protocol.door import Claim, ClaimedItem, Failed, Hello, LineReport, Sightings, Welcome
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.queries import DaemonRow
from blueport.server.errors import ApiError
from blueport.server.link import queries
from blueport.server.receiving import service as receiving
from blueport.server.sending import service as sending
from blueport.server.store.tx import Tx

note_all_silent = queries.note_all_silent
note_silent_lines = queries.note_silent_lines


def greet(tx: Tx, authorization: list[bytes], hello: Hello, *, lease_s: int) -> Welcome:
    """Take note of a daemon and of its lines' health.

    Raises:
        ApiError: `line_not_accessible`: it names a line that is not its own.
    """
    daemon = authorizing.authenticated_daemon(tx, authorization)
    queries.note_daemon(tx, daemon.id, journal=hello.journal, version=hello.version)
    for report in hello.lines:
        _note_line(tx, daemon, report)
    tx.wake("outbox")
    return Welcome(tuple(report.handle for report in hello.lines), lease_s)


def claim(tx: Tx, authorization: list[bytes], asked: Claim, *, lease_s: int) -> tuple[ClaimedItem, ...]:
    """Lease work to a daemon."""
    daemon = authorizing.authenticated_daemon(tx, authorization)
    queries.note_seen(tx, daemon.id)
    return sending.claim(tx, daemon.id, asked, lease_s=lease_s)


def renew(tx: Tx, authorization: list[bytes], outbox_id: str, token: str, *, lease_s: int) -> bool:
    """Keep a daemon's claim on an item."""
    authorizing.authenticated_daemon(tx, authorization)
    return sending.renew(tx, outbox_id, token, lease_s=lease_s)


def begin(tx: Tx, authorization: list[bytes], outbox_id: str, token: str, *, lease_s: int) -> bool:
    """Grant the hand-over of an item to Messages."""
    authorizing.authenticated_daemon(tx, authorization)
    return sending.begin(tx, outbox_id, token, lease_s=lease_s)


def fail(tx: Tx, authorization: list[bytes], outbox_id: str, failed: Failed) -> bool:
    """Take a daemon's word that an item was not sent."""
    daemon = authorizing.authenticated_daemon(tx, authorization)
    return sending.fail(tx, daemon.id, outbox_id, failed)


def note(tx: Tx, authorization: list[bytes], sightings: Sightings, *, region: str) -> int:
    """Keep what a daemon saw, all of it or nothing."""
    daemon = authorizing.authenticated_daemon(tx, authorization)
    for sighting in sightings.seen:
        receiving.note(tx, daemon.id, sighting, region=region)
    return len(sightings.seen)


def _note_line(tx: Tx, daemon: DaemonRow, report: LineReport) -> None:
    capabilities = " ".join(report.capabilities)
    known = queries.note_line(
        tx, daemon.id, report.handle, health=report.health, hint=report.hint, capabilities=capabilities
    )
    if not known:
        raise ApiError("line_not_accessible", "This daemon does not serve that line.")
