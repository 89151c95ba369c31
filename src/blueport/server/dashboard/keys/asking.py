"""Reads what a form says a key is to be; what it cannot be is refused in words for who wrote it."""

from datetime import UTC, date, datetime

from blueport.server.authorizing.keys import SCOPES, Scope
from blueport.server.dashboard.forms import Form
from blueport.server.operating.service import KeyTerms, OperatorError, name_of

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONGEST_DAYS = 3650
LARGEST_LIMIT = 999_999_999

# How long a key may live, and how long an old one beside the one that takes its place, by the name in the form.
LIVES = {"30d": 30 * DAY_MS, "90d": 90 * DAY_MS, "365d": 365 * DAY_MS}
OVERLAPS = {"0": 0, "1h": HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS}


def terms_of(form: Form, now_ms: int) -> KeyTerms:
    """Return what the key of a form is for.

    Raises:
        OperatorError: It cannot be.
    """
    return KeyTerms(
        name_of(form.text("name")),
        _scopes(form),
        _lines(form),
        _lives_ms(form, now_ms),
        _hourly_limit(form.text("hourly_limit")),
    )


def overlap_ms(form: Form) -> int:
    """Return how long the old key goes on.

    Raises:
        OperatorError: That was not among the choices.
    """
    return _one_of(OVERLAPS, form.text("overlap"), "how long the old key goes on")


def rolled_lives_ms(form: Form) -> int | None:
    """Return how long the new key lives, None if it is as long as the old one was to.

    Raises:
        OperatorError: That was not among the choices.
    """
    chosen = form.text("expiry")
    return None if chosen == "same" else _one_of(LIVES, chosen, "how long the new key lives")


def _scopes(form: Form) -> tuple[Scope, ...]:
    ticked = form.all("scope")
    chosen = tuple(scope for scope in SCOPES if scope in ticked)
    if form.text("rights") != "some":
        if chosen and len(chosen) < len(SCOPES):
            raise OperatorError("you chose that the key may do everything, and ticked some: choose one of the two")
        return SCOPES
    if not chosen:
        raise OperatorError("tick at least one thing that the key may do")
    return chosen


def _lines(form: Form) -> tuple[str, ...]:
    ticked = form.all("line")
    if form.text("reach") != "some":
        if ticked:
            raise OperatorError("you chose all lines, and ticked some: choose one of the two")
        return ()
    if not ticked:
        raise OperatorError("tick at least one line that the key may use")
    return ticked


def _lives_ms(form: Form, now_ms: int) -> int | None:
    chosen = form.text("expiry")
    if chosen == "never":
        return None
    if chosen == "on":
        return _until(form.text("until"), now_ms)
    return _one_of(LIVES, chosen, "when the key expires")


def _until(day: str, now_ms: int) -> int:
    lives_ms = _end_of(day) - now_ms
    if not 0 < lives_ms <= LONGEST_DAYS * DAY_MS:
        raise OperatorError("the day on which the key expires is today or later, and within ten years")
    return lives_ms


def _end_of(words: str) -> int:
    """Return when the day ends (Unix milliseconds) that is written as 2027-01-31."""
    try:
        day = date.fromisoformat(words)
    except ValueError:
        raise OperatorError("say on which day the key expires, as in 2027-01-31") from None
    begins_at = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return int(begins_at) * 1000 + DAY_MS


def _hourly_limit(words: str) -> int | None:
    if not words:
        return None
    if not (words.isascii() and words.isdigit() and len(words) <= len(str(LARGEST_LIMIT)) and int(words)):
        raise OperatorError(f"the requests an hour are a whole number from 1 to {LARGEST_LIMIT:,}, or empty")
    return int(words)


def _one_of(choices: dict[str, int], chosen: str, what: str) -> int:
    if chosen not in choices:
        raise OperatorError(f"choose {what}")
    return choices[chosen]
