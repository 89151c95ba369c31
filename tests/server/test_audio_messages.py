"""POST /v1/audio-messages."""

import pytest

from blueport.protocol.commands import FileToSend, SendAudio
from tests.server.answers import assert_done, assert_refused
from tests.server.refusals import NOBODYS_ID, Form, Writing, to_ada
from tests.server.world import ADA, CARL, Customer, text_in_group

PATH = "/v1/audio-messages"


def _form(alice: Customer) -> Form:
    alice.is_ready_for("audio")
    return to_ada(alice, "POST", PATH, audio_message=alice.keeps())


@pytest.fixture
def form(alice: Customer) -> Form:
    return _form(alice)


@pytest.fixture(scope="module")
def still_form(still_alice: Customer) -> Form:
    return _form(still_alice)


class TestAudioMessages(Writing):
    capability = "audio"

    def test_the_mac_is_asked_for_a_voice_message(self, alice: Customer, form: Form) -> None:
        made = form.ask(alice).json()

        (item,) = alice.mac.claim()
        assert item.id == made["id"]
        voice = FileToSend("Audio Message.caf", "audio/x-caf", size=None)
        assert item.command == SendAudio(ADA, (f"iMessage;-;{ADA}",), voice, reply_to_guid=None)

    def test_it_may_be_a_reply(self, alice: Customer, form: Form) -> None:
        guid = alice.hears(ADA)
        message = alice.messages()[0]

        for name in (guid, message["id"], f"p:0/{guid}", f"bp:{guid}"):
            assert_done(form.ask(alice, reply_to=name), 201)

        assert [item.command.reply_to_guid for item in alice.mac.claim()] == [guid] * 4

    def test_it_may_go_to_a_group(self, alice: Customer, form: Form) -> None:
        alice.mac.sees(text_in_group("chat100", ADA, alice.line))

        assert_done(form.ask(alice, to=alice.group()), 201)

        (item,) = alice.mac.claim()
        assert (item.command.recipient, item.command.chat_guids) == (None, ("iMessage;+;chat100",))

    def test_the_payload_is_what_was_asked(self, alice: Customer, form: Form) -> None:
        guid = alice.hears(ADA)

        plain = form.ask(alice).json()["id"]
        reply = form.ask(alice, reply_to=guid, colour="blue").json()["id"]

        assert alice.item(plain)["payload"] == form.asked
        assert alice.item(reply)["payload"] == form.asked | {"reply_to": guid}

    @pytest.mark.one_store("a type is judged in memory")
    @pytest.mark.parametrize(
        "mime_type",
        [
            "audio/x-m4a",
            "audio/mp4",
            "audio/mpeg",
            "audio/x-wav",
            "audio/wav",
            "audio/x-caf",
            "audio/x-aiff",
            "audio/aac",
        ],
    )
    def test_audio_of_every_usual_type_is_taken(self, alice: Customer, form: Form, mime_type: str) -> None:
        assert_done(form.ask(alice, audio_message=alice.keeps(mime_type=mime_type)), 201)

    @pytest.mark.parametrize(
        ("changes", "status", "code", "param"),
        [
            ({"audio_message": ...}, 400, "missing_required_parameter", "audio_message"),
            ({"audio_message": None}, 400, "missing_required_parameter", "audio_message"),
            ({"audio_message": 5}, 400, "invalid_parameter_value", "audio_message"),
            ({"audio_message": ""}, 400, "invalid_parameter_value", "audio_message"),
            ({"audio_message": "msg_1", "from": "+15559999999"}, 400, "invalid_parameter_value", "audio_message"),
            ({"audio_message": f"file_{NOBODYS_ID}"}, 404, "file_not_found", "audio_message"),
            ({"audio_message": f"file_{NOBODYS_ID}", "to": CARL}, 403, "contact_has_not_messaged", "to"),
            ({"reply_to": ""}, 400, "invalid_parameter_value", "reply_to"),
            ({"reply_to": "obx_1"}, 400, "invalid_parameter_value", "reply_to"),
            ({"reply_to": f"msg_{NOBODYS_ID}"}, 404, "message_not_found", "reply_to"),
            ({"reply_to": "no guid of this chat"}, 404, "message_not_found", "reply_to"),
        ],
    )
    def test_what_is_wrong_is_told(
        self, still: Customer, still_form: Form, changes: dict[str, object], status: int, code: str, param: str
    ) -> None:
        assert_refused(still_form.ask(still, **changes), status, code, param)

    @pytest.mark.parametrize("mime_type", ["image/png", "video/mp4", "application/octet-stream", "audio/midi"])
    def test_a_file_of_another_kind_is_refused(self, alice: Customer, form: Form, mime_type: str) -> None:
        answer = form.ask(alice, audio_message=alice.keeps(mime_type=mime_type))

        assert_refused(answer, 400, "invalid_parameter_value", "audio_message")

    def test_an_sms_line_takes_no_audio_whatever_it_can_do(self, alice: Customer, form: Form) -> None:
        sms = "+15550101001"
        alice.world.add_line(alice.account_id, sms, alice.mac, service="sms")

        assert_refused(form.ask(alice, **{"from": sms}), 400, "invalid_parameter_value", "from")
