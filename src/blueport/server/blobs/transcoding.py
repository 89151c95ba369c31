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

from blueport.server.blobs import audio
from blueport.server.errors import ApiError

MEMORY_BYTES = 1024 * 1024 * 1024
# More than it takes itself before it gives up.
PATIENCE_S = audio.TIME_LIMIT_S + 30
# A server that is being asked something comes first.
NICENESS = 10

_REFUSED = 3
_FAILED = 1


def transcode(source: Path, target: Path) -> None:
    """Write what *source* holds as a voice message to *target*.

    Raises:
        ApiError: `audio_not_readable`.
        OSError: It could not be tried, or not be written.
    """
    command = [sys.executable, "-P", "-m", __name__, str(source.absolute()), str(target.absolute())]
    try:
        ended = subprocess.run(  # noqa: S603 - our own program, on paths of our own
            command, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise audio.not_readable("This sound takes too long to be read.") from None
    if ended.returncode == _FAILED:
        raise OSError(ended.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    if ended.returncode != 0:
        words = ended.stdout.decode() if ended.returncode == _REFUSED else audio.NO_SOUND
        raise audio.not_readable(words)


def main(source: str, target: str) -> int:
    """Do it, within bounds; return the exit status."""
    _bound()
    try:
        audio.transcode(Path(source), Path(target))
    except ApiError as error:
        return _refused(error.message)
    except MemoryError:
        return _refused(audio.NO_SOUND)
    return 0


def _refused(words: str) -> int:
    sys.stdout.write(words)
    return _REFUSED


def _bound() -> None:
    os.nice(NICENESS)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PATIENCE_S),
        (resource.RLIMIT_CORE, 0),
    ):
        # macOS knows not all of them; there the process at least is not the server.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
