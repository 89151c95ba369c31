"""What the pages of settings show, and what is changed there."""

from collections.abc import Mapping

from blueport.server.dashboard.forms import NO_FORM, Form
from blueport.server.dashboard.pages import Action, Asked, Done, Found, NothingHereError, Page
from blueport.server.dashboard.rendering import link
from blueport.server.dashboard.settings import fields
from blueport.server.dashboard.settings.fields import LOOP_GUARD, PACING, SWITCHES, WAS
from blueport.server.operating import service as operating
from blueport.server.operating.queries import AccountRow
from blueport.server.operating.service import name_of
from blueport.server.store import installation
from blueport.server.store.tx import Tx

AT_ONCE = 50
ROOM = "/dashboard/settings"


def view_all(tx: Tx, asked: Asked) -> Found:
    """Find the accounts, the oldest first."""
    accounts = operating.page_of_accounts(tx, asked.query.get("after", ""), AT_ONCE + 1)
    more = link(ROOM, after=accounts[AT_ONCE - 1].id) if len(accounts) > AT_ONCE else None
    return {"account": asked.account, "accounts": accounts[:AT_ONCE], "more": more}


def view_new(_tx: Tx, asked: Asked) -> Found:
    """Find what was written already."""
    return {"account": asked.account, "typed": {name: asked.form.text(name) for name in ("name", "owner")}}


def view_one(tx: Tx, asked: Asked) -> Found:
    """Find an account: what it is called and has set, and what was written in the place of that."""
    row = _account(tx, asked)
    stored = _stored(row)
    return {
        "title": row.name,
        "account": asked.account,
        "row": row,
        "switches": SWITCHES,
        "pacing": PACING,
        "loop_guard": LOOP_GUARD,
        "usual": installation.terms(tx)._asdict(),
        "typed": stored if asked.form == NO_FORM else {name: asked.form.text(name) for name in stored},
        "was": stored if asked.form == NO_FORM else {name: asked.form.text(WAS + name) for name in stored},
    }


def create(tx: Tx, asked: Asked) -> Done:
    """Make an account."""
    name, owner = _named(asked.form)
    account_id = operating.create_account(tx, name, owner or None, by=asked.actor)
    return Done(f"{ROOM}/{account_id}", "account-made")


def change(tx: Tx, asked: Asked) -> Done:
    """Change what an account is called and has set, as far as somebody changed it in the form."""
    account_id = _account(tx, asked).id
    name, owner = _named(asked.form)
    changed_name = name if name != asked.form.text(f"{WAS}name") else None
    changed_owner = owner if owner != asked.form.text(f"{WAS}owner") else None
    changes = fields.changes_of(asked.form)
    if changed_name is not None or changed_owner is not None:
        operating.change_account(tx, account_id, name=changed_name, owner=changed_owner, by=asked.actor)
    if changes:
        operating.set_preferences(tx, account_id, changes, by=asked.actor)
    return Done(f"{ROOM}/{account_id}", "saved")


def _named(form: Form) -> tuple[str, str]:
    owner = form.text("owner")
    return name_of(form.text("name")), name_of(owner) if owner else ""


def _stored(row: AccountRow) -> Mapping[str, str]:
    """Return what is stored, as a form has it: an empty field is nobody, off, or what the installation does."""
    switched = {switch.name: "1" if getattr(row, switch.name) else "" for switch in SWITCHES}
    values = {number.name: getattr(row, number.name) for number in (*PACING, *LOOP_GUARD)}
    numbers = {name: "" if value is None else str(value) for name, value in values.items()}
    return {"name": row.name, "owner": row.owner or "", **switched, **numbers}


def _account(tx: Tx, asked: Asked) -> AccountRow:
    row = operating.account_by_id(tx, asked.path["account_id"])
    if row is None:
        raise NothingHereError
    return row


# What accounts have is counted, which is too much to be done again and again.
ALL = Page(ROOM, "Settings", "settings", "settings/page.html", view_all)
NEW = Page(f"{ROOM}/new", "Create an account", "settings", "settings/new.html", view_new, is_live=False)
ONE = Page(f"{ROOM}/{{account_id}}", "Account", "settings", "settings/one.html", view_one, is_live=False)
PAGES = (ALL, NEW, ONE)
ACTIONS = (Action(NEW.path, NEW, create), Action(ONE.path, ONE, change))
