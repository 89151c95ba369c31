"""Fetches work from the server and keeps it.

Each claim says what is held already: what is not in that list, because an answer got lost or because it was let go of,
is offered again at once. So a claim that waits is called off when something is let go of. While a failure that may be
tried again is unreported nothing is claimed: the server does not know yet that the line's later items have to wait.
"""

import asyncio

from blueport.clock import now_ms
from blueport.daemon.journal import items
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.items import Item
from blueport.daemon.settings import Settings
from blueport.daemon.uplink import Uplink
from blueport.failpoints import reached
from blueport.protocol.door import Begin, Claim, ClaimedItem

# So many wait on this Mac; the rest waits at the server, where an operator can see it.
HELD_LIMIT = 20
# Those that wait for a file must not keep out the other lines' items.
HELD_BEHIND_FILES_LIMIT = 100
_PAUSE_S = 0.1


async def claim_for_ever(journal: Journal, uplink: Uplink, settings: Settings) -> None:
    """Ask for work, keep what comes, ask again."""
    while True:
        if _has_enough(journal) or items.has_one_to_give_back(journal):
            await asyncio.sleep(_PAUSE_S)
            continue
        claimed = await _claimed(journal, uplink, settings)
        if claimed:
            reached("daemon.offered")
        with journal.transaction():
            goes_on = {item.id for item in claimed if items.keep(journal, item)}
        if claimed:
            reached("daemon.claimed")
        for item in items.unproven(journal):
            if item.id in goes_on:
                await _begin_again(journal, uplink, item)


def _has_enough(journal: Journal) -> bool:
    if items.waiting_count(journal, behind_files=True) >= HELD_BEHIND_FILES_LIMIT:
        return True
    return items.waiting_count(journal, behind_files=False) >= HELD_LIMIT


async def _claimed(journal: Journal, uplink: Uplink, settings: Settings) -> tuple[ClaimedItem, ...]:
    """Ask for work, until something is let go of."""
    journal.let_go.clear()
    holding = tuple(item.id for item in items.all_held(journal))
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(uplink.claim(Claim(journal.id, holding, now_ms(), wait_s=settings.claim_wait_s)))
        letting_go = group.create_task(journal.let_go.wait())
        await asyncio.wait({asking, letting_go}, return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        letting_go.cancel()
    return () if asking.cancelled() else asking.result()


async def _begin_again(journal: Journal, uplink: Uplink, item: Item) -> None:
    """Tell a server that was restored what it knew before: it would let no later item of the line begin."""
    nonce = items.name_hand_over(journal, item)
    await uplink.begin(item.id, Begin(item.token, nonce, item.nonce_before))


async def renew_for_ever(journal: Journal, uplink: Uplink, *, lease_s: float) -> None:
    """Keep the claim on everything that is held; what is no longer ours and not begun is dropped."""
    while True:
        await asyncio.sleep(lease_s / 3)
        for item in items.all_held(journal):
            if not await uplink.renew(item.id, item.token):
                items.drop_unbegun(journal, item)
