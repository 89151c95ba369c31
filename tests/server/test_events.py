"""GET /v1/events: what webhooks are told, for who asks: pages, pages that wait, and streams; each event once."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest

from blueport.protocol.sightings import AttachmentSeen
from blueport.server.ids import mint
from blueport.server.notifying.log import service as event_log
from blueport.server.store.tables import events
from blueport.server.store.tx import Tx, add_row
from tests.databases import Database, open_transaction
from tests.patience import PATIENCE_S
from tests.server.answers import assert_done, assert_refused
from tests.server.receiver import Receiver, until
from tests.server.streams import listening
from tests.server.world import (
    ADA,
    CARL,
    HOUR_MS,
    NOON_MS,
    SECOND_MS,
    Caller,
    Clock,
    Customer,
    Json,
    World,
    reaction_to,
    text_from,
)

DAY_MS = 24 * HOUR_MS
OTHER_LINE = "+15550101001"
ALL = "evt_" + "0" * 26  # is older than any
NOBODYS = "evt_" + "7" + "z" * 25


def page(caller: Caller, **query: Json) -> Json:
    answer = caller.get("/v1/events", {name.rstrip("_"): value for name, value in query.items()})
    assert_done(answer)
    return answer.json()


def texts(caller: Caller, **query: Json) -> list[str]:
    return [event["data"]["text"] for event in page(caller, **query)["data"]]


def refusal(caller: Caller, after: str, **query: Json) -> Json:
    answer = caller.get("/v1/events", {"after": after, **query})
    assert_refused(answer, 400, "invalid_parameter_value", "after")
    return answer.json()["error"]["message"]


def add_test_event(tx: Tx, account_id: str) -> str:
    event_id = mint("evt", tx.now_ms)
    row = {"id": event_id, "account_id": account_id, "type": "message.received", "subject_id": event_id, "data": "{}"}
    add_row(tx, events, {**row, "created_at": tx.now_ms, "is_test": 1})
    return event_id


def add_many(customer: Customer, how_many: int, text: str) -> None:
    """Add old events like the one that there is: numbered, with so much text each."""
    columns = "account_id, line_id, chat_id, type, created_at"
    said = """replace(data, '"Hi"', '"' || n || ' ' || CAST(? AS TEXT) || '"')"""
    customer.world.sql(
        f"INSERT INTO events (id, subject_id, data, {columns})"
        " WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?)"
        f" SELECT 'evt_0' || (1000 + n), 'msg_' || n, {said}, {columns} FROM events, numbers ORDER BY n",
        *(how_many, text),
    )


def revoke(caller: Caller, column: str = "revoked_at") -> None:
    caller.world.sql(f"UPDATE api_keys SET {column} = ? WHERE last4 = ?", caller.world.clock.ms, caller.key[-4:])
    caller.world.clock.ms += 1


class TestPages:
    def test_they_hold_what_webhooks_are_told_oldest_first(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url, "message.received", "message.sent", "reaction.added", "reaction.removed")
        guid = alice.hears(ADA, "Hi")
        alice.world.clock.ms += 1
        alice.sends("Hello")
        (item,) = alice.mac.claim()
        alice.mac.sends(item)
        alice.world.clock.ms += 1
        alice.mac.sees(reaction_to(guid, alice.line))
        told = {heard.body["event"]: heard.body["data"] for heard in receiver.waits_for(3)}

        said = page(alice)

        assert [event["event"] for event in said["data"]] == ["message.received", "message.sent", "reaction.added"]
        assert {event["event"]: event["data"] for event in said["data"]} == told
        assert [event["created_at"] for event in said["data"]] == [NOON_MS, NOON_MS + 1, NOON_MS + 2]
        assert {event["line_id"] for event in said["data"]} == {alice.line_id}
        assert {event["chat_id"] for event in said["data"]} == {told["message.sent"]["chat_id"]}
        assert (said["has_more"], said["next_cursor"]) == (False, said["data"][-1]["id"])

    def test_whoever_goes_on_with_the_cursor_gets_each_event_once(self, alice: Customer) -> None:
        assert page(alice)["next_cursor"] is None
        for number in range(5):
            alice.hears((ADA, CARL)[number % 2], f"text {number}")

        first = page(alice, limit=2)
        second = page(alice, limit=2, after=first["next_cursor"])
        third = page(alice, limit=2, after=second["next_cursor"])
        fourth = page(alice, limit=2, after=third["next_cursor"])

        pages = [first, second, third, fourth]
        assert [event["data"]["text"] for each in pages for event in each["data"]] == [f"text {n}" for n in range(5)]
        assert [each["has_more"] for each in pages] == [True, True, False, False]
        assert fourth["next_cursor"] == third["next_cursor"]
        alice.hears(ADA, "later")
        assert texts(alice, after=fourth["next_cursor"]) == ["later"]

    def test_filters_show_what_is_asked_for_and_the_cursor_passes_by_the_rest(self, alice: Customer) -> None:
        alice.world.add_line(alice.account_id, OTHER_LINE, alice.mac)
        guid = alice.hears(ADA, "here")
        alice.mac.sees(text_from(ADA, OTHER_LINE, "there"), text_from(ADA, alice.line, "by hand", is_from_me=True))
        alice.mac.sees(reaction_to(guid, alice.line))

        assert texts(alice, events="message.received") == ["here", "there"]
        assert texts(alice, events="message.sent,message.received") == ["here", "there", "by hand"]
        assert texts(alice, from_=OTHER_LINE) == ["there"]
        assert texts(alice, from_=alice.line_id, events="message.sent") == ["by hand"]
        nothing = page(alice, events="reaction.removed")
        assert (nothing["data"], nothing["next_cursor"]) == ([], page(alice)["data"][-1]["id"])

    def test_the_cursor_of_a_restricted_key_passes_by_what_it_may_see_and_did_not_seek(self, alice: Customer) -> None:
        other_id = alice.world.add_line(alice.account_id, OTHER_LINE, alice.mac)
        alice.mac.sees(text_from(ADA, OTHER_LINE, "other"))
        alice.hears(ADA, "not for that key")
        restricted = alice.caller(line_ids=(other_id,))

        nothing = page(restricted, events="reaction.removed")

        assert (nothing["data"], nothing["next_cursor"]) == ([], page(restricted)["data"][-1]["id"])
        assert texts(restricted, after=nothing["next_cursor"]) == []

    def test_an_account_sees_its_own_events_and_a_restricted_key_those_of_its_lines(
        self, alice: Customer, bob: Customer
    ) -> None:
        other_id = alice.world.add_line(alice.account_id, OTHER_LINE, alice.mac)
        alice.hears(ADA, "Alice's")
        bob.hears(ADA, "Bob's")
        alice.mac.sees(text_from(ADA, OTHER_LINE, "other"))
        restricted = alice.caller(line_ids=(other_id,))
        others = alice.caller(line_ids=(alice.line_id,))

        assert texts(alice) == ["Alice's", "other"]
        assert texts(bob) == ["Bob's"]
        assert texts(restricted) == ["other"]
        seen = page(others)["next_cursor"]
        assert page(others, after=seen)["next_cursor"] == seen  # not that of what happened elsewhere
        assert [event["id"] for event in page(others)["data"]] == [seen]

    def test_where_to_begin_is_an_event_that_one_may_know(self, alice: Customer, bob: Customer) -> None:
        other_id = alice.world.add_line(alice.account_id, OTHER_LINE, alice.mac)
        alice.hears(ADA, "first")
        alice.hears(ADA, "second")
        bob.hears(ADA, "Bob's")
        first, second = (event["id"] for event in page(alice)["data"])
        theirs = page(bob)["data"][0]["id"]
        test = alice.world.do(add_test_event, alice.account_id)
        elsewhere = alice.caller(line_ids=(other_id,))

        assert texts(alice, after=first) == ["second"]
        assert texts(alice, after=ALL) == ["first", "second"]
        # srv-100: what is foreign, hidden, unknown or nonsense is told alike.
        told = [refusal(alice, after) for after in (theirs, test, NOBODYS, "evt_", "msg_1", "", "évt", second.upper())]
        told += [refusal(elsewhere, second)]
        assert len(set(told)) == 1

    @pytest.mark.parametrize(
        "query",
        [{"events": "message.lost"}, {"events": ""}, {"events": "message.sent,"}, {"limit": 0}, {"limit": "ten"}],
        ids=str,
    )
    def test_what_cannot_be_asked_is_refused(self, still: Customer, query: Json) -> None:
        assert_refused(still.get("/v1/events", query), 400, "invalid_parameter_value", next(iter(query)))

    def test_tests_of_webhooks_are_not_among_them(self, alice: Customer) -> None:
        alice.world.do(add_test_event, alice.account_id)

        said = page(alice, events="message.received")
        assert (said["data"], said["next_cursor"]) == ([], None)

    def test_news_of_a_message_waits_for_its_files_and_what_follows_waits_with_it(self, alice: Customer) -> None:
        def picture(guid: str) -> tuple[AttachmentSeen, ...]:
            return (AttachmentSeen(guid, "cat.heic", "image/heic", 5, is_coming=True),)

        brought = text_from(ADA, alice.line, "a picture", attachments=picture("a-1"))
        alice.mac.sees(brought, text_from(CARL, alice.line, "behind it"))
        assert texts(alice) == []

        assert alice.mac.brings(b"bytes", brought, "a-1").status_code == 200
        shown = page(alice)["data"]
        assert [event["data"]["text"] for event in shown] == ["a picture", "behind it"]
        assert shown[0]["data"]["attachments"][0]["url"].startswith("http://testserver/files/file_")

        alice.mac.sees(text_from(ADA, alice.line, "never there", attachments=picture("a-2")))
        alice.world.clock.ms += 10 * SECOND_MS
        (late,) = page(alice, after=shown[-1]["id"])["data"]
        assert late["data"]["attachments"][0]["url"] is None


class TestWaiting:
    @pytest.fixture
    def waiting(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(4) as threads:
            yield threads

    def test_a_page_is_answered_the_moment_something_happens(
        self, alice: Customer, waiting: ThreadPoolExecutor
    ) -> None:
        alice.hears(ADA, "before")
        before = page(alice)["next_cursor"]
        asked = waiting.submit(texts, alice, wait_s=30, after=before)
        elsewhere = waiting.submit(texts, alice, wait_s=30, after=before, events="message.sent")
        until(lambda: alice.world.server.following.followers == 2)

        alice.hears(ADA, "now")
        assert asked.result(PATIENCE_S) == ["now"]
        assert not elsewhere.done()

        alice.mac.sees(text_from(ADA, alice.line, "by hand", is_from_me=True))
        assert elsewhere.result(PATIENCE_S) == ["by hand"]

    def test_one_that_waited_in_vain_is_empty_and_tells_how_to_go_on(self, alice: Customer) -> None:
        alice.hears(ADA)
        before = page(alice)["next_cursor"]

        said = page(alice, wait_s=1, after=before)

        assert (said["data"], said["has_more"], said["next_cursor"]) == ([], False, before)
        assert texts(alice, wait_s=30) == ["Hi"]  # which waits for nothing

    def test_a_server_that_ends_and_a_key_that_ends_let_go_of_who_waits(
        self, alice: Customer, waiting: ThreadPoolExecutor
    ) -> None:
        caller = alice.caller()
        ended = waiting.submit(caller.get, "/v1/events", {"wait_s": 30, "events": "message.sent"})
        let_go = waiting.submit(page, alice, wait_s=30, events="message.sent")
        until(lambda: alice.world.server.following.followers == 2)

        revoke(caller)
        alice.hears(ADA)
        assert_refused(ended.result(PATIENCE_S), 401, "invalid_api_key")
        alice.world.client.portal.call(alice.world.server.let_go)
        assert let_go.result(PATIENCE_S)["data"] == []


class TestStreams:
    def test_each_block_is_as_it_should_be_to_the_byte(self, alice: Customer) -> None:
        with listening(alice.world) as server, server.stream(alice.key) as stream:
            opening = stream.block()
            alice.hears(ADA, "two\nlines\u2028and Ünicode")
            block = stream.block()

        (event,) = page(alice)["data"]
        compact = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        assert stream.answer.status == 200
        assert stream.answer.headers["content-type"] == "text/event-stream"
        assert stream.answer.headers["cache-control"] == "no-store"
        assert stream.answer.headers["access-control-allow-origin"] == "*"
        assert stream.answer.headers["ratelimit-remaining"] == "999"
        assert opening == f"retry: 2000\nid: {ALL}\n"
        assert block == f"id: {event['id']}\nevent: message.received\ndata: {compact}\n"

    def test_it_begins_with_now_or_behind_the_event_that_was_heard_last(self, alice: Customer) -> None:
        with listening(alice.world) as server:
            with server.stream(alice.key) as stream:  # cut before anything happened
                stream.block()
            alice.hears(ADA, "one")
            with server.stream(alice.key, ALL) as stream:
                assert stream.texts(1) == ["one"]
            first = stream.last_id
            with server.stream(alice.key) as stream:
                assert stream.block() == f"retry: 2000\nid: {first}\n"
                alice.hears(ADA, "two")
                assert stream.texts(1) == ["two"]
            with server.stream(alice.key, first) as stream:
                assert stream.block() == "retry: 2000\n"
                assert stream.texts(1) == ["two"]
            # As a browser connects again: to the URL that it had.
            with server.stream(alice.key, stream.last_id, after=first) as stream:
                alice.hears(ADA, "three")
                assert stream.texts(1) == ["three"]

    def test_it_has_the_events_that_its_key_may_see_and_that_are_asked_for(
        self, alice: Customer, bob: Customer
    ) -> None:
        other_id = alice.world.add_line(alice.account_id, OTHER_LINE, alice.mac)
        alice.mac.sees(text_from(ADA, OTHER_LINE, "before"))
        alice.hears(ADA, "not theirs")
        with listening(alice.world) as server:
            restricted = server.stream(alice.caller(line_ids=(other_id,)).key)
            asked = server.stream(alice.key, events="message.sent", **{"from": OTHER_LINE})
            bobs = server.stream(bob.key)
            assert "id: " in restricted.block() + asked.block() + bobs.block()
            seen = page(alice)["data"]
            assert restricted.last_id is None

            alice.hears(ADA, "nobody's")
            bob.hears(ADA, "Bob's")
            alice.mac.sees(text_from(ADA, OTHER_LINE, "by hand", is_from_me=True))

            assert restricted.texts(1) == asked.texts(1) == ["by hand"]
            assert bobs.texts(1) == ["Bob's"]
            with server.stream(alice.caller(line_ids=(other_id,)).key) as again:
                assert seen[1]["id"] not in again.block()
            for stream in (restricted, asked, bobs):
                stream.cut()

    def test_whoever_is_cut_off_again_and_again_hears_each_event_once_and_misses_none(self, alice: Customer) -> None:
        # srv-089, srv-090
        def write(number: int) -> None:
            for count in range(15):
                alice.hears(ADA, f"{number}: {count}")

        heard: list[str] = []
        with listening(alice.world) as server, ThreadPoolExecutor(3) as threads:
            last_id = ALL
            writing = [threads.submit(write, number) for number in range(3)]
            while len(heard) < 45:
                with server.stream(alice.key, last_id, limit="4") as stream:
                    heard += stream.texts(min(7, 45 - len(heard)))
                last_id = stream.last_id
            for each in writing:
                each.result()

        assert sorted(heard) == sorted(f"{number}: {count}" for number in range(3) for count in range(15))
        assert texts(alice, limit=100) == heard

    def test_it_goes_on_at_the_server_that_comes_after(self, alice: Customer) -> None:
        world = alice.world
        with listening(world) as server, server.stream(alice.key) as stream:
            alice.hears(ADA, "before")
            assert stream.texts(1) == ["before"]
            world.client.portal.call(world.server.let_go)
            assert stream.block() == ""  # and so the whole of the answer is there
        alice.hears(ADA, "while it was away")
        with contextlib.ExitStack() as ended:
            server = ended.enter_context(listening(ended.enter_context(World(world.database, world.clock).open())))
            again = ended.enter_context(server.stream(alice.key, stream.last_id))
            assert again.texts(1) == ["while it was away"]

    def test_it_ends_when_its_key_does(self, alice: Customer) -> None:
        with listening(alice.world) as server:
            for column in ("revoked_at", "expires_at"):
                caller = alice.caller()
                with server.stream(caller.key) as stream:
                    stream.block()
                    revoke(caller, column)
                    alice.hears(ADA, "nothing for this key")
                    assert stream.block() == ""
                with server.stream(caller.key, stream.last_id) as stream:
                    assert stream.answer.status == 401

    def test_a_refusal_is_no_stream(self, alice: Customer) -> None:
        with listening(alice.world) as server:
            for key, query in ((f"{alice.key}x", {}), (alice.key, {"after": NOBODYS}), (alice.key, {"from": "nobody"})):
                with server.stream(key, **query) as stream:
                    assert stream.answer.status == (401 if key != alice.key else 400)
                    assert "error" in json.loads(stream.answer.read())

    def test_a_head_ends_at_once(self, alice: Customer) -> None:
        answer = alice.call("HEAD", "/v1/events", headers={"Accept": "text/event-stream"})

        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "text/event-stream"

    def test_one_that_has_nothing_to_say_shows_that_it_lives(self, database: Database) -> None:
        with World(database, Clock(), keep_alive_s=0.05).open() as world, listening(world) as server:
            alice = world.customer("Alice", "+15550101000")
            with server.stream(alice.key) as stream:
                stream.block()
                assert [stream.block(), stream.block()] == [": keep-alive\n"] * 2
                alice.hears(ADA, "Hi")
                assert stream.texts(1) == ["Hi"]

    def test_a_key_may_have_20_and_a_place_is_free_once_its_client_is_gone(
        self, alice: Customer, bob: Customer
    ) -> None:
        with listening(alice.world) as server, contextlib.ExitStack() as open_ones:
            streams = [open_ones.enter_context(server.stream(alice.key)) for _ in range(20)]
            with server.stream(alice.key) as one_more, server.stream(bob.key) as bobs:
                assert (one_more.answer.status, one_more.answer.headers["retry-after"]) == (429, "5")
                assert bobs.answer.status == 200
            assert_refused(alice.get("/v1/events"), 429, "rate_limit_exceeded")
            streams[7].cut()

            until(lambda: alice.get("/v1/events").status_code == 200)

    def test_a_process_has_so_many_as_requests(self, database: Database) -> None:
        with World(database, Clock(), max_in_flight=2).open() as world, listening(world) as server:
            callers = [world.customer(name, f"+1555010300{n}") for n, name in enumerate(("Alice", "Bob", "Olga"))]
            with server.stream(callers[0].key), server.stream(callers[1].key):
                assert_refused(callers[2].get("/v1/events"), 503, "service_unavailable")
                assert_done(callers[2].get("/v1/lines"))  # which they take no place of

    def test_a_client_that_does_not_listen_costs_no_memory_and_gets_all_in_the_end(self, alice: Customer) -> None:
        alice.hears(ADA)
        add_many(alice, 60, "x" * 150_000)
        with listening(alice.world) as server, server.stream(alice.key, ALL, window=4096, limit="5") as stream:
            looks = settled(lambda: alice.world.store.tallies.reads.count)
            assert looks < 10
            assert [text.split()[0] for text in stream.texts(61)] == ["Hi", *map(str, range(60))]


def settled(look: Callable[[], int]) -> int:
    """Return a number that does not change any more."""
    seen = [look()]
    while len(seen) < 10 or len({*seen[-10:]}) > 1:
        time.sleep(0.03)
        seen.append(look())
    return seen[-1]


@pytest.mark.one_store("there alone numbers are handed out before the commit", kind="postgres")
class TestLateCommits:
    """On PostgreSQL numbers are handed out before the commit: srv-089, srv-090."""

    def test_what_commits_late_is_not_passed_by(self, alice: Customer) -> None:
        alice.hears(ADA, "first")
        start = page(alice)["next_cursor"]
        with listening(alice.world) as server, server.stream(alice.key, start) as stream, _late(alice) as late:
            alice.hears(ADA, "committed sooner")
            assert texts(alice, after=start) == []  # nobody knows yet what comes before it
            late("COMMIT")

            assert stream.texts(2) == ["late", "committed sooner"]

        assert texts(alice, after=start) == ["late", "committed sooner"]

    def test_what_is_undone_holds_nothing_up_for_good(self, alice: Customer) -> None:
        alice.hears(ADA, "first")
        with listening(alice.world) as server, server.stream(alice.key, page(alice)["next_cursor"]) as stream:
            with _late(alice):
                alice.hears(ADA, "second")
            assert stream.texts(1) == ["second"]

    def test_what_came_from_another_postgresql_by_a_dump_is_put_in_order(self, alice: Customer) -> None:
        for text in ("one", "two"):
            alice.hears(ADA, text)
        first = page(alice)["data"][0]["id"]
        alice.world.sql("UPDATE events SET tx_id = tx_id + 1000000000")
        assert texts(alice) == []

        alice.world.do(event_log.set_right)

        assert texts(alice) == ["one", "two"]
        alice.hears(ADA, "three")
        numbers = alice.world.sql("SELECT tx_id FROM events")
        alice.world.do(event_log.set_right)  # as at every start
        assert texts(alice, after=first) == ["two", "three"]
        assert alice.world.sql("SELECT tx_id FROM events") == numbers


def _late(customer: Customer) -> AbstractContextManager[Callable[[str], None]]:
    """Have a transaction of somebody else's write an event meanwhile, and stay open unless it is told to commit."""
    columns = "account_id, line_id, chat_id, type, created_at"
    return open_transaction(
        customer.world.database.named,
        f"INSERT INTO events (id, subject_id, data, {columns})"
        f" SELECT 'evt_{'1' * 26}', 'msg_late', replace(data, 'first', 'late'), {columns} FROM events LIMIT 1",
    )


