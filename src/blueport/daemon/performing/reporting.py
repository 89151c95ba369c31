"""Tells the server of items that failed. What was sent is told by telling what chat.db shows of it."""

from blueport.daemon.journal import endings, items
from blueport.daemon.journal.file import Journal
from blueport.daemon.uplink import Uplink
from blueport.failpoints import reached
from blueport.protocol.door import Failed


async def report_for_ever(journal: Journal, uplink: Uplink) -> None:
    """Report each failure until the server has it; whether the item was still ours makes no difference then."""
    while True:
        for item in items.failed(journal):
            await uplink.failed(item.id, Failed(item.token, item.error or "unknown", bool(item.permanent)))
            reached("daemon.reported")
            with journal.transaction():
                if item.permanent:
                    endings.note_failed(journal, item)
                items.drop_failed(journal, item)
        await journal.outcomes.wait()
        journal.outcomes.clear()
