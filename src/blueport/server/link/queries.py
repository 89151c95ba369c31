"""What is kept of daemons and of their lines' health."""

from sqlalchemy import bindparam, literal, select, update

from blueport.server.ids import DaemonId
from blueport.server.store.tables import daemons, lines
from blueport.server.store.tx import Statement, Tx

# "seen" is written at most this often: a claim that finds no work should cost no flush.
SEEN_EVERY_MS = 15_000
SILENT_MS = 5 * 60 * 1000

_NOTE_DAEMON = Statement(
    update(daemons)
    .where(daemons.c.id == bindparam("daemon_id"))
    .values(
        journal=bindparam("new_journal"),
        process=bindparam("new_process"),
        version=bindparam("new_version"),
        seen_at=bindparam("now"),
    )
)
_SAID_HELLO_LAST = Statement(
    select(daemons.c.id).where(daemons.c.id == bindparam("daemon_id"), daemons.c.process == bindparam("process"))
)
_NOTE_SEEN = Statement(
    update(daemons)
    .where(daemons.c.id == bindparam("daemon_id"), daemons.c.seen_at < bindparam("before"))
    .values(seen_at=bindparam("now"))
)
_NOTE_LINE = Statement(
    update(lines)
    .where(lines.c.daemon_id == bindparam("daemon"), lines.c.handle == bindparam("line_handle"))
    .values(
        health=bindparam("new_health"),
        hint=bindparam("new_hint"),
        capabilities=bindparam("new_capabilities"),
        is_active=bindparam("active"),
    )
)

_NOTE_SILENT = Statement(
    update(lines)
    .where(
        lines.c.is_active == 1,
        lines.c.daemon_id.in_(select(daemons.c.id).where(daemons.c.seen_at < bindparam("before"))),
    )
    .values(is_active=0)
)
_NOTE_ALL_SILENT = Statement(update(lines).values(is_active=0))
_WORKING = ("ok", "degraded")
_REVIVE = Statement(
    update(lines)
    .where(lines.c.daemon_id == bindparam("daemon"), lines.c.is_active == 0, lines.c.health.in_(map(literal, _WORKING)))
    .values(is_active=1)
)


def note_daemon(tx: Tx, daemon_id: DaemonId, *, journal: str, process: str, version: str) -> None:
    """Keep which journal and version a daemon runs with, and in which process."""
    values = {"new_journal": journal, "new_process": process, "new_version": version}
    tx.change(_NOTE_DAEMON, daemon_id=daemon_id, now=tx.now_ms, **values)


def said_hello_last(tx: Tx, daemon_id: DaemonId, process: str) -> bool:
    """Say whether no other process of a daemon has said hello since this one did."""
    return tx.one(DaemonId, _SAID_HELLO_LAST, daemon_id=daemon_id, process=process) is not None


def note_seen(tx: Tx, daemon_id: DaemonId) -> None:
    """Keep that a daemon is there, and with it its lines."""
    tx.change(_REVIVE, daemon=daemon_id)
    tx.change(_NOTE_SEEN, daemon_id=daemon_id, now=tx.now_ms, before=tx.now_ms - SEEN_EVERY_MS)


def note_line(tx: Tx, daemon_id: DaemonId, handle: str, *, health: str, hint: str | None, capabilities: str) -> bool:
    """Keep how a line is; False if the daemon does not serve it."""
    touched = tx.change(
        _NOTE_LINE,
        daemon=daemon_id,
        line_handle=handle,
        new_health=health,
        new_hint=hint,
        new_capabilities=capabilities,
        active=int(health in _WORKING),
    )
    return touched == 1


def note_silent_lines(tx: Tx) -> None:
    """Show lines as inactive whose daemon was silent for SILENT_MS; its next word corrects that."""
    tx.change(_NOTE_SILENT, before=tx.now_ms - SILENT_MS)


def note_all_silent(tx: Tx) -> None:
    """Show every line as inactive, until its daemon is heard of."""
    tx.change(_NOTE_ALL_SILENT)
