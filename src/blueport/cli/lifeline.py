"""Lets a child process live no longer than the process that watches over it.

The parent holds the other end of the child's standard input. However the parent ends, SIGKILL included, it closes,
and the child ends as if it had been told to: two daemons on one journal would be worse than none.
"""

import os
import signal
import threading


def hold() -> None:
    """End this process, as by SIGTERM, once standard input closes."""
    threading.Thread(target=_wait, name="lifeline", daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
