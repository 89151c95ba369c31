import base64
import plistlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from httpx2 import Response
from msgspec import structs
from starlette.testclient import TestClient

from blueport.simulator import app
from blueport.simulator.app import app_of
from blueport.simulator.chatdb import apple_ns
from blueport.simulator.mac import running
from blueport.simulator.news import News
from blueport.simulator.phones import Outgoing, PersonsTapback, ShownMessage
from blueport.simulator.settings import MacOs, Settings, phones_db_path
from blueport.simulator.tapbacks import Sign
from blueport.typedstream import decode
from tests.simulator.scripting import (
    ADA,
    BO,
    BY_SMS,
    LINE,
    PATIENCE_S,
    SECOND_LINE,
    TO_CHAT,
    TO_PERSON,
    Json,
    osascript,
    own_rows,
    seen,
    until,
)

_PAGES = Path(app.__file__).parent / "pages"
BODIES = (
    "SELECT attributedBody, destination_caller_id, chat.guid FROM message"
    " JOIN chat_message_join ON message_id = message.ROWID JOIN chat ON chat.ROWID = chat_id ORDER BY message.ROWID"
)
REACTION = (
    "guid, associated_message_guid, associated_message_type, is_from_me,"
    " (SELECT id FROM handle WHERE handle.ROWID = handle_id), destination_caller_id, attributedBody"
)
PAGES = ["/", *sorted(f"/pages/{path.relative_to(_PAGES)}" for path in _PAGES.rglob("*.*"))]
PHOTO = {"filename": "cat.png", "mime_type": "image/png", "base64": base64.b64encode(b"a cat").decode()}


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what will be so before long, in a test whose Mac runs in another thread."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


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
            "edited_at": None,
            "edits": 0,
            "unsent_at": None,
            "effect": None,
            "service": "iMessage",
            "note": None,
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
        assert seen(settings.folder, "SELECT account FROM message") == [(f"E:{SECOND_LINE}",)]
        assert seen(settings.folder, "SELECT last_addressed_handle FROM chat") == [(SECOND_LINE,)]
        assert page.get(f"/people/{ADA}/messages").json()[0]["chat"] == SECOND_LINE

    def test_both_lines_have_one_conversation_with_a_person(self, page: TestClient, settings: Settings) -> None:
        for line in (LINE, SECOND_LINE, LINE):
            page.post(f"/people/{ADA}/messages", json={"text": "Hi", "to": line})

        assert [row[1:] for row in seen(settings.folder, BODIES)] == [
            (line, f"any;-;{ADA}") for line in (LINE, SECOND_LINE, LINE)
        ]
        assert seen(settings.folder, "SELECT last_addressed_handle FROM chat") == [(LINE,)]

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
        ada = {"handle": ADA, "name": "Ada", "last_text": None, "at": None, "has_imessage": True, "unread": {}}
        assert page.get("/people").json() == [ada]

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