class TestKeeping:
    def test_events_are_kept_for_30_days_with_what_was_delivered(self, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        alice.hears(ADA, "old")
        receiver.waits_for(1)
        until(lambda: alice.world.sql("SELECT 1 FROM deliveries WHERE completed_at IS NOT NULL"))
        old = page(alice)["next_cursor"]
        alice.world.clock.ms += 30 * DAY_MS
        alice.hears(ADA, "new")
        receiver.waits_for(2)
        self.drop_old(alice)
        assert texts(alice) == ["old", "new"]

        alice.world.clock.ms += 1
        self.drop_old(alice)

        assert texts(alice) == ["new"]
        assert texts(alice, after=old) == ["new"]  # it is not known any more, and was before all that is
        assert [alice.world.rows(table) for table in ("events", "deliveries")] == [1, 1]
        assert (
            alice.world.sql(
                "SELECT delivery_id FROM delivery_attempts WHERE delivery_id NOT IN (SELECT id FROM deliveries)"
            )
            == []
        )

    def test_what_is_still_to_be_delivered_stays_and_the_newest_of_all(self, alice: Customer) -> None:
        alice.webhook("http://127.0.0.1:9/", "message.received")
        alice.hears(ADA, "still tried")
        alice.mac.sees(text_from(ADA, alice.line, "by hand", is_from_me=True))
        alice.mac.sees(text_from(ADA, alice.line, "the last", is_from_me=True))
        numbers = alice.world.sql("SELECT max(seq) FROM events")
        alice.world.sql("UPDATE deliveries SET available_at = ?", NOON_MS + 100 * DAY_MS)

        alice.world.clock.ms += 31 * DAY_MS
        self.drop_old(alice)

        assert [text for _, data in alice.world.events() for text in [data["text"]]] == ["still tried", "the last"]
        assert alice.world.sql("SELECT max(seq) FROM events") == numbers

    def test_many_are_dropped_a_part_at_a_time(self, alice: Customer) -> None:
        alice.hears(ADA)
        add_many(alice, 600, "Hi")
        alice.world.clock.ms += 31 * DAY_MS

        assert alice.world.do(event_log.drop_old) is True
        assert alice.world.rows("events") == 101
        self.drop_old(alice)
        assert alice.world.rows("events") == 1

    @staticmethod
    def drop_old(customer: Customer) -> None:
        customer.world.client.portal.call(customer.world.server.housekeeper.drop_old)
