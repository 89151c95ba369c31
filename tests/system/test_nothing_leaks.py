"""What passes through is in no log: random tokens planted as text, handle, key and secret are not found there."""

import secrets
from pathlib import Path

from tests.system.blueport import running, until
from tests.system.receiver import Receiver


def test_no_log_holds_a_text_a_handle_a_key_a_secret_or_a_url(tmp_path: Path) -> None:  # srv-103, srv-124
    folder = tmp_path / "data"
    token = secrets.token_hex(8)
    person = f"{token}@example.com"
    with running(folder) as blueport, Receiver(lambda _: 500) as receiver:
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
