"""Deaths while something goes on, and the patience of a client that lives through them."""

import contextlib
import http.client
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from tests.system.blueport import Blueport, Json, until

END_WITHIN_S = 90


def strike(blueport: Blueport, failpoints: Path, blows: Sequence[str], rng: random.Random, pause_s: float) -> None:
    """Deal all *blows* in any order, up to *pause_s* apart: each is a named point, or the verb of a process."""
    for blow in rng.sample(blows, len(blows)):
        time.sleep(rng.uniform(0.1, pause_s))
        if "." in blow:
            (failpoints / blow).touch()
        else:
            with contextlib.suppress(ProcessLookupError):  # a named point was faster
                os.kill(blueport.child(blow), signal.SIGKILL)


def ended(blueport: Blueport, outbox_id: str) -> Json:
    """Wait until an outbox item has ended, and return it."""

    def item() -> Json:
        with contextlib.suppress(OSError, http.client.HTTPException):  # the server is being killed
            found = blueport.api("GET", f"/v1/outbox?id={outbox_id}")
            return found if found["status"] in ("sent", "failed") else None

    return until(item, END_WITHIN_S)
