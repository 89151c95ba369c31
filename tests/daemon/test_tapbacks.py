"""Tapbacks in chat.db, as a whole daemon tells of them."""

from collections.abc import AsyncIterator

import pytest

from blueport.clock import now_ms
from blueport.daemon.settings import Settings
from blueport.protocol.commands import Tapback
from blueport.simulator import oddities
from blueport.simulator.chatdb import Attachment, ChatDb, Row
from tests.daemon.fake_door import FakeDoor
from tests.daemon.test_reading_chat_db import all_is_told
from tests.daemon.waiting import ADA, BO, LINE, until, working

HOUR_MS = 3_600_000
SIX: list[tuple[int, Tapback]] = [
    (2000, "love"),
    (2001, "like"),
    (2002, "dislike"),
    (2003, "laugh"),
    (2004, "emphasize"),
    (2005, "question"),
]


@pytest.fixture(autouse=True)
async def _daemon_at_work(chat_db: ChatDb, door: FakeDoor, settings: Settings) -> AsyncIterator[None]:  # noqa: ARG001 - chat.db is there before the daemon
    async with working(settings, door):
        yield


@pytest.fixture
def target(chat_db: ChatDb) -> Row:
    return chat_db.add_message("Nice?", chat=chat_db.direct_chat(ADA), is_sent=1)


def react(chat_db: ChatDb, target: str, kind: int, *, sender: str | None = ADA, **columns: object) -> Row:
    return oddities.tapback(chat_db, target, kind, chat=chat_db.direct_chat(ADA), sender=sender, **columns)  # type: ignore[arg-type]


