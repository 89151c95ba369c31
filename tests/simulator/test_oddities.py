"""What a person, or a test of everything, asks of the simulated Mac by HTTP beyond what people do on their phones."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from blueport.simulator.app import app_of
from blueport.simulator.mac import running
from blueport.simulator.news import News
from blueport.simulator.oddities import URL_BALLOON
from blueport.simulator.settings import Settings, chat_db_path
from blueport.typedstream import decode
from tests.simulator.scripting import ADA, LINE, seen, until

TEXTS = "SELECT attributedBody, is_from_me, (SELECT id FROM handle WHERE handle.ROWID = handle_id) FROM message"
LINK = "Look: https://example.com/cats and laugh"


@pytest.fixture
def page(settings: Settings) -> Iterator[TestClient]:
    with TestClient(app_of(settings, News())) as client:
        yield client


def texts(settings: Settings, query: str = f"{TEXTS} ORDER BY date") -> list[tuple[object, ...]]:
    return [(decode(body).text, *rest) for body, *rest in seen(settings.folder, query) if isinstance(body, bytes)]


def test_the_newest_of_a_phone_are_shown(page: TestClient) -> None:
    for text in ("One", "Two", "Three"):
        page.post(f"/people/{ADA}/messages", json={"text": text})

    shown = page.get(f"/people/{ADA}/messages?newest=2").json()

    assert [bubble["text"] for bubble in shown] == ["Two", "Three"]
    assert page.get(f"/people/{ADA}/messages?newest=few").status_code == 400


async def test_the_bubble_of_a_link_is_a_row_of_its_own_and_no_second_bubble_on_the_phone(settings: Settings) -> None:
    async with running(settings) as mac:
        await mac.person_texts(ADA, LINK, preview_after_ms=20)
        await until(lambda: len(seen(settings.folder, "SELECT 1 FROM chat_message_join")) == 2)

        assert [bubble.text for bubble in mac.phones.screen(ADA)] == [LINK]
    rows = texts(settings, "SELECT attributedBody, balloon_bundle_id FROM message ORDER BY ROWID")
    assert rows == [(LINK, None), ("https://example.com/cats", URL_BALLOON)]


def test_a_text_without_a_link_has_no_bubble(page: TestClient) -> None:
    answer = page.post(f"/people/{ADA}/messages", json={"text": "Hi", "preview_after_ms": 0})

    assert answer.status_code == 400


async def test_a_file_that_is_rebuilt_has_all_that_was_under_way(settings: Settings) -> None:
    async with running(settings) as mac:
        await mac.person_texts(ADA, "One")
        before = chat_db_path(settings.folder).stat().st_ino
        writing = [asyncio.create_task(mac.person_texts(ADA, text)) for text in ("Two", "Three")]
        await until(lambda: len(seen(settings.folder, "SELECT 1 FROM message")) == 3)

        await mac.rebuild()

        await asyncio.gather(*writing)
        await until(lambda: len(seen(settings.folder, "SELECT 1 FROM chat_message_join")) == 3)
        await until(lambda: all(bubble.delivered for bubble in mac.phones.screen(ADA)))
        assert chat_db_path(settings.folder).stat().st_ino != before
    assert {text for text, *_ in texts(settings)} == {"One", "Two", "Three"}


def test_an_echo_comes_from_an_own_address(page: TestClient, settings: Settings) -> None:
    assert page.post("/oddities", json={"oddity": "echo", "person": ADA, "text": "Hi"}).status_code == 201

    assert texts(settings) == [("Hi", 0, LINE)]
    assert seen(settings.folder, "SELECT chat_identifier FROM chat") == [(ADA,)]


def test_a_word_to_oneself_is_two_rows(page: TestClient, settings: Settings) -> None:
    page.post("/oddities", json={"oddity": "to_self", "text": "Milk"})

    assert texts(settings, f"{TEXTS} ORDER BY ROWID") == [("Milk", 1, None), ("Milk", 0, LINE)]
    assert page.get(f"/people/{ADA}/messages").json() == []


def test_a_file_may_be_rebuilt_by_request(page: TestClient, settings: Settings) -> None:
    page.post(f"/people/{ADA}/messages", json={"text": "One"})

    assert page.post("/oddities", json={"oddity": "rebuilt"}).status_code == 201

    assert [text for text, *_ in texts(settings)] == ["One"]
    assert page.post("/oddities", json={"oddity": "haunted"}).status_code == 400
