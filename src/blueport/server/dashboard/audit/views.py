"""What the page of the audit log shows."""

from collections.abc import Iterator

from blueport.server.dashboard.audit import queries, words
from blueport.server.dashboard.audit.queries import Entry, Wanted
from blueport.server.dashboard.naming.names import Names, names_of
from blueport.server.dashboard.pages import LATEST, Asked, Found, Page
from blueport.server.dashboard.rendering import link
from blueport.server.operating import service as operating
from blueport.server.store.tx import Tx

AT_ONCE = 50
ROOM = "/dashboard/audit"


def view(tx: Tx, asked: Asked) -> Found:
    """Find the entries that are asked for, the newest first."""
    wanted = _wanted(asked)
    found = queries.entries(tx, wanted, AT_ONCE + 1)
    shown = found[:AT_ONCE]
    actors = set(queries.actors(tx, wanted.account_id)) | ({wanted.actor} if wanted.actor else set())
    names = names_of(tx, {*actors, *(each for entry in shown for each in _ids(entry))})
    return {
        "accounts": operating.account_names(tx),
        "account": wanted.account_id,
        "entries": shown,
        "wanted": wanted,
        "names": names,
        "actions": sorted(words.ACTIONS.items(), key=lambda each: each[1]),
        "actors": sorted(((actor, _called(actor, names)) for actor in actors), key=lambda each: each[1].lower()),
        "words": words,
        "older": _older(tx, wanted, found),
    }


def _wanted(asked: Asked) -> Wanted:
    named = {name: asked.query.get(name) or None for name in ("action", "actor")}
    return Wanted(asked.account, **named, before=None if asked.before == LATEST else asked.before)


def _older(tx: Tx, wanted: Wanted, found: list[Entry]) -> str | None:
    """Return where one reads on: behind what is shown, or, if little was found, behind all that was looked through."""
    at = found[AT_ONCE - 1].seq if len(found) > AT_ONCE else None
    if at is None and wanted.is_rare:
        at = queries.last_looked_at(tx, wanted)
    if at is None:
        return None
    return link(ROOM, account=wanted.account_id, action=wanted.action, actor=wanted.actor, before=at)


def _ids(entry: Entry) -> Iterator[str]:
    """Tell what may be the id of something in an entry."""
    yield from filter(None, (entry.account_id, entry.actor, entry.target))
    yield from (entry.detail or "").split()


def _called(actor: str, names: Names) -> str:
    return names[actor].words if actor in names else words.ACTORS.get(actor, actor)


PAGE = Page(ROOM, "Audit log", "audit", "audit/page.html", view)
