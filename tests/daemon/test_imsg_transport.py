"""The transport for what AppleScript cannot do, with executables that speak `imsg rpc` well and badly."""

import asyncio
import contextlib
import json
import re
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from blueport.daemon.performing.choosing import Chosen
from blueport.daemon.settings import Settings
from blueport.daemon.transports.base import OutcomeUnknownError, TransportError
from blueport.daemon.transports.imsg.events import TypingEvent
from blueport.daemon.transports.imsg.transport import Imsg
from blueport.protocol.commands import (
    AddMember,
    Command,
    CreateGroup,
    EditText,
    Effect,
    FileToSend,
    LeaveGroup,
    MarkRead,
    React,
    RemoveMember,
    RenameGroup,
    SendAudio,
    SendFile,
    SendText,
    SetTyping,
    Signal,
    Unsend,
)
from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings as MacSettings
from blueport.simulator.settings import imsg_path
from tests.daemon.waiting import ADA, LINE, cancelled_while_it_starts, gone, until

CHAT = "any;-;+15550100001"
REPLY = SendText(ADA, (CHAT,), "This one", reply_to_guid="G-1")
A_FILE = FileToSend("a.jpg", "image/jpeg", 3)
FEATURES = {
    "send.rich": ("replies", "effects"),
    "send.attachment": ("audio",),
    "tapback": ("reactions",),
    "message.edit": ("edit",),
    "message.unsend": ("unsend",),
    "chats.create": ("groups",),
    "typing": ("typing",),
    "read": ("receipts",),
}
# Answers each call with what the test wrote down for its method; notes what it was asked.
SPEAKER = """
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
if sys.argv[1:] == ["status", "--json"]:
    with (here / "asked").open("a") as asked: asked.write(json.dumps({"method": "status --json", "params": {}}) + "\\n")
    print(json.loads((here / "answers").read_text())["status --json"]); sys.exit()
for line in sys.stdin:
    request = json.loads(line)
    with (here / "asked").open("a") as asked: asked.write(json.dumps({**request, "pid": os.getpid()}) + "\\n")
    answer = json.loads((here / "answers").read_text())[request["method"]]
    if answer == "die": sys.exit(1)
    if answer == "hang": time.sleep(600)
    if answer == "babble": print("no JSON", flush=True); continue
    print(json.dumps({"jsonrpc": "2.0", "method": "message", "params": {}}))
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}), flush=True)
    events = here / "events"
    for event in json.loads(events.read_text()) if events.exists() else []:
        print(json.dumps({"jsonrpc": "2.0", "method": "bridge.event", "params": event}), flush=True)
"""
NOT_STARTED = {"disposition": "not_started", "retry_safe": True}
STILL_IN_FLIGHT = {"disposition": "still_in_flight", "retry_safe": False}
OF_NO_SUCH_METHOD = {"error": {"code": -32601, "message": "Method not found", "data": "status"}}
EFFECT = re.compile(r"com\.apple\.(MobileSMS\.expressivesend\.[a-z]+|messages\.effect\.CK[A-Za-z]+Effect)")
ABLE = {"result": {"methods": ["send", "send.rich"]}}


def imsg(tmp_path: Path, *, timeout_s: float = 5, **answers: object) -> Imsg:
    answer(tmp_path, **{"status": ABLE, "send.rich": answers.get("send_rich")})
    return Imsg(executable(tmp_path), _settings(timeout_s=timeout_s))


def answer(tmp_path: Path, **answers: object) -> None:
    """Write down what is to be answered from now on, by method."""
    (tmp_path / "answers").write_text(json.dumps(answers))


def executable(tmp_path: Path) -> str:
    (tmp_path / "speaker.py").write_text(SPEAKER)
    path = tmp_path / "imsg"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path}/speaker.py "$@"\n')
    path.chmod(0o755)
    return str(path)


def _settings(*, timeout_s: float = 5) -> Settings:
    settings = Settings(server_url="", token="", lines=(LINE,))
    return msgspec.structs.replace(settings, send_timeout_s=timeout_s)


def asked(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "asked").read_text().splitlines()]


