import asyncio
import contextlib
from asyncio.subprocess import Process
from pathlib import Path

import pytest
from msgspec import structs

from blueport.simulator.faults import Fault
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import MacOs, Settings, killall_path, osascript_path, port_file_path
from tests.simulator.scripting import (
    ADA,
    BO,
    BY_SMS,
    FILE_TO_CHAT,
    SECOND_LINE,
    SEND_FILE,
    SEND_FILE_TO_PERSON,
    TO_CHAT,
    TO_PERSON,
    osascript,
    outcome,
    own_rows,
    seen,
    started,
    until,
)

COUNT = 'tell application "Messages" to count accounts'
ADAS_CHAT = f"any;-;{ADA}"
DELIVERED = (1, 1, 1, 1, 0)
ODD_TEXT = "\"quoted\" \\ 'so'\nsecond line\u2028İ 👩‍👩‍👧 end tell"


def texts(mac: SimulatedMac, person: str) -> list[str | None]:
    return [bubble.text for bubble in mac.phones.screen(person) if not bubble.from_me]


async def arrived(mac: SimulatedMac, person: str, text: str) -> None:
    await until(lambda: text in texts(mac, person) and not mac.phones.under_way())


@pytest.fixture
async def known(mac: SimulatedMac) -> SimulatedMac:
    """A Mac to which Ada has written."""
    await mac.person_texts(ADA, "Hi")
    return mac


class TestSend:
    async def test_a_text_to_a_chat_arrives_letter_by_letter(self, known: SimulatedMac) -> None:
        folder = known.settings.folder

        ended = await osascript(folder, TO_CHAT, ADAS_CHAT, ODD_TEXT)

        await arrived(known, ADA, ODD_TEXT)
        assert ended == (0, "", "")
        assert own_rows(folder) == [DELIVERED]

    async def test_a_person_needs_no_chat(self, mac: SimulatedMac) -> None:
        ended = await osascript(mac.settings.folder, TO_PERSON, BO, "Hi Bo")

        await arrived(mac, BO, "Hi Bo")
        assert ended.status == 0
        assert mac.db.chat_by_guid(f"any;-;{BO}") is not None

    async def test_a_long_text_comes_from_a_file(self, known: SimulatedMac, tmp_path: Path) -> None:
        long_text = "x\né" * 70_000
        file = tmp_path / "long text.txt"
        file.write_bytes(long_text.encode())

        ended = await osascript(known.settings.folder, FILE_TO_CHAT, ADAS_CHAT, str(file))

        await arrived(known, ADA, long_text)
        assert ended.status == 0

    async def test_the_script_may_be_a_file(self, known: SimulatedMac, tmp_path: Path) -> None:
        script = tmp_path / "send.applescript"
        script.write_text(TO_CHAT)
        command = osascript_path(known.settings.folder)

        process = await asyncio.create_subprocess_exec(command, script, ADAS_CHAT, "Hello")

        assert await process.wait() == 0
        await arrived(known, ADA, "Hello")

    async def test_a_group_is_reached_by_its_guid(self, mac: SimulatedMac) -> None:
        group = mac.add_group([ADA, BO], name="Tea")

        await osascript(mac.settings.folder, TO_CHAT, f"any;+;{group}", "Tea at five")

        await arrived(mac, ADA, "Tea at five")
        await arrived(mac, BO, "Tea at five")
        assert {bubble.chat for bubble in mac.phones.screen(BO)} == {group}

    async def test_an_answer_goes_out_from_the_line_that_was_written_to(self, mac: SimulatedMac) -> None:
        await mac.person_texts(ADA, "Hi", to=SECOND_LINE)

        await osascript(mac.settings.folder, TO_CHAT, ADAS_CHAT, "Hello")

        await arrived(mac, ADA, "Hello")
        assert mac.phones.screen(ADA)[-1].chat == SECOND_LINE

    async def test_an_sms_tells_nobody_that_it_arrived(self, mac: SimulatedMac) -> None:
        await osascript(mac.settings.folder, BY_SMS, ADA, "Hello")

        await arrived(mac, ADA, "Hello")
        assert seen(mac.settings.folder, "SELECT service, is_sent, is_delivered FROM message") == [("SMS", 1, 0)]

    async def test_a_group_id_as_a_person_leaves_a_ghost(self, mac: SimulatedMac) -> None:
        group = mac.add_group([ADA, BO])

        ended = await osascript(mac.settings.folder, TO_PERSON, group, "Hi")

        assert ended.status == 0
        assert own_rows(mac.settings.folder) == [(0, 0, 0, 0, 0)]
        assert texts(mac, ADA) == []

    @pytest.mark.parametrize("macos", ["13", "15"])
    async def test_older_releases_name_a_chat_by_its_service(self, settings: Settings, macos: MacOs) -> None:
        async with running(structs.replace(settings, macos=macos)) as mac:
            await mac.person_texts(ADA, "Hi")

            ended = await osascript(settings.folder, TO_CHAT, f"iMessage;-;{ADA}", "Hello")

            await arrived(mac, ADA, "Hello")
        assert ended.status == 0


