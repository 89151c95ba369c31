"""Files of messages: sent by customers, brought by Macs, shown in lists and in webhooks."""

from urllib.parse import urlsplit

import pytest

from blueport.protocol.commands import SendFile, SendText
from blueport.protocol.sightings import AttachmentSeen, MessageChanged
from tests.databases import Database
from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import Receiver, until
from tests.server.world import ADA, NOON_MS, SECOND_MS, Clock, Customer, Json, Mac, World, proof_of, text_from

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
PHOTO = AttachmentSeen("at_0_PHOTO", "photo.png", "image/png", 3000, is_coming=True)
SECOND = AttachmentSeen("at_1_PHOTO", "second.png", None, None, is_coming=True)
MEMO = AttachmentSeen("MEMO", "Audio Message.caf", None, 900, is_coming=True)
UNKNOWN = "file_00000000000000000000000000"


@pytest.fixture
def alice(alice: Customer) -> Customer:
    alice.hears(ADA)
    return alice


def sent(customer: Customer, **body: Json) -> Json:
    answer = customer.post("/v1/messages", {"from": customer.line, "to": ADA, **body})
    assert_done(answer, 201)
    return answer.json()


def bytes_at(customer: Customer, url: str) -> bytes:
    parts = urlsplit(url)
    return customer.world.client.get(f"{parts.path}?{parts.query}").content


