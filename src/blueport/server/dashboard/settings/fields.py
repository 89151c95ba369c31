"""What an account may set, as a form has it."""

from typing import NamedTuple, get_args

from msgspec import Meta

from blueport.server.dashboard.forms import Form
from blueport.server.operating.service import OperatorError
from blueport.server.settings import LoopLimit, LoopPauseS, LoopWindowS, PaceBurst, PaceMs

# What stood there when the form was drawn: somebody else may have set what nobody touched here.
WAS = "was-"


class Switch(NamedTuple):
    """Something that is on or off, by the name of its Preference."""

    name: str
    label: str
    hint: str


class Number(NamedTuple):
    """A number, by the name of its Preference; empty is what the installation does."""

    name: str
    label: str
    hint: str
    least: int
    most: int


def _number(name: str, label: str, hint: str, shape: object) -> Number:
    bounds = next(each for each in get_args(shape) if isinstance(each, Meta))
    return Number(name, label, hint, int(bounds.ge or 0), int(bounds.le or 0))


SWITCHES = (
    Switch(
        "extended_events",
        "Extended events",
        "Its webhooks may ask for more than the four events of the hosted API, such as message.read.",
    ),
    Switch("stop_handling", "Heed STOP", "Who texts STOP is left alone until they text START."),
)
PACING = (
    _number("pace_ms", "Milliseconds between two messages of a line", "0: no pace.", PaceMs),
    _number("pace_burst", "Messages that may go at once after a rest", "", PaceBurst),
)
LOOP_GUARD = (
    _number("loop_limit", "Messages each way that make a loop of a chat", "0: no guard.", LoopLimit),
    _number("loop_window_s", "Within how many seconds", "", LoopWindowS),
    _number("loop_pause_s", "For how many seconds it then rests", "", LoopPauseS),
)


def changes_of(form: Form) -> dict[str, int | None]:
    """Return the Preferences that somebody changed in a form, by name.

    Raises:
        OperatorError: One is no number that it can be.
    """
    switched = {switch.name: int(form.is_set(switch.name)) for switch in SWITCHES if _is_changed(form, switch.name)}
    numbers = [number for number in (*PACING, *LOOP_GUARD) if _is_changed(form, number.name)]
    return {**switched, **{number.name: _value(number, form.text(number.name)) for number in numbers}}


def _is_changed(form: Form, name: str) -> bool:
    return form.text(name) != form.text(WAS + name)


def _value(number: Number, words: str) -> int | None:
    if not words:
        return None
    is_number = words.isascii() and words.isdigit() and len(words) <= len(str(number.most))
    if not (is_number and number.least <= int(words) <= number.most):
        what = f"{number.label[:1].lower()}{number.label[1:]}"
        raise OperatorError(f"{what}: a whole number from {number.least} to {number.most:,}, or empty")
    return int(words)