class TestReactions:
    @pytest.fixture
    def guid(self, page: TestClient) -> str:
        return str(page.post(f"/people/{ADA}/messages", json={"text": "Hi", "attachment": PHOTO}).json()["guid"])

    def rows(self, settings: Settings) -> list[tuple[object, ...]]:
        return seen(settings.folder, f"SELECT {REACTION} FROM message WHERE associated_message_type != 0")

    @pytest.mark.parametrize(
        ("tapback", "kind", "text"),
        [
            ("love", 2000, "Loved “Hi”"),
            ("like", 2001, "Liked “Hi”"),
            ("dislike", 2002, "Disliked “Hi”"),
            ("laugh", 2003, "Laughed at “Hi”"),
            ("emphasize", 2004, "Emphasized “Hi”"),
            ("question", 2005, "Questioned “Hi”"),
        ],
    )
    def test_a_tapback_is_a_row_of_its_own(
        self, page: TestClient, settings: Settings, guid: str, tapback: str, kind: int, text: str
    ) -> None:
        answer = page.post(f"/people/{ADA}/reactions", json={"guid": guid, "tapback": tapback, "part": 1})

        [(*row, body)] = self.rows(settings)
        assert answer.status_code == 201
        assert row == [answer.json()["guid"], f"p:1/{guid}", kind, 0, ADA, LINE]
        assert isinstance(body, bytes)
        assert decode(body).text == text

    def test_it_stands_on_the_bubble(self, page: TestClient, guid: str) -> None:
        page.post(f"/people/{ADA}/reactions", json={"guid": guid, "tapback": "love"})

        [bubble] = page.get(f"/people/{ADA}/messages").json()
        assert bubble["reactions"] == [{"sender": ADA, "part": 0, "tapback": "love", "emoji": None}]

    def test_the_latest_takes_the_place_of_the_earlier(self, page: TestClient, settings: Settings, guid: str) -> None:
        for tapback in ("love", "like"):
            page.post(f"/people/{ADA}/reactions", json={"guid": guid, "tapback": tapback})

        assert [row[2] for row in self.rows(settings)] == [2001]
        [bubble] = page.get(f"/people/{ADA}/messages").json()
        assert [each["tapback"] for each in bubble["reactions"]] == ["like"]

    @pytest.mark.parametrize("named", [{"tapback": "love"}, {}])
    def test_one_may_be_taken_off(
        self, page: TestClient, settings: Settings, guid: str, named: dict[str, object]
    ) -> None:
        page.post(f"/people/{ADA}/reactions", json={"guid": guid, "tapback": "love"})

        page.post(f"/people/{ADA}/reactions", json={"guid": guid, "remove": True, **named})

        assert [row[2] for row in self.rows(settings)] == [3000]
        assert page.get(f"/people/{ADA}/messages").json()[0]["reactions"] == []

    def test_an_emoji_has_a_column(self, page: TestClient, settings: Settings, guid: str) -> None:  # rxn-07
        page.post(f"/people/{ADA}/reactions", json={"guid": guid, "emoji": "🎉"})

        emoji = "SELECT associated_message_emoji FROM message WHERE associated_message_type = 2006"
        assert seen(settings.folder, emoji) == [("🎉",)]
        assert page.get(f"/people/{ADA}/messages").json()[0]["reactions"][0]["emoji"] == "🎉"

    @pytest.mark.parametrize("macos", ["12", "13", "14"])
    def test_an_old_release_gets_an_emoji_as_a_sentence(self, settings: Settings, macos: MacOs) -> None:
        with TestClient(app_of(structs.replace(settings, macos=macos), News())) as page:
            guid = page.post(f"/people/{ADA}/messages", json={"text": "Hi"}).json()["guid"]
            page.post(f"/people/{ADA}/reactions", json={"guid": guid, "emoji": "🎉"})

            bodies = "SELECT attributedBody, associated_message_type FROM message"
            found = [(decode(body).text, kind) for body, kind in seen(settings.folder, bodies)]
            assert found == [("Hi", 0), ("Reacted 🎉 to “Hi”", 0)]

    def test_in_a_group_all_see_who_it_was(self, page: TestClient, settings: Settings) -> None:
        group = page.post("/groups", json={"members": [ADA, BO]}).json()["id"]
        guid = page.post(f"/people/{ADA}/messages", json={"text": "Five?", "to": group}).json()["guid"]

        page.post(f"/people/{BO}/reactions", json={"guid": guid, "tapback": "like"})

        for person in (ADA, BO):
            [bubble] = page.get(f"/people/{person}/messages").json()
            assert [each["sender"] for each in bubble["reactions"]] == [BO]
        chats = "SELECT chat.guid FROM chat_message_join JOIN chat ON chat.ROWID = chat_id"
        assert seen(settings.folder, chats) == [(f"any;+;{group}",)] * 2

    def test_it_goes_to_the_line_that_the_message_went_to(self, page: TestClient, settings: Settings) -> None:
        guid = page.post(f"/people/{ADA}/messages", json={"text": "Hi", "to": SECOND_LINE}).json()["guid"]

        page.post(f"/people/{ADA}/reactions", json={"guid": guid, "tapback": "like"})

        assert self.rows(settings)[0][5] == SECOND_LINE

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 400),
            ({"tapback": "heart"}, 400),
            ({"tapback": "love", "emoji": "🎉"}, 400),
            ({"emoji": ""}, 400),
            ({"tapback": "love", "part": 2}, 400),
            ({"tapback": "love", "part": -1}, 400),
            ({"tapback": "love", "remove": True}, 400),
            ({"tapback": "love", "guid": "NOWHERE"}, 404),
        ],
    )
    def test_what_is_no_reaction_is_refused(
        self, page: TestClient, settings: Settings, guid: str, body: dict[str, object], status: int
    ) -> None:
        answer = page.post(f"/people/{ADA}/reactions", json={"guid": guid, **body})

        assert (answer.status_code, self.rows(settings)) == (status, [])

    async def test_a_tapback_that_a_death_held_up_does_not_displace_a_newer_one(self, settings: Settings) -> None:
        async with running(settings) as mac:
            guid = await mac.person_texts(ADA, "Hi")
            await mac.person_reacts(ADA, guid, Sign("like", None))
            held_up = PersonsTapback("G", ADA, LINE, None, at=1, target_guid=guid, part=0, tapback="love", emoji=None)
            mac.phones.put_down(held_up)

            mac.messages.resume()

            await until(lambda: not mac.phones.under_way())
            assert [row[2] for row in self.rows(settings)] == [2001]
            assert [each.tapback for each in mac.phones.screen(ADA)[0].reactions] == ["like"]

    def test_nobody_reacts_to_what_they_do_not_see(self, page: TestClient, guid: str) -> None:
        assert page.post(f"/people/{BO}/reactions", json={"guid": guid, "tapback": "love"}).status_code == 404