class TestSending:
    def test_a_file_is_one_item_and_its_bytes_are_at_the_door(self, alice: Customer) -> None:
        file = alice.uploads(PNG, **{"X-Filename": "photo.png", "Content-Type": "image/png"})

        item = sent(alice, attachments=[file["id"]])

        (claimed,) = alice.mac.claim()
        assert claimed.id == item["id"]
        assert isinstance(claimed.command, SendFile)
        assert (claimed.command.file.filename, claimed.command.file.size) == ("photo.png", len(PNG))
        fetched = alice.mac.fetches(claimed)
        assert (fetched.status_code, fetched.content) == (200, PNG)
        assert fetched.headers["content-length"] == str(len(PNG))
        assert alice.item(item["id"])["payload"]["attachments"] == [file["id"]]

    def test_text_and_file_go_one_after_the_other_under_one_id(self, alice: Customer) -> None:
        file = alice.uploads(PNG)

        item = sent(alice, text="Look", attachments=[file["id"]])

        (text,) = alice.mac.claim()
        assert isinstance(text.command, SendText)
        assert text.command.text == "Look"
        assert text.id != item["id"]
        assert alice.get("/v1/outbox", {"id": text.id}).status_code == 404
        alice.mac.sends(text)
        assert alice.item(item["id"])["status"] == "pending"
        (rest,) = alice.mac.claim()
        assert rest.id == item["id"]
        alice.mac.sends(rest)
        assert alice.item(item["id"])["status"] == "sent"
        assert {message["outbox_id"] for message in alice.messages()[:2]} == {item["id"]}

    def test_if_the_text_fails_the_whole_fails(self, alice: Customer) -> None:
        item = sent(alice, text="Look", attachments=[alice.uploads(PNG)["id"]])
        (text,) = alice.mac.claim()

        alice.mac.fail(text, "refused", permanent=True)

        assert (alice.item(item["id"])["status"], alice.item(item["id"])["error"]) == ("failed", "refused")
        assert alice.mac.claim() == []

    def test_if_nobody_can_say_whether_the_text_was_sent_the_file_is_not(self, alice: Customer) -> None:
        item = sent(alice, text="Look", attachments=[alice.uploads(PNG)["id"]])
        after = sent(alice, text="After")
        (text,) = alice.mac.claim()
        alice.mac.begin(text)

        offered = [*alice.mac.claim(), *alice.mac.claim()]  # by a journal that does not hold it any more

        assert [each.id for each in offered] == [after["id"]]
        assert (alice.item(item["id"])["status"], alice.item(item["id"])["error"]) == ("failed", "outcome_unknown")

    def test_if_the_mac_falls_silent_over_the_text_the_whole_ends(self, alice: Customer) -> None:
        item = sent(alice, text="Look", attachments=[alice.uploads(PNG)["id"]])
        (text,) = alice.mac.claim()
        alice.mac.begin(text)

        alice.world.sweep_for(32 * 60 * SECOND_MS)

        assert (alice.item(item["id"])["status"], alice.item(item["id"])["error"]) == ("failed", "outcome_unknown")

    def test_a_text_that_is_proven_late_brings_no_file_behind_what_has_failed(self, alice: Customer) -> None:
        item = sent(alice, text="Look", attachments=[alice.uploads(PNG)["id"]])
        (text,) = alice.mac.claim()
        alice.mac.begin(text)
        alice.mac.fail(text, "outcome_unknown", permanent=True)

        alice.mac.sees(proof_of(text))

        assert alice.messages()[0]["outbox_id"] == item["id"]
        assert alice.item(item["id"])["status"] == "failed"
        assert alice.mac.claim() == []

    @pytest.mark.parametrize("text", ["", " ", "\ufffc"])
    def test_a_text_that_says_nothing_is_not_sent_beside_a_file(self, alice: Customer, text: str) -> None:
        sent(alice, text=text, attachments=[alice.uploads(PNG)["id"]])

        (claimed,) = alice.mac.claim()
        assert isinstance(claimed.command, SendFile)

    def test_a_reply_is_the_first_part(self, alice: Customer) -> None:
        alice.mac.hello(alice.line, capabilities=("replies",))
        guid = alice.messages()[0]["guid"]

        sent(alice, text="Look", attachments=[alice.uploads(PNG)["id"]], reply_to=guid)

        (text,) = alice.mac.claim()
        alice.mac.sends(text)
        (file,) = alice.mac.claim()
        assert (text.command.reply_to_guid, file.command.reply_to_guid) == (guid, None)

    def test_a_contact_card_is_a_file(self, alice: Customer) -> None:
        card = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nEND:VCARD\r\n"
        file = alice.uploads(card, **{"Content-Type": "text/vcard", "X-Filename": "ada.vcf"})

        sent(alice, attachments=[file["id"]])

        (claimed,) = alice.mac.claim()
        assert (claimed.command.file.filename, claimed.command.file.mime_type) == ("ada.vcf", "text/vcard")
        assert alice.mac.fetches(claimed).content == card

    def test_a_file_without_a_name_is_given_one_by_its_kind(self, alice: Customer) -> None:
        sent(alice, attachments=[alice.uploads(PNG)["id"]])

        assert alice.mac.claim()[0].command.file.filename == "file.png"

    def test_an_sms_line_sends_files_too(self, alice: Customer) -> None:
        alice.world.sql("UPDATE lines SET service = 'sms'")

        sent(alice, attachments=[alice.uploads(PNG)["id"]])

        assert len(alice.mac.claim()) == 1

    def test_one_file_may_be_sent_twice(self, alice: Customer) -> None:
        file = alice.uploads(PNG)

        sent(alice, attachments=[file["id"]])
        sent(alice, attachments=[file["id"]], text="Again")

        assert len(alice.mac.claim()) == 2

    def test_unknown_and_foreign_files_are_not_found_and_nothing_is_sent(self, alice: Customer, bob: Customer) -> None:
        for file_id in (UNKNOWN, bob.uploads(PNG)["id"]):
            body = {"from": alice.line, "to": ADA, "text": "Look", "attachments": [file_id]}

            assert_refused(alice.post("/v1/messages", body), 404, "file_not_found", "attachments")

        assert alice.world.rows("outbox") == 0

    def test_what_we_sent_has_its_bytes_without_being_brought(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url, "message.sent")
        sent(alice, attachments=[alice.uploads(PNG)["id"]])
        (item,) = alice.mac.claim()
        alice.mac.begin(item)

        alice.mac.sees(proof_of(item, attachments=(PHOTO,)))

        (heard,) = receiver.waits_for(1)
        assert bytes_at(alice, heard.body["data"]["attachments"][0]["url"]) == PNG


