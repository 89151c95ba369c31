"""What `blueport mcp` lets a model do, as its operator starts it: over standard input and output, under one key."""

import base64
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import MCPError

from blueport.cli.api.mcp import main
from tests.mcp.clients import done, over_stdio, refused, tools_of
from tests.mcp.swallowing import Swallower
from tests.system.blueport import ADA, Blueport, until
from tests.system.test_the_command_line import run

BEN = "+15550100002"
WRITING = ["send_message", "reply_to_message", "react", "mark_read", "show_typing"]


@pytest.fixture(scope="module")
def blueport(blueport: Blueport) -> Blueport:
    """Return one that both have written to."""
    for person in (ADA, BEN):
        blueport.texts(person, f"I am {person}")
    until(lambda: len(chats(blueport)) == 2)
    return blueport


def chats(blueport: Blueport) -> dict[str, str]:
    """Return the ids of the chats, by who is in them."""
    told = blueport.api("GET", f"/v1/chats?from={blueport.line.replace('+', '%2B')}")
    return {chat["identifier"]: chat["id"] for chat in told["data"]}


class TestReadingOnly:
    async def test_no_tool_that_writes_is_listed_or_can_be_called(self, blueport: Blueport) -> None:
        before = blueport.phone(ADA)

        async with over_stdio(blueport) as client:
            tools = await tools_of(client)
            for name in WRITING:
                with pytest.raises(MCPError, match=f"{name} changes something, and this server only reads"):
                    await client.call_tool(name, {"from": blueport.line, "to": ADA, "text": "Hi"})
            instructions = client.instructions

        assert not tools & set(WRITING)
        assert {"list_lines", "read_messages"} <= tools
        assert "only reads" in (instructions or "")
        assert blueport.phone(ADA) == before

    @pytest.mark.parametrize("mode", ["auto", "legacy"])
    async def test_clients_of_any_age_are_told_which_tools_are_harmless(self, blueport: Blueport, mode: str) -> None:
        async with over_stdio(blueport, mode=mode) as client:
            listed = (await client.list_tools()).tools
            lines = await done(client, "list_lines")

        assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed)
        assert all(tool.description and tool.output_schema for tool in listed)
        assert lines["lines"]


class TestTheFence:
    async def test_only_the_people_that_are_named_can_be_read_or_reached(self, blueport: Blueport) -> None:
        ids = chats(blueport)

        async with over_stdio(
            blueport, "--allow-sending", "--from", blueport.line, "--to", "+1 (555) 010-0001"
        ) as client:
            listed = (await done(client, "list_chats"))["chats"]
            read = [(await done(client, "read_messages", to=each))["messages"][0] for each in (ADA, ids[ADA])]
            sent = await done(client, "send_message", to="+1 555 010 0001", text="Hi Ada")
            status = await done(client, "get_message_status", outbox_id=sent["outbox_id"])
            words = [
                await refused(client, "read_messages", to=BEN),
                await refused(client, "read_messages", to=ids[BEN]),
                await refused(client, "wait_for_reply", to=BEN),
                await refused(client, "send_message", to=BEN, text="Hi Ben"),
                await refused(client, "show_typing", to=ids[BEN]),
                await refused(client, "get_message_status", outbox_id=blueport.sends(BEN, "Not by a model")),
            ]
            instructions = client.instructions

        assert [chat["identifier"] for chat in listed] == [ADA]
        assert [message["sender"] for message in read] == [ADA, ADA]
        assert (sent["status"], status["status"]) == ("sent", "sent")
        assert all("allows only chats with: +15550100001" in each for each in words), words
        assert "Hi Ben" not in [bubble["text"] for bubble in blueport.phone(BEN)]
        assert "+15550100001" in (instructions or "")

    async def test_only_the_lines_that_are_named_are_there(self, blueport: Blueport) -> None:
        sandbox = blueport.said["sandbox_line"]

        async with over_stdio(blueport, "--from", sandbox) as client:
            lines = (await done(client, "list_lines"))["lines"]
            by_id = await done(client, "list_chats", from_=lines[0]["id"])
            own_id = next(
                line["id"] for line in blueport.api("GET", "/v1/lines")["data"] if line["handle"] == blueport.line
            )
            words = [await refused(client, "list_chats", from_=each) for each in (blueport.line, own_id)]

        assert [line["handle"] for line in lines] == [sandbox]
        assert by_id["chats"] == []
        assert all(f"allows only these lines: {sandbox}" in each for each in words), words

    async def test_a_group_is_open_only_if_it_is_named(self, blueport: Blueport) -> None:
        group = blueport.simulator("POST", "/groups", {"members": [ADA, BEN], "name": "Us"})["id"]
        blueport.simulator("POST", f"/people/{ADA}/messages", {"text": "All of us", "to": group})
        told = until(lambda: [chat for chat in all_chats(blueport) if chat["is_group"]])
        group_id = told[0]["id"]

        async with over_stdio(blueport, "--from", blueport.line, "--to", ADA) as client:
            words = await refused(client, "read_messages", to=group_id)
            listed = (await done(client, "list_chats"))["chats"]
        async with over_stdio(blueport, "--from", blueport.line, "--to", group_id) as client:
            read = (await done(client, "read_messages", to=group_id))["messages"]

        assert "allows only chats with" in words
        assert group_id not in [chat["id"] for chat in listed]
        assert [message["text"] for message in read] == ["All of us"]

    async def test_only_files_of_messages_that_may_be_read_can_be_looked_at(self, blueport: Blueport) -> None:
        ids = {person: file_from(blueport, person) for person in (ADA, BEN)}

        async with over_stdio(blueport, "--from", blueport.line, "--to", ADA) as client:
            words = [await refused(client, "download_file", file_id=each) for each in ids.values()]
            await done(client, "read_messages", to=ADA)
            shown = await done(client, "download_file", file_id=ids[ADA])
            words.append(await refused(client, "download_file", file_id=ids[BEN]))

        assert shown["filename"] == "note.txt"
        assert all("belongs to no message that was read here" in each for each in words)


