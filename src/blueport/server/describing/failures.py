"""Why sends and deliveries fail, word by word, as the dashboard says it too."""

from blueport.server.errors import Meaning
from blueport.server.notifying.delivering import failures as of_delivering
from blueport.server.sending import failures as of_sending


def of_sends() -> dict[str, Meaning]:
    """Return what each `error` of an outbox item means."""
    numbered = {f"{start}...": of_sending.meaning_of(f"{start}N") for start in of_sending.NUMBERED}
    return of_sending.MEANINGS | numbered


def of_deliveries() -> dict[str, Meaning]:
    """Return what each `reason` of a try means."""
    statuses = {f"http_{status}": each for status, each in of_delivering.OF_STATUS.items()}
    others = {f"http_{hundreds}..": each for hundreds, each in of_delivering.OF_HUNDRED.items()}
    told = of_delivering.MEANINGS | statuses | others
    return {word: each._replace(what=each.what.replace(" ({status})", "")) for word, each in told.items()}
