"""GET /llms.txt and /llms-full.txt: what somebody needs who builds on this installation, told by the server itself."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable

import msgspec
import pytest

from blueport.server.app import ENDPOINTS
from blueport.server.authorizing.keys import SCOPES
from blueport.server.describing.events import EVENTS
from blueport.server.errors import CODES
from blueport.server.http.endpoint import Endpoint
from blueport.server.notifying.delivering import failures as delivery_failures
from blueport.server.sending import failures as sending_failures
from tests.databases import Database
from tests.server.answers import assert_refused
from tests.server.world import Clock, Json, World

pytestmark = pytest.mark.one_store("no store is asked")

BOTH = ["/llms.txt", "/llms-full.txt"]


@pytest.fixture
def full(world: World) -> str:
    return world.client.get("/llms-full.txt").text


class TestForm:
    @pytest.mark.parametrize("path", BOTH)
    def test_they_are_plain_text_that_any_page_may_read_without_a_key(self, world: World, path: str) -> None:
        answer = world.client.get(path)

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.text.startswith("# Blueport")

    @pytest.mark.parametrize("path", BOTH)
    def test_a_head_has_the_headers_alone(self, world: World, path: str) -> None:
        answer = world.client.head(path)

        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-length"] == str(len(world.client.get(path).content))

    @pytest.mark.parametrize("path", BOTH)
    def test_a_post_is_405(self, world: World, path: str) -> None:
        assert_refused(world.client.post(path), 405, "method_not_allowed")

    @pytest.mark.parametrize("path", BOTH)
    def test_no_line_has_anything_left_of_a_template(self, world: World, path: str) -> None:
        text = world.client.get(path).text

        assert not [mark for mark in ("{{", "{%", "%}", "\0", "| None", "\n\n\n", "<!--") if mark in text]


class TestContents:
    def test_the_short_one_names_every_endpoint_and_links_to_what_says_more(self, world: World) -> None:
        text = world.client.get("/llms.txt").text

        assert not [each for each in ENDPOINTS if f"`{each.method} {each.path}`" not in text]
        assert "(http://testserver/llms-full.txt)" in text
        assert "(http://testserver/openapi.json)" in text

    def test_the_long_one_has_every_page_that_the_short_one_lists(self, world: World, full: str) -> None:
        short = world.client.get("/llms.txt").text
        titles = re.findall(r"^- \[([^\]`]+)\]\(http://testserver/docs/\S+\.md\): .+", short, re.MULTILINE)

        assert len(titles) > 20
        assert [title for title in titles if f"\n# {title}\n" not in full] == []

    def test_every_endpoint_is_in_it(self, full: str) -> None:
        assert not [each for each in ENDPOINTS if f"\n`{each.method} {each.path}`\n" not in full]

    def test_every_scope_is_in_it_with_what_it_opens(self, full: str) -> None:
        lines = full.splitlines()
        told = {scope: [line for line in lines if line.startswith(f"| `{scope}` | ")] for scope in SCOPES}

        assert [scope for scope, found in told.items() if len(found) != 1] == []
        assert [each for each in ENDPOINTS if f"{each.method} {each.path}" not in told[each.scope][0]] == []

    def test_every_code_is_in_it_with_its_status_and_meaning(self, full: str) -> None:
        rows = {
            f"| [`{name}`](#{name}) | {code.status} | `{code.type}` | {code.meaning} |" for name, code in CODES.items()
        }

        assert not [row for row in rows if row not in full]

    def test_every_word_by_which_sends_and_deliveries_fail_is_in_it(self, full: str) -> None:
        words = [*sending_failures.MEANINGS, *delivery_failures.MEANINGS]

        assert [word for word in words if f"\n| `{word}` | " not in full] == []

    # hook-04, hook-05, hook-06
    def test_its_verifier_takes_what_is_ours_and_fresh_and_refuses_all_else_without_raising(self, full: str) -> None:
        shown: dict[str, Json] = {}
        blocks = re.findall(r"```python\n(.*?)```", full, re.DOTALL)
        [verifier] = [block for block in blocks if "def is_genuine" in block]
        exec(verifier, shown)

        def is_taken(minutes: float, change: Callable[[str], str] = str) -> bool:
            stamp = str(round(time.time() * 1000 + minutes * 60_000))
            said = change(hmac.new(b"secret", f"{stamp}.body".encode(), hashlib.sha256).hexdigest())
            return shown["is_genuine"](b"body", {"x-webhook-timestamp": stamp, "x-webhook-signature": said}, "secret")

        assert [is_taken(minutes) for minutes in (-6, -4, 0, 4, 6)] == [False, True, True, True, False]
        assert not any(is_taken(0, change) for change in (str.upper, lambda _: "\u00fc", lambda _: ""))
        assert not shown["is_genuine"](b"", {"x-webhook-timestamp": "now", "x-webhook-signature": "0"}, "secret")
        assert "remember `delivery_id`, for ten minutes at least" in full

    def test_every_event_is_in_it_with_a_sample(self, full: str) -> None:
        assert not [event for event in EVENTS if f"### {event.name}\n" not in full]
        assert not [event for event in EVENTS if f'"event": "{event.name}"' not in full]

    def test_every_field_of_every_answer_is_in_it(self, full: str) -> None:
        shapes = [*(endpoint.answer for endpoint in ENDPOINTS), *(event.shape for event in EVENTS)]
        _, components = msgspec.json.schema_components(shapes)

        fields = {name for schema in components.values() for name in schema.get("properties", {})}
        assert not [name for name in fields if f"| `{name}` |" not in full]

    @pytest.mark.parametrize(
        "endpoint",
        [each for each in ENDPOINTS if not each.is_upload],
        ids=lambda endpoint: f"{endpoint.method} {endpoint.path}",
    )
    def test_every_field_that_is_asked_for_is_in_it(self, full: str, endpoint: Endpoint) -> None:
        part = full.partition(f"\n`{endpoint.method} {endpoint.path}`\n")[2].partition("\n## ")[0]

        names = [field.encode_name for field in msgspec.structs.fields(endpoint.asked)]
        assert not [name for name in names if f"| `{name}` |" not in part]


class TestBaseUrl:
    @pytest.mark.parametrize("path", BOTH)
    @pytest.mark.parametrize("host", ["agent-box.local:8080", "10.0.0.7", "[::1]:8080", "imessage.example.com"])
    def test_it_is_where_the_reader_reached_the_server(self, world: World, path: str, host: str) -> None:
        text = world.client.get(path, headers={"Host": host}).text

        assert f"http://{host}/openapi.json" in text
        assert "testserver" not in text

    @pytest.mark.parametrize("host", ["evil.example.com/x", "a b", "[x](y)", "a@b", ""])
    def test_a_host_that_is_none_is_not_repeated(self, world: World, host: str) -> None:
        text = world.client.get("/llms.txt", headers={"Host": host}).text

        assert "(http://127.0.0.1:8080/openapi.json)" in text

    @pytest.mark.parametrize("path", BOTH)
    def test_it_is_what_the_operator_says_if_he_does(self, database: Database, path: str) -> None:
        with World(database, Clock(), public_url="https://imessage.example.com/").open() as world:
            answer = world.client.get(path, headers={"Host": "10.0.0.7"})

        assert "https://imessage.example.com/openapi.json" in answer.text
        assert "10.0.0.7" not in answer.text
