"""The picture that pairs a phone: its camera opens Messages with the code in it."""

from typing import TextIO
from urllib.parse import quote

import segno


def draw(line_handle: str, activation_code: str, out: TextIO) -> None:
    """Draw in a terminal what has a phone text *activation_code* to the sandbox line."""
    segno.make(f"sms:{line_handle}?body={quote(activation_code)}").terminal(out=out, compact=True)