class TestTyping:
    def test_it_leaves_no_row(self, page: TestClient, settings: Settings) -> None:
        answer = page.post(f"/people/{ADA}/typing", json={"is_typing": True, "to": SECOND_LINE})

        assert (answer.status_code, answer.json()) == (201, {"is_typing": True})
        assert seen(settings.folder, "SELECT 1 FROM message") == []
        assert seen(settings.folder, "SELECT 1 FROM chat") == []

    def test_nobody_sees_it_in_a_group(self, page: TestClient) -> None:
        group = page.post("/groups", json={"members": [ADA, BO]}).json()["id"]

        assert page.post(f"/people/{ADA}/typing", json={"is_typing": True, "to": group}).status_code == 400

    @pytest.mark.parametrize(
        ("body", "status"), [({}, 400), ({"is_typing": 1}, 400), ({"is_typing": True, "to": "+15550109999"}, 404)]
    )
    def test_what_is_no_typing_is_refused(self, page: TestClient, body: dict[str, object], status: int) -> None:
        assert page.post(f"/people/{ADA}/typing", json=body).status_code == status

    def test_a_phone_tells_where_the_line_types(self, page: TestClient) -> None:
        assert page.get(f"/people/{ADA}/typing").json() == []


class TestRead:
    async def test_our_delivered_rows_to_that_person_are_stamped(self, settings: Settings) -> None:
        async with running(settings) as mac:
            for person, text in ((ADA, "One"), (ADA, "Two"), (BO, "Three")):
                await osascript(settings.folder, TO_PERSON, person, text)
            await until(lambda: own_rows(settings.folder) == [(1, 1, 1, 1, 0)] * 3)

            await mac.person_reads(ADA)

            read_at = [bubble.read_at for bubble in mac.phones.screen(ADA)]
            assert read_at[0] is not None
            assert read_at == [read_at[0]] * 2
            stamp = apple_ns(read_at[0])
            dates = seen(settings.folder, "SELECT date_read FROM message ORDER BY ROWID")
            assert dates == [(stamp,), (stamp,), (None,)]

    async def test_what_was_read_before_keeps_its_moment(self, settings: Settings) -> None:
        async with running(settings) as mac:
            await osascript(settings.folder, TO_PERSON, ADA, "One")
            await until(lambda: own_rows(settings.folder) == [(1, 1, 1, 1, 0)])
            await mac.person_reads(ADA)
            first = seen(settings.folder, "SELECT date_read FROM message")

            await mac.person_reads(ADA)

            assert seen(settings.folder, "SELECT date_read FROM message") == first

    async def test_who_reads_faster_than_the_word_of_arrival_is_stamped_after_it(self, settings: Settings) -> None:
        read_at = 1_700_000_000_000
        async with running(settings) as mac:
            chat, guid = mac.db.direct_chat(ADA), "G"
            mac.db.add_row(guid=guid)
            mac.phones.put_down(Outgoing(guid, chat, "One", at=read_at - 1))
            mac.phones.show(
                ADA,
                ShownMessage(
                    guid=guid,
                    chat=LINE,
                    sender=LINE,
                    from_me=False,
                    text="One",
                    attachments=(),
                    reply_to_guid=None,
                    at=read_at - 1,
                    delivered=True,
                    read_at=read_at,
                ),
            )

            mac.messages.resume()

            await until(lambda: not mac.phones.under_way())
            dates = seen(settings.folder, "SELECT is_delivered, date_read FROM message")
            assert dates == [(1, apple_ns(read_at))]

    async def test_an_sms_is_never_read(self, settings: Settings) -> None:
        async with running(settings) as mac:
            await osascript(settings.folder, BY_SMS, ADA, "One")
            await until(lambda: own_rows(settings.folder) == [(1, 1, 1, 0, 0)])

            await mac.person_reads(ADA)

            assert seen(settings.folder, "SELECT date_read FROM message") == [(None,)]

    async def test_a_group_tells_nobody(self, settings: Settings) -> None:
        async with running(settings) as mac:
            group = mac.add_group([ADA, BO])
            await osascript(settings.folder, TO_CHAT, f"any;+;{group}", "One")
            await until(lambda: own_rows(settings.folder) == [(1, 1, 1, 1, 0)])

            await mac.person_reads(ADA, to=group)

            assert mac.phones.screen(ADA)[0].read_at is not None
            assert mac.phones.screen(BO)[0].read_at is None
            assert seen(settings.folder, "SELECT date_read FROM message") == [(None,)]

    def test_an_unknown_line_is_refused(self, page: TestClient) -> None:
        assert page.post(f"/people/{ADA}/read", json={"to": "+15550109999"}).status_code == 404
        assert page.post(f"/people/{ADA}/read", json={}).status_code == 201