class TestProbing:
    async def test_replies_are_offered_once_the_program_says_it_can(self, tmp_path: Path) -> None:
        transport = imsg(tmp_path)

        assert await transport.probe()
        assert transport.capabilities == ("replies", "effects")
        assert not await transport.probe(), "the second time it is no news"
        await transport.close()

    async def test_a_program_that_is_not_there_yet_offers_nothing_until_it_is(self, tmp_path: Path) -> None:
        transport = Imsg(str(tmp_path / "imsg"), _settings())

        assert not await transport.probe()
        assert (transport.capabilities, transport.look_again_s) == ((), 3)

        imsg(tmp_path)
        assert await transport.probe()
        assert transport.look_again_s == 60
        await transport.close()

    async def test_one_that_is_cancelled_while_it_is_started_is_killed_with_its_children(self, tmp_path: Path) -> None:
        (tmp_path / "imsg").write_text(f"#!/bin/sh\ncd {tmp_path}\nsleep 600 & echo $! > child; wait\n")
        (tmp_path / "imsg").chmod(0o755)
        probing = asyncio.create_task(Imsg(str(tmp_path / "imsg"), _settings()).probe())

        await cancelled_while_it_starts(probing, tmp_path / "child")

        await gone(int((tmp_path / "child").read_text()))
        assert probing.cancelled()

    async def test_a_plain_text_goes_by_applescript_and_a_reply_does_not(self, tmp_path: Path) -> None:
        done: list[SendText] = []

        class Notes:
            capabilities = ()

            async def perform(self, command: SendText, file: Path | None = None) -> None:
                assert file is None
                done.append(command)

        advanced = imsg(tmp_path, send_rich={"result": {"ok": True, "guid": "G-2"}})
        chosen = Chosen(Notes(), advanced)
        await chosen.probe()

        plain = msgspec.structs.replace(REPLY, reply_to_guid=None)
        await chosen.perform(plain)
        await chosen.perform(REPLY)

        assert done == [plain]
        assert asked(tmp_path)[-1]["params"] == {
            "chat_guid": REPLY.chat_guids[0],
            "text": "This one",
            "reply_to": "G-1",
        }
        await advanced.close()


class TestTheTwoGenerations:
    """Whatever it is, the program is asked, and nothing is sent to find out."""

    async def test_what_wants_a_bridge_is_not_offered_without_one(self, tmp_path: Path) -> None:
        transport = imsg(tmp_path)
        answer(tmp_path, status={"result": {"methods": ["typing", "read", "send.rich"], "bridge": {"ready": False}}})

        assert await transport.probe()
        assert transport.capabilities == ("replies", "effects")
        await transport.close()

    async def test_the_earlier_one_is_asked_whether_its_bridge_is_up(self, tmp_path: Path) -> None:
        transport = imsg(tmp_path)
        report = json.dumps({"advanced_features": True, "v2_ready": True, "selectors": {}})
        answer(tmp_path, **{"status": OF_NO_SUCH_METHOD, "status --json": report})

        assert await transport.probe()
        assert transport.capabilities == (
            *("replies", "reactions", "typing", "receipts", "audio", "effects", "edit", "unsend", "groups"),
        )
        assert [call["method"] for call in asked(tmp_path)] == ["status", "status --json"]
        assert not transport.can_name()
        await transport.close()

    @pytest.mark.parametrize(
        "report",
        [
            json.dumps({"advanced_features": False, "v2_ready": False}),
            json.dumps({"advanced_features": True, "v2_ready": False}),  # injected, and does not answer
            json.dumps({"advanced_features": True}),  # before there were the methods that we need
            "no JSON",
            "",
        ],
    )
    async def test_of_one_whose_bridge_is_not_up_nothing_is_offered(self, tmp_path: Path, report: str) -> None:
        transport = imsg(tmp_path)
        answer(tmp_path, **{"status": OF_NO_SUCH_METHOD, "status --json": report})

        assert not await transport.probe()
        assert transport.capabilities == ()
        assert transport.look_again_s == 60, "each time a program is started for it"
        await transport.close()

    async def test_one_in_between_offers_what_it_lists(self, tmp_path: Path) -> None:
        transport = imsg(tmp_path)
        report = {"advanced_features": True, "v2_ready": True, "rpc_methods": ["tapback", "poll.send"]}
        answer(tmp_path, **{"status": OF_NO_SUCH_METHOD, "status --json": json.dumps(report)})

        assert await transport.probe()
        assert transport.capabilities == ("reactions",)
        await transport.close()

    @pytest.mark.parametrize("is_up", [True, False])
    async def test_on_the_simulated_mac_of_the_earlier_one(self, tmp_path: Path, *, is_up: bool) -> None:
        async with running(MacSettings(folder=tmp_path / "mac", lines=(LINE,), imsg="0.9")) as mac:
            mac.faults.add(Fault("advanced_on" if is_up else "advanced_off"))
            guid = await mac.person_texts(ADA, "Nice?")
            transport = Imsg(str(imsg_path(mac.settings.folder)), _settings())

            assert await transport.probe() is is_up
            with contextlib.nullcontext() if is_up else pytest.raises(OutcomeUnknownError):
                await transport.perform(React(ADA, (CHAT,), guid, "love"))

            assert len(mac.db.rows("SELECT 1 FROM message WHERE associated_message_type = 2000")) == is_up
            await transport.close()


