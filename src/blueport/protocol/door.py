"""The daemon's door: `POST /daemon/v1/...`, JSON both ways, `Authorization: Bearer dt_...` but for `pair`.

| path | body | answer |
|---|---|---|
| `pair` | Pair | Paired; 401 if the code is wrong, was used or is too old |
| `hello` | Hello | Welcome |
| `claim` | Claim | Claimed (waits up to `wait_s` for work) |
| `outbox/{id}/renew` | Hold | Held |
| `outbox/{id}/begin` | Begin | Held |
| `outbox/{id}/failed` | Failed | Held |
| `outbox/{id}/file` | Hold | the bytes of the item's file, streamed; 404 if the item is no longer the caller's |
| `signals` | ClaimSignals | ClaimedSignals (waits up to `wait_s` for work) |
| `signals/{id}/done` | Hold | Held |
| `signals/{id}/failed` | Failed | Held |
| `sightings` | Sightings | Noted |
| `files?line=&message=&attachment=` | the bytes of a file of a message, streamed | FileKept |

The file of a voice message is made when it is first fetched: its size is known from then on, and the answer is 422
`audio_not_readable` if there is no sound in what was uploaded. `files` takes the bytes of an attachment, by the guids
of the message and of the attachment, once the message was told; before that it answers 404 `message_not_found`.
Bringing the same file twice changes nothing.

`begin` is asked right before the hand-over to Messages, and granted in the order of a line. From then on the item is
offered to nobody, unless the daemon says that it was surely not sent (`failed`, not `permanent`).
There is no `sent` call: the proof of a command is the row in chat.db, told as a MessageSeen, ReactionSeen,
MessageChanged or GroupChanged with its `proves`.
Signals leave no row, and go past the line's order: they are claimed and answered for by themselves.

Neither side takes a field that it does not know, so what one says of itself beyond these shapes stands in a header:
`Blueport-Version` in each answer is the server's. Servers are updated before their daemons.
"""

from typing import Literal

import msgspec

from blueport.protocol.commands import Command, Signal
from blueport.protocol.sightings import Sighting

Health = Literal["ok", "no_disk_access", "no_automation", "not_signed_in", "no_session", "degraded"]
Capability = Literal[
    "replies", "reactions", "typing", "receipts", "audio", "emoji_tapbacks", "effects", "edit", "unsend", "groups"
]
VERSION_HEADER = "Blueport-Version"


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask to be let in under a token that the Mac has made, on the word of a code that the operator has.

    The token is on the Mac's disk before it is said: said again, with the same code, it is answered again.
    """

    code: str
    token: str


class Paired(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the daemon is called, and the lines that it serves, by their handles."""

    name: str
    lines: tuple[str, ...]


class LineReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line that the daemon serves, and what it can do there beyond plain text."""

    handle: str
    health: Health = "ok"
    hint: str | None = None
    capabilities: tuple[Capability, ...] = ()


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First word of a daemon process, and again whenever a line's report changes.

    `journal` names the daemon's journal file for its whole life: how ended what one began, no other can say. `process`
    is another with each start of a daemon. Of two that work with one token the one is given work that said hello last.
    """

    journal: str
    version: str
    lines: tuple[LineReport, ...]
    process: str = ""


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
    process: str = ""


class ClaimedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One outbox item, with the token that every later word on it must carry."""

    id: str
    token: str
    line_handle: str
    attempt: int
    command: Command


class Claimed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Work in the order in which it must be handed over; empty if there was none in time.

    With `is_superseded` there is none for this process: another one with the same token has said hello since. It is
    left out while it says nothing, so that a daemon of yesterday can read the rest.
    """

    items: tuple[ClaimedItem, ...]
    is_superseded: bool = False


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


class ClaimSignals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for signals. What is claimed and neither done nor failed within its lease is offered again, or expires."""

    wait_s: float = 25
    limit: int = 10


class ClaimedSignal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signal, with the token that the word on it must carry."""

    id: str
    token: str
    line_handle: str
    signal: Signal


class ClaimedSignals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Signals to do now; empty if there was none in time."""

    signals: tuple[ClaimedSignal, ...]


class FileKept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file is stored, under the id by which customers know it."""

    id: str


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