class TestVoiceMemo:
    def memo(self, page: TestClient, **more: object) -> str:
        attachment = {"filename": "memo.m4a", "mime_type": "audio/mp4", "base64": base64.b64encode(b"a memo").decode()}
        answer = page.post(f"/people/{ADA}/messages", json={"attachment": attachment, "is_audio": True, **more})
        assert answer.status_code == 201
        return str(answer.json()["guid"])

    def test_its_row_and_its_file_have_the_names_of_all_memos(self, page: TestClient, settings: Settings) -> None:
        guid = self.memo(page)

        row = "SELECT guid, transfer_name, uti, mime_type, transfer_state, total_bytes, user_info FROM attachment"
        caf = ("Audio Message.caf", "com.apple.coreaudio-format", "audio/x-caf")
        assert seen(settings.folder, row) == [(f"at_0_{guid}", *caf, 5, 6, None)]
        [(is_audio, body)] = seen(settings.folder, "SELECT is_audio_message, attributedBody FROM message")
        assert isinstance(body, bytes)
        assert (is_audio, decode(body).text, decode(body).runs[0].transcription) == (1, "\ufffc", None)

    def test_its_words_are_written_down_in_both_places(self, page: TestClient, settings: Settings) -> None:
        self.memo(page, transcription="Hello thére")

        wait_until(lambda: seen(settings.folder, "SELECT user_info FROM attachment") != [(None,)])
        [(body, info)] = seen(settings.folder, "SELECT attributedBody, user_info FROM message, attachment")
        assert isinstance(body, bytes)
        assert isinstance(info, bytes)
        assert decode(body).runs[0].transcription == "Hello thére"
        assert plistlib.loads(info) == {"audio-transcription": "Hello thére"}
        wait_until(lambda: self.bubble(page)["attachments"][0]["transcription"] == "Hello thére")

    def test_its_words_come_after_the_rest(self, page: TestClient, settings: Settings) -> None:  # att-11
        self.memo(page, transcription="Hello", transcription_after_ms=600_000)

        assert seen(settings.folder, "SELECT user_info, transfer_state FROM attachment") == [(None, 5)]
        assert self.bubble(page)["attachments"][0]["transcription"] is None

    def bubble(self, page: TestClient) -> Json:
        [bubble] = page.get(f"/people/{ADA}/messages").json()
        return dict(bubble)

    def test_the_phone_keeps_what_was_recorded(self, page: TestClient) -> None:
        self.memo(page)

        bubble = self.bubble(page)
        assert (bubble["is_audio"], bubble["text"]) == (True, None)
        assert (bubble["attachments"][0]["filename"], bubble["attachments"][0]["mime_type"]) == (
            "memo.m4a",
            "audio/mp4",
        )

    @pytest.mark.parametrize(
        "body",
        [
            {"is_audio": True, "text": "Hi"},
            {"is_audio": True, "text": "Hi", "attachment": {"filename": "a.caf", "base64": ""}},
            {"attachment": {"filename": "a.caf", "base64": ""}, "transcription": "Hi"},
            {"text": "Hi", "transcription": "Hi"},
            {"is_audio": True, "attachment": {"filename": "a.caf", "base64": ""}, "transcription_after_ms": -1},
        ],
    )
    def test_what_is_no_memo_is_refused(self, page: TestClient, body: dict[str, object]) -> None:
        assert page.post(f"/people/{ADA}/messages", json=body).status_code == 400


