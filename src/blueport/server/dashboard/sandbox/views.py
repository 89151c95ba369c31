"""What the page of the sandbox shows, and how a phone is paired there."""

from blueport.handles import text_link
from blueport.server.addressing import service as addressing
from blueport.server.dashboard.narrowing import accounts_for
from blueport.server.dashboard.pages import Action, Asked, Done, Found, NothingHereError, Page
from blueport.server.dashboard.rendering import link
from blueport.server.dashboard.sandbox import queries
from blueport.server.dashboard.sandbox.queries import Standing
from blueport.server.operating import service as operating
from blueport.server.sandboxing.service import DAY_MS
from blueport.server.store import installation
from blueport.server.store.tx import Tx

LIMIT = 50


def view(tx: Tx, asked: Asked) -> Found:
    """Find the shared line and who has a phone there: of one account all of it, of several a list."""
    accounts = accounts_for(tx, asked)
    alone = asked.account or (accounts[0].id if len(accounts) == 1 else None)
    line = addressing.sandbox_line(tx)
    day = tx.now_ms // DAY_MS
    one = None if alone is None else queries.standing_of(tx, alone, day)
    several = [] if alone else queries.standings(tx, asked.query.get("after", ""), day, LIMIT + 1)
    return {
        "accounts": accounts,
        "line": line,
        "one": one,
        "several": several[:LIMIT],
        "more": link(PAGE.path, after=several[LIMIT - 1].id) if len(several) > LIMIT else None,
        "text_link": _text_link(line.handle if line else "", one),
        "daily_limit": installation.sandbox_daily_limit(tx),
        "resets_at": (day + 1) * DAY_MS,
    }


def begin(tx: Tx, asked: Asked) -> Done:
    """Give an account a code, if it has none."""
    return _done(tx, asked, renew=False)


def renew(tx: Tx, asked: Asked) -> Done:
    """Take an account's phone away, and give it another code."""
    return _done(tx, asked, renew=True)


def _done(tx: Tx, asked: Asked, *, renew: bool) -> Done:
    account = asked.path["account"]
    if queries.standing_of(tx, account, 0) is None:
        raise NothingHereError
    operating.sandbox(tx, account, renew=renew, by=asked.actor)
    return Done(link(PAGE.path, account=account), "sandbox_renewed" if renew else "")


def _text_link(line: str, standing: Standing | None) -> str | None:
    waits = standing is not None and standing.code is not None and standing.contact is None
    return text_link(line, standing.code) if waits and standing and standing.code else None


PAGE = Page("/dashboard/sandbox", "Sandbox", "sandbox", "sandbox/page.html", view)
PAGES = (PAGE,)
ACTIONS = (
    Action("/dashboard/sandbox/{account}/begin", PAGE, begin),
    Action("/dashboard/sandbox/{account}/renew", PAGE, renew),
)