class TestOutcomes:
    @pytest.mark.parametrize(
        ("error", "permanent", "word"),
        [
            ({"code": -32603, "message": "", "data": NOT_STARTED}, False, "imsg_error_-32603"),
            ({"code": -32602, "message": "Invalid params", "data": "unknown chat"}, True, "imsg_error_-32602"),
            ({"code": -32601, "message": "Method not found", "data": "send.rich"}, True, "imsg_error_-32601"),
            ({"code": -32000, "message": "Server busy", "data": "too many"}, False, "imsg_busy"),
            ({"code": -32002, "message": "", "data": {"path": "/", "retryable": True}}, False, "imsg_has_no_database"),
            ({"code": -32003, "message": "", "data": {"retryable": True}}, False, "advanced_features_required"),
            ({"code": -32004, "message": "", "data": STILL_IN_FLIGHT}, False, "imsg_blocked"),
        ],
    )
    async def test_what_was_surely_not_done_is_a_failure(
        self, tmp_path: Path, error: dict[str, object], word: str, *, permanent: bool
    ) -> None:
        transport = imsg(tmp_path, send_rich={"error": error})

        with pytest.raises(TransportError) as failed:
            await transport.perform(REPLY)

        assert (str(failed.value), failed.value.permanent) == (word, permanent)
        assert transport.doubted.is_set(), "what it can do may be another now"
        await transport.close()

    @pytest.mark.parametrize(
        "answer",
        [
            {"error": {"code": -32001, "message": "", "data": {"disposition": "may_have_completed"}}},
            {"error": {"code": -32001, "message": "", "data": STILL_IN_FLIGHT}},
            {"error": {"code": -32603, "message": "Internal error", "data": "0.9 says no more than a sentence"}},
            {"error": {"code": -32603, "message": "", "data": {"disposition": "not_started", "retry_safe": False}}},
            {"error": {"code": -32603, "message": "", "data": {"disposition": "not_started", "retry_safe": "yes"}}},
            {"error": {"code": -32603, "message": "", "data": {"disposition": "not_started"}}},
            {"error": {"code": -1, "message": "no word on what was done"}},
            "die",
            "babble",
            "hang",
        ],
    )
    async def test_what_may_have_been_done_is_unknown_and_the_next_call_starts_anew(
        self, tmp_path: Path, answer: object
    ) -> None:
        transport = imsg(tmp_path, timeout_s=3, send_rich=answer)  # srv-003

        with pytest.raises(OutcomeUnknownError):
            await transport.perform(REPLY)

        assert await transport.probe()
        await transport.close()

    @pytest.mark.parametrize("code", [-32001, -32004])
    async def test_a_lane_that_is_blocked_is_left_behind_with_its_process(self, tmp_path: Path, code: int) -> None:
        transport = imsg(tmp_path, send_rich={"error": {"code": code, "message": "", "data": STILL_IN_FLIGHT}})
        with pytest.raises((OutcomeUnknownError, TransportError)):
            await transport.perform(REPLY)

        await transport.probe()

        assert len({call["pid"] for call in asked(tmp_path)}) == 2
        await transport.close()


