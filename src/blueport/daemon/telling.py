"""Tells the server what was seen, oldest first, one batch in flight.

The queue is in the journal: what was not acknowledged is told again, and the server keeps a fact told twice once. A
sighting that the server refuses for good must not hold up those behind it: it is set aside, kept, and said aloud. The
server may answer everything else meanwhile, a proxy before it too: so what is not heard for long is told with the
health of the lines, which else would look well.
"""

import asyncio

from blueport.daemon.health import WELL, Condition, MacHealth
from blueport.daemon.journal import sightings
from blueport.daemon.journal.file import Journal
from blueport.daemon.journal.sightings import Told
from blueport.daemon.uplink import RefusedError, Uplink
from blueport.failpoints import reached
from blueport.logs.lines import logger
from blueport.protocol.door import Sightings

BATCH = 50
UNHEARD_S = 60.0
_UNHEARD = Condition("degraded", "The server does not take what is seen here; this daemon's log says what it answers.")

_log = logger(__name__)


async def tell_for_ever(journal: Journal, uplink: Uplink, health: MacHealth) -> None:
    """Tell each sighting as soon as it is in the journal."""
    sightings.offer_again(journal)
    while True:
        batch = sightings.oldest(journal, BATCH)
        if batch:
            alarm = asyncio.get_running_loop().call_later(UNHEARD_S, health.note, "telling", _UNHEARD)
            try:
                await _tell(journal, uplink, batch)
            finally:
                alarm.cancel()
            health.note("telling", WELL)
        else:
            await journal.news.wait()
            journal.news.clear()


async def _tell(journal: Journal, uplink: Uplink, batch: list[Told]) -> None:
    """Tell *batch*; if it is refused tell its halves, down to the one that is the reason."""
    reached("daemon.telling")
    try:
        await uplink.tell(Sightings(journal.id, tuple(told.sighting for told in batch)))
    except RefusedError as error:
        if len(batch) > 1:
            middle = len(batch) // 2
            await _tell(journal, uplink, batch[:middle])
            await _tell(journal, uplink, batch[middle:])
        else:
            _log.error("sighting_set_aside", sighting=batch[0].seq, status=error.status, error_code=error.code)
            sightings.set_aside(journal, batch[0], str(error))
    else:
        reached("daemon.told")
        sightings.acknowledge(journal, batch)
        reached("daemon.acknowledged")
