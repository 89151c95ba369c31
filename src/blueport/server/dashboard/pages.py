"""What a page of the dashboard is, and what can be done there.

A page looks at the database in one read, and is drawn from what it found; the same look, again and again, keeps it
live. What is done is a form that is posted: one unit of work, after which another page is shown, or, if it was refused,
the same one with the reason.
"""

from collections.abc import Callable, Mapping

import msgspec

from blueport.server.auditing.service import Actor
from blueport.server.dashboard.forms import NO_FORM, Form
from blueport.server.http.endpoint import Terms
from blueport.server.signing_in.service import Session
from blueport.server.store.tx import Tx

Found = Mapping[str, object]
# A place in a list behind whatever is in it.
LATEST = 2**62


def number_of(said: str) -> int:
    """Return the place in a list that is said; what is none, or not said, is LATEST."""
    return min(int(said[:20]), LATEST) if said.isascii() and said.isdecimal() else LATEST


class Asked(msgspec.Struct, frozen=True):
    """Who asks for a page, and how: what stands in its path, in its query, and in the form that was posted.

    `actor` is who asks as the audit log knows it; `origin` is how we were reached, as `https://messages.example.com`,
    None if that is nothing to be repeated.
    """

    session: Session
    actor: Actor
    terms: Terms
    origin: str | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Form = NO_FORM

    @property
    def account(self) -> str | None:
        """Return the id of the account that alone is looked at, None for all."""
        return self.query.get("account") or None

    @property
    def before(self) -> int:
        """Return the place in a list below which is looked; LATEST if none is said."""
        return number_of(self.query.get("before", ""))


class Page(msgspec.Struct, frozen=True):
    """A page: *view* finds what *template* draws. `room` is the entry of the menu that it belongs to.

    The parts that change while one looks are drawn anew when they do, unless `is_live` is false: a page that is
    written on stays as it is.
    """

    path: str
    title: str
    room: str
    template: str
    view: Callable[[Tx, Asked], Found]
    is_live: bool = True


class Done(msgspec.Struct, frozen=True):
    """It is done: *to* is the path that is shown next, with *notice* above it, a name of NOTICES."""

    to: str
    notice: str = ""


class Told(msgspec.Struct, frozen=True):
    """It is done, and tells what is told just once: *template* draws *found*."""

    title: str
    template: str
    found: Found


class Action(msgspec.Struct, frozen=True):
    """What is done when a form is posted to *path*; *page* is shown again if that is refused."""

    path: str
    page: Page
    unit: Callable[[Tx, Asked], Done | Told]


class NothingHereError(Exception):
    """There is no such key, line, webhook or whatever the path names."""
