"""What can go wrong with a scripted send, queued up for the sends to come."""

from collections import deque
from typing import Annotated, Literal

import msgspec

Word = Literal["hang", "silent", "ghost", "error", "undelivered", "late", "hang_after", "flag_flips"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the next sends go wrong.

    | `next` | `osascript` | chat.db | the phone |
    |---|---|---|---|
    | `hang` | never ends | nothing | nothing |
    | `silent` | exit 0 | nothing | nothing |
    | `ghost` | exit 0 | a row without body and chat | nothing |
    | `error` | fails with `number`, -1728 by default | nothing | nothing |
    | `undelivered` | exit 0 | the row gets `number`, 22 by default, as its error | nothing |
    | `late` | exit 0 at once | the row, after `after_ms` | shows it, later still |
    | `hang_after` | never ends | as ever | shows it |
    | `flag_flips` | exit 0 | the row is not from us for 200 ms | shows it |
    """

    next: Word
    number: int | None = None
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    after_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 2_000


class Faults:
    """The faults to come, the nearest first."""

    def __init__(self) -> None:
        self._pending: deque[Fault] = deque()

    def add(self, fault: Fault) -> None:
        """Have the next `times` sends that have no fault yet go wrong."""
        self._pending.extend([msgspec.structs.replace(fault, times=1)] * fault.times)

    def take(self) -> Fault | None:
        """Return what befalls the send that comes now, None if all goes well."""
        return self._pending.popleft() if self._pending else None

    def pending(self) -> list[Fault]:
        """Return what is still to come, one entry a send."""
        return list(self._pending)

    def clear(self) -> None:
        """Let all go well from now on."""
        self._pending.clear()
