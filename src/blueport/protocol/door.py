"""The daemon's door: `POST /daemon/v1/...`, JSON both ways, `Authorization: Bearer dt_...`.

| path | body | answer |
|---|---|---|
| `hello` | Hello | Welcome |
| `claim` | Claim | Claimed (waits up to `wait_s` for work) |
| `outbox/{id}/renew` | Hold | Held |
| `outbox/{id}/begin` | Begin | Held |
| `outbox/{id}/failed` | Failed | Held |
| `sightings` | Sightings | Noted |

`begin` is asked right before the hand-over to Messages, and granted in the order of a line. From then on the item is
offered to nobody, unless the daemon says that it was surely not sent (`failed`, not `permanent`).
There is no `sent` call: the proof of a sending is the row in chat.db, a MessageSeen with its `proves`.
"""

from typing import Literal

import msgspec

from blueport.protocol.commands import Command
from blueport.protocol.sightings import Sighting

Health = Literal["ok", "no_disk_access", "no_automation", "not_signed_in", "degraded"]
Capability = Literal["replies", "reactions", "typing", "receipts", "audio"]


class LineReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line that the daemon serves, and what it can do there beyond plain text."""

    handle: str
    health: Health = "ok"
    hint: str | None = None
    capabilities: tuple[Capability, ...] = ()


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First word of a daemon process, and again whenever a line's report changes.

    `journal` names the daemon's journal file for its whole life: how ended what one began, no other can say.
    """

    journal: str
    version: str
    lines: tuple[LineReport, ...]


class Welcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The daemon may serve all the lines that it named. A claim holds for `lease_s` without renewal."""

    lease_s: int


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for work. Items of this journal that are not in `holding` were lost on the way and are offered again.

    `asked_at` is the daemon's clock in Unix milliseconds, later for each claim than for the one before: a claim can say
    nothing of items that a later one was given.
    """

    journal: str
    holding: tuple[str, ...]
    asked_at: int
    wait_s: float = 25
    limit: int = 10


class ClaimedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One outbox item, with the token that every later word on it must carry."""

    id: str
    token: str
    line_handle: str
    attempt: int
    command: Command


class Claimed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Work in the order in which it must be handed over; empty if there was none in time."""

    items: tuple[ClaimedItem, ...]


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep an item claimed."""

    token: str


class Begin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let this hand-over of an item begin.

    `nonce` is new with each hand-over, and in the journal before it is said; said again, it is granted again. `after`
    is that of the hand-over before, which Messages refused. So of a journal and its copy only one is granted each.
    """

    token: str
    nonce: str
    after: str | None = None


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item that was not sent. Only what Messages surely did not accept may be tried again (not `permanent`)."""

    token: str
    error: str
    permanent: bool


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """False: the item is no longer this daemon's, or not its line's next; drop it, unless it may have been sent."""

    held: bool


class Sightings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of what was seen in chat.db, oldest first; saying it twice changes nothing."""

    journal: str
    seen: tuple[Sighting, ...]


class Noted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the batch the server has on disk: always all of them."""

    noted: int
