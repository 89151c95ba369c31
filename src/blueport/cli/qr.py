"""The picture that pairs a phone: its camera opens Messages with the code in it."""

from typing import TextIO

import segno

from blueport.handles import text_link


def draw(line_handle: str, activation_code: str, out: TextIO) -> None:
    """Draw in a terminal what has a phone text *activation_code* to the sandbox line."""
    segno.make(text_link(line_handle, activation_code)).terminal(out=out, compact=True)
