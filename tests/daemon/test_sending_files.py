"""Files, voice messages and tapbacks that a whole daemon sends: fetched, staged, handed over once, and proven."""

import asyncio
import contextlib
import resource
import signal
import sqlite3
from pathlib import Path

import msgspec
import pytest

from blueport.clock import now_ms
from blueport.daemon.journal import items, staged
from blueport.daemon.journal.file import Journal
from blueport.daemon.performing.staging import LONGEST_NAME_BYTES, Staging, safe_name
from blueport.daemon.settings import Settings
from blueport.daemon.uplink import opened_uplink
from blueport.daemon.watching.reader import Reader
from blueport.protocol.commands import FileToSend, React, SendAudio, SendFile, Tapback
from blueport.protocol.door import ClaimedItem
from blueport.simulator import oddities
from blueport.simulator.chatdb import Row
from blueport.simulator.faults import Fault, Word
from blueport.simulator.mac import SimulatedMac, running
from blueport.simulator.settings import Settings as MacSettings
from blueport.simulator.settings import imsg_path
from tests.daemon.fake_door import FakeDoor, Work
from tests.daemon.test_daemon_deaths import daemon_process
from tests.daemon.test_sending_through_messages import texts_on_phone
from tests.daemon.waiting import ADA, BO, LINE, full_disk, until, working
from tests.patience import PATIENCE_S

