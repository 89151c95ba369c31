"""Which of two versions of Blueport is the newer one."""

import re

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def is_older(version: str, than: str) -> bool:
    """Say whether *version* is older, as far as both are written like `1.2.3`."""
    one, other = _numbers(version), _numbers(than)
    return one is not None and other is not None and one < other


def _numbers(version: str) -> tuple[int, ...] | None:
    found = _NUMBERS.match(version)
    if found is None:
        return None
    numbers = [int(word) for word in found[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
