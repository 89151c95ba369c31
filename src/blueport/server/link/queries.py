"""What is kept of daemons, of their pairing, and of their lines' health."""

from typing import NamedTuple

from sqlalchemy import bindparam, literal, select, update

from blueport.server.ids import AccountId, DaemonId
from blueport.server.store.tables import daemons, lines, pairings
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


class Pairing(NamedTuple):
    """A code as it is kept, and whose Mac it pairs.

    `expires_at` is Unix milliseconds, `used_by` the hash of the token of the Mac that used it; `name` is the daemon's,
    which is let in under the token of `token_hash`, if it is let in.
    """

    account_id: AccountId
    daemon_id: DaemonId
    code_hash: str
    expires_at: int
    wrong_tries: int
    used_by: str | None
    name: str
    token_hash: str | None


_PAIRING = Statement(
    select(
        pairings.c.account_id,
        pairings.c.daemon_id,
        pairings.c.code_hash,
        pairings.c.expires_at,
        pairings.c.wrong_tries,
        pairings.c.token_hash,
        daemons.c.name,
        daemons.c.token_hash,
    )
    .join(daemons, daemons.c.id == pairings.c.daemon_id)
    .where(pairings.c.selector == bindparam("selector"), daemons.c.revoked_at.is_(None))
)
_OF_DAEMON = pairings.c.daemon_id == bindparam("daemon")
_COUNT_WRONG_TRY = Statement(update(pairings).where(_OF_DAEMON).values(wrong_tries=pairings.c.wrong_tries + 1))
_USE = Statement(update(pairings).where(_OF_DAEMON).values(token_hash=bindparam("used_by")))
_LET_IN = Statement(update(daemons).where(daemons.c.id == bindparam("daemon")).values(token_hash=bindparam("hashed")))
_OF_TOKEN = Statement(select(daemons.c.id).where(daemons.c.token_hash == bindparam("hashed")))
_HANDLES = Statement(select(lines.c.handle).where(lines.c.daemon_id == bindparam("daemon")).order_by(lines.c.id))


def pairing(tx: Tx, selector: str) -> Pairing | None:
    """Find the code of that first group, unless its daemon is revoked."""
    return tx.one(Pairing, _PAIRING, selector=selector)


def count_wrong_try(tx: Tx, daemon_id: DaemonId) -> None:
    """Count a try that knew no more of the daemon's code than its first group."""
    tx.change(_COUNT_WRONG_TRY, daemon=daemon_id)


def let_in(tx: Tx, daemon_id: DaemonId, hashed: str) -> None:
    """Use up the daemon's code, and let it in under the token of that hash, and under no earlier one."""
    tx.change(_USE, daemon=daemon_id, used_by=hashed)
    tx.change(_LET_IN, daemon=daemon_id, hashed=hashed)


def is_anybodys(tx: Tx, hashed: str) -> bool:
    """Say whether a daemon, revoked ones too, has the token of that hash."""
    return bool(tx.all(str, _OF_TOKEN, hashed=hashed))


def handles_of(tx: Tx, daemon_id: DaemonId) -> list[str]:
    """Return the handles of the lines that a daemon serves."""
    return tx.all(str, _HANDLES, daemon=daemon_id)


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
