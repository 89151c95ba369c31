"""A Mac that is offline and comes back, from the API to the phone: nothing is lost, and nothing doubled."""

from collections import Counter

from tests.system.blueport import ADA, Blueport, Json, until


def goes(blueport: Blueport, word: str) -> None:
    blueport.simulator("POST", "/faults", {"next": word})


def status(blueport: Blueport, outbox_id: str) -> str:
    return blueport.api("GET", f"/v1/outbox?id={outbox_id}")["status"]


def told(blueport: Blueport) -> list[str]:
    """Return the texts that events told of, in their order."""
    events: list[Json] = blueport.api("GET", "/v1/events?events=message.received&limit=100")["data"]
    return [event["data"]["text"] for event in events]


def shown(blueport: Blueport) -> list[str]:
    return [bubble["text"] for bubble in blueport.phone(ADA) if not bubble["from_me"]]


def test_what_was_accepted_meanwhile_is_sent_once_and_in_order(blueport: Blueport) -> None:
    blueport.texts(ADA, "Are you there?")
    until(lambda: "Are you there?" in told(blueport))
    goes(blueport, "offline")
    texts = [f"accepted {number}" for number in range(5)]
    accepted = [blueport.sends(ADA, text) for text in texts]
    waiting = [status(blueport, each) for each in accepted]

    goes(blueport, "online")
    until(lambda: all(status(blueport, each) == "sent" for each in accepted))

    assert waiting == ["pending"] * 5
    assert [text for text in shown(blueport) if text in texts] == texts


def test_what_people_wrote_meanwhile_arrives_once(blueport: Blueport) -> None:
    goes(blueport, "offline")
    texts = [f"written {number}" for number in range(5)]
    for text in texts:
        blueport.texts(ADA, text)
    before = [text for text in told(blueport) if text in texts]

    goes(blueport, "online")
    until(lambda: texts[-1] in told(blueport))

    assert before == []
    assert [text for text in told(blueport) if text in texts] == texts


def test_a_network_that_comes_and_goes_loses_and_doubles_nothing(blueport: Blueport) -> None:
    blueport.texts(ADA, "Now")
    until(lambda: "Now" in told(blueport))
    sent, written = [], []
    for number in range(4):
        goes(blueport, "offline")
        sent.append(blueport.sends(ADA, f"sent {number}"))
        blueport.texts(ADA, f"heard {number}")
        goes(blueport, "online")
        sent.append(blueport.sends(ADA, f"sent after {number}"))
        written.append(f"heard {number}")

    until(lambda: all(status(blueport, each) == "sent" for each in sent))
    until(lambda: written[-1] in told(blueport))

    counted = Counter(shown(blueport))
    assert [counted[f"sent {number}"] for number in range(4)] == [1] * 4
    assert [counted[f"sent after {number}"] for number in range(4)] == [1] * 4
    assert [Counter(told(blueport))[text] for text in written] == [1] * 4