class TestNamesOfAChat:  # chat-02
    """What is surely not done under one name is tried under the others that the chat may have."""

    @pytest.mark.parametrize(
        ("known", "tried"),
        [
            ((f"any;-;{ADA}",), [f"any;-;{ADA}", f"iMessage;-;{ADA}"]),
            ((f"iMessage;-;{ADA}",), [f"iMessage;-;{ADA}", f"any;-;{ADA}"]),
            ((f"any;-;{ADA}", f"iMessage;-;{ADA}"), [f"any;-;{ADA}", f"iMessage;-;{ADA}"]),
            ((f"SMS;-;{ADA}",), [f"SMS;-;{ADA}"]),
            (("iMessage;+;chat7", "SMS;+;chat7"), ["iMessage;+;chat7", "SMS;+;chat7", "any;+;chat7"]),
            ((), []),
        ],
    )
    @pytest.mark.parametrize("error", [{"code": -32602}, {"code": -32603, "data": NOT_STARTED}])
    async def test_all_are_tried_in_order(
        self, tmp_path: Path, known: tuple[str, ...], tried: list[str], error: dict[str, object]
    ) -> None:
        transport = imsg(tmp_path, send_rich={"error": {"message": "", **error}})
        answer(tmp_path, **{"send.rich": {"error": {"message": "", **error}}, "status": ABLE})
        await transport.probe()

        with pytest.raises(TransportError):
            await transport.perform(msgspec.structs.replace(REPLY, chat_guids=known))

        assert [call["params"]["chat_guid"] for call in asked(tmp_path)[1:]] == tried
        await transport.close()

    @pytest.mark.parametrize("code", [-32000, -32001, -32002, -32003, -32004, -32603])
    async def test_no_other_is_tried_where_the_name_is_not_at_fault(self, tmp_path: Path, code: int) -> None:
        transport = imsg(tmp_path, send_rich={"error": {"code": code, "message": ""}})

        with pytest.raises((OutcomeUnknownError, TransportError)):
            await transport.perform(REPLY)

        assert len(asked(tmp_path)) == 1
        await transport.close()


class TestOnTheSimulatedMac:
    async def test_a_reply_is_a_reply_in_chat_db_and_on_the_phone(self, mac: SimulatedMac) -> None:
        guid = await mac.person_texts(ADA, "Which?")
        chat_guid = mac.db.rows("SELECT guid FROM chat")[0]["guid"]
        transport = Imsg(str(imsg_path(mac.settings.folder)), _settings())

        await transport.perform(SendText(ADA, (chat_guid,), "This \u2028 one", reply_to_guid=guid))

        row = mac.db.rows("SELECT thread_originator_guid FROM message WHERE is_from_me = 1")[0]
        assert row["thread_originator_guid"] == guid
        await transport.close()

    async def test_a_chat_is_tried_under_each_of_its_guids(self, mac: SimulatedMac) -> None:  # chat-02
        guid = await mac.person_texts(ADA, "Which?")
        chat_guid = mac.db.rows("SELECT guid FROM chat")[0]["guid"]
        transport = Imsg(str(imsg_path(mac.settings.folder)), _settings())

        await transport.perform(SendText(ADA, (f"iMessage;-;{ADA}", chat_guid), "This one", reply_to_guid=guid))

        assert len(mac.db.rows("SELECT 1 FROM message WHERE is_from_me = 1")) == 1
        await transport.close()

    async def test_an_unknown_message_cannot_be_replied_to(self, mac: SimulatedMac) -> None:
        await mac.person_texts(ADA, "Which?")
        chat_guid = mac.db.rows("SELECT guid FROM chat")[0]["guid"]
        transport = Imsg(str(imsg_path(mac.settings.folder)), _settings())

        with pytest.raises(TransportError):
            await transport.perform(SendText(ADA, (chat_guid,), "This one", reply_to_guid="G-0"))

        await transport.close()

    async def test_a_fault_befalls_replies_too(self, mac: SimulatedMac) -> None:
        guid = await mac.person_texts(ADA, "Which?")
        chat_guid = mac.db.rows("SELECT guid FROM chat")[0]["guid"]
        mac.faults.add(Fault(next="hang"))
        transport = Imsg(str(imsg_path(mac.settings.folder)), _settings(timeout_s=1))

        with pytest.raises(OutcomeUnknownError):
            await transport.perform(SendText(ADA, (chat_guid,), "This one", reply_to_guid=guid))

        assert mac.db.rows("SELECT 1 FROM message WHERE is_from_me = 1") == []
        await transport.close()


