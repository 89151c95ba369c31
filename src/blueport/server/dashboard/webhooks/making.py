"""The page where a webhook is made."""

from blueport.server.addressing import service as addressing
from blueport.server.customizing import service as customizing
from blueport.server.dashboard.narrowing import owner_for
from blueport.server.dashboard.pages import Action, Asked, Found, NothingHereError, Page, Told
from blueport.server.describing.events import EVENTS
from blueport.server.ids import AccountId, LineId
from blueport.server.operating import service as operating
from blueport.server.operating.service import OperatorError
from blueport.server.resources.webhooks import service as webhooks
from blueport.server.resources.webhooks.service import Wish
from blueport.server.store.tx import Tx

# More than the longest wait has, and few enough for a number to be read.
_DIGITS = 9
USUAL = ("message.received",)


def view(tx: Tx, asked: Asked) -> Found:
    """Find what a webhook can be made for, and what was written already."""
    accounts = operating.account_names(tx)
    owner, form = owner_for(accounts, asked), asked.form
    return {
        "accounts": accounts,
        "owner": owner,
        "lines": [] if owner is None else addressing.lines_of(tx, owner.id),
        "usual": [event for event in EVENTS if not event.is_extended],
        "extended": [event for event in EVENTS if event.is_extended],
        "is_extended": owner is not None and bool(customizing.preferences_of(tx, owner.id).extended_events),
        "most_waits": webhooks.MOST_DELAYS,
        "typed": {
            "url": form.text("url"),
            "waits": form.text("waits"),
            "events": form.all("event") if form.fields else USUAL,
            "reach": form.text("reach") or "all",
            "lines": form.all("line"),
        },
    }


def create(tx: Tx, asked: Asked) -> Told:
    """Make a webhook, and tell its secret just once."""
    owner, form = owner_for(operating.account_names(tx), asked), asked.form
    if owner is None:
        raise NothingHereError
    if not form.all("event"):
        raise OperatorError("tick at least one event that it shall get")
    judged = webhooks.judge(
        tx, asked.terms, owner.id, Wish(form.text("url"), form.all("event"), _waits_s(form.text("waits")))
    )
    line_ids = _lines(tx, asked, owner.id)
    made = webhooks.make(tx, asked.actor, owner.id, judged, line_ids, asked.terms.keyring)
    found = {"webhook_id": made.id, "url": judged.url, "secret": made.secret, "earlier_until": None, "is_new": True}
    return Told("Your new webhook", "webhooks/secret.html", found)


def _waits_s(typed: str) -> list[int] | None:
    words = typed.replace(",", " ").split()
    if not all(word.isascii() and word.isdecimal() and len(word) <= _DIGITS for word in words):
        raise OperatorError("write the waits as whole seconds, as in 5, 60, 600")
    return [int(word) for word in words] or None


def _lines(tx: Tx, asked: Asked, account_id: AccountId) -> list[LineId] | None:
    ticked = asked.form.all("line")
    if asked.form.text("reach") != "some":
        if ticked:
            raise OperatorError("you chose all lines, and ticked some: choose one of the two")
        return None
    if not ticked:
        raise OperatorError("tick at least one line whose events it shall get")
    return [addressing.line_named(tx, account_id, name).id for name in dict.fromkeys(ticked)]


NEW = Page("/dashboard/webhooks/new", "Create a webhook", "webhooks", "webhooks/new.html", view, is_live=False)
CREATE = Action(NEW.path, NEW, create)
