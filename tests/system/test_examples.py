"""The examples, each as its reader runs it; a bot that is started again says nothing twice."""

import contextlib
import json
import re
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from blueport_sdk import build_webhook_delivery
from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.sdks.node import PACKAGE, build, skip_without_node
from tests.system.blueport import ADA, Blueport, Json, until
from tests.system.bots import EXAMPLES, heard_by, newest_event, python, running_bot
from tests.system.completions import Completions
from tests.system.prompt import operated

BEA, CLEO, DORA, EVE, FAY, GIL, HAL, IDA, JON, KIM, LOU, MAX = (f"+155501000{number}" for number in range(11, 23))
FORGED = build_webhook_delivery("message.received", {"text": "Send me all you have"}, "whsec_guessed")


class Answer(NamedTuple):
    """What a bot that is a server answered."""

    status: int
    body: Json
    headers: Mapping[str, str]


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

    def test_it_excuses_a_model_that_cannot_be_had(self, blueport: Blueport, cursor: Path) -> None:
        with Completions(lambda _: {"content": "Hello"}) as endpoint:
            wrong_key = endpoint.environment | {"MODEL_KEY": "of another"}
            with running_bot(blueport, *python("llm_agent.py", "--cursor", cursor), **wrong_key):
                blueport.texts(MAX, "Hi")
                until(lambda: heard_by(blueport, MAX))

        assert heard_by(blueport, MAX) == ["I cannot think just now. Ask me again in a minute?"]


class TestTheBotInFastApi:
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
        with running_bot(blueport, *python("fastapi_bot.py"), PORT=port):
            answer = until(lambda: posted(f"http://127.0.0.1:{port}/webhook", FORGED.body, FORGED.headers))

        assert answer.status == 401


class TestTheBotInNode:
    @pytest.fixture
    def bot(self, tmp_path: Path) -> Path:
        """Return the bot in a folder where `@blueport/sdk` is installed."""
        skip_without_node()
        build()
        installed = tmp_path / "node_modules" / "@blueport" / "sdk"
        installed.parent.mkdir(parents=True)
        installed.symlink_to(PACKAGE)
        return Path(shutil.copy(EXAMPLES / "node_bot.mjs", tmp_path))

    def test_it_answers_what_is_genuine_once_and_finds_its_webhook_again(self, blueport: Blueport, bot: Path) -> None:
        port = str(free_port())
        with running_bot(blueport, "node", str(bot), PORT=port):
            blueport.texts(LOU, "One")
            until(lambda: heard_by(blueport, LOU))

        with running_bot(blueport, "node", str(bot), PORT=port):
            tell_again(blueport, port)
            forged = posted(f"http://127.0.0.1:{port}/webhook", FORGED.body, FORGED.headers)
            blueport.texts(LOU, "Two")
            until(lambda: "You said: Two" in heard_by(blueport, LOU))

        assert heard_by(blueport, LOU) == ["You said: One", "You said: Two"]
        assert forged is not None
        assert forged.status == 401


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


@pytest.fixture(scope="module")
def url(blueport: Blueport) -> Iterator[str]:
    """Return where codes are sent and verified."""
    with codes_service(blueport) as url:
        yield url


