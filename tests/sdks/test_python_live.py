"""Both clients of the Python SDK at a real server, with people who text, read, type and react."""

import contextlib
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blueport_sdk import (
    AuthenticationError,
    AuthorizationError,
    Client,
    ContactPhone,
    InvalidRequestError,
    NotFoundError,
    OutboxItem,
    RateLimitError,
    verify_webhook,
)
from tests.databases import file_like
from tests.sdks.calling import KINDS, Kind
from tests.sdks.live import Worker, working
from tests.system.blueport import ADA, Blueport, Json, until
from tests.system.receiver import Receiver
from tests.system.servers import LINE, fleet

# Each client has people of its own.
PEOPLE: dict[Kind, tuple[str, str, str]] = {
    "sync": ("+15550100001", "+15550100002", "+15550100003"),
    "async": ("+15550100004", "+15550100005", "+15550100006"),
}
NOT_OF_THE_SERVER = {"close", "with_options"}
TEXT = "Are you there? 👋🏽"


class Scene:
    """A client, a line, and a person who has texted it."""

    def __init__(self, worker: Worker, blueport: Blueport, people: tuple[str, str, str], folder: Path) -> None:
        self.sdk, self.blueport, self.folder = worker, blueport, folder
        self.person, *self.others = people
        self.ends = {"from_": blueport.line, "to": self.person}

    def done(self, accepted: Any) -> OutboxItem:
        item: OutboxItem = self.sdk.wait_for_outbox_item(accepted.id)
        assert (item.status, item.error) == ("sent", None)
        return item

    def shown(self) -> Json:
        """Return what the person's phone shows last."""
        return self.blueport.phone(self.person)[-1]

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def tells(self, what: str, **more: Any) -> None:
        self.blueport.simulator("POST", f"/people/{self.person}/{what}", more)


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_works(kind: Kind, blueport: Blueport, tmp_path: Path) -> None:
    with working(kind, blueport.said["api_key"], blueport.said["api_url"]) as sdk:
        scene = Scene(sdk, blueport, PEOPLE[kind], tmp_path)
        for each in SCENES:
            each(scene)

    assert sdk.called == {name for name in dir(Client) if not name.startswith("_")} - NOT_OF_THE_SERVER


def settings_are_read_and_changed(scene: Scene) -> None:
    changed = scene.sdk.update_settings(extended_events=True, pacing={"interval_ms": 0})

    assert changed.extended_events
    assert scene.sdk.get_settings().pacing == changed.pacing


def lines_tell_what_they_can(scene: Scene) -> None:
    lines = list(scene.sdk.items("list_lines", include="capabilities"))

    assert "effects" in next(line for line in lines if line.handle == scene.blueport.line).capabilities


def a_text_is_heard_verified_and_answered(scene: Scene) -> None:
    with Receiver() as receiver:
        hook = scene.sdk.create_webhook(from_=scene.blueport.line, url=receiver.url, events=["message.received"])
        scene.blueport.texts(scene.person, TEXT)
        heard = until(
            lambda: next((each for each in receiver.heard if each.event["event"] == "message.received"), None)
        )

        event = verify_webhook(heard.raw, heard.headers["x-webhook-signature"], hook.secret)
        assert event.event == "message.received"
        assert (event.data.text, event.data.sender) == (TEXT, scene.person)
        accepted = scene.sdk.send_message(from_=event.data.line_id, to=event.data.chat_id, text="Yes")
        assert scene.done(accepted).payload["text"] == "Yes"
        assert scene.shown()["text"] == "Yes"
        _webhooks_are_looked_after(scene, hook.id)


def _webhooks_are_looked_after(scene: Scene, hook: str) -> None:
    sdk = scene.sdk
    assert hook in [each.id for each in sdk.items("list_webhooks", from_=scene.blueport.line)]
    tried = sdk.test_webhook(hook, event="message.received").id
    until(
        lambda: (
            {each.id: each.status for each in sdk.list_webhook_deliveries(webhook_id=hook).data}[tried] == "delivered"
        )
    )
    [attempt] = sdk.items("list_webhook_attempts", tried)
    assert attempt.status_code == 200
    assert sdk.replay_webhook_deliveries(delivery_id=tried).replayed == 1
    assert sdk.rotate_webhook_secret(hook, overlap_s=60).secret.startswith("whsec_")
    assert sdk.enable_webhook(hook).is_active
    assert sdk.delete_webhook(hook).deleted


