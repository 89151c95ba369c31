"""Messages that somebody changed or took back, as Messages leaves their rows: every version is kept in the summary.

Doing the same twice changes nothing.
"""

import plistlib
from collections.abc import Mapping
from typing import TypedDict

from blueport.clock import now_ms
from blueport.simulator.chatdb import Cell, ChatDb, Row, apple_ns
from blueport.typedstream import decode, encode, message_body

# As long as Messages lets people do it, and so often.
EDIT_WITHIN_MS, MOST_EDITS = 15 * 60_000, 5
UNSEND_WITHIN_MS = 2 * 60_000


class _Version(TypedDict):
    d: float  # seconds since 2001
    t: bytes


class _Summary(TypedDict, total=False):
    ec: dict[str, list[_Version]]
    rp: list[int]


def edit(db: ChatDb, row: Row, text: str, *, at: int | None = None, **columns: Cell) -> None:
    """Change the text of a message at a moment (Unix milliseconds), now by default; its files stay."""
    [before] = db.rows("SELECT attributedBody, message_summary_info FROM message WHERE ROWID = ?", row.rowid)
    body = decode(before["attributedBody"])
    part, edited_at = str(len(body.attachment_guids)), apple_ns(now_ms() if at is None else at)
    versions = _versions(before["message_summary_info"], part) or [_Version(d=0.0, t=before["attributedBody"])]
    version = _Version(d=edited_at / 1e9, t=encode(message_body(text, attachment_guids=body.attachment_guids)))
    if version in versions:
        return
    summary = {
        "ec": {part: [*versions, version]},
        "ep": [int(part)],
        "otr": {part: {"lo": 0, "le": decode(versions[0]["t"]).runs[-1].length}},
    }
    cells: dict[str, Cell] = {"attributedBody": version["t"], "text": None, "date_edited": edited_at}
    db.change(row, **{**cells, "message_summary_info": _bplist(summary), **columns})


def unsend(
    db: ChatDb,
    row: Row,
    *,
    parts: tuple[int, ...] = (0,),
    text_left: str = "",
    at: int | None = None,
    **columns: Cell,
) -> None:
    """Take back *parts* of a message: with nothing left the body goes, and `date_retracted` stays 0 all the same."""
    body = encode(message_body(text_left)) if text_left else None
    unsent_at = apple_ns(now_ms() if at is None else at)
    cells: dict[str, Cell] = {"attributedBody": body, "text": None, "date_edited": unsent_at}
    db.change(row, **{**cells, "message_summary_info": _bplist({"rp": list(parts)}), **columns})


def is_unsent(db: ChatDb, row: Row) -> bool:
    """Tell whether a message, or a part of it, was taken back."""
    return bool(_summary_of(db, row).get("rp"))


def edit_count(db: ChatDb, row: Row) -> int:
    """Return how often a message was edited."""
    return max((len(versions) - 1 for versions in _summary_of(db, row).get("ec", {}).values()), default=0)


def _summary_of(db: ChatDb, row: Row) -> _Summary:
    [stored] = db.rows("SELECT message_summary_info FROM message WHERE ROWID = ?", row.rowid)
    summary: _Summary = plistlib.loads(stored["message_summary_info"]) if stored["message_summary_info"] else {}
    return summary


def _versions(summary: bytes | None, part: str) -> list[_Version]:
    if summary is None:
        return []
    stored: _Summary = plistlib.loads(summary)
    return stored.get("ec", {}).get(part, [])


def _bplist(summary: Mapping[str, object]) -> bytes:
    return plistlib.dumps(summary, fmt=plistlib.FMT_BINARY)