class TestFiles:
    @pytest.mark.parametrize("after_ms", [0, 600_000])
    def test_a_file_may_come_after_its_message(  # att-05
        self, page: TestClient, settings: Settings, after_ms: int
    ) -> None:
        page.post(f"/people/{ADA}/messages", json={"text": "look", "attachment": PHOTO, "file_after_ms": after_ms})

        row = "SELECT transfer_name, uti, filename IS NULL, mime_type, transfer_state, total_bytes FROM attachment"
        coming, there = (1, None, 0, 0), (0, "image/png", 5, 5)
        expected = [("cat.png", "public.png", *(there if after_ms == 0 else coming))]
        wait_until(lambda: seen(settings.folder, row) == expected)

    def test_a_text_and_a_photo_are_one_message(self, page: TestClient, settings: Settings) -> None:
        page.post(f"/people/{ADA}/messages", json={"text": "look", "attachment": PHOTO})

        [(body, parts)] = seen(settings.folder, "SELECT attributedBody, part_count FROM message")
        assert isinstance(body, bytes)
        assert (decode(body).text, parts) == ("\ufffclook", 2)

    def file(self, page: TestClient, **attachment: object) -> Response:
        """The answer with the file of a message."""
        given = {"base64": base64.b64encode(b"<b>a file</b>").decode(), **attachment}
        guid = page.post(f"/people/{ADA}/messages", json={"attachment": given}).json()["guid"]
        return page.get(f"/people/{ADA}/files/at_0_{guid}")

    def test_a_picture_is_shown_in_place(self, page: TestClient) -> None:
        answer = self.file(page, filename="cat.png", mime_type="image/png")

        assert (answer.status_code, answer.content) == (200, b"<b>a file</b>")
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("inline")

    @pytest.mark.parametrize("mime_type", ["text/html", "image/svg+xml", "application/pdf", "a\r\nb: c", None])
    def test_what_could_run_is_a_file_to_keep(self, page: TestClient, mime_type: str | None) -> None:  # att-25
        answer = self.file(page, filename="page.html", mime_type=mime_type)

        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="page.html"'

    def test_its_name_may_be_of_any_letters(self, page: TestClient) -> None:  # att-24
        answer = self.file(page, filename='測試".apk')

        assert answer.headers["Content-Disposition"] == "attachment; filename*=utf-8''%E6%B8%AC%E8%A9%A6%22.apk"

    def test_only_who_has_it_gets_it(self, page: TestClient) -> None:
        guid = page.post(f"/people/{ADA}/messages", json={"attachment": PHOTO}).json()["guid"]

        assert page.get(f"/people/{BO}/files/at_0_{guid}").status_code == 404
        for guessed in (f"at_1_{guid}", guid, "..%2F..%2Fphones.db", "at_0_.."):
            assert page.get(f"/people/{ADA}/files/{guessed}").status_code == 404


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

    def test_a_group_may_be_with_another_line(self, page: TestClient, settings: Settings) -> None:
        group = page.post("/groups", json={"members": [ADA], "line": SECOND_LINE}).json()["id"]

        page.post(f"/people/{ADA}/messages", json={"text": "Hi", "to": group})

        assert seen(settings.folder, "SELECT last_addressed_handle FROM chat") == [(SECOND_LINE,)]
        assert seen(settings.folder, BODIES)[0][1] == SECOND_LINE
        assert page.post("/groups", json={"members": [ADA], "line": "+15550109999"}).status_code == 404

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
            {"next": "ghost", "on": "signal"},
            {"next": "hang", "on": "typing"},
            {"next": "error", "number": "1"},
        ],
    )
    def test_what_is_no_fault_is_refused(self, page: TestClient, body: dict[str, object]) -> None:
        answer = page.post("/faults", json=body)

        assert answer.status_code == 400
        assert answer.json()["error"]["message"]
        assert page.get("/faults").json() == []

    def test_the_bridge_is_taken_away_and_given_back(self, page: TestClient) -> None:
        off = page.post("/faults", json={"next": "advanced_off"}).json()
        on = page.post("/faults", json={"next": "advanced_on"}).json()
        page.post("/faults", json={"next": "advanced_off"})

        assert ([fault["next"] for fault in off], on) == (["advanced_off"], [])
        assert page.delete("/faults").json() == page.get("/faults").json() == []