class TestSendFile:
    def staged(self, mac: SimulatedMac, name: str = "cat \u732b.png") -> Path:
        path = mac.settings.folder / "Library/Messages/Attachments/ours/1" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a cat")
        return path

    async def test_a_file_is_a_message_of_its_own_and_stays_where_it_is(self, known: SimulatedMac) -> None:
        path, folder = self.staged(known), known.settings.folder

        ended = await osascript(folder, SEND_FILE, ADAS_CHAT, str(path))

        await until(lambda: own_rows(folder) == [DELIVERED])
        row = "SELECT filename, transfer_name, uti, transfer_state, total_bytes, is_outgoing FROM attachment"
        assert ended == (0, "", "")
        assert seen(folder, row) == [(f"~/{path.relative_to(folder)}", path.name, "public.png", 5, 5, 1)]
        assert seen(
            folder, "SELECT cache_has_attachments, is_audio_message, part_count FROM message WHERE is_from_me"
        ) == [(1, 0, 1)]

    async def test_the_person_gets_it(self, known: SimulatedMac) -> None:
        await osascript(known.settings.folder, SEND_FILE_TO_PERSON, BO, str(self.staged(known)))

        await until(lambda: bool(known.phones.screen(BO)))
        [bubble] = known.phones.screen(BO)
        assert (bubble.text, bubble.attachments[0].filename) == (None, "cat \u732b.png")

    async def test_a_file_outside_of_the_sandbox_fails_although_the_script_did_not(  # att-01, att-02
        self, known: SimulatedMac, tmp_path: Path
    ) -> None:
        outside = tmp_path / "cat.png"
        outside.write_bytes(b"a cat")

        ended = await osascript(known.settings.folder, SEND_FILE, ADAS_CHAT, str(outside))

        await until(lambda: own_rows(known.settings.folder) == [(1, 1, 0, 0, 25)])
        assert ended.status == 0
        assert len(known.phones.screen(ADA)) == 1

    async def test_a_link_out_of_the_sandbox_is_outside(self, known: SimulatedMac, tmp_path: Path) -> None:
        (tmp_path / "cat.png").write_bytes(b"a cat")
        path = self.staged(known)
        path.unlink()
        path.symlink_to(tmp_path / "cat.png")

        await osascript(known.settings.folder, SEND_FILE, ADAS_CHAT, str(path))

        await until(lambda: own_rows(known.settings.folder) == [(1, 1, 0, 0, 25)])

    async def test_a_file_that_goes_before_it_was_read_fails(self, settings: Settings) -> None:  # att-03
        async with running(structs.replace(settings, step_ms=500)) as mac:
            await mac.person_texts(ADA, "Hi")
            path = self.staged(mac)
            await osascript(settings.folder, SEND_FILE, ADAS_CHAT, str(path))
            path.unlink()

            await until(lambda: own_rows(settings.folder) == [(1, 1, 0, 0, 25)])

    async def test_no_file_at_all_is_refused(self, known: SimulatedMac) -> None:
        ended = await osascript(known.settings.folder, SEND_FILE, ADAS_CHAT, "/nowhere.png")

        assert ended.error.endswith("(-43)")
        assert own_rows(known.settings.folder) == []

    async def test_faults_befall_files_too(self, known: SimulatedMac) -> None:
        path = str(self.staged(known))
        known.faults.add(Fault(next="undelivered", number=25))
        known.faults.add(Fault(next="error", number=-1700))

        taken = await osascript(known.settings.folder, SEND_FILE, ADAS_CHAT, path)
        refused = await osascript(known.settings.folder, SEND_FILE, ADAS_CHAT, path)

        await until(lambda: own_rows(known.settings.folder) == [(1, 1, 0, 0, 25)])
        assert (taken.status, refused.status) == (0, 1)


