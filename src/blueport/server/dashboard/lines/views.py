"""What the pages of lines show, and how a line is added and changed."""

from blueport.handles import sendable_handle
from blueport.server.dashboard.lines import queries
from blueport.server.dashboard.lines.queries import COUNTED, LOOKED_THROUGH, LineCard
from blueport.server.dashboard.lines.words import CAPABILITIES, CONDITIONS, SERVICES
from blueport.server.dashboard.narrowing import accounts_for
from blueport.server.dashboard.pages import Action, Asked, Done, Found, NothingHereError, Page
from blueport.server.observing.queries import SEEN_WITHIN_MS
from blueport.server.operating import service as operating
from blueport.server.operating.service import Daemon, LineChange, NewLine, OperatorError, Service
from blueport.server.sending import service as sending
from blueport.server.store import installation
from blueport.server.store.tx import Tx

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
# Of those that are let in no more, the latest.
SHOWN = 50

_SERVICES: dict[str, Service] = {"imessage": "imessage", "sms": "sms", "auto": "auto"}


def view(tx: Tx, asked: Asked) -> Found:
    """Find all lines and daemons."""
    accounts = accounts_for(tx, asked)
    every = queries.lines_there_are(tx)
    daemons = operating.list_daemons(tx, asked.account)
    revoked = [daemon for daemon in daemons if daemon.revoked_at is not None]
    return {
        "accounts": accounts,
        "lines": [(line, condition_of(line, tx.now_ms)) for line in every if _is_shown(line, asked)],
        "daemons": [(daemon, _served_by(daemon, every)) for daemon in daemons if daemon.revoked_at is None],
        "revoked": sorted(revoked, key=lambda daemon: daemon.revoked_at or 0, reverse=True)[:SHOWN],
        "seen_since": tx.now_ms - SEEN_WITHIN_MS,
        "conditions": CONDITIONS,
        "services": SERVICES,
    }


def view_line(tx: Tx, asked: Asked) -> Found:
    """Find how one line stands, and what it has sent and still has to."""
    line = _line(tx, asked)
    midnight = tx.now_ms - tx.now_ms % DAY_MS
    sent = queries.sent_lately(tx, line.id, midnight, tx.now_ms - HOUR_MS)
    allowance = sending.allowance_of(tx, line.id).as_of(tx.now_ms)
    free_at = allowance.free_at(tx.now_ms)
    able = line.capabilities.split()
    return {
        "title": line.handle,
        "line": line,
        "condition": condition_of(line, tx.now_ms),
        "conditions": CONDITIONS,
        "services": SERVICES,
        "can": [words for word, words in CAPABILITIES.items() if word in able],
        "cannot": [words for word, words in CAPABILITIES.items() if word not in able],
        "sent": sent,
        "is_more_sent": sent.looked_through == LOOKED_THROUGH,
        "hourly_limit": installation.terms(tx).line_hourly_limit,
        "pace": allowance.pace,
        "fuse": allowance.fuse,
        "held_until": free_at if free_at > tx.now_ms else None,
        "waiting": queries.waiting(tx, line.id),
        "counted": COUNTED,
    }


def view_new(tx: Tx, asked: Asked) -> Found:
    """Find what a new line may be given."""
    return {
        "accounts": accounts_for(tx, asked),
        "daemons": _daemons(tx),
        "services": SERVICES,
        "is_there_a_sandbox": any(line.is_sandbox for line in queries.lines_there_are(tx)),
        "form": asked.form,
        "is_fresh": not asked.form.fields,
    }


def view_change(tx: Tx, asked: Asked) -> Found:
    """Find what may be changed of a line."""
    line = _line(tx, asked)
    said = asked.form if asked.form.fields else None
    return {
        "line": line,
        "daemons": _daemons(tx),
        "services": SERVICES,
        "label": said.text("label") if said else line.label or "",
        "service": said.text("service") if said else line.service,
        "daemon": said.text("daemon") if said else line.daemon_id,
        "is_contact_first": said.is_set("contact_first") if said else bool(line.is_contact_first),
    }


def add(tx: Tx, asked: Asked) -> Done:
    """Add the line of the form."""
    form = asked.form
    handle = sendable_handle(form.text("handle"), region=asked.terms.region)
    if handle is None:
        raise OperatorError(f"“{form.text('handle')}” is no phone number with its country code, and no Apple ID")
    new = NewLine(
        handle=handle,
        daemon=form.text("daemon") or None,
        label=_label(asked) or None,
        service=_service(asked),
        is_sandbox=form.is_set("sandbox"),
        is_contact_first=form.is_set("contact_first"),
    )
    line_id = operating.add_line(tx, form.text("account"), new, by=asked.actor)
    return Done(f"/dashboard/lines/{line_id}", "line_added")


def change(tx: Tx, asked: Asked) -> Done:
    """Change the line to what the form says."""
    line = _line(tx, asked)
    change = LineChange(
        _label(asked), _service(asked), asked.form.text("daemon") or None, asked.form.is_set("contact_first")
    )
    changed = LineChange(
        label=None if change.label == (line.label or "") else change.label,
        service=None if change.service == line.service else change.service,
        daemon=None if change.daemon == line.daemon_id else change.daemon,
        is_contact_first=None if change.is_contact_first == bool(line.is_contact_first) else change.is_contact_first,
    )
    if changed != LineChange():
        operating.change_line(tx, line.id, changed, by=asked.actor)
    return Done(f"/dashboard/lines/{line.id}", "saved")


def condition_of(line: LineCard, now_ms: int) -> str:
    """Return how a line is, a word of CONDITIONS."""
    if line.daemon_id is None:
        return "unserved"
    if line.revoked_at is not None:
        return "revoked"
    if line.health == "never_seen":
        return "never_seen"
    return line.health if (line.seen_at or 0) > now_ms - SEEN_WITHIN_MS else "offline"


def _is_shown(line: LineCard, asked: Asked) -> bool:
    return asked.account in (None, line.account_id) or bool(line.is_sandbox)


def _served_by(daemon: Daemon, lines: list[LineCard]) -> list[LineCard]:
    return [line for line in lines if line.daemon_id == daemon.id]


def _daemons(tx: Tx) -> list[Daemon]:
    return [daemon for daemon in operating.list_daemons(tx, None) if daemon.revoked_at is None]


def _line(tx: Tx, asked: Asked) -> LineCard:
    line = queries.line(tx, asked.path["id"])
    if line is None:
        raise NothingHereError
    return line


def _label(asked: Asked) -> str:
    label = asked.form.text("label")
    if not label.isprintable():
        raise OperatorError("a label has no line breaks")
    return label


def _service(asked: Asked) -> Service:
    service = _SERVICES.get(asked.form.text("service"))
    if service is None:
        raise OperatorError("choose what the line sends by")
    return service


LIST = Page("/dashboard/lines", "Lines and Macs", "lines", "lines/page.html", view)
NEW = Page("/dashboard/lines/new", "Add a line", "lines", "lines/new.html", view_new, is_live=False)
LINE = Page("/dashboard/lines/{id}", "Line", "lines", "lines/line.html", view_line)
CHANGE = Page("/dashboard/lines/{id}/change", "Change a line", "lines", "lines/change.html", view_change, is_live=False)
PAGES = (LIST, NEW, LINE, CHANGE)
ACTIONS = (Action(NEW.path, NEW, add), Action(CHANGE.path, CHANGE, change))