class TestPuttingOn:
    @pytest.mark.parametrize(("kind", "tapback"), SIX)
    async def test_each_of_the_six_is_told_and_no_message_with_it(  # rxn-03
        self, chat_db: ChatDb, door: FakeDoor, target: Row, kind: int, tapback: Tapback
    ) -> None:
        row = react(chat_db, f"p:0/{target.guid}", kind)

        await all_is_told(chat_db, door)

        [seen] = door.reactions
        assert (seen.guid, seen.target_guid, seen.part, seen.tapback) == (row.guid, target.guid, 0, tapback)
        assert (seen.sender, seen.is_from_me, seen.is_added, seen.announce) == (ADA, False, True, True)
        assert seen.chat.identifier == ADA
        assert door.received() == []

    @pytest.mark.parametrize(("form", "part"), [("p:0/{}", 0), ("p:12/{}", 12), ("bp:{}", 0), ("{}", 0)])
    async def test_the_message_is_named_by_its_bare_guid_whatever_the_form(  # rxn-01
        self, chat_db: ChatDb, door: FakeDoor, target: Row, form: str, part: int
    ) -> None:
        react(chat_db, form.format(target.guid), 2000)

        await until(lambda: bool(door.reactions))

        assert [(seen.target_guid, seen.part) for seen in door.reactions] == [(target.guid, part)]

    async def test_two_parts_are_two_facts(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:  # rxn-01
        react(chat_db, f"p:0/{target.guid}", 2000)
        react(chat_db, f"p:1/{target.guid}", 2001)

        await until(lambda: len(door.reactions) == 2)

        assert [(seen.part, seen.tapback) for seen in door.reactions] == [(0, "love"), (1, "like")]

    async def test_what_takes_the_place_of_another_is_told_and_the_lost_row_is_not(  # rxn-06
        self, chat_db: ChatDb, door: FakeDoor, target: Row
    ) -> None:
        react(chat_db, f"p:0/{target.guid}", 2000)
        await until(lambda: len(door.reactions) == 1)

        react(chat_db, f"p:0/{target.guid}", 2001)
        await all_is_told(chat_db, door)

        assert [(seen.tapback, seen.is_added) for seen in door.reactions] == [("love", True), ("like", True)]

    async def test_our_own_has_no_sender(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:  # rxn-11
        react(chat_db, f"p:0/{target.guid}", 2000, sender=None, is_sent=1)

        await until(lambda: bool(door.reactions))

        assert [(seen.is_from_me, seen.sender) for seen in door.reactions] == [(True, None)]

    async def test_an_emoji_is_told_as_such(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:  # rxn-07
        react(chat_db, f"p:0/{target.guid}", 2006, associated_message_emoji="\U0001f389")

        await until(lambda: bool(door.reactions))

        assert [(seen.tapback, seen.emoji) for seen in door.reactions] == [(None, "\U0001f389")]

    async def test_a_sticker_is_told_without_its_picture(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:
        sticker = react(chat_db, f"p:0/{target.guid}", 2007)
        chat_db.attach(sticker, [Attachment("sticker.heic", b"heic")], is_sticker=1)

        await all_is_told(chat_db, door)

        assert [(seen.tapback, seen.emoji, seen.is_added) for seen in door.reactions] == [(None, None, True)]
        assert door.received() == []

    @pytest.mark.parametrize("kind", [2008, 2999, 3008, 3999])  # rxn-08
    async def test_what_nobody_knows_is_passed_over(
        self, chat_db: ChatDb, door: FakeDoor, target: Row, kind: int
    ) -> None:
        react(chat_db, f"p:0/{target.guid}", kind)

        await all_is_told(chat_db, door)

        assert (door.reactions, door.received()) == ([], [])

    async def test_a_sentence_from_an_old_device_is_a_message(self, chat_db: ChatDb, door: FakeDoor) -> None:  # rxn-09
        chat_db.add_message("Liked an image", sender=ADA, service="SMS")

        await until(lambda: door.received() == ["Liked an image"])

        assert door.reactions == []

    async def test_one_whose_chat_comes_late_is_told_once(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:
        row = chat_db.add_row(sender=ADA, associated_message_guid=f"p:0/{target.guid}", associated_message_type=2000)
        await all_is_told(chat_db, door)
        assert door.reactions == []

        chat_db.link(row, chat_db.direct_chat(ADA))
        chat_db.change(row, is_read=1)
        await all_is_told(chat_db, door)

        assert [seen.guid for seen in door.reactions] == [row.guid]

    async def test_in_a_group_it_is_told_who(self, chat_db: ChatDb, door: FakeDoor) -> None:
        group = chat_db.group_chat("chat797", [ADA, BO])
        target = chat_db.add_message("All of you", chat=group, is_sent=1)
        oddities.tapback(chat_db, f"p:0/{target.guid}", 2003, chat=group, sender=BO)

        await until(lambda: bool(door.reactions))

        assert [(seen.sender, seen.chat.is_group) for seen in door.reactions] == [(BO, True)]


class TestTakingOff:
    async def test_it_is_told_with_what_was_taken_off(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:
        react(chat_db, f"p:0/{target.guid}", 2000)
        await until(lambda: len(door.reactions) == 1)

        react(chat_db, f"p:0/{target.guid}", 3000)
        await until(lambda: len(door.reactions) == 2)

        assert [(seen.tapback, seen.is_added) for seen in door.reactions] == [("love", True), ("love", False)]

    @pytest.mark.parametrize("kind", [3006, 3007])  # rxn-04
    async def test_that_of_an_emoji_or_a_sticker_is_no_message(
        self, chat_db: ChatDb, door: FakeDoor, target: Row, kind: int
    ) -> None:
        react(chat_db, f"p:0/{target.guid}", kind)

        await all_is_told(chat_db, door)

        assert [(seen.tapback, seen.is_added) for seen in door.reactions] == [(None, False)]
        assert door.received() == []

    async def test_a_row_that_goes_takes_nothing_off(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:
        row = react(chat_db, f"p:0/{target.guid}", 2000)
        await until(lambda: len(door.reactions) == 1)

        oddities.recently_deleted(chat_db, row)
        await all_is_told(chat_db, door)
        chat_db.execute("DELETE FROM message WHERE ROWID = ?", row.rowid)
        await all_is_told(chat_db, door)

        assert len(door.reactions) == 1
        assert door.changes == []


class TestHistory:
    async def test_an_old_one_that_icloud_brings_is_no_news(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:
        await all_is_told(chat_db, door)
        row = chat_db.add_row(
            sender=ADA,
            sent_at=now_ms() - HOUR_MS,
            associated_message_guid=f"p:0/{target.guid}",
            associated_message_type=2000,
        )
        chat_db.link(row, chat_db.direct_chat(ADA))

        await until(lambda: bool(door.reactions))

        assert [seen.announce for seen in door.reactions] == [False]

    async def test_its_line_is_that_of_the_conversation(self, chat_db: ChatDb, door: FakeDoor, target: Row) -> None:
        react(chat_db, f"p:0/{target.guid}", 2000)

        await until(lambda: bool(door.reactions))

        assert door.reactions[0].line_handle == LINE


async def test_a_release_without_emoji_tapbacks_tells_of_all_others(  # rxn-07
    chat_db: ChatDb, door: FakeDoor, target: Row
) -> None:
    chat_db.execute("ALTER TABLE message DROP COLUMN associated_message_emoji")
    react(chat_db, f"p:0/{target.guid}", 2006)
    react(chat_db, f"p:1/{target.guid}", 2000)

    await until(lambda: len(door.reactions) == 2)

    assert [(seen.tapback, seen.emoji) for seen in door.reactions] == [(None, None), ("love", None)]
