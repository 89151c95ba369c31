"""What is examined."""

from typing import NamedTuple

from blueport.daemon.installing.places import Places
from blueport.daemon.programs import Programs
from blueport.daemon.settings import Settings


class Subject(NamedTuple):
    """A Mac, the Python that the daemon runs by, and its settings; without those `missing` it has no server."""

    programs: Programs
    places: Places
    interpreter: str
    settings: Settings
    missing: tuple[str, ...] = ()
