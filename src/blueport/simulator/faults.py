"""What can go wrong with what scripts ask of Messages, queued up for the sends and signals to come."""

from typing import Annotated, Literal

import msgspec

from blueport.simulator.network import Network

Word = Literal[
    "hang",
    "silent",
    "ghost",
    "error",
    "undelivered",
    "late",
    "hang_after",
    "flag_flips",
    "other_line",
    "stuck",
    "advanced_off",
    "advanced_on",
    "busy",
    "in_flight",
    "dies",
    "slow",
    "sms_off",
    "sms_on",
    "asks_permission",
    "denies_permission",
    "gives_permission",
    "unlisted",
    "offline",
    "online",
]
Occasion = Literal["send", "signal", "imsg", "question"]
Permission = Literal["asks_permission", "denies_permission", "gives_permission"]

_OF_SIGNALS: tuple[Word, ...] = ("hang", "silent", "error")
_OF_IMSG: tuple[Word, ...] = ("busy", "in_flight", "dies", "slow")
_OF_QUESTIONS: tuple[Word, ...] = ("hang", "error")


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the next sends, tapbacks, edits and unsends go wrong; with `on` = `signal` the next typing and reading.

    | `next` | `osascript`, `imsg` | chat.db | the phone |
    |---|---|---|---|
    | `hang` | never ends | nothing | nothing |
    | `silent` | exit 0 | nothing | nothing |
    | `ghost` | exit 0 | a row without body and chat | nothing |
    | `error` | fails with `number`, -1728 by default | nothing | nothing |
    | `undelivered` | exit 0 | the row gets `number`, 22 by default, as its error | nothing |
    | `late` | exit 0 at once | the row, after `after_ms` | shows it, later still |
    | `hang_after` | never ends | as ever | shows it |
    | `flag_flips` | exit 0 | the row is not from us for 200 ms | shows it |
    | `other_line` | exit 0 | the row names another of this Mac's lines | shows it as from that one |
    | `stuck` | never ends, nor does any other until Messages is ended | nothing | nothing |
    | `advanced_off` | `imsg` can do nothing, till `advanced_on` | as ever | as ever |
    | `sms_off` | there is no SMS account, till `sms_on` | as ever | as ever |
    | `asks_permission` | none ends, till `gives_permission`: a question stands on the screen | nothing | nothing |
    | `denies_permission` | all fail with -1743, till `gives_permission` | nothing | nothing |
    | `offline` | as ever, but nothing goes in or out, till `online` | the row waits unsent | nothing |
    | `unlisted` | scripts cannot name `chat`, which chat.db has | as ever | as ever |

    With `on` = `imsg` the next of whatever that program is asked to do goes otherwise, and only so:

    | `next` | `imsg` | chat.db | the phone |
    |---|---|---|---|
    | `busy` | is asked too much already (-32000) | nothing | nothing |
    | `in_flight` | does not know (-32001), and does nothing else from then on (-32004) | as ever | shows it |
    | `dies` | ends without an answer | as ever | shows it |
    | `slow` | answers after `after_ms` | as ever | shows it |

    Signals know `hang`, `silent` and `error` only; questions, as which accounts there are, `hang` and `error`. Edits
    and unsends have no row of their own: to them `ghost` is `silent`, and they know neither `undelivered` nor
    `flag_flips`. For `imsg` an `error` means that nothing was begun (-32603), with number -600 that its bridge is not
    usable (-32003), with -609 that nobody knows (-32001).
    """

    next: Word
    number: int | None = None
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    after_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 2_000
    on: Occasion = "send"
    chat: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot befall a signal or a question, and what only the program can meet with."""
        possible = {"signal": _OF_SIGNALS, "question": _OF_QUESTIONS}.get(self.on, (self.next,))
        if self.next not in possible:
            raise ValueError(f"{self.next} does not befall a {self.on}")
        if (self.on == "imsg") != (self.next in _OF_IMSG):
            raise ValueError(f"{self.next} does not befall what is asked of {self.on}")


class Faults:
    """The faults to come, the nearest first, and those that stand.

    `has_advanced`: `imsg` has its bridge into Messages. `has_sms`: there is an SMS account. `permission`: whether
    scripts may control Messages. `unlisted`: guids of conversations that Messages does not list. `network`: whether
    anything goes in or out.
    """

    def __init__(self) -> None:
        self._pending: list[Fault] = []
        self.has_advanced = True
        self.has_sms = True
        self.permission: Permission = "gives_permission"
        self.unlisted: set[str] = set()
        self.network = Network()

    def add(self, fault: Fault) -> None:
        """Have the next `times` sends, signals or calls that have no fault yet go wrong, or something stand."""
        match fault.next:
            case "advanced_off" | "advanced_on" as word:
                self.has_advanced = word == "advanced_on"
            case "sms_off" | "sms_on" as word:
                self.has_sms = word == "sms_on"
            case "asks_permission" | "denies_permission" | "gives_permission" as word:
                self.permission = word
            case "offline" | "online" as word:
                self.network.set(is_online=word == "online")
            case "unlisted":
                self.unlisted.add(fault.chat or "")
            case _:
                self._pending.extend([msgspec.structs.replace(fault, times=1)] * fault.times)

    def take(self, on: Occasion = "send") -> Fault | None:
        """Return what befalls the send, signal, call or question that comes now, None if all goes well."""
        nearest = next((at for at, fault in enumerate(self._pending) if fault.on == on), None)
        return None if nearest is None else self._pending.pop(nearest)

    def put_back(self, fault: Fault) -> None:
        """Have *fault* befall the send that comes next."""
        self._pending.insert(0, fault)

    def pending(self) -> list[Fault]:
        """Return what is still to come, one entry a send, behind what stands."""
        standing = [Fault(next="unlisted", chat=guid) for guid in sorted(self.unlisted)]
        if self.permission != "gives_permission":
            standing.append(Fault(next=self.permission))
        if not self.network.is_online:
            standing.append(Fault(next="offline"))
        if not self.has_sms:
            standing.append(Fault(next="sms_off"))
        if not self.has_advanced:
            standing.append(Fault(next="advanced_off"))
        return [*standing, *self._pending]

    def clear(self) -> None:
        """Let all go well from now on."""
        self._pending.clear()
        self.has_advanced = True
        self.has_sms = True
        self.permission = "gives_permission"
        self.network.set(is_online=True)
        self.unlisted.clear()
