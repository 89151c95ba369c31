import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from blueport.simulator.app import app_of
from blueport.simulator.news import News
from blueport.simulator.settings import Settings, phones_db_path
from blueport.typedstream import decode
from tests.simulator.scripting import ADA, BO, LINE, SECOND_LINE, seen

BODIES = (
    "SELECT attributedBody, destination_caller_id, chat.guid FROM message"
    " JOIN chat_message_join ON message_id = message.ROWID JOIN chat ON chat.ROWID = chat_id ORDER BY message.ROWID"
)


@pytest.fixture
def page(settings: Settings) -> Iterator[TestClient]:
    with TestClient(app_of(settings, News())) as client:
        yield client


class TestText:
    def test_a_text_lies_in_chat_db_when_it_is_answered(self, page: TestClient, settings: Settings) -> None:
        answer = page.post(f"/people/{ADA}/messages", json={"text": "Hi \u202b\u05e9\u202c"})

        [(body, line, chat)] = seen(settings.folder, BODIES)
        assert answer.status_code == 201
        assert seen(settings.folder, "SELECT guid FROM message") == [(answer.json()["guid"],)]
        assert isinstance(body, bytes)
        assert decode(body).text == "Hi \u202b\u05e9\u202c"
        assert (line, chat) == (LINE, f"any;-;{ADA}")

    def test_the_author_sees_it_delivered(self, page: TestClient) -> None:
        guid = page.post(f"/people/{ADA}/messages", json={"text": "Hi"}).json()["guid"]

        [bubble] = page.get(f"/people/{ADA}/messages").json()
        assert bubble.pop("at") > 1_600_000_000_000
        assert bubble == {
            "guid": guid,
            "chat": LINE,
            "sender": ADA,
            "from_me": True,
            "text": "Hi",
            "attachments": [],
            "reply_to_guid": None,
            "delivered": True,
            "reactions": [],
            "is_audio": False,
            "read_at": None,
        }

    def test_a_file_needs_no_text(self, page: TestClient, settings: Settings) -> None:
        photo = {"filename": "cat.png", "mime_type": "image/png", "base64": base64.b64encode(b"a cat").decode()}

        guid = page.post(f"/people/{ADA}/messages", json={"attachment": photo}).json()["guid"]

        [bubble] = page.get(f"/people/{ADA}/messages").json()
        [(path,)] = seen(settings.folder, "SELECT filename FROM attachment")
        file = {"filename": "cat.png", "mime_type": "image/png", "size": 5}
        assert bubble["attachments"] == [{**file, "guid": f"at_0_{guid}", "transcription": None}]
        assert bubble["text"] is None
        assert (settings.folder / str(path).removeprefix("~/")).read_bytes() == b"a cat"

    def test_a_reply_names_what_it_answers(self, page: TestClient, settings: Settings) -> None:
        first = page.post(f"/people/{ADA}/messages", json={"text": "Hi"}).json()["guid"]

        page.post(f"/people/{ADA}/messages", json={"text": "well?", "reply_to_guid": first})

        assert seen(settings.folder, "SELECT thread_originator_guid FROM message") == [(None,), (first,)]
        assert page.get(f"/people/{ADA}/messages").json()[1]["reply_to_guid"] == first

    def test_another_line_may_be_written_to(self, page: TestClient, settings: Settings) -> None:
        page.post(f"/people/{ADA}/messages", json={"text": "Hi", "to": SECOND_LINE})

        assert seen(settings.folder, BODIES)[0][1] == SECOND_LINE

    @pytest.mark.parametrize(
        "written", ["%2B15550100001", "(555) 010-0001", "%20+15550100001", "%2015550100001", "tel:+15550100001"]
    )
    def test_a_number_may_be_written_in_any_way(self, page: TestClient, written: str) -> None:
        page.post(f"/people/{written}/messages", json={"text": "Hi"})

        assert len(page.get(f"/people/{ADA}/messages").json()) == 1

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"{}", 400),
            (b"[]", 400),
            (b"not json", 400),
            (b'{"text": 5}', 400),
            (b'{"text": ""}', 400),
            (b'{"text": "\\ud83d"}', 400),
            (b'{"attachment": {"filename": "a", "base64": "?"}}', 400),
            (b'{"attachment": {"filename": "..", "base64": ""}}', 400),
            (b'{"attachment": {"filename": "", "base64": ""}}', 400),
            (b'{"text": "Hi", "to": "+15550109999"}', 404),
            (b'{"text": "Hi", "to": "chat1"}', 404),
        ],
    )
    def test_what_makes_no_message_is_refused(
        self, page: TestClient, settings: Settings, body: bytes, status: int
    ) -> None:
        answer = page.post(f"/people/{ADA}/messages", content=body)

        assert answer.status_code == status
        assert answer.json()["error"]["message"]
        assert seen(settings.folder, "SELECT 1 FROM message") == []
        assert page.get(f"/people/{ADA}/messages").json() == []

    def test_a_hostile_file_name_stays_in_its_folder(self, page: TestClient, tmp_path: Path) -> None:
        file = {"filename": "../../../../../../escaped.txt", "base64": "AA=="}

        answer = page.post(f"/people/{ADA}/messages", json={"attachment": file})

        assert answer.status_code == 201
        assert [path for path in tmp_path.rglob("*escaped.txt") if "Attachments" not in path.parts] == []


