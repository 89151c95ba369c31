"""The examples, each as its reader runs it; a bot that is started again says nothing twice."""

import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from blueport_sdk import build_webhook_delivery
from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.system.blueport import ADA, Blueport, Json, running, until
from tests.system.bots import heard_by, newest_event, python, running_bot
from tests.system.completions import Completions

BEA, CLEO, DORA, EVE, FAY = (f"+155501000{number}" for number in range(11, 16))


@pytest.fixture(scope="module")
def blueport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blueport]:
    with running(tmp_path_factory.mktemp("examples") / "data") as blueport:
        yield blueport


@pytest.fixture
def cursor(blueport: Blueport, tmp_path: Path) -> Path:
    """Return where a bot finds how far it is: behind all that the tests before this one had said."""
    cursor = tmp_path / "bot.cursor"
    cursor.write_text(newest_event(blueport))
    return cursor


class TestTheAgentWithAModel:
    def test_it_uses_its_tool_and_reads_what_it_answers(self, blueport: Blueport, cursor: Path) -> None:
        with running_bot(blueport, *python("llm_agent.py", "--cursor", cursor)):
            blueport.texts(ADA, "What time is it in Buenos Aires?")

            [answer] = until(lambda: heard_by(blueport, ADA))

        assert re.fullmatch(r"In Buenos Aires it is \d\d:\d\d\.", answer)
        assert until(lambda: blueport.phone(ADA)[0]["read_at"])

    def test_one_that_died_goes_on_with_what_came_meanwhile(self, blueport: Blueport, cursor: Path) -> None:
        agent = python("llm_agent.py", "--cursor", cursor)
        before = cursor.read_text()
        with running_bot(blueport, *agent):
            blueport.texts(BEA, "My name is Bea")
            until(lambda: heard_by(blueport, BEA))
        blueport.texts(BEA, "Who am I?")
        # As if it had died after it answered, and before it could note so.
        cursor.write_text(before)

        with running_bot(blueport, *agent):
            until(lambda: "You are Bea." in heard_by(blueport, BEA))

        assert len(heard_by(blueport, BEA)) == 2

    def test_it_types_while_a_real_model_thinks_and_says_one_thing_even_if_that_thinks_again(
        self, blueport: Blueport, cursor: Path
    ) -> None:
        may_think = threading.Event()
        before = cursor.read_text()

        def message_for(asked: Json) -> Json:
            assert may_think.wait(PATIENCE_S)
            last = asked["messages"][-1]
            if last["role"] == "tool" or last["content"] == "Thanks":
                return {"content": f"{len(endpoint.asked)}: {last['content']}"}
            function = {"name": "time_in", "arguments": '{"city": "Tokyo"}'}
            return {"content": None, "tool_calls": [{"id": "call_9", "type": "function", "function": function}]}

        with Completions(message_for) as endpoint:
            agent = python("llm_agent.py", "--cursor", cursor)
            with running_bot(blueport, *agent, **endpoint.environment):
                blueport.texts(CLEO, "How late is it in Japan?")
                until(lambda: blueport.simulator("GET", f"/people/{CLEO}/typing"))
                may_think.set()
                until(lambda: heard_by(blueport, CLEO))
            cursor.write_text(before)
            with running_bot(blueport, *agent, **endpoint.environment):
                blueport.texts(CLEO, "Thanks")
                until(lambda: len(heard_by(blueport, CLEO)) == 2)

        [first, second] = heard_by(blueport, CLEO)
        assert re.fullmatch(r"2: In Tokyo it is \d\d:\d\d\.", first)
        assert second == "5: Thanks"
        system, *turns = endpoint.asked[-1]["messages"]
        assert system["role"] == "system"
        assert [turn["content"] for turn in turns] == ["How late is it in Japan?", first, "Thanks"]
        assert [tool["function"]["name"] for tool in endpoint.asked[0]["tools"]] == ["time_in"]


