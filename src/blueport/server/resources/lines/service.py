"""Lists the lines that a key may use."""

from blueport.server.authorizing import service as authorizing
from blueport.server.http.endpoint import Call
from blueport.server.http.pages import Page, page_of_all
from blueport.server.resources.lines.schema import Line, ListLines
from blueport.server.store.tx import Tx


def list_lines(tx: Tx, call: Call[ListLines]) -> Page[Line]:
    """List your lines."""
    lines = [
        Line(line.id, line.handle, line.label, line.service, bool(line.is_active))
        for line in authorizing.lines_for(tx, call.key)
    ]
    return page_of_all(lines, f"lines {call.key.id}", call.asked, call.terms.cursors)