class TestCalls:
    @pytest.mark.parametrize(
        ("command", "method", "params"),
        [
            (
                SendFile(ADA, (CHAT,), A_FILE, reply_to_guid="G-1"),
                "send.attachment",
                {"file": "/staged/a.jpg", "reply_to": "G-1"},
            ),
            (
                SendText(ADA, (CHAT,), "Hi", reply_to_guid="G-1", reply_to_part=2, effect="slam"),
                "send.rich",
                {
                    "text": "Hi",
                    "reply_to": "G-1",
                    "part_index": 2,
                    "effect": "com.apple.MobileSMS.expressivesend.impact",
                },
            ),
            (
                SendFile(ADA, (CHAT,), A_FILE, reply_to_guid="G-1", reply_to_part=1),
                "send.attachment",
                {"file": "/staged/a.jpg", "reply_to": "G-1", "part_index": 1},
            ),
            (SendAudio(ADA, (CHAT,), A_FILE), "send.attachment", {"file": "/staged/a.jpg", "audio": True}),
            (
                SendAudio(ADA, (CHAT,), A_FILE, reply_to_guid="G-1"),
                "send.attachment",
                {"file": "/staged/a.jpg", "audio": True, "reply_to": "G-1"},
            ),
            (
                React(ADA, (CHAT,), "G-1", "laugh", part=2),
                "tapback",
                {"message_guid": "G-1", "reaction": "laugh", "part_index": 2},
            ),
            (
                React(ADA, (CHAT,), "G-1", "laugh", is_removed=True),
                "tapback",
                {"message_guid": "G-1", "reaction": "laugh", "part_index": 0, "remove": True},
            ),
            (
                React(ADA, (CHAT,), "G-1", None, emoji="\N{PARTY POPPER}"),
                "tapback",
                {"message_guid": "G-1", "emoji": "\N{PARTY POPPER}", "part_index": 0},
            ),
            (
                React(ADA, (CHAT,), "G-1", None, emoji="\N{PARTY POPPER}", is_removed=True),
                "tapback",
                {"message_guid": "G-1", "emoji": "\N{PARTY POPPER}", "part_index": 0, "remove": True},
            ),
            (EditText(ADA, (CHAT,), "G-1", "The", 0), "message.edit", {"message_guid": "G-1", "text": "The"}),
            (Unsend(ADA, (CHAT,), "G-1", 0), "message.unsend", {"message_guid": "G-1"}),
            (RenameGroup(None, (CHAT,), "Trip"), "group.rename", {"name": "Trip"}),
            (AddMember(None, (CHAT,), ADA), "group.addParticipant", {"address": ADA}),
            (RemoveMember(None, (CHAT,), ADA), "group.removeParticipant", {"address": ADA}),
            (LeaveGroup(None, (CHAT,)), "group.leave", {}),
        ],
    )
    async def test_a_command_is_one_call(
        self, tmp_path: Path, command: Command, method: str, params: dict[str, object]
    ) -> None:
        transport = imsg(tmp_path)
        answer(tmp_path, **{method: {"result": {"ok": True, "guid": None}}})

        await transport.perform(command, Path("/staged/a.jpg"))
        await transport.close()

        assert [(call["method"], call["params"]) for call in asked(tmp_path)] == [
            (method, {"chat_guid": CHAT, **params})
        ]

    async def test_a_text_is_sent_under_a_guid_where_that_is_known_and_never_as_sms(self, tmp_path: Path) -> None:
        transport = imsg(tmp_path)
        answer(tmp_path, **{"status": {"result": {"methods": ["send.tracked"]}}, "send.tracked": {"result": {}}})
        await transport.probe()
        guid = "0f8fad5b-d9cb-469f-a165-70867728950e"

        assert transport.can_name()
        await transport.send_named(SendText(ADA, (CHAT,), "Hi"), guid)
        await transport.close()

        params = {"chat_guid": CHAT, "text": "Hi", "attempt_id": guid, "allow_sms_fallback": False}
        assert [(call["method"], call["params"]) for call in asked(tmp_path)[1:]] == [("send.tracked", params)]

    @pytest.mark.parametrize("effect", get_args(Effect))
    async def test_each_effect_has_a_name_of_apples(self, tmp_path: Path, effect: Effect) -> None:
        transport = imsg(tmp_path, send_rich={"result": {"ok": True}})

        await transport.perform(SendText(ADA, (CHAT,), "Hi", effect=effect))
        await transport.close()

        [call] = asked(tmp_path)
        assert set(call["params"]) == {"chat_guid", "text", "effect"}
        assert EFFECT.fullmatch(call["params"]["effect"])

    @pytest.mark.parametrize(
        ("signal", "method", "params"),
        [
            (SetTyping(ADA, (CHAT,), is_typing=True), "typing", {"typing": True}),
            (SetTyping(ADA, (CHAT,), is_typing=False), "typing", {"typing": False}),
            (MarkRead(ADA, (CHAT,)), "read", {}),
        ],
    )
    async def test_a_signal_is_one_call(
        self, tmp_path: Path, signal: Signal, method: str, params: dict[str, object]
    ) -> None:
        transport = imsg(tmp_path)
        answer(tmp_path, **{method: {"result": {"ok": True}}})

        await transport.signal(signal)
        await transport.close()

        assert [(call["method"], call["params"]) for call in asked(tmp_path)] == [
            (method, {"chat_guid": CHAT, **params})
        ]

    @pytest.mark.parametrize(("name", "named"), [(None, {}), ("Trip", {"name": "Trip"})])
    async def test_a_group_is_begun_without_a_chat(
        self, tmp_path: Path, name: str | None, named: dict[str, str]
    ) -> None:
        transport = imsg(tmp_path)
        answer(tmp_path, **{"chats.create": {"result": {"ok": True}}})

        await transport.perform(CreateGroup((ADA, "bo@example.com"), "Hi all", name))
        await transport.close()

        [call] = asked(tmp_path)
        assert call["params"] == {"addresses": [ADA, "bo@example.com"], "text": "Hi all", **named}

    async def test_a_signal_has_a_process_of_its_own(self, tmp_path: Path) -> None:  # srv-015
        transport = imsg(tmp_path, send_rich={"result": {"ok": True}})
        answer(tmp_path, **{"typing": "hang", "send.rich": {"result": {"ok": True}}})
        hanging = asyncio.create_task(transport.signal(SetTyping(ADA, (CHAT,), is_typing=True)))
        await until((tmp_path / "asked").exists)

        await transport.perform(REPLY)

        assert not hanging.done()
        hanging.cancel()
        await asyncio.wait({hanging})
        await transport.close()

    async def test_each_feature_is_offered_for_its_method(self, tmp_path: Path) -> None:
        transport = imsg(tmp_path)
        for method, features in FEATURES.items():
            answer(tmp_path, status={"result": {"methods": ["send", method]}})

            assert await transport.probe()
            assert transport.capabilities == features
        await transport.close()

    @pytest.mark.parametrize(
        ("features", "is_able"),
        [({"tapback.emoji": 2}, True), ({"tapback.emoji": 3}, True), ({"tapback.emoji": 1}, False)],
    )
    async def test_emoji_are_offered_from_the_version_on_that_puts_them_on_as_themselves(
        self, tmp_path: Path, features: dict[str, int], *, is_able: bool
    ) -> None:
        transport = imsg(tmp_path)
        answer(tmp_path, status={"result": {"methods": ["tapback"], "capabilities": {"features": features}}})

        await transport.probe()

        assert ("emoji_tapbacks" in transport.capabilities) is is_able
        assert transport.can(React(ADA, (CHAT,), "G-1", None, emoji="\N{PARTY POPPER}")) is is_able
        assert transport.can(React(ADA, (CHAT,), "G-1", "love"))
        await transport.close()

    async def test_who_types_is_heard_and_nonsense_is_not(self, tmp_path: Path) -> None:
        heard: list[TypingEvent] = []
        transport = Imsg(executable(tmp_path), _settings(), heard.append)
        answer(tmp_path, **{"bridge.events.subscribe": {"result": {"subscription": 1}}})
        events = [
            {"event": "aliases-removed", "data": {"chatGuid": CHAT}},
            {"event": "started-typing", "data": {}},
            {"event": ["started-typing"]},
            {"subscription": 1, "event": {"event": "aliases-removed", "data": {"chatGuid": CHAT}}},
            {"subscription": 1, "event": {"event": "started-typing", "data": {}}},
            {"event": "started-typing", "data": {"chatGuid": CHAT}},  # as it was told before
            {"subscription": 1, "event": {"event": "stopped-typing", "ts": "now", "data": {"chatGuid": CHAT}}},
        ]
        (tmp_path / "events").write_text(json.dumps(events))

        listening = asyncio.create_task(transport.listen_for_ever())
        await until(lambda: len(heard) == 2)
        listening.cancel()
        await asyncio.wait({listening})
        await transport.close()

        assert heard == [TypingEvent(CHAT, is_typing=True), TypingEvent(CHAT, is_typing=False)]
