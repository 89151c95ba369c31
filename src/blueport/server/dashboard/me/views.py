"""What somebody sees of their own sessions, and how they end those that they have elsewhere."""

from blueport.server.dashboard.me.agents import browser_of
from blueport.server.dashboard.pages import Action, Asked, Done, Found, Page
from blueport.server.signing_in import service as signing_in
from blueport.server.store.tx import Tx


def view(tx: Tx, asked: Asked) -> Found:
    """Find the sessions."""
    return {"sessions": signing_in.sessions_of(tx, asked.session), "browser_of": browser_of}


def end_others(tx: Tx, asked: Asked) -> Done:
    """End all sessions but this one."""
    signing_in.end_others(tx, asked.session, asked.actor)
    return Done(PAGE.path, "ended")


PAGE = Page("/dashboard/me", "You", "me", "me/page.html", view)
END_OTHERS = Action("/dashboard/me/sessions", PAGE, end_others)