class TestTheDoor:
    def test_only_who_holds_an_item_gets_its_file(self, alice: Customer, bob: Customer) -> None:
        sent(alice, attachments=[alice.uploads(PNG)["id"]])
        (item,) = alice.mac.claim()

        assert_refused(bob.mac.fetches(item), 404, "outbox_item_not_found")

        alice.world.clock.ms += 3600 * SECOND_MS
        (again,) = alice.mac.claim()
        assert again.token != item.token
        assert_refused(alice.mac.fetches(item), 404, "outbox_item_not_found")
        assert alice.mac.fetches(again).content == PNG

    def test_an_item_without_a_file_has_none(self, alice: Customer) -> None:
        alice.sends()

        assert_refused(alice.mac.fetches(alice.mac.claim()[0]), 404, "outbox_item_not_found")

    def test_a_file_is_brought_once_the_message_is_known(self, alice: Customer) -> None:
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        assert_refused(alice.mac.brings(PNG, seen, PHOTO.guid), 404, "message_not_found", "message")
        alice.mac.sees(seen)
        assert alice.messages()[0]["attachments"][0]["url"] is None, "att-05, srv-120"

        kept = alice.mac.brings(PNG, seen, PHOTO.guid)

        assert kept.status_code == 200, kept.text
        (attachment,) = alice.messages()[0]["attachments"]
        assert bytes_at(alice, attachment["url"]) == PNG
        assert attachment == {
            "filename": "photo.png",
            "mime_type": "image/png",
            "size": len(PNG),
            "url": attachment["url"],
            "transcription": None,
        }
        file = alice.call("GET", "/v1/files", params={"id": kept.json()["id"]}, follow_redirects=False)
        assert (file.status_code, file.json()["filename"]) == (302, "photo.png")

    def test_bringing_it_twice_changes_nothing(self, alice: Customer) -> None:
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        alice.mac.sees(seen)

        first = alice.mac.brings(PNG, seen, PHOTO.guid)
        again = alice.mac.brings(b"something else", seen, PHOTO.guid)

        assert first.json() == again.json()
        assert alice.world.rows("files") == 1
        assert bytes_at(alice, alice.messages()[0]["attachments"][0]["url"]) == PNG

    def test_each_attachment_has_bytes_of_its_own(self, alice: Customer) -> None:
        # att-28
        seen = text_from(ADA, alice.line, "Two", attachments=(PHOTO, SECOND))
        alice.mac.sees(seen)

        alice.mac.brings(b"the second", seen, SECOND.guid)
        alice.mac.brings(PNG, seen, PHOTO.guid)

        attachments = alice.messages()[0]["attachments"]
        assert [bytes_at(alice, each["url"]) for each in attachments] == [PNG, b"the second"]
        assert [each["mime_type"] for each in attachments] == ["image/png", "application/octet-stream"]

    def test_what_is_told_later_of_a_message_takes_no_bytes_away(self, alice: Customer) -> None:
        # att-11
        seen = text_from(ADA, alice.line, None, is_audio=True, attachments=(MEMO,))
        alice.mac.sees(seen)
        alice.mac.brings(b"caff\0\x01\0\0", seen, MEMO.guid)
        transcribed = AttachmentSeen("MEMO", "Audio Message.caf", "audio/x-caf", 900, transcription="Hello there")

        alice.mac.sees(MessageChanged(alice.line, seen.guid, None, (transcribed,)))

        (attachment,) = alice.messages()[0]["attachments"]
        assert (attachment["transcription"], attachment["mime_type"]) == ("Hello there", "audio/x-caf")
        assert bytes_at(alice, attachment["url"]) == b"caff\0\x01\0\0"

    def test_a_name_of_any_form_is_told_clean(self, alice: Customer) -> None:
        # att-17, att-18
        odd = AttachmentSeen("odd", "~/x/invoice\u202efdp e\u0301.exe", None, None)
        alice.mac.sees(text_from(ADA, alice.line, None, attachments=(odd,)))

        assert alice.messages()[0]["attachments"][0]["filename"] == "invoicefdp é.exe"

    def test_refusals(self, alice: Customer, bob: Customer) -> None:
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        alice.mac.sees(seen)

        assert_refused(alice.mac.brings(PNG, seen, "other"), 404, "file_not_found", "attachment")
        assert_refused(bob.mac.brings(PNG, seen, PHOTO.guid), 404, "line_not_found", "line")
        assert_refused(alice.mac.brings(b"", seen, PHOTO.guid), 400, "empty_file")
        assert_refused(alice.mac.knock("files", PNG), 400, "missing_required_parameter")
        alice.mac.token = "dt_unknown"
        assert_refused(alice.mac.brings(PNG, seen, PHOTO.guid), 401, "invalid_api_key")
        assert alice.world.rows("files") == 0

    def test_files_of_a_line_are_for_its_keys(self, alice: Customer) -> None:
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        alice.mac.sees(seen)
        file_id = alice.mac.brings(PNG, seen, PHOTO.guid).json()["id"]
        other = alice.world.add_line(alice.account_id, "+15550101001", alice.mac)

        restricted = alice.caller(line_ids=(other,))

        assert_refused(restricted.get("/v1/files", {"id": file_id}), 404, "file_not_found", "id")

    def test_rows_of_earlier_versions_are_shown(self, alice: Customer) -> None:
        old = '[{"filename":"a.png","mime_type":"image/png","size":3,"url":null,"transcription":null}]'
        alice.world.sql("UPDATE messages SET attachments = ?", old)

        assert alice.messages()[0]["attachments"] == [
            {"filename": "a.png", "mime_type": "image/png", "size": 3, "url": None, "transcription": None}
        ]


