"""Files through real processes: from a phone to an agent, and from an agent to a phone."""

import base64
import json
import urllib.request
from pathlib import Path
from urllib.parse import quote

from tests.patience import PATIENCE_S
from tests.server.test_voice_messages import caf_of, sound
from tests.system.blueport import ADA, Blueport, Json, until
from tests.system.receiver import Receiver

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 5000


def test_a_photo_reaches_the_webhook_with_a_link_to_its_bytes(blueport: Blueport) -> None:
    with Receiver() as receiver:
        hook = {"from": "", "url": receiver.url, "events": ["message.received"]}
        blueport.api("POST", "/v1/webhooks", hook)
        photo = {"filename": "photo.png", "base64": base64.b64encode(PNG).decode(), "mime_type": "image/png"}

        blueport.simulator("POST", f"/people/{ADA}/messages", {"text": "Look", "attachment": photo})

        heard = until(lambda: next(iter(receiver.heard), None))
        (attachment,) = heard.event["data"]["attachments"]
        assert (attachment["filename"], attachment["mime_type"]) == ("photo.png", "image/png")
        assert attachment["size"] == len(PNG)
        assert _bytes_at(attachment["url"]) == PNG


def test_text_and_photo_of_one_request_reach_the_phone_in_this_order(blueport: Blueport) -> None:
    blueport.texts(ADA, "Hi")
    file_id = _upload(blueport, PNG, "photo.png")

    item = _accepted(blueport, "/v1/messages", text="Look", attachments=[file_id])

    until(lambda: blueport.api("GET", f"/v1/outbox?id={item}")["status"] == "sent")
    text, photo = blueport.phone(ADA)[-2:]
    assert text["text"] == "Look"
    assert _on_phone(blueport, photo) == PNG


def test_a_sound_reaches_the_phone_as_a_voice_message(blueport: Blueport, tmp_path: Path) -> None:
    blueport.texts(ADA, "Hi")
    file_id = _upload(blueport, sound(tmp_path / "in", "m4a"), "memo.m4a")

    item = _accepted(blueport, "/v1/audio-messages", audio_message=file_id)

    until(lambda: blueport.api("GET", f"/v1/outbox?id={item}")["status"] == "sent")
    assert caf_of(_on_phone(blueport, blueport.phone(ADA)[-1])).form == (48_000, b"opus", 0, 960, 1)


def test_what_is_no_sound_fails_and_says_so(blueport: Blueport) -> None:
    blueport.texts(ADA, "Hi")
    file_id = _upload(blueport, b"no sound", "memo.mp3")

    item = _accepted(blueport, "/v1/audio-messages", audio_message=file_id)

    ended = until(lambda: _ended(blueport, item))
    assert (ended["status"], ended["error"]) == ("failed", "audio_not_readable")


def _accepted(blueport: Blueport, path: str, **asked: Json) -> str:
    until(lambda: blueport.api("GET", f"/v1/chats?from={quote(blueport.line)}")["data"])
    return blueport.api("POST", path, {"from": blueport.line, "to": ADA, **asked})["id"]


def _ended(blueport: Blueport, item: str) -> Json:
    told = blueport.api("GET", f"/v1/outbox?id={item}")
    return told if told["status"] in ("sent", "failed") else None


def _upload(blueport: Blueport, content: bytes, name: str) -> str:
    headers = {
        "Authorization": f"Bearer {blueport.said['api_key']}",
        "X-Filename": name,
        "Content-Type": "image/png" if name.endswith("png") else "audio/mp4",
    }
    request = urllib.request.Request(f"{blueport.said['api_url']}/v1/files", content, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)["id"]


def _on_phone(blueport: Blueport, bubble: Json) -> bytes:
    (file,) = bubble["attachments"]
    return _bytes_at(f"{blueport.said['simulator_url']}/people/{ADA}/files/{file['guid']}")


def _bytes_at(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return answer.read()
