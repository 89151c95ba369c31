"""Where a reader of events goes on another time: the last one that was taken, kept for each kind of reader."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from blueport.cli.api import credentials
from blueport.cli.api.errors import AlreadyListeningError, DamagedPlaceError
from blueport.lock_files import LockedError, locked
from blueport.whole_files import OWNER_ONLY, write_whole


class Place(msgspec.Struct, frozen=True):
    """Behind which event a reader is, and who it is, for people who look into the file."""

    after: str
    reader: dict[str, str | None]


class Bookmark:
    """Keeps the place of one reader in a file of its own."""

    def __init__(self, *, api_url: str, line: str | None, events: Sequence[str] | None, forward_to: str | None) -> None:
        """Whoever asks for the same, from the same server and to the same end, is the same reader."""
        words = None if events is None else ",".join(sorted(events))
        self._reader = {"api_url": api_url, "from": line, "events": words, "forward_to": forward_to}
        name = hashlib.sha256(json.dumps(self._reader).encode()).hexdigest()[:16]
        self.path: Path = credentials.place().parent / "listening" / f"{name}.json"
        self._kept: str | None = None
        self._held = ExitStack()

    def __enter__(self) -> Self:
        """Be the only one: two would take turns in keeping their places.

        Raises:
            AlreadyListeningError: There is one.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._held.enter_context(locked(self.path.with_suffix(".lock")))
        except LockedError:
            raise AlreadyListeningError("a `listen --resume` with the same options is running already") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def read(self) -> str | None:
        """Return the event (`evt_...`) behind which to go on; None if there is nothing to go on from."""
        try:
            self._kept = msgspec.json.decode(self.path.read_bytes(), type=Place).after
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            raise DamagedPlaceError(f"{self.path} is damaged: remove it, and say with --after where to go on") from None
        return self._kept

    def keep(self, event_id: str) -> None:
        """Go on behind *event_id* another time."""
        if event_id != self._kept:
            write_whole(self.path, msgspec.json.encode(Place(event_id, self._reader)), mode=OWNER_ONLY)
            self._kept = event_id