class TestUnread:
    def test_what_nobody_has_looked_at_is_told_by_conversation_until_somebody_does(self, page: TestClient) -> None:
        page.post(f"/people/{ADA}/messages", json={"text": "Hi"})
        group = page.post("/groups", json={"members": [ADA, BO]}).json()["id"]
        guids = [
            page.post(f"/people/{BO}/messages", json={"text": text, "to": group}).json()["guid"] for text in ("1", "2")
        ]
        wait_until(lambda: len(page.get(f"/people/{ADA}/messages").json()) == 3)
        ada, bo = (unread(page, person) for person in (ADA, BO))

        page.post(f"/people/{ADA}/read", json={"to": group})

        assert (ada, bo) == ({group: guids}, {})
        assert unread(page, ADA) == {}

    def test_what_became_of_a_group_is_none(self, page: TestClient) -> None:
        group = page.post("/groups", json={"members": [ADA, BO]}).json()["id"]

        changed = page.post(f"/people/{BO}/groups/{group}", json={"what": "named", "subject": "Trip"})

        assert changed.status_code == 201
        assert page.get(f"/people/{ADA}/messages").json()[0]["note"] == {"what": "named", "subject": "Trip"}
        assert unread(page, ADA) == {}

    @pytest.mark.parametrize("body", [{"what": "sold"}, {}, {"what": "added", "subject": "a\0b"}, {"what": "added"}])
    def test_a_change_of_a_group_that_makes_no_sense_is_refused(self, page: TestClient, body: Json) -> None:
        group = page.post("/groups", json={"members": [ADA, BO]}).json()["id"]

        assert page.post(f"/people/{ADA}/groups/{group}", json=body).status_code == 400
        assert page.post(f"/people/{ADA}/groups/chat1", json={"what": "left"}).status_code == 404


def unread(page: TestClient, person: str) -> Json:
    return next(each["unread"] for each in page.get("/people").json() if each["handle"] == person)


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_the_phone_page_is_served_and_asks_nothing_of_other_hosts(self, page: TestClient, path: str) -> None:
        answer = page.get(path)

        assert answer.status_code == 200
        assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")

    @pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/people", 405)])
    def test_errors_are_json(self, page: TestClient, method: str, path: str, status: int) -> None:
        answer = page.request(method, path)

        assert answer.status_code == status
        assert answer.json()["error"]["message"]

    def test_health_is_plain(self, page: TestClient) -> None:
        assert page.get("/healthz").json() == {"status": "ok"}

    def test_the_lines_are_told(self, page: TestClient) -> None:
        assert page.get("/lines").json() == [LINE, SECOND_LINE]