class TestNews:
    """Webhooks wait for the files that are coming, but not for long."""

    def test_news_waits_for_all_files_and_has_their_links(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        seen = text_from(ADA, alice.line, "Two", attachments=(PHOTO, SECOND))
        alice.mac.sees(seen)

        alice.mac.brings(PNG, seen, PHOTO.guid)
        assert pending(alice) == [(0, NOON_MS + 10 * SECOND_MS)]
        alice.mac.brings(b"the second", seen, SECOND.guid)

        (heard,) = receiver.waits_for(1)
        attachments = heard.body["data"]["attachments"]
        assert [bytes_at(alice, each["url"]) for each in attachments] == [PNG, b"the second"]
        assert set(heard.body["data"]) == {*alice.messages()[0], "line_handle"}

    def test_links_in_webhooks_begin_with_where_the_server_is(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        alice.mac.sees(seen)
        alice.mac.brings(PNG, seen, PHOTO.guid)

        (heard,) = receiver.waits_for(1)

        assert heard.body["data"]["attachments"][0]["url"].startswith("http://127.0.0.1:8080/files/file_")

    def test_a_file_that_does_not_come_is_not_awaited_for_ever(self, alice: Customer, receiver: Receiver) -> None:
        # att-05, att-06
        alice.webhook(receiver.url)
        alice.mac.sees(text_from(ADA, alice.line, None, attachments=(PHOTO,)))

        alice.world.pass_time(10 * SECOND_MS)

        (heard,) = receiver.waits_for(1)
        assert heard.body["data"]["attachments"] == [
            {"filename": "photo.png", "mime_type": "image/png", "size": 3000, "url": None, "transcription": None}
        ]

    def test_a_file_that_comes_when_the_news_has_left_is_no_second_news(
        self, alice: Customer, receiver: Receiver
    ) -> None:
        alice.webhook(receiver.url)
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        alice.mac.sees(seen)
        alice.world.pass_time(10 * SECOND_MS)
        receiver.waits_for(1)

        alice.mac.brings(PNG, seen, PHOTO.guid)
        alice.mac.brings(PNG, seen, PHOTO.guid)

        assert bytes_at(alice, alice.messages()[0]["attachments"][0]["url"]) == PNG
        until(lambda: pending(alice) == [])
        assert len(receiver.heard) == 1

    def test_news_that_waits_outlives_the_server(self, database: Database, receiver: Receiver) -> None:
        clock = Clock()
        with World(database, clock).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
            alice.mac.sees(seen)
            token, daemon_id = alice.mac.token, alice.mac.id

        with World(database, clock).open() as world:
            assert receiver.heard == []
            Mac(world, token, daemon_id).brings(PNG, seen, PHOTO.guid)
            (heard,) = receiver.waits_for(1)

        assert heard.body["data"]["attachments"][0]["url"] is not None

    def test_a_file_that_is_on_no_mac_is_not_awaited(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)

        alice.mac.sees(text_from(ADA, alice.line, None, attachments=(AttachmentSeen("a", "a.png", None, None),)))

        assert receiver.waits_for(1)[0].body["data"]["attachments"][0]["filename"] == "a.png"

    def test_a_transcription_that_came_meanwhile_is_told(self, alice: Customer, receiver: Receiver) -> None:
        # att-11
        alice.webhook(receiver.url)
        seen = text_from(ADA, alice.line, None, is_audio=True, attachments=(MEMO,))
        alice.mac.sees(seen)
        said = AttachmentSeen("MEMO", "Audio Message.caf", None, 900, is_coming=True, transcription="Hello there")
        alice.mac.sees(MessageChanged(alice.line, seen.guid, None, (said,)))

        alice.mac.brings(b"caff\0\x01\0\0", seen, MEMO.guid)

        (heard,) = receiver.waits_for(1)
        data = heard.body["data"]
        assert (data["is_audio_message"], data["text"]) == (True, None)
        assert data["attachments"][0]["transcription"] == "Hello there"
        assert data["attachments"][0]["mime_type"] == "audio/x-caf"

    def test_a_file_that_will_not_come_after_all_lets_the_news_go(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        alice.mac.sees(seen)

        alice.mac.sees(MessageChanged(alice.line, seen.guid, None, (AttachmentSeen("at_0_PHOTO", "a", None, None),)))

        assert receiver.waits_for(1)[0].body["data"]["attachments"][0]["url"] is None

    def test_what_comes_behind_a_message_waits_with_it(self, alice: Customer, receiver: Receiver) -> None:
        # hook-16
        alice.webhook(receiver.url)
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        alice.mac.sees(seen)
        alice.hears(ADA, "And this")
        alice.world.pass_time(0)
        assert receiver.heard == []

        alice.mac.brings(PNG, seen, PHOTO.guid)

        first, second = receiver.waits_for(2)
        assert first.body["data"]["attachments"][0]["url"]
        assert second.text == "And this"

    def test_every_try_has_the_links_of_its_day(self, alice: Customer, receiver: Receiver) -> None:
        # srv-027
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        seen = text_from(ADA, alice.line, None, attachments=(PHOTO,))
        alice.mac.sees(seen)
        alice.mac.brings(PNG, seen, PHOTO.guid)
        receiver.waits_for(1)
        until(lambda: alice.world.sql("SELECT state FROM deliveries") == [("pending",)])

        alice.world.pass_time(3 * 24 * 3600 * SECOND_MS)

        first, second = receiver.waits_for(2)
        urls = [each.body["data"]["attachments"][0]["url"] for each in (first, second)]
        assert urls[0] != urls[1]
        assert bytes_at(alice, urls[1]) == PNG

    def test_a_clock_that_was_set_back_makes_nobody_wait_longer(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        alice.mac.sees(text_from(ADA, alice.line, None, attachments=(PHOTO,)))
        alice.mac.sees(text_from(ADA, alice.line, "And another", attachments=(SECOND,)))
        alice.world.clock.ms -= 3600 * SECOND_MS

        alice.world.sweep()

        assert [heard.text for heard in receiver.waits_for(2)] == [None, "And another"]


def pending(customer: Customer) -> list[tuple[int, int]]:
    """Return tries and time of each delivery that was not delivered."""
    return customer.world.sql("SELECT attempts, available_at FROM deliveries WHERE completed_at IS NULL")