PHOTO = b"\xff\xd8" + b"photo" * 50_000
VOICE = FileToSend("Audio Message.caf", "audio/x-caf", size=None)
SECOND_LINE = "+15550100009"
DAY_MS = 86_400_000
PARTY = "\N{PARTY POPPER}"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a Mac that has the program for advanced features."""
    return msgspec.structs.replace(settings, imsg=str(imsg_path(tmp_path / "mac")))


def staging_folder(settings: Settings) -> Path:
    return settings.chat_db.parent / "Attachments" / "blueport"


def staged_files(settings: Settings) -> list[Path]:
    return [path for path in staging_folder(settings).rglob("*") if path.is_file()]


def is_matched(settings: Settings, guid: str) -> bool:
    with contextlib.closing(sqlite3.connect(settings.journal)) as journal:
        return bool(journal.execute("SELECT 1 FROM claims WHERE guid = ?", (guid,)).fetchone())


def files_on_phone(mac: SimulatedMac, person: str) -> list[str]:
    shown = [message for message in mac.phones.screen(person) if not message.from_me]
    return [file.filename for message in shown for file in message.attachments]


class TestSendFile:
    async def test_it_is_staged_where_messages_may_read_it_and_reaches_the_phone(  # att-01
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept_file(LINE, ADA, "photo.jpg", PHOTO)

        async with working(settings, door):
            await until(lambda: work.status == "sent")

        [path] = staged_files(settings)
        assert path.name == "photo.jpg"
        assert path.read_bytes() == PHOTO
        assert path.stat().st_mode & 0o777 == 0o600
        assert files_on_phone(mac, ADA) == ["photo.jpg"]
        [seen] = [seen for seen in door.messages if seen.proves]
        assert (seen.proves and seen.proves.outbox_id, seen.text) == (work.id, None)

    async def test_texts_and_files_keep_their_order(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        work = [
            door.accept(LINE, ADA, "Before"),
            door.accept_file(LINE, ADA, "a.jpg", PHOTO),
            door.accept_file(LINE, ADA, "a.jpg", PHOTO + b"2"),
            door.accept(LINE, ADA, "After"),
        ]

        async with working(settings, door):
            await until(lambda: all(item.status == "sent" for item in work))

        shown = [(shown.text, len(shown.attachments)) for shown in mac.phones.screen(ADA) if not shown.from_me]
        assert shown == [("Before", 0), (None, 1), (None, 1), ("After", 0)]
        assert len({seen.proves.outbox_id for seen in door.messages if seen.proves}) == 4

    async def test_a_file_that_messages_cannot_read_fails_with_a_word(  # att-02
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("undelivered", number=25))
        bad, good = door.accept_file(LINE, ADA, "photo.jpg", PHOTO), door.accept(LINE, ADA, "Next")

        async with working(settings, door):
            await until(lambda: bad.is_over and good.is_over)

        assert (bad.status, bad.error, good.status) == ("failed", "attachment_unreadable", "sent")

    async def test_a_send_that_hangs_once_messages_has_it_is_proven_and_not_repeated(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("hang_after"))
        work = door.accept_file(LINE, ADA, "photo.jpg", PHOTO)

        async with working(msgspec.structs.replace(settings, send_timeout_s=3), door):
            await until(lambda: work.status == "sent")

        assert files_on_phone(mac, ADA) == ["photo.jpg"]

    async def test_a_photo_with_a_caption_from_another_device_proves_no_text(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("silent"))
        work = door.accept(LINE, ADA, "Look")

        async with working(msgspec.structs.replace(settings, proof_timeout_s=2), door):
            await until(lambda: not mac.faults.pending())
            mac.db.add_message(
                "Look at that", chat=mac.db.direct_chat(ADA), is_sent=1, cache_has_attachments=1, text=None
            )
            await until(lambda: work.is_over)

        assert (work.status, work.error) == ("failed", "outcome_unknown")

    async def test_a_reply_with_a_file_goes_by_the_bridge(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            guid = await mac.person_texts(ADA, "Which?")
            await until(lambda: bool(door.messages))
            file = FileToSend("that.png", "image/png", len(PHOTO))
            command = SendFile(ADA, (door.messages[0].chat.guid,), file, reply_to_guid=guid)
            work = door.accept_command(LINE, command, PHOTO)
            await until(lambda: work.status == "sent")

        assert door.messages[-1].reply_to_guid == guid

    async def test_without_a_bridge_such_a_reply_is_refused_for_good(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("advanced_off"))
        command = SendFile(ADA, ("any;-;x",), FileToSend("a.png", "image/png", 1), reply_to_guid="G")
        work = door.accept_command(LINE, command, b"x")

        async with working(settings, door):
            await until(lambda: work.is_over)

        assert (work.status, work.error) == ("failed", "advanced_features_required")


class TestSendAudio:
    async def test_it_is_a_voice_message_on_the_phone_and_proven_by_being_one(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            await mac.person_texts(ADA, "Say something")
            await until(lambda: bool(door.messages))
            file = FileToSend("Audio Message.caf", "audio/x-caf", len(PHOTO))
            command = SendAudio(ADA, (door.messages[0].chat.guid,), file)
            work = door.accept_command(LINE, command, PHOTO)
            await until(lambda: work.status == "sent")

        assert door.messages[-1].is_audio
        assert [shown.is_audio for shown in mac.phones.screen(ADA)][-1]

    async def test_one_that_messages_swallowed_is_not_proven_by_the_next(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(msgspec.structs.replace(settings, proof_timeout_s=3), door):
            await mac.person_texts(ADA, "Say something")
            await until(lambda: bool(door.messages))
            mac.faults.add(Fault("silent"))
            works = [
                door.accept_command(LINE, SendAudio(ADA, (door.messages[0].chat.guid,), VOICE), content)
                for content in (PHOTO, PHOTO[1:])
            ]
            await until(lambda: all(work.is_over for work in works))

        assert [(work.status, work.error) for work in works] == [("failed", "outcome_unknown"), ("sent", None)]


class TestReact:
    async def test_a_tapback_is_put_on_the_part_and_proven_by_its_row(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            guid = await mac.person_texts(ADA, "Nice?")
            await until(lambda: bool(door.messages))
            work = door.accept_command(LINE, React(ADA, (door.messages[0].chat.guid,), guid, "love"))
            after = door.accept(LINE, ADA, "After")
            await until(lambda: work.status == after.status == "sent")

        [seen] = door.reactions
        assert (seen.target_guid, seen.part, seen.tapback, seen.is_added) == (guid, 0, "love", True)
        assert (seen.is_from_me, seen.sender, seen.proves and seen.proves.outbox_id) == (True, None, work.id)

    @pytest.mark.parametrize(("tapback", "emoji"), [("love", None), (None, PARTY)])
    async def test_what_was_put_on_is_taken_off_again_and_each_is_proven_by_its_row(  # rxn-07
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tapback: Tapback | None, emoji: str | None
    ) -> None:
        async with working(settings, door):
            guid = await mac.person_texts(ADA, "Nice?")
            await until(lambda: bool(door.messages))
            put_on = React(ADA, (door.messages[0].chat.guid,), guid, tapback, emoji=emoji)
            first = door.accept_command(LINE, put_on)
            await until(lambda: first.status == "sent" and bool(mac.phones.screen(ADA)[0].reactions))
            second = door.accept_command(LINE, msgspec.structs.replace(put_on, is_removed=True))
            await until(lambda: second.status == "sent" and not mac.phones.screen(ADA)[0].reactions)

        assert [(seen.tapback, seen.emoji, seen.is_added) for seen in door.reactions] == [
            (tapback, emoji, True),
            (tapback, emoji, False),
        ]
        assert [seen.proves and seen.proves.outbox_id for seen in door.reactions] == [first.id, second.id]

    @pytest.mark.parametrize(
        ("asked", "kind", "columns"),
        [
            (React(ADA, (), "", "love", is_removed=True), 2000, {}),
            (React(ADA, (), "", "love"), 3000, {}),
            (React(ADA, (), "", None, emoji=PARTY), 2006, {"associated_message_emoji": "\N{FIRE}"}),
            (React(ADA, (), "", None, emoji=PARTY), 2000, {}),
            (React(ADA, (), "", None, emoji=PARTY, is_removed=True), 3006, {"associated_message_emoji": "\N{FIRE}"}),
            (React(ADA, (), "", None, 1, emoji=PARTY), 2006, {"associated_message_emoji": PARTY}),
        ],
    )
    async def test_no_other_row_proves_it(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, asked: React, kind: int, columns: dict[str, str]
    ) -> None:
        async with working(msgspec.structs.replace(settings, proof_timeout_s=1), door):
            guid = await mac.person_texts(ADA, "Nice?")
            await until(lambda: bool(door.messages))
            command = msgspec.structs.replace(asked, chat_guids=(door.messages[0].chat.guid,), message_guid=guid)
            work = await self._swallowed(mac, door, command)
            self._own(mac, guid, kind, is_sent=1, **columns)
            await until(lambda: work.is_over)

        assert (work.status, work.error) == ("failed", "outcome_unknown")

    @pytest.mark.parametrize(
        ("asked", "kind", "columns"),
        [
            (React(ADA, (), "", None, emoji="\u2764"), 2006, {"associated_message_emoji": "\u2764\ufe0f"}),
            (React(ADA, (), "", None, emoji=PARTY, is_removed=True), 3006, {}),
        ],
    )
    async def test_how_messages_writes_an_emoji_is_its_own_affair(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, asked: React, kind: int, columns: dict[str, str]
    ) -> None:
        async with working(settings, door):
            guid = await mac.person_texts(ADA, "Nice?")
            await until(lambda: bool(door.messages))
            command = msgspec.structs.replace(asked, chat_guids=(door.messages[0].chat.guid,), message_guid=guid)
            work = await self._swallowed(mac, door, command)
            self._own(mac, guid, kind, is_sent=1, **columns)
            await until(lambda: work.is_over)

        assert work.status == "sent"

    async def test_a_mac_that_knows_no_emoji_as_tapbacks_refuses_them_and_asks_nobody(
        self, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        async with running(MacSettings(folder=tmp_path / "mac", lines=(LINE,), imsg="0.9")) as mac:
            guid = await mac.person_texts(ADA, "Nice?")
            emoji = door.accept_command(LINE, React(ADA, (f"any;-;{ADA}",), guid, None, emoji=PARTY))
            one_of_six = door.accept_command(LINE, React(ADA, (f"any;-;{ADA}",), guid, "like"))
            async with working(settings, door):
                await until(lambda: emoji.is_over and one_of_six.is_over)

        assert (emoji.error, one_of_six.status) == ("advanced_features_required", "sent")
        assert "emoji_tapbacks" not in door.hellos[-1].lines[0].capabilities

    @pytest.mark.parametrize("point", ["granted", "begun", "handed", "outcome"])
    async def test_however_the_daemon_dies_what_is_taken_off_is_so_once_or_reported(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str
    ) -> None:
        guids = [await mac.person_texts(ADA, f"Nice {n}?") for n in range(3)]
        for guid in guids:
            self._own(mac, guid, 2001, is_sent=1)
        async with daemon_process(settings, tmp_path) as first:
            await until(lambda: bool(door.hellos))
            (tmp_path / f"daemon.{point}").touch()
            removals = [React(ADA, (f"any;-;{ADA}",), guid, "like", is_removed=True) for guid in guids]
            work = [door.accept_command(LINE, removal) for removal in removals]
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: all(item.is_over for item in work))

        kinds = mac.db.rows("SELECT count(*) FROM message WHERE associated_message_type = 3001")[0][0]
        assert kinds == len([item for item in work if item.status == "sent"])
        unknown = [item.error for item in work if item.status == "failed"]
        assert unknown == (["outcome_unknown"] if point == "begun" else [])

    async def test_a_like_is_not_proven_by_the_love_that_a_person_put_there(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(msgspec.structs.replace(settings, proof_timeout_s=2), door):
            like = await self._like(mac, door)
            mac.faults.add(Fault("silent"))
            work = door.accept_command(LINE, like)
            await until(lambda: not mac.faults.pending())
            chat = mac.db.direct_chat(ADA)
            row = mac.db.add_message("Loved it", chat=chat, is_sent=1)
            mac.db.change(row, associated_message_guid=f"p:0/{like.message_guid}", associated_message_type=2000)
            await until(lambda: work.is_over)

        assert (work.status, work.error) == ("failed", "outcome_unknown")

    async def test_a_bridge_that_has_gone_is_told_when_it_is_missed_and_not_a_minute_later(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            like = await self._like(mac, door)
            mac.faults.add(Fault("advanced_off"))
            work = door.accept_command(LINE, like)
            await until(lambda: work.is_over and door.hellos[-1].lines[0].capabilities == ())

        assert (work.status, work.error) == ("failed", "advanced_features_required")

    @pytest.mark.parametrize("word", ["in_flight", "dies", "slow"])
    async def test_what_imsg_loses_sight_of_is_proven_by_its_row_and_is_one(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, word: Word
    ) -> None:
        async with working(settings, door):
            guid = await mac.person_texts(ADA, "Nice?")
            await until(lambda: bool(door.messages))
            mac.faults.add(Fault(word, on="imsg", after_ms=5_000))
            chat = door.messages[0].chat.guid
            works = [door.accept_command(LINE, React(ADA, (chat,), guid, tapback)) for tapback in ("like", "love")]
            await until(lambda: all(work.status == "sent" for work in works))

        assert [work.attempts for work in works] == [1, 1]
        assert [seen.tapback for seen in door.reactions] == ["like", "love"]

    async def test_one_that_finds_imsg_busy_is_sent_later(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(settings, door):
            like = await self._like(mac, door)
            mac.faults.add(Fault("busy", on="imsg"))
            work = door.accept_command(LINE, like)
            await until(lambda: work.status == "sent")

        assert work.attempts == 2

    async def test_one_whose_row_is_gone_ends_at_once(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(msgspec.structs.replace(settings, proof_timeout_s=600), door):
            guid = await mac.person_texts(ADA, "Nice?")
            await until(lambda: bool(door.messages))
            first = await self._swallowed(mac, door, React(ADA, (door.messages[0].chat.guid,), guid, "love"))
            row = self._own(mac, guid, 2000, is_sent=0)
            await until(lambda: is_matched(settings, row.guid))

            second = await self._swallowed(mac, door, React(ADA, (door.messages[0].chat.guid,), guid, "like"))
            self._own(mac, guid, 2001, is_sent=1)
            await until(lambda: first.is_over and second.is_over)

        assert (first.status, first.error) == ("failed", "outcome_unknown")
        assert second.status == "sent"

    @pytest.mark.parametrize("is_removed", [False, True])
    async def test_what_takes_the_place_of_another_waits_until_the_row_of_that_was_seen(
        self,
        mac: SimulatedMac,
        door: FakeDoor,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
        *,
        is_removed: bool,
    ) -> None:
        step = Reader.step

        async def slowly(self: Reader) -> bool:
            await asyncio.sleep(2 * settings.settle_s)
            return await step(self)

        monkeypatch.setattr(Reader, "step", slowly)
        async with working(settings, door):
            like = await self._like(mac, door)
            then = msgspec.structs.replace(like, is_removed=is_removed, tapback="like" if is_removed else "love")
            works = [door.accept_command(LINE, react) for react in (like, then)]
            await until(lambda: all(work.is_over for work in works))

        assert [(work.status, work.error, work.attempts) for work in works] == [("sent", None, 1)] * 2
        assert [(seen.tapback, seen.is_added) for seen in door.reactions] == [
            (like.tapback, True),
            (then.tapback, not is_removed),
        ]

    async def test_what_takes_the_place_of_another_waits_for_the_row_of_that(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(msgspec.structs.replace(settings, settle_s=PATIENCE_S), door):
            like = await self._like(mac, door)
            mac.faults.add(Fault("late", after_ms=1_000))
            love = msgspec.structs.replace(like, tapback="love")
            works = [door.accept_command(LINE, react) for react in (like, love)]
            await until(lambda: all(work.is_over for work in works))

        assert [work.status for work in works] == ["sent", "sent"]
        assert [seen.tapback for seen in door.reactions] == ["like", "love"]

    async def test_of_what_comes_to_nothing_another_takes_the_place_after_a_while(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(msgspec.structs.replace(settings, proof_timeout_s=600), door):
            like = await self._like(mac, door)
            mac.faults.add(Fault("silent"))
            first, second = (
                door.accept_command(LINE, msgspec.structs.replace(like, tapback=tapback))
                for tapback in ("like", "love")
            )
            await until(lambda: second.is_over)

        assert (second.status, first.is_over) == ("sent", False)

    async def test_the_second_of_two_alike_is_proven_where_the_row_of_the_first_was_never_seen(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        async with working(msgspec.structs.replace(settings, proof_timeout_s=3), door):
            guid = await mac.person_texts(ADA, "Nice?")
            await until(lambda: bool(door.messages))
            love = React(ADA, (door.messages[0].chat.guid,), guid, "love")
            first, second = await self._swallowed(mac, door, love), await self._swallowed(mac, door, love)
            self._own(mac, guid, 2000, is_sent=1)
            await until(lambda: first.is_over and second.is_over)

        assert (first.status, first.error) == ("failed", "outcome_unknown")
        assert second.status == "sent"

    @staticmethod
    async def _like(mac: SimulatedMac, door: FakeDoor) -> React:
        """Have Ada ask something that may be liked."""
        guid = await mac.person_texts(ADA, "Nice?")
        await until(lambda: bool(door.messages))
        return React(ADA, (door.messages[0].chat.guid,), guid, "like")

    @staticmethod
    async def _swallowed(mac: SimulatedMac, door: FakeDoor, react: React) -> Work:
        """Have a tapback handed over of which Messages makes nothing."""
        mac.faults.add(Fault("silent"))
        work = door.accept_command(LINE, react)
        await until(lambda: not mac.faults.pending())
        return work

    @staticmethod
    def _own(mac: SimulatedMac, target: str, kind: int, *, is_sent: int, **columns: str) -> Row:
        """Write an own tapback, which takes the place of the one before."""
        chat = mac.db.direct_chat(ADA)
        return oddities.tapback(mac.db, f"p:0/{target}", kind, chat=chat, sender=None, is_sent=is_sent, **columns)


class TestFetching:
    async def test_a_slow_file_holds_up_neither_what_came_before_nor_another_line(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        door.lines = {LINE, SECOND_LINE}
        is_let_go = asyncio.Event()
        door.gives_files = lambda _: is_let_go.is_set()
        before = door.accept(LINE, ADA, "Before")
        file = door.accept_file(LINE, ADA, "photo.jpg", PHOTO)
        after, other = door.accept(LINE, ADA, "After"), door.accept(SECOND_LINE, BO, "Other line")

        async with working(msgspec.structs.replace(settings, lines=(LINE, SECOND_LINE)), door):
            await until(lambda: before.status == other.status == "sent")
            assert not file.begun
            assert not after.begun
            is_let_go.set()
            await until(lambda: file.status == after.status == "sent")

        assert texts_on_phone(mac, ADA) == ["Before", None, "After"]

    @pytest.mark.usefixtures("mac")
    async def test_all_that_waits_behind_a_slow_file_keeps_out_no_other_line(
        self, door: FakeDoor, settings: Settings
    ) -> None:
        door.lines = {LINE, SECOND_LINE}
        door.gives_files = lambda _: False
        door.accept_file(LINE, ADA, "photo.jpg", PHOTO)
        behind = [door.accept(LINE, ADA, f"Number {n}") for n in range(30)]

        async with working(msgspec.structs.replace(settings, lines=(LINE, SECOND_LINE)), door):
            await until(lambda: all(item.status == "claimed" for item in behind))
            other = door.accept(SECOND_LINE, BO, "Other line")
            await until(lambda: other.status == "sent")

    @pytest.mark.usefixtures("mac")
    async def test_audio_that_nobody_can_play_fails_with_the_servers_word(
        self, door: FakeDoor, settings: Settings
    ) -> None:
        door.files_answer = (422, "audio_not_readable")
        bad, good = door.accept_file(LINE, ADA, "a.caf", b"noise"), door.accept(LINE, ADA, "Next")

        async with working(settings, door):
            await until(lambda: bad.is_over and good.is_over)

        assert (bad.status, bad.error, bad.begun, good.status) == ("failed", "audio_not_readable", False, "sent")

    @pytest.mark.usefixtures("mac")
    async def test_an_item_that_is_no_longer_ours_is_dropped(self, door: FakeDoor, settings: Settings) -> None:
        door.files_answer = (404, "outbox_item_not_found")
        gone = door.accept_file(LINE, ADA, "a.jpg", PHOTO)

        async with working(settings, door):
            await until(lambda: door.knocks["file"] > 0)
            gone.status = "failed"
            door.files_answer = None
            after = door.accept(LINE, ADA, "After")
            await until(lambda: after.status == "sent")

        assert not gone.begun

    @pytest.mark.parametrize("answer", [(500, "internal_error"), (404, "route_not_found")])
    async def test_what_cannot_be_fetched_now_is_fetched_later(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, answer: tuple[int, str]
    ) -> None:
        door.files_answer = answer
        work = door.accept_file(LINE, ADA, "photo.jpg", PHOTO)

        async with working(settings, door):
            await until(lambda: door.knocks["file"] > 2)
            door.files_answer = None
            await until(lambda: work.status == "sent")

        assert (files_on_phone(mac, ADA), work.attempts) == (["photo.jpg"], 1)

    @pytest.mark.usefixtures("mac")
    async def test_a_file_of_another_size_than_announced_is_not_handed_over(
        self, door: FakeDoor, settings: Settings
    ) -> None:
        work = door.accept_file(LINE, ADA, "photo.jpg", PHOTO, size=len(PHOTO) + 1)

        async with working(settings, door):
            await until(lambda: door.knocks["file"] > 1)

        assert not work.begun

    async def test_a_file_that_was_lost_before_its_turn_is_fetched_again(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings
    ) -> None:
        mac.faults.add(Fault("hang"))
        first, file = door.accept(LINE, ADA, "Hangs"), door.accept_file(LINE, ADA, "photo.jpg", PHOTO)

        async with working(msgspec.structs.replace(settings, send_timeout_s=3, proof_timeout_s=3), door):
            await until(lambda: first.begun and bool(staged_files(settings)))
            await until(lambda: staged_files(settings)[0].stat().st_size == len(PHOTO))
            staged_files(settings)[0].unlink()
            await until(lambda: file.status == "sent")

        assert files_on_phone(mac, ADA) == ["photo.jpg"]

    @pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
    async def test_a_disk_that_is_full_for_a_while_costs_no_attempt(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path
    ) -> None:
        async with daemon_process(settings, tmp_path) as process:
            await until(lambda: bool(door.hellos))
            with full_disk(process.pid, 4_000_000):
                work = door.accept_file(LINE, ADA, "film.mov", bytes(8_000_000))
                await until(lambda: door.knocks["file"] > 1)

            await until(lambda: work.is_over)

        assert (work.status, work.attempts) == ("sent", 1)
        assert files_on_phone(mac, ADA) == ["film.mov"]


class TestDeath:
    @pytest.mark.parametrize(
        "point",
        [
            "offered",
            "claimed",
            "placed",
            "fetched",
            "staged",
            "named",
            "granted",
            "begun",
            "handed",
            "outcome",
            "seen",
            "told",
        ],
    )
    async def test_at_any_point_a_file_is_sent_once_or_reported(
        self, mac: SimulatedMac, door: FakeDoor, settings: Settings, tmp_path: Path, point: str
    ) -> None:
        async with daemon_process(settings, tmp_path) as first:
            await until(lambda: bool(door.hellos))
            (tmp_path / f"daemon.{point}").touch()
            file, text = door.accept_file(LINE, ADA, "photo.jpg", PHOTO), door.accept(LINE, ADA, "After")
            await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert first.returncode == -signal.SIGKILL

        async with daemon_process(settings, tmp_path):
            await until(lambda: file.is_over and text.is_over)

        assert files_on_phone(mac, ADA) == (["photo.jpg"] if file.status == "sent" else [])
        assert file.status == "sent" or point == "begun"
        assert len(staged_files(settings)) == 1


class TestTidying:
    @pytest.mark.parametrize(("hours", "is_there"), [(23, True), (25, False)])
    async def test_a_file_goes_a_day_behind_the_end_of_its_item(  # att-03
        self, journal: Journal, settings: Settings, tmp_path: Path, *, hours: int, is_there: bool
    ) -> None:
        path = self.staged_file(journal, tmp_path)
        journal.change("DELETE FROM items")
        assert staged.no_longer_needed(journal, now_ms() - hours * 3_600_000) == []

        await self.tidied(journal, settings, tmp_path)

        assert path.exists() is is_there

    async def test_a_file_stays_while_its_item_is_open(
        self, journal: Journal, settings: Settings, tmp_path: Path
    ) -> None:  # att-03
        path = self.staged_file(journal, tmp_path)
        assert staged.no_longer_needed(journal, now_ms() - 2 * DAY_MS) == []

        await self.tidied(journal, settings, tmp_path)

        assert path.exists()

    def staged_file(self, journal: Journal, tmp_path: Path) -> Path:
        items.keep(journal, claimed("photo.jpg"))
        [item] = items.all_held(journal)
        path = tmp_path / "Attachments" / "blueport" / "A" / "photo.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(PHOTO)
        staged.place(journal, item, path)
        staged.note_whole(journal, item)
        return path

    async def tidied(self, journal: Journal, settings: Settings, tmp_path: Path) -> None:
        """Tidy up once: files go in the order of their items, so that whoever sees the last one go has seen all go."""
        last = tmp_path / "Attachments" / "blueport" / "B" / "old"
        last.parent.mkdir(parents=True)
        last.touch()
        journal.change("INSERT INTO staged VALUES ('obx_9', ?, 1, 1)", str(last))
        async with opened_uplink(settings) as uplink:
            tidying = asyncio.create_task(Staging(journal, uplink, tmp_path / "chat.db").tidy_for_ever())
            await until(lambda: journal.find(tuple[int], "SELECT 1 FROM staged WHERE item_id = 'obx_9'") == [])
            tidying.cancel()


class TestNames:
    @pytest.mark.parametrize(
        ("given", "staged_as"),
        [
            ("photo.jpg", "photo.jpg"),
            ("e\u0301te\u0301 \u5929\u72d7.heic", "\u00e9t\u00e9 \u5929\u72d7.heic"),
            ("../../etc/passwd:x\x00.txt", "etcpasswdx.txt"),
            ("invoice\u202efdp.exe", "invoicefdp.exe"),  # att-18
            ("x" * 300 + ".jpg", "x" * 196 + ".jpg"),
            ("\u5929" * 100 + ".jpg", "\u5929" * 65 + ".jpg"),
            ("..", "file.jpg"),
            ("no extension", "no extension.jpg"),
        ],
    )
    def test_a_name_is_fit_for_any_disk(self, journal: Journal, given: str, staged_as: str) -> None:
        items.keep(journal, claimed(given))
        [item] = items.all_held(journal)

        assert safe_name(item) == staged_as
        assert len(staged_as.encode()) <= LONGEST_NAME_BYTES


def claimed(name: str) -> ClaimedItem:
    return ClaimedItem("obx_1", "tok", LINE, 1, SendFile(ADA, (), FileToSend(name, "image/jpeg", len(PHOTO))))
