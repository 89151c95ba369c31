"""Whether Messages runs, and listens: a script that it does not answer waits until somebody ends it."""

import asyncio
from collections.abc import Coroutine

from blueport.simulator.apple_events import AppleEventError
from blueport.simulator.faults import Faults
from blueport.simulator.stand_in import CONNECTION_LOST, NOT_ALLOWED, NOT_RUNNING

_LOOK_S = 0.05


class Application:
    """The program, which runs from the start."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._has_ended = asyncio.Event()
        self.is_running = True
        self.is_stuck = False
        self.launches = 0

    def launch(self) -> None:
        """Start it, unless it runs."""
        if not self.is_running:
            self.is_running = True
            self.launches += 1
            self._has_ended = asyncio.Event()

    def end(self) -> None:
        """End it: what it was being asked breaks off."""
        self.is_running = self.is_stuck = False
        self._has_ended.set()

    async def answer(self, work: Coroutine[None, None, str], *, is_script: bool) -> str:
        """Do *work* for somebody, as soon as it listens; scripts need permission.

        Raises:
            AppleEventError: It does not run, ends meanwhile, or the script may not ask; or as *work*.
        """
        if not self.is_running:
            work.close()
            raise AppleEventError(NOT_RUNNING, "Messages got an error: Application isn\u2019t running.")
        answering = asyncio.ensure_future(self._once_it_listens(work, is_script=is_script))
        ending = asyncio.ensure_future(self._has_ended.wait())
        try:
            await asyncio.wait({answering, ending}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                return answering.result()
        finally:
            answering.cancel()
            ending.cancel()
        raise AppleEventError(CONNECTION_LOST, "Messages got an error: Connection is invalid.")

    async def _once_it_listens(self, work: Coroutine[None, None, str], *, is_script: bool) -> str:
        try:
            if is_script:
                await self._require_permission()
            if self.is_stuck:
                await asyncio.Event().wait()
        except BaseException:
            work.close()
            raise
        return await work

    async def _require_permission(self) -> None:
        while self._faults.permission == "asks_permission":  # noqa: ASYNC110 - the person who answers is a fault's end
            await asyncio.sleep(_LOOK_S)
        if self._faults.permission == "denies_permission":
            raise AppleEventError(NOT_ALLOWED, "Not authorized to send Apple events to Messages.")