def chats_and_messages_are_listed_page_by_page(scene: Scene) -> None:
    sdk = scene.sdk
    assert scene.person in [chat.identifier for chat in sdk.items("list_chats", from_=scene.blueport.line, limit=1)]

    assert [message.text for message in sdk.items("list_messages", **scene.ends, limit=1)] == ["Yes", TEXT]
    assert [message.text for message in sdk.list_messages(**scene.ends, q="there").data] == [TEXT]


def events_are_listed_and_streamed(scene: Scene) -> None:
    listed = scene.sdk.list_events(from_=scene.blueport.line, events=["message.received", "message.sent"])
    first, *later = [event for event in listed.data if event.data.text in (TEXT, "Yes")]

    streamed = scene.sdk.items("events", after=first.id, from_=scene.blueport.line, events=["message.sent"])
    with contextlib.closing(streamed):
        assert next(streamed).id == next(event.id for event in later if event.event == "message.sent")


def files_go_up_and_down(scene: Scene) -> None:
    content, told = bytes(range(256)) * 4000, []
    path = scene.file("Grüße.bin", content)

    file = scene.sdk.upload_file(path, on_progress=lambda gone, _: told.append(gone))

    assert (file.filename, file.size, told[-1]) == ("Grüße.bin", len(content), len(content))
    assert scene.sdk.get_file_url(file.id).url.startswith(scene.blueport.said["api_url"])
    again = scene.sdk.download_file(file.id)
    assert (again.filename, again.data == content) == ("Grüße.bin", True)
    scene.done(scene.sdk.send_message(**scene.ends, attachments=[file.id]))
    assert scene.shown()["attachments"][0]["size"] == len(content)


def a_voice_message_is_sent(scene: Scene) -> None:
    path = scene.folder / "hello.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))

    memo = scene.sdk.upload_file(path, mime_type="audio/wav")
    scene.done(scene.sdk.send_audio_message(**scene.ends, audio_message=memo.id))

    assert scene.shown()["is_audio"]


def a_contact_card_is_sent(scene: Scene) -> None:
    photo = scene.sdk.upload_file(b"\xff\xd8\xff\xe0", filename="ada.jpg", mime_type="image/jpeg")
    phones = [ContactPhone("+15559990000")]

    card = scene.sdk.send_contact_card(**scene.ends, first_name="Ada", last_name="King", phones=phones, photo=photo.id)

    [file_id] = scene.done(card).payload["attachments"]
    assert "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4A==" in scene.sdk.download_file(file_id).data.decode()
    assert scene.shown()["attachments"][0]["filename"] == "ada-king.vcf"


def reactions_typing_and_reading_go_both_ways(scene: Scene) -> None:
    sdk = scene.sdk
    theirs = next(message for message in sdk.items("list_messages", **scene.ends) if not message.is_from_me)
    ours = next(message for message in sdk.items("list_messages", **scene.ends) if message.text == "Yes")

    scene.done(sdk.send_reaction(**scene.ends, message_id=theirs.id, type="love"))
    scene.tells("reactions", guid=ours.guid, tapback="like")
    scene.tells("typing", is_typing=True)
    scene.tells("read")

    until(
        lambda: [(each.type, each.sender) for each in sdk.items("list_reactions", ours.id)] == [("like", scene.person)]
    )
    until(lambda: [each.is_typing for each in sdk.items("list_typing_indicators", **scene.ends)] == [True])
    until(lambda: [each.handle for each in sdk.items("list_read_receipts", **scene.ends)] == [scene.person])
    for begun in (sdk.start_typing(**scene.ends), sdk.stop_typing(**scene.ends), sdk.send_read_receipt(**scene.ends)):
        assert sdk.get_outbox_item(begun.id).id == begun.id


def what_was_sent_is_edited_and_taken_back(scene: Scene) -> None:
    sdk = scene.sdk
    item = scene.done(sdk.send_message(**scene.ends, text="Teh"))
    sent = next(message for message in sdk.items("list_messages", **scene.ends) if message.outbox_id == item.id)

    scene.done(sdk.edit_message(message_id=sent.id, text="The"))
    assert scene.shown()["text"] == "The"
    scene.done(sdk.unsend_message(sent.id))
    assert scene.shown()["unsent_at"]


