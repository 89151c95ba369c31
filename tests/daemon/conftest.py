from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from blueport.daemon.journal.file import Journal, opened_journal
from blueport.daemon.settings import Settings
from blueport.simulator.chatdb import ChatDb
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings as MacSettings
from blueport.simulator.settings import chat_db_path, osascript_path
from tests.daemon.fake_door import TOKEN, FakeDoor
from tests.daemon.waiting import LINE


@pytest.fixture
async def door() -> AsyncIterator[FakeDoor]:
    door = FakeDoor()
    async with door.open():
        yield door


@pytest.fixture
async def mac(tmp_path: Path) -> AsyncIterator[SimulatedMac]:
    async with running(MacSettings(folder=tmp_path / "mac", lines=(LINE,))) as mac:
        yield mac


@pytest.fixture
def chat_db(tmp_path: Path) -> Iterator[ChatDb]:
    """A chat.db with nobody behind it: rows are written by the test."""
    db = ChatDb(chat_db_path(tmp_path / "mac"), line=LINE)
    yield db
    db.close()


@pytest.fixture
def settings(tmp_path: Path, door: FakeDoor) -> Settings:
    """Settings of a daemon that is as patient as ever with the server, and less so with Messages."""
    return Settings(
        server_url=door.url,
        token=TOKEN,
        lines=(LINE,),
        chat_db=chat_db_path(tmp_path / "mac"),
        journal=tmp_path / "daemon.db",
        osascript=str(osascript_path(tmp_path / "mac")),
        pace_ms=0,
        before_file_ms=0,
        send_timeout_s=4,
        hang_patience_s=1,
        not_now_retry_s=0.1,
        proof_timeout_s=30,
        ghost_s=0.5,
        settle_s=0.5,
        flip_s=0.5,
        sweep_s=0.1,
        claim_wait_s=1,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with opened_journal(tmp_path / "daemon.db") as journal:
        yield journal
