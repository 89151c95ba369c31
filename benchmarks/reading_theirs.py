"""Has `imessage-chatdb` read a chat.db to its end, a page at a time, and says how many rows a second."""

import sys
import time

import imessage_chatdb  # type: ignore[import-not-found] # it runs under another Python

PAGE = 500


def main(path: str) -> None:
    db = imessage_chatdb.open(path)
    rows = at = 0
    began_at = time.perf_counter()
    while found := db.messages_after(at, limit=PAGE, include_orphans=True):
        at, rows = found[-1].rowid, rows + len(found)
        for message in found:
            message.clean_text  # noqa: B018 - what an agent would read
    print(rows / (time.perf_counter() - began_at))


if __name__ == "__main__":
    main(sys.argv[1])
