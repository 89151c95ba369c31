"""From the public API to the phones of several people: a group is begun, and answered."""

from pathlib import Path

from tests.system.blueport import ADA, Blueport, Json, running, until

BO = "bo@example.com"


def test_all_of_them_get_the_first_message_and_an_answer_opens_the_group(tmp_path: Path) -> None:
    with running(tmp_path / "data") as blueport:
        for person in (ADA, BO):
            blueport.texts(person, "Hi")
        until(lambda: len(_chats(blueport)) == 2)
        asked = {"from": blueport.line, "participants": [ADA, BO], "text": "Hi all", "name": "Trip"}

        item = blueport.api("POST", "/v1/chats", asked)["id"]
        until(lambda: blueport.api("GET", f"/v1/outbox?id={item}")["status"] == "sent")

        [group] = [chat for chat in _chats(blueport) if chat["is_group"]]
        assert (group["name"], set(group["participants"])) == ("Trip", {ADA, BO})
        for person in (ADA, BO):
            bubble = blueport.phone(person)[-1]
            assert (bubble["text"], bubble["chat"]) == ("Hi all", group["identifier"])

        blueport.simulator("POST", f"/people/{BO}/messages", {"text": "Hello", "to": group["identifier"]})
        until(lambda: len(_messages(blueport, group["id"])) == 2)
        blueport.sends(group["id"], "Good")
        until(lambda: [blueport.phone(person)[-1]["text"] for person in (ADA, BO)] == ["Good", "Good"])


def _chats(blueport: Blueport) -> list[Json]:
    data: list[Json] = blueport.api("GET", f"/v1/chats?from=%2B{blueport.line[1:]}")["data"]
    return data


def _messages(blueport: Blueport, chat: str) -> list[Json]:
    data: list[Json] = blueport.api("GET", f"/v1/messages?from=%2B{blueport.line[1:]}&to={chat}")["data"]
    return data
