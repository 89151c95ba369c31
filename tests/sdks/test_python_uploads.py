"""Files go out as they are read, from wherever they come, and as often as it takes."""

import io
import os
import tracemalloc
from pathlib import Path
from typing import IO, Any

import pytest

from tests.sdks.calling import KEY, KINDS, Call, Kind, Outcome, called
from tests.sdks.player import Json, Player

UPLOADED: Json = {"example": "POST /v1/files"}
BUSY: Json = {"status": 503, "text": ""}

each_client = pytest.mark.parametrize("kind", KINDS)


def uploaded(kind: Kind, player: Player, file: Any, **more: Any) -> Outcome:
    return called(kind, Call("upload_file", {"source": file, **more}), api_key=KEY, base_url=player.url)


@each_client
def test_a_big_file_is_never_in_memory_as_a_whole(kind: Kind, player: Player, tmp_path: Path) -> None:
    path = tmp_path / "film.mov"
    path.touch()
    os.truncate(path, 32 * 1024 * 1024)
    player.plays(UPLOADED)

    tracemalloc.start()
    outcome = uploaded(kind, player, path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert outcome.error is None
    assert player.heard[0].size == 32 * 1024 * 1024
    assert player.heard[0].headers["x-filename"] == "film.mov"
    assert peak < 16 * 1024 * 1024


@each_client
def test_progress_is_told_up_to_the_end(kind: Kind, player: Player, tmp_path: Path) -> None:
    path = tmp_path / "film.mov"
    path.write_bytes(b"x" * 1_000_000)
    told: list[tuple[int, int]] = []
    player.plays(UPLOADED)

    uploaded(kind, player, str(path), on_progress=lambda gone, size: told.append((gone, size)))

    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == (1_000_000, 1_000_000)


@each_client
def test_an_open_file_is_sent_from_where_it_is_with_each_try_and_stays_open(
    kind: Kind, player: Player, tmp_path: Path
) -> None:
    path = tmp_path / "numbers.txt"
    path.write_bytes(b"0123456789")
    player.plays(BUSY, UPLOADED)

    with path.open("rb") as file:
        file.seek(4)
        outcome = uploaded(kind, player, file)
        assert not file.closed

    assert outcome.error is None
    assert [heard.raw for heard in player.heard] == [b"456789", b"456789"]


@each_client
def test_what_can_be_read_only_once_is_sent_with_each_try(kind: Kind, player: Player) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe")
    os.close(writing)
    player.plays(BUSY, UPLOADED)

    with os.fdopen(reading, "rb") as pipe:
        outcome = uploaded(kind, player, pipe)

    assert outcome.error is None
    assert [heard.raw for heard in player.heard] == [b"from a pipe", b"from a pipe"]


@each_client
@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_come_in_any_form(kind: Kind, form: Any, player: Player) -> None:
    player.plays(UPLOADED)

    outcome = uploaded(kind, player, form(b"GIF89a"))

    assert outcome.error is None
    assert player.heard[0].raw == b"GIF89a"


@each_client
def test_a_path_that_leads_nowhere_is_told_before_any_request(kind: Kind, player: Player, tmp_path: Path) -> None:
    player.plays()

    assert isinstance(uploaded(kind, player, tmp_path / "nothing").error, FileNotFoundError)
    assert isinstance(uploaded(kind, player, tmp_path).error, IsADirectoryError)
    assert player.heard == []


@each_client
def test_a_file_that_is_open_as_text_is_refused(kind: Kind, player: Player) -> None:
    file: IO[str] = io.StringIO("text")

    outcome = uploaded(kind, player, file)

    assert isinstance(outcome.error, TypeError)
    assert "'rb'" in str(outcome.error)


@each_client
def test_a_file_that_grows_meanwhile_is_sent_as_it_was(kind: Kind, player: Player, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 300_000)
    player.plays(UPLOADED)

    uploaded(kind, player, path, on_progress=lambda _, __: path.write_bytes(b"x" * 400_000))

    assert [heard.size for heard in player.heard] == [300_000]


@each_client
def test_a_file_that_shrinks_meanwhile_is_the_callers_error(kind: Kind, player: Player, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 600_000)
    player.plays(UPLOADED)

    outcome = uploaded(kind, player, path, on_progress=lambda _, __: os.truncate(path, 0))

    assert isinstance(outcome.error, OSError)
    assert "shorter" in str(outcome.error)


@each_client
def test_what_is_no_file_is_refused(kind: Kind, player: Player) -> None:
    player.plays(UPLOADED)

    outcome = uploaded(kind, player, 5)

    assert isinstance(outcome.error, TypeError)
    assert player.heard == []


@each_client
def test_a_file_that_goes_away_meanwhile_is_the_callers_error(kind: Kind, player: Player, tmp_path: Path) -> None:
    path = tmp_path / "short-lived"
    path.write_bytes(b"x")
    player.plays(BUSY, UPLOADED)

    outcome = uploaded(kind, player, path, on_progress=lambda _, __: path.unlink())

    assert isinstance(outcome.error, FileNotFoundError)