class TestTheOneTimeCodes:
    def test_a_code_comes_by_message_and_is_good_once(self, blueport: Blueport, url: str) -> None:
        writes_first(blueport, GIL)

        sent = asked(url, "/codes", to=GIL)

        assert (sent.status, sent.body) == (200, {"status": "sent"})
        code = newest_code(blueport, GIL)
        guesses = [asked(url, "/codes/verify", to=GIL, code=guess).body["valid"] for guess in ("12345", code, code)]
        assert guesses == [False, True, False]

    def test_who_has_not_written_to_the_line_is_shown_how(self, blueport: Blueport, url: str) -> None:
        refused = asked(url, "/codes", to=HAL)
        writes_first(blueport, HAL)
        sent = asked(url, "/codes", to=HAL)

        assert (refused.status, refused.body["link"]) == (403, f"sms:{blueport.line}?body=Send%20me%20a%20code")
        assert sent.status == 200

    def test_who_guesses_has_five_tries_and_gets_no_other_code_meanwhile(self, blueport: Blueport, url: str) -> None:
        writes_first(blueport, IDA)
        asked(url, "/codes", to=IDA)
        code = newest_code(blueport, IDA)
        for _ in range(5):
            asked(url, "/codes/verify", to=IDA, code="a guess")

        too_late = asked(url, "/codes/verify", to=IDA, code=code)
        another = asked(url, "/codes", to=IDA)

        assert not too_late.body["valid"]
        assert another.status == 429
        assert 0 < int(another.headers["Retry-After"]) <= 300

    @pytest.mark.parametrize("to", ["555 010 0001", "+1 5550100001", "ada@example.com", 15550100001, None])
    def test_a_person_is_named_in_one_way_only(self, url: str, to: Json) -> None:
        assert asked(url, "/codes", to=to).status == 400

    def test_a_code_that_is_too_old_is_none(self, blueport: Blueport) -> None:
        writes_first(blueport, JON)
        with codes_service(blueport, "--life-s", "0") as url:
            answers = [asked(url, "/codes", to=JON) for _ in range(2)]
            code = newest_code(blueport, JON, number=2)

            verified = asked(url, "/codes/verify", to=JON, code=code)

        assert [answer.status for answer in answers] == [200, 200]
        assert not verified.body["valid"]

    def test_a_code_that_could_not_be_sent_is_forgotten(self, blueport: Blueport, url: str) -> None:
        writes_first(blueport, KIM)
        blueport.simulator("POST", "/faults", {"next": "undelivered"})

        answers = [asked(url, "/codes", to=KIM) for _ in range(2)]

        assert [answer.status for answer in answers] == [502, 200]
        assert "recipient_not_on_imessage" in answers[0].body["error"]

    def test_what_the_api_has_too_much_of_is_passed_on(self, blueport: Blueport) -> None:
        with codes_service(blueport, MESSAGES_API_KEY=key_for_one_call(blueport)) as url:
            answer = asked(url, "/codes", to=ADA)

        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 0


@contextlib.contextmanager
def codes_service(blueport: Blueport, *options: str, **environment: str) -> Iterator[str]:
    port = free_port()
    with running_bot(blueport, *python("otp_sender.py", "--port", port, *options), **environment):
        yield f"http://127.0.0.1:{port}"


def asked(url: str, path: str, **body: Json) -> Answer:
    return until(lambda: posted(url + path, json.dumps(body).encode()))


def writes_first(blueport: Blueport, person: str) -> None:
    blueport.texts(person, "Send me a code")
    until(lambda: person in {chat["identifier"] for chat in chats(blueport)})


def newest_code(blueport: Blueport, person: str, number: int = 1) -> str:
    texts = until(lambda: heard_by(blueport, person)[number - 1 :])
    return texts[-1].split()[0]


def key_for_one_call(blueport: Blueport) -> str:
    return operated(blueport, "keys", "create", "--account", "first", "--hourly-limit", "1")


def chats(blueport: Blueport) -> list[Json]:
    return blueport.api("GET", f"/v1/chats?from={blueport.line}")["data"]


def reactions_on(blueport: Blueport, person: str, guid: str) -> list[str]:
    [reactions] = [bubble["reactions"] for bubble in blueport.phone(person) if bubble["guid"] == guid]
    return [each["tapback"] for each in reactions]


def poll_on(blueport: Blueport, person: str) -> str | None:
    bubble = blueport.phone(person)[-1]
    return bubble["guid"] if bubble["text"].startswith("Poll: ") else None


def tell_again(blueport: Blueport, port: str) -> None:
    """Have what the webhook at *port* was told delivered once more, as if its answers had been lost."""
    [webhook] = [each["id"] for each in blueport.api("GET", "/v1/webhooks")["data"] if f":{port}/" in each["url"]]
    before = until(lambda: tries_of_delivered(blueport, webhook))
    blueport.api("POST", "/v1/webhooks/replay", {"webhook_id": webhook, "status": "delivered"})
    until(lambda: tries_of_delivered(blueport, webhook) == {each: tries + 1 for each, tries in before.items()})


def tries_of_delivered(blueport: Blueport, webhook: str) -> dict[str, int] | None:
    """Return how often each delivery was tried; None while one is under way."""
    deliveries = blueport.api("GET", f"/v1/webhooks/deliveries?webhook_id={webhook}")["data"]
    if any(each["status"] != "delivered" for each in deliveries):
        return None
    return {each["id"]: each["attempts"] for each in deliveries}


def posted(url: str, body: bytes, headers: Mapping[str, str] = {}) -> Answer | None:
    """Return what is answered; None while nobody listens."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, dict(headers)), timeout=PATIENCE_S) as answer:
            return Answer(answer.status, _json(answer.read()), answer.headers)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, _json(refusal.read()), refusal.headers)
    except urllib.error.URLError:
        return None


def _json(content: bytes) -> Json:
    return json.loads(content) if content else None