def a_group_is_begun_changed_and_left(scene: Scene) -> None:
    sdk, line, (second, third) = scene.sdk, scene.blueport.line, scene.others
    for person in scene.others:
        scene.blueport.texts(person, "Hi")
    until(lambda: {second, third} <= {chat.identifier for chat in sdk.items("list_chats", from_=line)})

    scene.done(sdk.create_chat(from_=line, participants=[scene.person, second], text="Hi all", name="Trip"))
    group = next(chat for chat in sdk.items("list_chats", from_=line) if scene.shown()["chat"] == chat.identifier)
    scene.blueport.simulator("POST", f"/people/{second}/messages", {"text": "Hello", "to": group.identifier})
    ends = {"from_": line, "to": group.id}
    until(lambda: len(sdk.list_messages(**ends).data) == 2)
    scene.done(sdk.add_participant(**ends, participant=third))
    scene.done(sdk.rename_chat(**ends, name="Journey"))
    scene.done(sdk.remove_participant(**ends, participant=second))

    group = next(chat for chat in sdk.items("list_chats", from_=line) if chat.id == group.id)
    assert (group.name, group.is_group, set(group.participants)) == ("Journey", True, {scene.person, third})
    scene.done(sdk.leave_chat(**ends))


def the_sandbox_gives_its_code(scene: Scene) -> None:
    pending = scene.sdk.activate_sandbox()

    assert (pending.status, pending.sandbox_line_handle) == ("pending", scene.blueport.said["sandbox_line"])
    assert scene.sdk.get_sandbox().activation_code == pending.activation_code


def refusals_are_of_their_class(scene: Scene) -> None:
    for wrong, kind, code in (
        (lambda: scene.sdk.get_outbox_item("obx_" + "0" * 26), NotFoundError, "outbox_item_not_found"),
        (lambda: scene.sdk.list_lines(limit=0), InvalidRequestError, "invalid_parameter_value"),
        (lambda: scene.sdk.send_message(**scene.ends), InvalidRequestError, "missing_required_parameter"),
        (
            lambda: scene.sdk.send_message(from_=scene.blueport.line, to="+15550100099", text="Hi"),
            AuthorizationError,
            "contact_has_not_messaged",
        ),
    ):
        with pytest.raises(kind) as refused:
            wrong()
        assert refused.value.code == code
        assert refused.value.request_id.startswith("req_")


SCENES: tuple[Callable[[Scene], None], ...] = (
    settings_are_read_and_changed,
    lines_tell_what_they_can,
    a_text_is_heard_verified_and_answered,
    chats_and_messages_are_listed_page_by_page,
    events_are_listed_and_streamed,
    files_go_up_and_down,
    a_voice_message_is_sent,
    a_contact_card_is_sent,
    reactions_typing_and_reading_go_both_ways,
    what_was_sent_is_edited_and_taken_back,
    a_group_is_begun_changed_and_left,
    the_sandbox_gives_its_code,
    refusals_are_of_their_class,
)


def test_streams_outlast_their_server_and_a_limit_is_told(migrated: Path) -> None:
    with file_like(migrated) as database, fleet(database, HOURLY_LIMIT="40") as ships, contextlib.ExitStack() as ended:
        port = ships.start()
        both = [ended.enter_context(working(kind, ships.key, f"http://127.0.0.1:{port}")) for kind in KINDS]
        streams = [sdk.items("events", after="evt_" + "0" * 26, from_=LINE) for sdk in both]
        for stream in streams:
            ended.enter_context(contextlib.closing(stream))

        ships.hears(port, ADA, "Before")
        assert [next(stream).data.text for stream in streams] == ["Before", "Before"]
        ships.kill(port)
        ships.start(port=port)
        ships.hears(port, ADA, "After")
        assert [next(stream).data.text for stream in streams] == ["After", "After"]

        for sdk in both:
            with pytest.raises(RateLimitError) as limited:
                _use_up(sdk)
            assert (limited.value.retry_after_s or 0) > 60


def _use_up(sdk: Worker) -> None:
    """Ask more often than an hour allows, even if the hour ends meanwhile."""
    for _ in range(90):
        sdk.list_lines()


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_nobody_has_is_told(kind: Kind, blueport: Blueport) -> None:
    with (
        working(kind, "sk_live_nobody", blueport.said["api_url"]) as stranger,
        pytest.raises(AuthenticationError) as unknown,
    ):
        stranger.list_lines()

    assert unknown.value.code == "invalid_api_key"
