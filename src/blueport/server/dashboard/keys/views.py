"""What the pages of keys show, and what is done there."""

from blueport.server.dashboard.keys import asking, rights
from blueport.server.dashboard.keys.asking import DAY_MS, HOUR_MS
from blueport.server.dashboard.naming.names import names_of
from blueport.server.dashboard.narrowing import owner_for
from blueport.server.dashboard.pages import Action, Asked, Done, Found, NothingHereError, Page, Told
from blueport.server.dashboard.rendering import link
from blueport.server.operating import service as operating
from blueport.server.operating.queries import KeysWanted
from blueport.server.operating.service import Key, MadeKey
from blueport.server.store.tx import Tx

AT_ONCE = 50
ROOM = "/dashboard/keys"
# What can be tried with a key that may do that: nothing has to be known for it.
_TRIES = {
    "lines:read": "/v1/lines",
    "settings:read": "/v1/settings",
    "webhooks:read": "/v1/webhooks",
    "events:read": "/v1/events",
}


def view_all(tx: Tx, asked: Asked) -> Found:
    """Find the keys, the newest first."""
    wanted = KeysWanted(
        AT_ONCE + 1,
        asked.account,
        before=asked.query.get("before") or None,
        is_with_dead=bool(asked.query.get("ended")),
    )
    keys = operating.page_of_keys(tx, wanted)
    shown = keys[:AT_ONCE]
    return {
        "accounts": operating.account_names(tx),
        "account": asked.account,
        "keys": shown,
        "is_first": wanted.before is None,
        "is_with_dead": wanted.is_with_dead,
        "in_words": {key.id: rights.in_words(key.scopes) for key in shown},
        "names": names_of(tx, [line_id for key in shown for line_id in key.line_ids or ()]),
        "usual_limit": asked.terms.limits.hourly_limit,
        "soon": tx.now_ms + 7 * DAY_MS,
        "older": _older(asked, shown) if len(keys) > AT_ONCE else None,
    }


def _older(asked: Asked, shown: list[Key]) -> str:
    return link(ROOM, account=asked.account, ended=asked.query.get("ended"), before=shown[-1].id)


def view_one(tx: Tx, asked: Asked) -> Found:
    """Find a key."""
    key = _key(tx, asked)
    return {
        "title": key.name,
        "account": asked.account,
        "key": key,
        "allowed": rights.allowed(key.scopes),
        "is_everything": rights.in_words(key.scopes) == "everything",
        "names": names_of(tx, key.line_ids or ()),
        "usual_limit": asked.terms.limits.hourly_limit,
        "lasting": None if key.lives_ms is None else lasting(key.lives_ms),
    }


def view_new(tx: Tx, asked: Asked) -> Found:
    """Find what a key can be made for, and what was written already."""
    accounts = operating.account_names(tx)
    owner = owner_for(accounts, asked)
    lines = [] if owner is None else operating.list_lines(tx, owner.id)
    form = asked.form
    return {
        "accounts": accounts,
        "account": asked.account,
        "owner": owner,
        "lines": [line for line in lines if not line.is_sandbox],
        "groups": rights.GROUPS,
        "usual_limit": asked.terms.limits.hourly_limit,
        "typed": {
            "name": form.text("name"),
            "rights": form.text("rights") or "all",
            "scopes": form.all("scope"),
            "reach": form.text("reach") or "all",
            "lines": form.all("line"),
            "expiry": form.text("expiry") or "never",
            "until": form.text("until"),
            "hourly_limit": form.text("hourly_limit"),
        },
    }


def view_roll(tx: Tx, asked: Asked) -> Found:
    """Find the key that another one is to take the place of."""
    form = asked.form
    typed = {"overlap": form.text("overlap") or "24h", "expiry": form.text("expiry") or "same"}
    found = view_one(tx, asked)
    return {**found, "title": f"Roll {found['title']}", "typed": typed}


def create(tx: Tx, asked: Asked) -> Told:
    """Make a key, and tell it just once."""
    owner = owner_for(operating.account_names(tx), asked)
    if owner is None:
        raise NothingHereError
    made = operating.create_key(tx, owner.id, asking.terms_of(asked.form, tx.now_ms), by=asked.actor)
    return _told(tx, asked, made)


def roll(tx: Tx, asked: Asked) -> Told:
    """Make a key in another's place, and tell it just once."""
    overlap_ms, lives_ms = asking.overlap_ms(asked.form), asking.rolled_lives_ms(asked.form)
    old = _key(tx, asked)
    made = operating.roll_key(tx, old.id, None, overlap_ms=overlap_ms, lives_ms=lives_ms, by=asked.actor)
    return _told(tx, asked, made)


def revoke(tx: Tx, asked: Asked) -> Done:
    """End a key now."""
    key_id = operating.revoke_key(tx, _key(tx, asked).id, None, by=asked.actor)
    return Done(f"{ROOM}/{key_id}", "key-revoked")


def lasting(ms: int) -> str:
    """Return a time as people say it."""
    for unit, name in ((DAY_MS, "day"), (HOUR_MS, "hour"), (60_000, "minute")):
        if ms >= unit:
            return f"{ms // unit} {name}{'' if ms // unit == 1 else 's'}"
    return "less than a minute"


def _told(tx: Tx, asked: Asked, made: MadeKey) -> Told:
    key = operating.key_by_id(tx, made.id)
    path = None if key is None else next((_TRIES[scope] for scope in _TRIES if scope in key.scopes), None)
    base = asked.terms.links.seen_from(asked.origin).base
    return Told("Your new key", "keys/made.html", {"account": asked.account, "made": made, "base": base, "path": path})


def _key(tx: Tx, asked: Asked) -> Key:
    key = operating.key_by_id(tx, asked.path["key_id"])
    if key is None:
        raise NothingHereError
    return key


ALL = Page(ROOM, "API keys", "keys", "keys/page.html", view_all)
ONE = Page(f"{ROOM}/{{key_id}}", "API key", "keys", "keys/one.html", view_one)
NEW = Page(f"{ROOM}/new", "Create a key", "keys", "keys/new.html", view_new, is_live=False)
ROLL = Page(f"{ROOM}/{{key_id}}/roll", "Roll a key", "keys", "keys/roll.html", view_roll, is_live=False)
PAGES = (ALL, NEW, ONE, ROLL)
ACTIONS = (
    Action(NEW.path, NEW, create),
    Action(ROLL.path, ROLL, roll),
    Action(f"{ROOM}/{{key_id}}/revoke", ONE, revoke),
)
