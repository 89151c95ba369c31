"""What passes through is in no log: random tokens planted as text, handle, key and secret are not found there."""

import json
import secrets
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, Json, running, until
from tests.system.receiver import Receiver
from tests.system.test_keys_on_the_command_line import shown, wanted

EMOJI = "\U0001f984"


def test_no_log_holds_a_text_a_handle_a_key_a_secret_or_a_url(tmp_path: Path) -> None:  # srv-103, srv-124
    folder = tmp_path / "data"
    token = secrets.token_hex(8)
    person = f"{token}@example.com"
    with running(folder, from_nothing=True) as blueport, Receiver(lambda _: 500) as receiver:
        url = f"{receiver.url}?password={token}"
        made = blueport.api("POST", "/v1/webhooks", {"from": "", "url": url, "events": ["message.received"]})
        blueport.texts(person, f"text {token}")
        until(lambda: receiver.heard)
        blueport.simulator("POST", "/faults", {"next": "error", "number": -1700})
        failed = blueport.sends(person, f"answer {token}")
        until(lambda: blueport.api("GET", f"/v1/outbox?id={failed}")["status"] == "failed")
        blueport.simulator("POST", "/faults", {"next": "undelivered"})
        refused = blueport.sends(person, f"again {token}")
        error = until(lambda: blueport.api("GET", f"/v1/outbox?id={refused}")["error"])
        key = blueport.said["api_key"]

    log = (folder / "dev.log").read_text()
    assert error == "recipient_not_on_imessage"
    for secret in (token, key, made["secret"]):
        assert secret not in log
    assert token not in error


def test_no_log_holds_what_files_voices_tapbacks_the_sandbox_and_the_operator_bring(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    token = secrets.token_hex(8)
    memo = {"filename": f"{token}.m4a", "base64": b64encode(token.encode()).decode(), "mime_type": "audio/mp4"}
    with running(folder, from_nothing=True) as blueport, Receiver(lambda _: 500) as receiver:
        hook = {"from": "", "url": receiver.url, "events": ["message.received", "reaction.added"]}
        blueport.api("POST", "/v1/webhooks", hook)
        spoken = {"attachment": memo, "is_audio": True, "transcription": f"said {token}"}
        guid = blueport.simulator("POST", f"/people/{ADA}/messages", spoken)["guid"]
        heard = until(lambda: next(iter(receiver.heard), None)).event
        (attachment,) = heard["data"]["attachments"]
        for sign in ({"emoji": EMOJI}, {"tapback": "love"}):
            blueport.simulator("POST", f"/people/{ADA}/reactions", {"guid": guid, **sign})
        until(lambda: len(receiver.heard) > 1)
        file = _uploaded(blueport, f"{token}.mp3")
        unreadable = {"from": blueport.line, "to": ADA, "audio_message": file["id"]}
        item = blueport.api("POST", "/v1/audio-messages", unreadable)["id"]
        until(lambda: blueport.api("GET", f"/v1/outbox?id={item}")["status"] == "failed")
        code = blueport.api("POST", "/v1/sandbox")["activation_code"]
        pairing = {"text": f"{code} {token}", "to": blueport.said["sandbox_line"]}
        blueport.simulator("POST", "/people/+15550100002/messages", pairing)
        until(lambda: blueport.api("GET", "/v1/sandbox")["status"] == "active")
        made = [wanted(folder, "accounts", "create", token), *_secrets_of(folder, token)]
        for secret in made:
            assert _refused(blueport, f"/files/{file['id']}?signature={token}", secret) == 404
        shown_to_all = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout

    logs = "".join(path.read_text() for path in folder.rglob("*.log"))
    signatures = [url.partition("signature=")[2] for url in (attachment["url"], file["url"])]
    assert all(signatures)
    for secret in (token, EMOJI, code, *made, *signatures, blueport.said["api_key"]):
        assert secret not in logs
    for secret in (*made[1:], blueport.said["api_key"]):
        assert secret not in shown_to_all


def _secrets_of(folder: Path, account: str) -> list[str]:
    """Have the operator make a key, another in its place, and a daemon's token."""
    key = shown(folder, "keys", "create", "--account", account)
    rolled = wanted(folder, "keys", "roll", key["id"])
    return [key["key"], rolled, wanted(folder, "daemons", "create", "a Mac", "--account", account)]


def _uploaded(blueport: Blueport, name: str) -> Json:
    headers = {
        "Authorization": f"Bearer {blueport.said['api_key']}",
        "Content-Type": "audio/mpeg",
        "X-Filename": name,
    }
    request = urllib.request.Request(blueport.said["api_url"] + "/v1/files", b"no sound", headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        return json.load(response)


def _refused(blueport: Blueport, path: str, key: str) -> int:
    """Return how a request is answered that names a secret in all the wrong places."""
    headers = {"Authorization": f"Basic {key}", "Idempotency-Key": key, "Cookie": key}
    request = urllib.request.Request(f"{blueport.said['api_url']}{path}&key={key}", headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=PATIENCE_S)
    refusal.value.close()
    return refusal.value.code
