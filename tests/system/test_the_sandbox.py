"""The shared line through real processes: a code is texted, and from then on that phone can be written to."""

from pathlib import Path

import pytest

from tests.system.blueport import ADA, Blueport, Json, running, until

BEN = "+15550100002"


def test_a_phone_is_paired_by_its_text_and_hears_the_agent(tmp_path: Path) -> None:
    with running(tmp_path / "data") as blueport:
        sandbox = blueport.said["sandbox_line"]
        told = blueport.api("POST", "/v1/sandbox")
        assert (told["status"], told["sandbox_line_handle"]) == ("pending", sandbox)

        _texts(blueport, BEN, f"  {told['activation_code'].lower()} ")

        active = until(lambda: _if_active(blueport))
        assert active["contact_identifier"] == BEN
        outbox_id = _sends(blueport, BEN, "Welcome to the sandbox")
        until(lambda: blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "sent")
        shown = [(bubble["sender"], bubble["text"]) for bubble in blueport.phone(BEN) if not bubble["from_me"]]
        assert shown == [(sandbox, "Welcome to the sandbox")]
        assert blueport.api("GET", "/v1/sandbox")["usage"]["used"] == 1
        with pytest.raises(AssertionError, match=r"400.*sandbox_contact_mismatch"):
            _sends(blueport, ADA, "Who are you?")


def test_the_line_of_ones_own_is_as_it_was(tmp_path: Path) -> None:
    with running(tmp_path / "data") as blueport:
        blueport.hears_first(ADA, "Hi")

        outbox_id = blueport.sends(ADA, "Hello")

        until(lambda: blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"] == "sent")
        assert blueport.api("GET", f"/v1/chats?from={blueport.said['sandbox_line']}")["data"] == []


def _texts(blueport: Blueport, person: str, text: str) -> None:
    blueport.simulator("POST", f"/people/{person}/messages", {"text": text, "to": blueport.said["sandbox_line"]})


def _sends(blueport: Blueport, person: str, text: str) -> str:
    body = {"from": blueport.said["sandbox_line"], "to": person, "text": text}
    return blueport.api("POST", "/v1/messages", body)["id"]


def _if_active(blueport: Blueport) -> Json | None:
    told = blueport.api("GET", "/v1/sandbox")
    return told if told["status"] == "active" else None