class TestRefusal:
    @pytest.mark.parametrize(
        ("script", "arguments", "number"),
        [
            (TO_CHAT, ("any;-;+15550109999", "Hi"), -1728),
            (TO_CHAT, (ADAS_CHAT,), -1728),
            ('tell application "Messages" to send "Hi" to buddy 1', (ADAS_CHAT, "Hi"), -2741),
            ("beep", (), -2741),
            (FILE_TO_CHAT, (ADAS_CHAT, "/nowhere.txt"), -43),
        ],
    )
    async def test_a_script_that_cannot_be_obeyed_fails_by_number(
        self, known: SimulatedMac, script: str, arguments: tuple[str, ...], number: int
    ) -> None:
        ended = await osascript(known.settings.folder, script, *arguments)

        assert ended.status == 1
        assert "execution error: " in ended.error
        assert ended.error.endswith(f"({number})")
        assert own_rows(known.settings.folder) == []

    async def test_without_messages_the_application_is_not_running(self, known: SimulatedMac) -> None:
        port_file_path(known.settings.folder).unlink()

        ended = await osascript(known.settings.folder, TO_CHAT, ADAS_CHAT, "Hi")

        assert ended.error.endswith("isn\u2019t running. (-600)")

    async def test_a_mac_that_ends_late_leaves_the_door_of_the_next_one_open(self, settings: Settings) -> None:
        async with contextlib.AsyncExitStack() as late:
            await late.enter_async_context(running(settings))
            async with running(settings):
                await late.aclose()

                assert (await osascript(settings.folder, COUNT)).status == 0

    async def test_a_stranger_without_the_token_is_not_heard(self, known: SimulatedMac) -> None:
        file = port_file_path(known.settings.folder)
        file.write_text(f"{file.read_text().split()[0]} guessed")

        ended = await osascript(known.settings.folder, TO_CHAT, ADAS_CHAT, "Hi")

        assert ended.error.endswith("(-609)")
        assert own_rows(known.settings.folder) == []

    def test_the_token_is_for_the_owner_alone(self, known: SimulatedMac) -> None:
        assert port_file_path(known.settings.folder).stat().st_mode & 0o077 == 0


class TestQuestions:
    async def test_messages_lists_its_chats(self, known: SimulatedMac) -> None:
        ended = await osascript(known.settings.folder, 'tell application "Messages" to get id of every chat')

        assert ended == (0, f"{ADAS_CHAT}\n", "")

    async def test_a_list_has_commas_between_unless_the_script_says_otherwise(self, known: SimulatedMac) -> None:
        await known.person_texts(BO, "Hi")
        asked = 'tell application "Messages" to set found to id of every chat\n'
        joined = f"{asked}set AppleScript's text item delimiters to linefeed\nreturn found as text"

        ended = [await osascript(known.settings.folder, script) for script in (asked, joined)]

        bos = f"any;-;{BO}"
        assert [each.output for each in ended] == [f"{ADAS_CHAT}, {bos}\n", f"{ADAS_CHAT}\n{bos}\n"]

    async def test_messages_may_be_launched(self, mac: SimulatedMac) -> None:
        assert (await osascript(mac.settings.folder, 'tell application "Messages" to launch')).status == 0


