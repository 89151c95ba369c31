"""Does signals: typing and reading, which leave no row, go past every message, and are worth little when late.

They have their own claims, and their own way into Messages, so that one that hangs holds up nothing but signals.
"""

import asyncio

from blueport.daemon.performing.choosing import Chosen
from blueport.daemon.settings import Settings
from blueport.daemon.transports.base import ADVANCED_FEATURES_REQUIRED, OutcomeUnknownError, TransportError
from blueport.daemon.uplink import Uplink
from blueport.failpoints import reached
from blueport.protocol.door import ClaimedSignal, ClaimSignals, Failed

# What may be tried again is offered again at once.
_FAILED_PAUSE_S = 1.0


async def signal_for_ever(uplink: Uplink, transport: Chosen, settings: Settings) -> None:
    """Do what is asked, one after the other, and say how it went."""
    while True:
        for claimed in await uplink.claim_signals(ClaimSignals(wait_s=settings.claim_wait_s)):
            failed = await _done(transport, claimed)
            reached("daemon.signalled")
            if failed is None:
                await uplink.signal_done(claimed.id, claimed.token)
                continue
            await uplink.signal_failed(claimed.id, failed)
            if not failed.permanent:
                await asyncio.sleep(_FAILED_PAUSE_S)


async def _done(transport: Chosen, claimed: ClaimedSignal) -> Failed | None:
    """Do a signal; None if that went well."""
    try:
        await transport.signal(claimed.signal)
    except TransportError as error:
        # The bridge may come back, but hardly while anybody still wants to see who types.
        is_bridge_gone = str(error) == ADVANCED_FEATURES_REQUIRED
        return Failed(claimed.token, str(error), permanent=error.permanent or is_bridge_gone)
    except OutcomeUnknownError:
        return Failed(claimed.token, "outcome_unknown", permanent=True)
    return None