class TestTheBotBehindAWebhook:
    def test_it_answers_what_came_while_it_was_away_and_nothing_twice(self, blueport: Blueport) -> None:
        port = str(free_port())
        with running_bot(blueport, *python("fastapi_bot.py"), PORT=port):
            blueport.texts(DORA, "One")
            until(lambda: heard_by(blueport, DORA))
        blueport.texts(DORA, "Two")

        with running_bot(blueport, *python("fastapi_bot.py"), PORT=port):
            until(lambda: len(heard_by(blueport, DORA)) == 2)
            tell_again(blueport, port)
            blueport.texts(DORA, "Three")
            until(lambda: "You said: Three" in heard_by(blueport, DORA))

        assert heard_by(blueport, DORA) == [f"You said: {word}" for word in ("One", "Two", "Three")]

    def test_it_believes_nobody_else(self, blueport: Blueport) -> None:
        port = str(free_port())
        forged = build_webhook_delivery("message.received", {"text": "Send me all you have"}, "whsec_guessed")
        with running_bot(blueport, *python("fastapi_bot.py"), PORT=port):
            url = f"http://127.0.0.1:{port}/webhook"

            status = until(lambda: status_of(url, forged.body, forged.headers))

        assert status == 401


class TestTheBotInAGroup:
    def test_it_begins_a_group_and_speaks_when_it_is_spoken_to(self, blueport: Blueport) -> None:
        for person in (EVE, FAY):
            blueport.texts(person, "Hi")
        until(lambda: {EVE, FAY} <= {chat["identifier"] for chat in chats(blueport)})
        bot = python("group_bot.py", "--after", newest_event(blueport), "--begin", "Friday", EVE, FAY)
        with running_bot(blueport, *bot):
            until(lambda: heard_by(blueport, EVE))
            group = blueport.phone(EVE)[-1]["chat"]
            blueport.texts(FAY, "I am for pizza", to=group)
            blueport.texts(EVE, "And I for pasta", to=group)
            asked = blueport.texts(EVE, "@bot who said pizza?", to=group)
            until(lambda: heard_by(blueport, EVE)[-1] == f"{FAY}: I am for pizza")
            assert until(lambda: reactions_on(blueport, EVE, asked)) == ["like"]
            blueport.texts(EVE, "!poll Pizza, then?", to=group)
            poll = until(lambda: poll_on(blueport, FAY))
            for person, tapback in ((FAY, "like"), (EVE, "dislike")):
                blueport.simulator("POST", f"/people/{person}/reactions", {"guid": poll, "tapback": tapback})
            blueport.texts(FAY, "!result", to=group)
            until(lambda: heard_by(blueport, FAY)[-1].startswith("👍"))

        greeting, *answers = heard_by(blueport, FAY)
        assert greeting.startswith("Hi all. ")
        assert answers == [f"{FAY}: I am for pizza", "Poll: Pizza, then? (👍 or 👎)", f"👍 {FAY}\n👎 {EVE}"]


def chats(blueport: Blueport) -> list[Json]:
    return blueport.api("GET", f"/v1/chats?from={blueport.line}")["data"]


def reactions_on(blueport: Blueport, person: str, guid: str) -> list[str]:
    [bubble] = [each for each in blueport.phone(person) if each["guid"] == guid]
    return [each["tapback"] for each in bubble["reactions"]]


def poll_on(blueport: Blueport, person: str) -> str | None:
    bubble = blueport.phone(person)[-1]
    return bubble["guid"] if bubble["text"].startswith("Poll: ") else None


def tell_again(blueport: Blueport, port: str) -> None:
    """Have what the webhook at *port* was told delivered once more, as if its answers had been lost."""
    [webhook] = [each["id"] for each in blueport.api("GET", "/v1/webhooks")["data"] if port in each["url"]]
    before = until(lambda: tries_of_delivered(blueport, webhook))
    blueport.api("POST", "/v1/webhooks/replay", {"webhook_id": webhook, "status": "delivered"})
    until(lambda: tries_of_delivered(blueport, webhook) == {each: tries + 1 for each, tries in before.items()})


def tries_of_delivered(blueport: Blueport, webhook: str) -> dict[str, int] | None:
    """Return how often each delivery was tried; None while one is under way."""
    deliveries = blueport.api("GET", f"/v1/webhooks/deliveries?webhook_id={webhook}")["data"]
    if any(each["status"] != "delivered" for each in deliveries):
        return None
    return {each["id"]: each["attempts"] for each in deliveries}


def status_of(url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
    """Return what a POST is answered with; None while nobody listens."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, dict(headers)), timeout=PATIENCE_S) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
    except urllib.error.URLError:
        return None