class TestFaults:
    async def fails(self, mac: SimulatedMac, fault: Fault) -> None:
        """Let one send go wrong, and then one well."""
        mac.faults.add(fault)
        await osascript(mac.settings.folder, TO_CHAT, ADAS_CHAT, "First")
        await osascript(mac.settings.folder, TO_CHAT, ADAS_CHAT, "Second")
        await arrived(mac, ADA, "Second")

    async def test_silent_leaves_nothing(self, known: SimulatedMac) -> None:
        await self.fails(known, Fault(next="silent"))

        assert texts(known, ADA) == ["Second"]
        assert own_rows(known.settings.folder) == [DELIVERED]

    async def test_ghost_leaves_an_empty_row(self, known: SimulatedMac) -> None:
        await self.fails(known, Fault(next="ghost"))

        assert texts(known, ADA) == ["Second"]
        assert own_rows(known.settings.folder) == [(0, 0, 0, 0, 0), DELIVERED]

    async def test_error_fails_with_its_number_as_often_as_told(self, known: SimulatedMac) -> None:
        known.faults.add(Fault(next="error", number=-1743, times=2))

        ended = [await osascript(known.settings.folder, TO_CHAT, ADAS_CHAT, text) for text in ("1", "2", "3")]

        assert [each.status for each in ended] == [1, 1, 0]
        assert ended[0].error.endswith("(-1743)")
        await arrived(known, ADA, "3")
        assert texts(known, ADA) == ["3"]

    async def test_hang_never_ends_and_sends_nothing(self, known: SimulatedMac) -> None:
        known.faults.add(Fault(next="hang"))
        process = await started(known.settings.folder, TO_CHAT, ADAS_CHAT, "First")
        await until(lambda: not known.faults.pending())

        await osascript(known.settings.folder, TO_CHAT, ADAS_CHAT, "Second")

        await arrived(known, ADA, "Second")
        assert process.returncode is None
        process.kill()
        await process.wait()
        assert texts(known, ADA) == ["Second"]

    async def test_a_mac_that_shuts_down_ends_what_hangs(self, settings: Settings) -> None:
        async with running(settings) as mac:
            mac.faults.add(Fault(next="hang"))
            process = await started(settings.folder, TO_PERSON, ADA, "First")
            await until(lambda: not mac.faults.pending())

        assert (await outcome(process)).error.endswith("(-609)")

    async def test_hang_after_delivers_and_never_ends(self, known: SimulatedMac) -> None:
        known.faults.add(Fault(next="hang_after"))

        process = await started(known.settings.folder, TO_CHAT, ADAS_CHAT, "First")

        await arrived(known, ADA, "First")
        assert process.returncode is None
        process.kill()
        await process.wait()

    async def test_undelivered_gives_the_row_an_error(self, known: SimulatedMac) -> None:
        await self.fails(known, Fault(next="undelivered"))

        assert texts(known, ADA) == ["Second"]
        assert own_rows(known.settings.folder) == [(1, 1, 0, 0, 22), DELIVERED]

    async def test_late_is_overtaken(self, known: SimulatedMac) -> None:
        await self.fails(known, Fault(next="late", after_ms=4_000))

        await arrived(known, ADA, "First")
        assert texts(known, ADA) == ["Second", "First"]

    async def test_flag_flips_shows_the_row_as_inbound_first(self, known: SimulatedMac) -> None:
        known.faults.add(Fault(next="flag_flips"))
        newest = "SELECT is_from_me, handle_id > 0 FROM message ORDER BY ROWID DESC LIMIT 1"

        await osascript(known.settings.folder, TO_CHAT, ADAS_CHAT, "First")
        at_first = seen(known.settings.folder, newest)
        await arrived(known, ADA, "First")

        assert (at_first, seen(known.settings.folder, newest)) == ([(0, 1)], [(1, 1)])

    async def test_other_line_sends_from_another_own_address(self, known: SimulatedMac) -> None:
        known.faults.add(Fault(next="other_line"))
        newest = "SELECT destination_caller_id FROM message ORDER BY ROWID DESC LIMIT 1"

        await osascript(known.settings.folder, TO_CHAT, ADAS_CHAT, "First")

        await arrived(known, ADA, "First")
        assert known.phones.screen(ADA)[-1].chat == SECOND_LINE
        assert seen(known.settings.folder, newest) == [(SECOND_LINE,)]

    async def test_faults_befall_the_sends_in_order(self, known: SimulatedMac) -> None:
        known.faults.add(Fault(next="silent"))
        known.faults.add(Fault(next="error"))

        ended = [await osascript(known.settings.folder, TO_CHAT, ADAS_CHAT, text) for text in ("1", "2", "3")]

        await arrived(known, ADA, "3")
        assert [each.status for each in ended] == [0, 1, 0]
        assert texts(known, ADA) == ["3"]

    async def test_a_chat_may_be_missing_from_the_live_list_and_its_person_is_reached_all_the_same(  # send-07
        self, known: SimulatedMac
    ) -> None:
        folder = known.settings.folder
        known.faults.add(Fault(next="unlisted", chat=ADAS_CHAT))

        by_chat = await osascript(folder, TO_CHAT, ADAS_CHAT, "1")
        listed = await osascript(folder, 'tell application "Messages" to get id of every chat')
        await osascript(folder, TO_PERSON, ADA, "2")

        await arrived(known, ADA, "2")
        assert (by_chat.error[-7:], listed.output) == ("(-1728)", "\n")
        assert seen(folder, "SELECT guid FROM chat") == [(ADAS_CHAT,)]

    async def test_there_may_be_no_sms_account(self, known: SimulatedMac) -> None:  # send-21
        known.faults.add(Fault(next="sms_off"))
        ended = await osascript(known.settings.folder, BY_SMS, ADA, "Hi")
        known.faults.add(Fault(next="sms_on"))

        assert ended.error.endswith("(-2753)")
        assert (await osascript(known.settings.folder, BY_SMS, ADA, "Hi")).status == 0

    async def test_scripts_may_be_forbidden_to_ask(self, known: SimulatedMac) -> None:  # send-28
        known.faults.add(Fault(next="denies_permission"))
        ended = [await osascript(known.settings.folder, script, ADAS_CHAT, "Hi") for script in (TO_CHAT, COUNT)]

        assert [each.error[-7:] for each in ended] == ["(-1743)"] * 2

    async def test_a_question_on_the_screen_keeps_all_scripts_waiting_until_it_is_answered(  # send-28
        self, known: SimulatedMac
    ) -> None:
        known.faults.add(Fault(next="asks_permission"))
        asking = await started(known.settings.folder, COUNT)
        assert not await ends_within(asking, 0.5)

        known.faults.add(Fault(next="gives_permission"))

        assert await outcome(asking) == (0, "1\n", "")


