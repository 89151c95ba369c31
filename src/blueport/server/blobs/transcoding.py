"""Has sounds made into voice messages by a process of their own.

They come from strangers, and a few hundred bytes can have FFmpeg take gigabytes. So it works where it may take only so
much, knows none of our secrets, and takes nobody with it when it dies.
"""

import contextlib
import os
import resource
import subprocess
import sys
from pathlib import Path

from blueport.server.errors import ApiError

# The server itself loads nothing of FFmpeg's.
PROGRAM = "blueport.server.blobs.audio"
MEMORY_BYTES = 1024 * 1024 * 1024
TIME_LIMIT_S = 60
# More than it takes itself before it gives up.
PATIENCE_S = TIME_LIMIT_S + 30
# A server that is being asked something comes first.
NICENESS = 10

NO_SOUND = "This is no sound that can be read."
REFUSED = 3
_FAILED = 1


def transcode(source: Path, target: Path) -> None:
    """Write what *source* holds as a voice message to *target*.

    Raises:
        ApiError: `audio_not_readable`.
        OSError: It could not be tried, or not be written.
    """
    command = [sys.executable, "-P", "-m", PROGRAM, str(source.absolute()), str(target.absolute())]
    try:
        ended = subprocess.run(  # noqa: S603 - our own program, on paths of our own
            command, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise not_readable("This sound takes too long to be read.") from None
    if ended.returncode == _FAILED:
        raise OSError(ended.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    if ended.returncode != 0:
        words = ended.stdout.decode() if ended.returncode == REFUSED else NO_SOUND
        raise not_readable(words)


def not_readable(message: str) -> ApiError:
    """Return the refusal of a sound."""
    return ApiError("audio_not_readable", message)


def bound() -> None:
    """Have this process take no more than that from here on."""
    os.nice(NICENESS)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PATIENCE_S),
        (resource.RLIMIT_CORE, 0),
    ):
        # macOS knows not all of them; there the process at least is not the server.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))
