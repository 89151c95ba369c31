"""What the pages of daemons show, and how a Mac is let in, replaced, and let in no more."""

import ipaddress
import shlex
from typing import Literal
from urllib.parse import urlsplit

from blueport.server.authorizing.codes import MOST_WRONG_TRIES
from blueport.server.dashboard import live
from blueport.server.dashboard.lines import queries
from blueport.server.dashboard.lines.queries import Pairing
from blueport.server.dashboard.narrowing import accounts_for
from blueport.server.dashboard.pages import Action, Asked, Done, Found, NothingHereError, Page, Told
from blueport.server.dashboard.rendering import link
from blueport.server.observing.queries import SEEN_WITHIN_MS
from blueport.server.operating import service as operating
from blueport.server.operating.service import Daemon, HasMacError, MadeCode, OperatorError
from blueport.server.store.tx import Tx

Step = Literal["none", "waiting", "expired", "spent", "paired", "working"]


def view(tx: Tx, asked: Asked) -> Found:
    """Find one daemon, and what it serves."""
    daemon = _daemon(tx, asked)
    return {
        "title": daemon.name,
        "daemon": daemon,
        "serves": [line for line in queries.lines_there_are(tx) if line.daemon_id == daemon.id],
        "seen_since": tx.now_ms - SEEN_WITHIN_MS,
        "step": _step(queries.pairing(tx, daemon.id), None, tx.now_ms),
    }


def view_pair(tx: Tx, asked: Asked) -> Found:
    """Find for whom a Mac may be let in."""
    account, name = asked.form.text("account"), asked.form.text("name")
    daemons = operating.list_daemons(tx, None)
    theirs = [daemon for daemon in daemons if (daemon.account_id, daemon.name) == (account, name)]
    has_mac = any(daemon.is_paired and daemon.revoked_at is None for daemon in theirs)
    return {"accounts": accounts_for(tx, asked), "form": asked.form, "has_mac": has_mac}


def view_token(tx: Tx, asked: Asked) -> Found:
    """Find for whom a token may be made."""
    return {"accounts": accounts_for(tx, asked), "form": asked.form}


def view_pairing(tx: Tx, asked: Asked) -> Found:
    """Find how far a Mac is that was given a code; `before` in the query is which process was at work until then."""
    daemon = _daemon(tx, asked)
    standing = queries.pairing(tx, daemon.id)
    return {
        "daemon": daemon,
        "standing": standing,
        "step": _step(standing, asked.query.get("before", ""), tx.now_ms),
    }


def pair(tx: Tx, asked: Asked) -> Told:
    """Make a code for the Mac of the form."""
    name = _name(asked)
    try:
        made = operating.pair_daemon(
            tx, asked.form.text("account"), name, replaces=asked.form.is_set("replaces"), by=asked.actor
        )
    except HasMacError as error:
        raise OperatorError(
            f"“{name}” has a Mac already: give the new one another name, or say that it takes its place"
        ) from error
    return _told(tx, asked, made)


def pair_again(tx: Tx, asked: Asked) -> Told:
    """Make a code for a Mac that is to be this daemon from now on."""
    daemon = _daemon(tx, asked)
    if daemon.revoked_at is not None:
        raise OperatorError("it was revoked, and is let in no more: pair the Mac anew")
    made = operating.pair_daemon(tx, daemon.account_id, daemon.name, replaces=True, by=asked.actor)
    return _told(tx, asked, made)


def make_token(tx: Tx, asked: Asked) -> Told:
    """Make a daemon, and tell its token."""
    made = operating.create_daemon(tx, asked.form.text("account"), _name(asked), by=asked.actor)
    serves = [line.handle for line in queries.lines_there_are(tx) if line.daemon_id == made.id]
    found = {"daemon_id": made.id, "token": made.token, "url": _url(asked), "serves": serves}
    return Told(f"The token of {_name(asked)}", "lines/token-told.html", {**found, "name": _name(asked)})


def revoke(tx: Tx, asked: Asked) -> Done:
    """Let a daemon in no more."""
    operating.revoke_daemon(tx, _daemon(tx, asked).id, by=asked.actor)
    return Done("/dashboard/lines", "daemon_revoked")


def _told(tx: Tx, asked: Asked, made: MadeCode) -> Told:
    standing = queries.pairing(tx, made.id)
    url = _url(asked)
    at = link(PAIRING.path.format(id=made.id), before=standing.process)
    found = {
        "daemon": next(daemon for daemon in operating.list_daemons(tx, None) if daemon.id == made.id),
        "standing": standing,
        "step": "waiting",
        "code": made.code,
        "expires_at": made.expires_at,
        "command": f"blueport daemon pair {shlex.quote(url)} {made.code}" + (" --insecure" * _is_open(url)),
        "is_open": _is_open(url),
        "is_here": _is_this_machine(url),
        "serves": [line.handle for line in queries.lines_there_are(tx) if line.daemon_id == made.id],
        "at": at,
        "live_at": link(live.PATH, of=at),
    }
    return Told("Pair a Mac", "lines/code.html", found)


def _step(standing: Pairing, before: str | None, now_ms: int) -> Step:
    """Return how far a Mac is; it works once another process than *before* says hello."""
    if standing.is_used:
        is_heard = standing.process != before and (standing.seen_at or 0) > now_ms - SEEN_WITHIN_MS
        return "working" if is_heard and before is not None else "paired"
    if standing.expires_at is None:
        return "none"
    if (standing.wrong_tries or 0) >= MOST_WRONG_TRIES:
        return "spent"
    return "waiting" if standing.expires_at > now_ms else "expired"


def _url(asked: Asked) -> str:
    return asked.terms.links.seen_from(asked.origin).base


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_open(url: str) -> bool:
    """Tell whether what is said to *url* can be read on the way."""
    return url.startswith("http:") and not _is_this_machine(url)


def _name(asked: Asked) -> str:
    name = asked.form.text("name")
    if not name or not name.isprintable():
        raise OperatorError("a name has at least one letter, and no line breaks")
    return name


def _daemon(tx: Tx, asked: Asked) -> Daemon:
    daemons = operating.list_daemons(tx, None)
    found = next((daemon for daemon in daemons if daemon.id == asked.path["id"]), None)
    if found is None:
        raise NothingHereError
    return found


MAC = Page("/dashboard/daemons/{id}", "Mac", "lines", "lines/mac.html", view)
PAIRING = Page("/dashboard/daemons/{id}/pairing", "Pairing", "lines", "lines/pairing.html", view_pairing)
PAIR = Page("/dashboard/lines/pair", "Pair a Mac", "lines", "lines/pair.html", view_pair, is_live=False)
TOKEN = Page("/dashboard/lines/token", "Create a token", "lines", "lines/token.html", view_token, is_live=False)
PAGES = (MAC, PAIRING, PAIR, TOKEN)
ACTIONS = (
    Action(PAIR.path, PAIR, pair),
    Action("/dashboard/daemons/{id}/code", MAC, pair_again),
    Action(TOKEN.path, TOKEN, make_token),
    Action("/dashboard/daemons/{id}/revoke", MAC, revoke),
)
