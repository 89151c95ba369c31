"""All kinds of rows in one chat.db: what the daemon says of each is what was written.

`python -m tests.daemon.test_a_mixed_library 1000000` does it with a million messages, and says how long it took.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest

from blueport.daemon.settings import Settings
from blueport.protocol.sightings import MessageSeen, ReactionSeen
from blueport.simulator.settings import MacOs, chat_db_path
from tests.daemon.fake_door import TOKEN, FakeDoor
from tests.daemon.mixed_library import LINE, Library, Told
from tests.daemon.waiting import working

MESSAGES = 3_000
_WITHIN_S = 60.0


def as_told(seen: MessageSeen | ReactionSeen) -> Told:
    place = (seen.guid, seen.chat.identifier, seen.chat.is_group, seen.sender, seen.is_from_me, seen.sent_at)
    if isinstance(seen, ReactionSeen):
        return Told(*place, of=(seen.target_guid, seen.part, seen.tapback, seen.emoji, seen.is_added))
    words = [file.transcription for file in seen.attachments if file.transcription]
    return Told(
        *place,
        text=seen.text,
        service=seen.service,
        files=tuple(file.filename or "" for file in seen.attachments),
        transcription=words[0] if words else None,
        is_audio=seen.is_audio,
        reply_to_guid=seen.reply_to_guid,
    )


def taken_from(door: FakeDoor) -> Iterator[Told]:
    """Yield what the door has heard, which forgets it."""
    heard = [*door.messages, *door.reactions]
    door.messages.clear()
    door.reactions.clear()
    yield from map(as_told, heard)


async def wrongly_told(folder: Path, messages: int, macos: MacOs = "26", within_s: float = _WITHIN_S) -> list[str]:
    """Have a daemon read a library that came while it was away, and return what it said that is not so, or did not."""
    path = chat_db_path(folder / "mac")
    library = Library(path, macos=macos)
    door = FakeDoor()
    wrong: list[str] = []
    async with door.open():
        settings = Settings(
            server_url=door.url, token=TOKEN, lines=(LINE,), chat_db=path, journal=folder / "daemon.db", settle_s=0.5
        )
        async with working(settings, door):
            pass  # it stands at the beginning
        expected = {told.guid: hash(told) for told in library.fill(messages)}
        async with working(settings, door):
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    while expected:
                        await asyncio.sleep(0.2)
                        wrong += [str(told) for told in taken_from(door) if expected.pop(told.guid, None) != hash(told)]
            # What is not to be told comes, if it does, with the last of what is.
            await asyncio.sleep(1)
            wrong += [str(told) for told in taken_from(door)]
    return wrong + [f"never told: {guid}" for guid in expected]


@pytest.mark.parametrize("macos", get_args(MacOs))
async def test_what_the_daemon_says_of_each_row_is_what_was_written(tmp_path: Path, macos: MacOs) -> None:
    assert await wrongly_told(tmp_path, MESSAGES, macos) == []


def main(messages: int) -> None:
    with tempfile.TemporaryDirectory(prefix="blueport-library-") as folder:
        began = time.monotonic()
        wrong = asyncio.run(wrongly_told(Path(folder), messages, within_s=3_600))
        said = f"{messages} messages in {time.monotonic() - began:.0f} s: {len(wrong)} wrongly told"
    sys.stdout.write("\n".join([said, *wrong[:20], ""]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(int(sys.argv[1]))
