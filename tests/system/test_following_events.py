"""Real processes, one of which dies again and again: whoever follows events hears each once, and misses none."""

import random
import threading
from collections.abc import Iterator
from http.client import HTTPException

import pytest

from tests.databases import Database
from tests.server.streams import Stream
from tests.server.world import ADA, CARL, Json
from tests.system.servers import Fleet, fleet

TEXTS = 120
PEOPLE = (ADA, CARL)


@pytest.fixture
def ships(database: Database) -> Iterator[Fleet]:
    with fleet(database) as ships:
        yield ships


def test_each_event_is_heard_once_whoever_is_cut_off_or_killed(ships: Fleet) -> None:
    # srv-089, srv-090, srv-011
    steady, mortal = ships.start("api"), ships.start("api")
    writing = [threading.Thread(target=_write, args=(ships, steady, person)) for person in PEOPLE]
    for thread in writing:
        thread.start()

    heard = _followed(ships, mortal, kill_at=[TEXTS // 4, TEXTS // 2])

    for thread in writing:
        thread.join()
    assert sorted(heard) == sorted(f"{person} {number}" for person in PEOPLE for number in range(TEXTS // 2))
    assert _all_pages(ships, steady) == heard


def _write(ships: Fleet, port: int, person: str) -> None:
    for number in range(TEXTS // 2):
        ships.hears(port, person, f"{person} {number}")


def _followed(ships: Fleet, port: int, kill_at: list[int]) -> list[str]:
    """Hear everything, cut off by chance; after so many events the process is killed, and another takes its place."""
    rng, heard = random.Random(89), []
    last_id = "evt_" + "0" * 26
    while len(heard) < TEXTS:
        with Stream(port, ships.key, last_id) as stream:
            for _ in range(rng.randint(1, 20)):
                if kill_at and len(heard) >= kill_at[0]:
                    del kill_at[0]
                    ships.kill(port)
                    ships.start("api", port=port)
                if len(heard) == TEXTS or not _is_heard(stream, heard):
                    break
            last_id = stream.last_id or last_id
    assert not kill_at
    return heard


def _is_heard(stream: Stream, heard: list[str]) -> bool:
    """Hear one more event; False if the stream was cut off."""
    try:
        found = stream.texts(1)
    except (OSError, HTTPException):
        return False
    heard += found
    return bool(found)


def _all_pages(ships: Fleet, port: int) -> list[str]:
    pages: list[Json] = []
    after = ""
    while not pages or pages[-1]["has_more"]:
        pages.append(ships.api(port, "GET", f"/v1/events?limit=50{after}"))
        after = f"&after={pages[-1]['next_cursor']}"
    return [event["data"]["text"] for page in pages for event in page["data"]]