class TestPeople:
    def test_a_newcomer_finds_ada(self, page: TestClient) -> None:
        assert page.get("/people").json() == [{"handle": ADA, "name": "Ada", "last_text": None, "at": None}]

    def test_a_person_may_be_added(self, page: TestClient) -> None:
        answer = page.post("/people", json={"handle": "BO@example.com", "name": "Bo"})

        assert (answer.status_code, answer.json()) == (201, {"handle": BO, "name": "Bo"})
        assert [person["handle"] for person in page.get("/people").json()] == [ADA, BO]

    def test_whoever_has_news_comes_first(self, page: TestClient) -> None:
        page.post(f"/people/{BO}/messages", json={"text": "Me first"})

        assert [(person["handle"], person["last_text"]) for person in page.get("/people").json()] == [
            (BO, "Me first"),
            (ADA, None),
        ]

    def test_a_stranger_has_an_empty_phone(self, page: TestClient) -> None:
        assert page.get("/people/+15550109999/messages").json() == []

    def test_a_person_needs_a_handle(self, page: TestClient) -> None:
        assert page.post("/people", json={"handle": " "}).status_code == 400

    def test_phones_are_kept_over_a_restart(self, page: TestClient, settings: Settings) -> None:
        page.post(f"/people/{BO}/messages", json={"text": "Hi"})

        with TestClient(app_of(settings, News())) as restarted:
            assert [bubble["text"] for bubble in restarted.get(f"/people/{BO}/messages").json()] == ["Hi"]
        assert phones_db_path(settings.folder).exists()


class TestGroups:
    def test_all_members_see_what_one_writes(self, page: TestClient, settings: Settings) -> None:
        group = page.post("/groups", json={"name": "Tea", "members": [ADA, BO]}).json()["id"]

        page.post(f"/people/{ADA}/messages", json={"text": "Five?", "to": group})

        [adas], [bos] = (page.get(f"/people/{person}/messages").json() for person in (ADA, BO))
        assert (adas["from_me"], adas["chat"]) == (True, group)
        assert (bos["from_me"], bos["sender"], bos["chat"]) == (False, ADA, group)
        assert seen(settings.folder, BODIES)[0][2] == f"any;+;{group}"

    def test_a_group_is_in_chat_db_with_its_name_and_members(self, page: TestClient, settings: Settings) -> None:
        group = page.post("/groups", json={"name": "Tea", "members": [ADA, BO, ADA]}).json()["id"]

        assert seen(settings.folder, "SELECT display_name, style, chat_identifier FROM chat") == [("Tea", 43, group)]
        assert seen(settings.folder, "SELECT id FROM handle ORDER BY id") == [(ADA,), (BO,)]
        assert page.get("/groups").json() == [{"id": group, "name": "Tea", "members": [ADA, BO], "line": LINE}]

    def test_only_members_write_into_a_group(self, page: TestClient) -> None:
        group = page.post("/groups", json={"members": [ADA]}).json()["id"]

        assert page.post(f"/people/{BO}/messages", json={"text": "Hi", "to": group}).status_code == 404

    def test_a_group_needs_members(self, page: TestClient) -> None:
        assert page.post("/groups", json={"members": []}).status_code == 400


class TestFaultRoutes:
    def test_faults_are_listed_one_a_send_and_cleared(self, page: TestClient) -> None:
        added = page.post("/faults", json={"next": "error", "number": -1743, "times": 2})

        assert added.status_code == 201
        assert [(fault["next"], fault["number"]) for fault in page.get("/faults").json()] == [("error", -1743)] * 2
        assert page.delete("/faults").json() == page.get("/faults").json() == []

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"next": "bang"},
            {"next": "hang", "times": 0},
            {"next": "hang", "often": 3},
            {"next": "error", "number": "1"},
        ],
    )
    def test_what_is_no_fault_is_refused(self, page: TestClient, body: dict[str, object]) -> None:
        answer = page.post("/faults", json=body)

        assert answer.status_code == 400
        assert answer.json()["error"]["message"]
        assert page.get("/faults").json() == []


class TestPages:
    @pytest.mark.parametrize("path", ["/", "/pages/phone.css", "/pages/phone.js"])
    def test_the_phone_page_is_served(self, page: TestClient, path: str) -> None:
        assert page.get(path).status_code == 200

    def test_the_phone_page_asks_nothing_of_other_hosts(self, page: TestClient) -> None:
        for path in ("/", "/pages/phone.css", "/pages/phone.js"):
            assert "://" not in page.get(path).text.replace("http://www.w3.org/2000/svg", "")

    @pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/people", 405)])
    def test_errors_are_json(self, page: TestClient, method: str, path: str, status: int) -> None:
        answer = page.request(method, path)

        assert answer.status_code == status
        assert answer.json()["error"]["message"]

    def test_health_is_plain(self, page: TestClient) -> None:
        assert page.get("/healthz").json() == {"status": "ok"}

    def test_the_lines_are_told(self, page: TestClient) -> None:
        assert page.get("/lines").json() == [LINE, SECOND_LINE]
