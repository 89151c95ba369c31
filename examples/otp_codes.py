"""One-time codes for `otp_sender.py`: how long they live, and how often one may guess."""

import hmac
import secrets
import time
from dataclasses import dataclass

TRIES = 5


@dataclass
class Code:
    text: str
    expires_at: float
    tries_left: int = TRIES


class Codes:
    """The codes that live, one a person: asking again while one lives brings no new one, and so no new guesses."""

    def __init__(self, life_s: float) -> None:
        self._life_s = life_s
        self._of: dict[str, Code] = {}

    def left_s(self, person: str) -> float:
        """Return for how many seconds the person's code still lives; 0 where there is none."""
        code = self._of.get(person)
        return max(0.0, code.expires_at - time.monotonic()) if code else 0.0

    def issue(self, person: str) -> str | None:
        """Return a new code; None while the last one lives."""
        self._of = {each: code for each, code in self._of.items() if self.left_s(each)}
        if person in self._of:
            return None
        code = self._of[person] = Code(f"{secrets.randbelow(1_000_000):06}", time.monotonic() + self._life_s)
        return code.text

    def drop(self, person: str) -> None:
        """Forget the person's code."""
        self._of.pop(person, None)

    def is_right(self, person: str, given: str) -> bool:
        """Use up a guess; a code that was guessed is used up too."""
        code = self._of.get(person)
        if code is None or not self.left_s(person) or not code.tries_left:
            return False
        code.tries_left -= 1
        # In a time that does not tell how many digits fit.
        is_right = hmac.compare_digest(code.text.encode(), given.encode(errors="replace"))
        if is_right:
            self.drop(person)
        return is_right
