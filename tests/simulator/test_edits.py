"""People who change their messages, or take them back: on the phones, and in chat.db."""

import base64
import plistlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import get_args

import pytest
from msgspec import structs
from starlette.testclient import TestClient

from blueport.clock import now_ms
from blueport.simulator import carrying
from blueport.simulator.app import app_of
from blueport.simulator.news import News
from blueport.simulator.settings import MacOs, Settings, phones_db_path
from blueport.typedstream import decode
from tests.simulator.scripting import ADA, BO, Json, seen
from tests.simulator.test_people import wait_until

PHOTO = {"filename": "cat.png", "mime_type": "image/png", "base64": base64.b64encode(b"a cat").decode()}
ROW = "SELECT attributedBody, date_edited > 0, date_retracted, message_summary_info FROM message"
MINUTE_MS = 60_000


@pytest.fixture(params=[release for release in get_args(MacOs) if release != "12"])
def page(settings: Settings, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    macos: MacOs = request.param
    with TestClient(app_of(structs.replace(settings, macos=macos), News())) as client:
        yield client


def _writes(page: TestClient, person: str = ADA, **content: Json) -> str:
    return str(page.post(f"/people/{person}/messages", json={"text": "One", **content}).json()["guid"])


def _bubble(page: TestClient, person: str = ADA) -> Json:
    [bubble] = page.get(f"/people/{person}/messages").json()
    return bubble


def _edits(page: TestClient, guid: str, text: str, person: str = ADA) -> int:
    return page.post(f"/people/{person}/edits", json={"guid": guid, "text": text}).status_code


def _unsends(page: TestClient, guid: str, person: str = ADA) -> int:
    return page.post(f"/people/{person}/unsends", json={"guid": guid}).status_code


def test_an_edit_keeps_every_version_and_the_files(page: TestClient, settings: Settings) -> None:
    guid = _writes(page, attachment=PHOTO)

    assert [_edits(page, guid, text) for text in ("Two", "Three")] == [201, 201]

    [(body, is_dated, retracted, summary)] = seen(settings.folder, ROW)
    versions = [decode(version["t"]).text for version in plistlib.loads(summary)["ec"]["1"]]
    assert (decode(body).text, versions) == ("\ufffcThree", ["\ufffcOne", "\ufffcTwo", "\ufffcThree"])
    assert (decode(body).attachment_guids, is_dated, retracted) == ((f"at_0_{guid}",), 1, 0)
    bubble = _bubble(page)
    assert (bubble["text"], bubble["edits"], len(bubble["attachments"])) == ("Three", 2, 1)


def test_what_is_unsent_leaves_no_body_and_a_note(page: TestClient, settings: Settings) -> None:
    guid = _writes(page, attachment=PHOTO)

    assert _unsends(page, guid) == 201

    [(body, is_dated, retracted, summary)] = seen(settings.folder, ROW)
    assert (body, is_dated, retracted, plistlib.loads(summary)["rp"]) == (None, 1, 0, [0, 1])
    bubble = _bubble(page)
    assert (bubble["text"], bubble["attachments"], bubble["unsent_at"] > 0) == (None, [], True)
    assert page.get("/people").json()[0]["last_text"] == "Unsent"


def test_of_a_voice_memo_that_was_taken_back_no_words_are_written_down(page: TestClient, settings: Settings) -> None:
    memo = {"text": "", "attachment": PHOTO, "is_audio": True, "transcription": "Hello", "transcription_after_ms": 2000}
    guid = _writes(page, **memo)
    _unsends(page, guid)

    wait_until(lambda: under_way(settings) == [])

    assert seen(settings.folder, "SELECT attributedBody, user_info FROM message, attachment") == [(None, None)]
    assert _bubble(page)["attachments"] == []


def under_way(settings: Settings) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(phones_db_path(settings.folder))) as phones:
        return phones.execute("SELECT guid FROM mail").fetchall()


def test_all_of_a_group_see_it(page: TestClient) -> None:
    group = page.post("/groups", json={"members": [ADA, BO]}).json()["id"]
    guid = _writes(page, to=group)

    _edits(page, guid, "Two")
    assert _bubble(page, BO)["text"] == "Two"
    _unsends(page, guid)
    assert _bubble(page, BO)["unsent_at"] == _bubble(page)["unsent_at"]


def test_what_nobody_may_is_refused_and_changes_nothing(
    page: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    guid, photo = _writes(page), _writes(page, BO, text="", attachment=PHOTO)
    refused = [
        (_edits(page, "none", "x"), 404),
        (_unsends(page, "none"), 404),
        (_edits(page, guid, "x", BO), 404),
        (_edits(page, guid, ""), 400),
        (_edits(page, photo, "x", BO), 400),
    ]
    assert [status for status, _ in refused] == [expected for _, expected in refused]
    assert [_edits(page, guid, text) for text in "abcdef"] == [201] * 5 + [400]

    assert _unsends(page, photo, BO) == 201
    assert [_unsends(page, photo, BO), _edits(page, photo, "x", BO)] == [400, 400]

    monkeypatch.setattr(carrying, "now_ms", lambda: now_ms() + 3 * MINUTE_MS)
    assert _unsends(page, guid) == 400
    late = _writes(page, BO)
    monkeypatch.setattr(carrying, "now_ms", lambda: now_ms() + 20 * MINUTE_MS)
    assert _edits(page, late, "x", BO) == 400

    texts = [body and decode(body).text for (body, *_) in seen(settings.folder, f"{ROW} ORDER BY ROWID")]
    assert texts == ["e", None, "One"]


def test_a_release_that_knows_no_edits_gets_a_sentence_and_of_an_unsend_nothing(settings: Settings) -> None:  # edit-06
    with TestClient(app_of(structs.replace(settings, macos="12"), News())) as page:
        guid = _writes(page)

        assert (_edits(page, guid, "Two"), _unsends(page, guid)) == (201, 201)

        assert seen(settings.folder, "SELECT text FROM message ORDER BY ROWID") == [("One",), ("Edited to “Two”",)]
        chats = "SELECT count(DISTINCT chat_id), count(*) FROM chat_message_join"
        assert seen(settings.folder, chats) == [(1, 2)]