class TestEnding:
    """Messages ended by a script, or by force, and started again."""

    async def test_one_that_is_stuck_answers_nobody_until_it_is_killed(self, known: SimulatedMac) -> None:  # send-18
        folder = known.settings.folder
        known.faults.add(Fault(next="stuck"))
        lost = await started(folder, TO_CHAT, ADAS_CHAT, "Lost")
        await until(lambda: known.messages.application.is_stuck)
        asking = [await started(folder, script) for script in (COUNT, 'tell application "Messages" to quit')]
        assert not await ends_within(asking[1], 0.5)

        await killed(folder, "Messages")

        assert (await outcome(lost)).error.endswith("(-609)")
        assert {(await outcome(each)).error[-6:] for each in asking} <= {"(-609)", "(-600)"}
        assert (await osascript(folder, TO_CHAT, ADAS_CHAT, "Hi")).error.endswith("(-600)")
        await osascript(folder, 'tell application "Messages" to launch')
        await osascript(folder, TO_CHAT, ADAS_CHAT, "Hi")
        await arrived(known, ADA, "Hi")
        assert texts(known, ADA) == ["Hi"]

    async def test_it_quits_when_it_is_told_to(self, known: SimulatedMac) -> None:
        folder = known.settings.folder

        told = await osascript(folder, 'tell application "Messages" to quit')

        assert told == (0, "", "")
        assert (await osascript(folder, COUNT)).error.endswith("(-600)")
        assert await killed(folder, "Messages") == 1

    async def test_nothing_else_is_killed(self, known: SimulatedMac) -> None:
        assert await killed(known.settings.folder, "Finder") == 1
        assert (await osascript(known.settings.folder, COUNT)).status == 0


async def ends_within(process: Process, seconds: float) -> bool:
    return bool((await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=seconds))[0])


async def killed(folder: Path, name: str) -> int:
    process = await asyncio.create_subprocess_exec(killall_path(folder), name, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()
