"""Lists the lines that a key may use."""

from typing import get_args

import msgspec

from blueport.protocol.door import Capability
from blueport.server.addressing.queries import Line as KnownLine
from blueport.server.authorizing import service as authorizing
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_of_all
from blueport.server.resources.lines.schema import Line, ListLines
from blueport.server.store.tx import Tx


def list_lines(tx: Tx, call: Call[ListLines]) -> Page[Line]:
    """List your lines."""
    is_whole = call.asked.include == "capabilities"
    lines = [_line(line, is_whole=is_whole) for line in authorizing.lines_for(tx, call.key)]
    return page_of_all(lines, f"lines {call.key.id}", call.asked, call.terms.cursors)


def _line(line: KnownLine, *, is_whole: bool) -> Line:
    shown = Line(line.id, line.handle, line.label, line.service, bool(line.is_active))
    if not is_whole:
        return shown
    known = [word for word in get_args(Capability) if word in line.capabilities.split()]
    return msgspec.structs.replace(shown, capabilities=known)
