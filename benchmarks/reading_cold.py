"""Reads a chat.db from its beginning to its end, and says how many rows a second, and what memory it had (MiB)."""

import sys
import time
from pathlib import Path

from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.watching.looking import FRESH_LIMIT


def main(path: Path) -> None:
    db = ChatDb(path)
    newest = db.newest_rowid()
    rows = at = 0
    first_mib = 0.0
    began_at = time.perf_counter()
    while found := db.rows_after(at, FRESH_LIMIT):
        at, rows = found[-1].rowid, rows + len(found)
        if not first_mib and at >= newest / 10:
            first_mib = _resident_mib()
    print(rows / (time.perf_counter() - began_at), first_mib, _resident_mib())


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main(Path(sys.argv[1]))