def file_from(blueport: Blueport, person: str) -> str:
    """Have a person send a file, and return its id."""
    note = {"filename": "note.txt", "base64": base64.b64encode(person.encode()).decode(), "mime_type": "text/plain"}
    blueport.simulator("POST", f"/people/{person}/messages", {"text": "A file", "attachment": note})
    query = httpx2.QueryParams({"from": blueport.line, "to": person, "q": "A file"})
    url = until(lambda: _url_of_file(blueport, str(query)))
    return url.partition("/files/")[2].partition("?")[0]


def _url_of_file(blueport: Blueport, query: str) -> str | None:
    for message in blueport.api("GET", f"/v1/messages?{query}")["data"]:
        for attachment in message["attachments"]:
            url: str | None = attachment["url"]
            return url
    return None


def all_chats(blueport: Blueport) -> list[dict[str, object]]:
    found: list[dict[str, object]] = blueport.api("GET", f"/v1/chats?from={blueport.line.replace('+', '%2B')}")["data"]
    return found


class TestTrouble:
    async def test_a_key_that_is_none_is_told_by_every_call_and_never_shown(self, blueport: Blueport) -> None:
        key = "sk_live_" + "x" * 36

        async with over_stdio(blueport, key=key) as client:
            with pytest.raises(MCPError, match="invalid_api_key") as listing:
                await client.list_tools()
            words = await refused(client, "list_lines")

        assert "the key that this server was given is not good" in words
        assert key not in words + str(listing.value)

    async def test_an_api_that_is_away_is_told(self, blueport: Blueport) -> None:
        async with over_stdio(blueport, "--url", "http://127.0.0.1:9") as client:
            tools = await tools_of(client)
            words = await refused(client, "list_lines")

        assert "list_lines" in tools
        assert "cannot be reached" in words
        assert "(connection_failed)" in words
        assert "Traceback" not in words

    async def test_what_may_have_been_sent_is_told_with_the_name_that_makes_a_second_try_safe(
        self, blueport: Blueport
    ) -> None:
        message = {"from_": blueport.line, "to": ADA, "text": "Once, whatever happens"}

        with Swallower(blueport.said["api_url"], b"POST /v1/messages") as way:
            async with over_stdio(blueport, "--allow-sending", "--url", way.url) as client:
                words = await refused(client, "send_message", **message)
                name = words.partition("`idempotency_key` '")[2].partition("'")[0]
                way.words = None
                told = await done(client, "send_message", **message, idempotency_key=name)

        assert "Nobody can tell whether it was done" in words
        assert told["status"] == "sent"
        assert [bubble["text"] for bubble in blueport.phone(ADA)].count(message["text"]) == 1

    def test_without_a_key_it_does_not_start(self, tmp_path: Path) -> None:
        ended = run("mcp", at=tmp_path, MESSAGES_API_KEY="", HOME=str(tmp_path))

        assert (ended.returncode, ended.stdout) == (3, "")
        assert "MESSAGES_API_KEY" in ended.stderr

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (("--to", "Ada"), "'Ada' is no phone number with its country code"),
            (("--to", "5550100001"), "'5550100001' is no phone number with its country code"),
            (("--from", "cht_1"), "and no ln_..."),
            (("--http", "here"), "'here' is no [HOST:]PORT"),
            (("--http", "127.0.0.1:70000"), "is no [HOST:]PORT"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
    )
    def test_a_limit_that_means_nobody_is_refused(
        self, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], word: str
    ) -> None:
        with pytest.raises(SystemExit, match="2"):
            main(list(arguments))

        assert word in capsys.readouterr().err

    def test_an_address_that_is_none_is_told_before_anybody_calls(self, tmp_path: Path) -> None:
        ended = run("mcp", "--http", "0", "--url", "example.com", at=tmp_path)

        assert ended.returncode == 2
        assert "the base URL 'example.com' is none" in ended.stderr

    def test_over_http_there_is_no_key_to_lend(self, tmp_path: Path) -> None:
        ended = run("mcp", "--http", "0", "--key", "sk_live_x", at=tmp_path)

        assert ended.returncode == 2
        assert "every client brings its own key" in ended.stderr

    def test_where_the_extra_is_missing_it_says_how_to_install_it(self, tmp_path: Path) -> None:
        # As if it were not there: None in sys.modules is an import that fails.
        program = "import sys; sys.modules['mcp'] = None; from blueport.cli.main import main; main()"

        ended = subprocess.run(
            [sys.executable, "-c", program, "mcp"], cwd=tmp_path, capture_output=True, text=True, check=False
        )

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.splitlines() == [
            "blueport: `blueport mcp` needs mcp, which is not here: pip install 'blueport[mcp]'"
        ]
