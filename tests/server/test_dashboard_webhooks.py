"""Webhooks, deliveries and events on the dashboard: what is said of them, and what the API makes of what is done."""

import html
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from blueport.server.dashboard.events import queries as events
from blueport.server.dashboard.webhooks import queries as webhooks
from blueport.server.dashboard.webhooks.views import SHOWN
from blueport.server.dashboard.webhooks.words import LOST, OVERLAPS_S, SINCE
from blueport.server.describing.events import EVENTS
from blueport.server.notifying import delivering
from blueport.server.notifying.delivering.failures import is_known, meaning_of
from blueport.server.operating import service as operating
from tests.server.browsers import Browser
from tests.server.dashboard import led_to, older, refused, seen
from tests.server.receiver import Receiver, until
from tests.server.world import ADA, CARL, HOUR_MS, MINUTE_MS, SECOND_MS, Customer, Json, World

ROOM = "/dashboard/webhooks"
DELIVERY = re.compile(r'href="/dashboard/deliveries/(dlv_\w+)"')
EVENT = re.compile(r'href="/dashboard/events/(evt_\w+)"')
WEBHOOK = re.compile(r'href="/dashboard/webhooks/(wh_\w+)"')
SECRET = re.compile(r"whsec_\w+")
HOSTILE = "<script>document.title='pwned'</script>"
NOBODYS = "0" * 26
# Where it is said by a word why a try failed.
SAID = re.compile(r'(?:return|else|reason=|[:,(]|^[A-Z_]+ =) ?"(\w+)"', re.MULTILINE)
OF_NO_TRY = {"dialled"}


@pytest.fixture
def olga(owner: Browser) -> Browser:
    return owner


def at_rest(world: World) -> None:
    """Wait until no try is under way, and none is due that may be made."""
    busy = (
        "SELECT count(*) FROM deliveries JOIN webhooks ON webhooks.id = webhook_id WHERE state = 'running'"
        " OR (state = 'pending' AND available_at <= ? AND is_active = 1)"
    )
    until(lambda: world.sql(busy, world.clock.ms) == [(0,)])


def hurried(customer: Customer, url: str) -> Json:
    """Make a webhook that is tried just twice."""
    wanted = {"from": "", "url": url, "events": ["message.received"], "retry_delays_s": [1]}
    return customer.post("/v1/webhooks", wanted).json()


def fails_for_good(customer: Customer) -> None:
    """Let so much time pass that what fails twice is given up."""
    at_rest(customer.world)
    customer.world.pass_time(10 * SECOND_MS)
    at_rest(customer.world)


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def squeezed_once(text: str) -> str:
    """Return words without the space that is left of tags before a sign."""
    return re.sub(r"\s+([,.])", r"\1", text)


def said_of_tries() -> set[str]:
    folder = Path(delivering.__file__).parent
    text = "".join((folder / name).read_text() for name in ("outcomes.py", "sender.py"))
    return {*SAID.findall(text)} - OF_NO_TRY


def form_for(url: str, *chosen: str, **fields: Any) -> dict[str, Any]:
    return {"url": url, "event": chosen or ("message.received",), "reach": "all", **fields}


def makes(olga: Browser, customer: Customer, form: Json) -> httpx2.Response:
    return olga.post(f"{ROOM}/new?account={customer.account_id}", form)


def only(customer: Customer) -> Json:
    (shown,) = customer.get("/v1/webhooks").json()["data"]
    return shown


def log(customer: Customer, **query: Json) -> list[Json]:
    return customer.get("/v1/webhooks/deliveries", query).json()["data"]


def noted(customer: Customer) -> tuple[str, str, str | None]:
    entry = customer.world.do(operating.entries, customer.account_id, 1)[0]
    return entry.actor[:4], entry.action, entry.target


class TestMaking:
    def test_what_is_made_is_a_webhook_of_the_api_and_its_secret_is_shown_once(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        answer = makes(olga, alice, form_for(receiver.url, "message.sent", "message.received"))

        assert answer.status_code == 200
        (secret,) = set(SECRET.findall(answer.text))
        shown = only(alice)
        assert shown["url"] == receiver.url
        assert set(shown["events"]) == {"message.sent", "message.received"}
        assert noted(alice) == ("usr_", "webhook.created", shown["id"])
        alice.hears(ADA)
        (heard,) = receiver.waits_for(1)
        assert heard.is_signed_with(secret)
        for page in (ROOM, f"{ROOM}/{shown['id']}", f"/dashboard/deliveries/{heard.body['delivery_id']}"):
            assert secret not in olga.get(page).text

    def test_it_hears_of_the_lines_that_were_ticked_alone(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        second = alice.world.add_line(alice.account_id, "+15550101001", alice.mac)

        makes(olga, alice, form_for(receiver.url, reach="some", line=[second]))

        assert only(alice)["line_ids"] == [second]
        assert "+15550101001" in seen(olga, ROOM)
        assert alice.line not in seen(olga, f"{ROOM}/{only(alice)['id']}")

    def test_for_all_lines_it_hears_of_those_to_come(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        makes(olga, alice, form_for(receiver.url))
        second = alice.world.add_line(alice.account_id, "+15550101001", alice.mac)

        assert second in only(alice)["line_ids"]
        assert "all lines of the account, also those to come" in seen(olga, f"{ROOM}/{only(alice)['id']}")

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("http://agent.example.com/hook", "`url` must begin with https://."),
            ("https://10.1.2.3/hook", "`url` must name a public host."),
            ("https://agent.example.com:22/", "`url` may have port 443"),
            ("https://me:secret@agent.example.com/", "`url` may hold no user name or password."),
            ("", "`url` must begin with https://."),
            ("https://agent.example.com/a b", "`url` may hold no spaces, control characters or backslashes."),
            (f"https://agent.example.com/{'x' * 3000}", "`url` may have at most 2048 characters."),
        ],
    )
    @pytest.mark.one_store("nothing is kept")
    def test_a_url_that_the_guard_refuses_is_refused_in_its_words_and_kept_in_the_form(
        self, olga: Browser, alice: Customer, url: str, why: str
    ) -> None:
        answer = makes(olga, alice, form_for(url, "message.sent", reach="some", line=[alice.line_id]))

        assert why in refused(answer)
        assert f'value="{url}"' in answer.text
        assert re.search('value="message.sent" checked', answer.text)
        assert not re.search('value="message.received" checked', answer.text)
        assert re.search(f'value="{alice.line_id}" checked', answer.text)
        assert alice.get("/v1/webhooks").json()["data"] == []

    @pytest.mark.one_store("nothing is kept")
    def test_what_cannot_be_is_refused(self, olga: Browser, alice: Customer, bob: Customer, receiver: Receiver) -> None:
        wrong = {
            "Tick at least one event": form_for(receiver.url) | {"event": []},
            "`events` takes one or more of": form_for(receiver.url, "typing.started"),
            "`events` takes": form_for(receiver.url, HOSTILE),
            "Tick at least one line": form_for(receiver.url, reach="some"),
            "You chose all lines, and ticked some": form_for(receiver.url, line=[alice.line_id]),
            "No such line": form_for(receiver.url, reach="some", line=[bob.line_id]),
        }
        for why, form in wrong.items():
            assert why in refused(makes(olga, alice, form))
        assert alice.get("/v1/webhooks").json()["data"] == []

    def test_extended_events_can_be_ticked_once_the_account_has_them(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        new = f"{ROOM}/new?account={alice.account_id}"
        assert "this one has not" in seen(olga, new)
        assert "<fieldset disabled>" in olga.get(new).text
        alice.sets(extended_events=True)

        assert "<fieldset disabled>" not in olga.get(new).text
        makes(olga, alice, form_for(receiver.url, "typing.started"))

        assert only(alice)["events"] == ["typing.started"]

    @pytest.mark.one_store("nothing is kept")
    def test_each_event_is_there_with_what_it_means(self, olga: Browser, alice: Customer) -> None:
        told = seen(olga, f"{ROOM}/new?account={alice.account_id}")

        for event in EVENTS:
            assert squeezed(event.name + event.meaning.replace("`", "")) in squeezed(told)

    @pytest.mark.one_store("nothing is kept")
    def test_whose_it_is_to_be_is_asked_where_there_are_several(
        self, olga: Browser, alice: Customer, bob: Customer
    ) -> None:
        assert f'<option value="{alice.account_id}">' in olga.get(f"{ROOM}/new").text
        assert "For which account?" in seen(olga, f"{ROOM}/new")
        assert "For the account Bob" in seen(olga, f"{ROOM}/new?account={bob.account_id}")
        assert olga.get(f"{ROOM}/new?account=acc_{NOBODYS}").status_code == 404
        assert olga.post(f"{ROOM}/new", form_for("https://agent.example.com/")).status_code == 404

    @pytest.mark.one_store("the API's own tests go through the stores")
    def test_it_is_tried_after_the_waits_that_were_written(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        makes(olga, alice, form_for(receiver.url, waits="5, 60 600"))

        assert only(alice)["retry_delays_s"] == [5, 60, 600]
        assert "again after 5, 60, 600 seconds" in seen(olga, f"{ROOM}/{only(alice)['id']}")

    @pytest.mark.one_store("nothing is kept")
    def test_waits_that_the_api_would_refuse_are_refused_and_kept_in_the_form(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        for waits in ("soon", "5, -1", "0", "86401", "1.5", "9" * 5000, "٣", "1 " * 21):
            answer = makes(olga, alice, form_for(receiver.url, waits=waits))
            refused(answer)
            assert f'value="{waits.strip()}"' in answer.text
        assert alice.get("/v1/webhooks").json()["data"] == []


class TestList:
    def test_it_shows_how_each_stands(self, olga: Browser, alice: Customer, bob: Customer, receiver: Receiver) -> None:
        fine = alice.webhook(f"{receiver.url}/fine")["id"]
        alice.world.clock.ms += 1
        gone = bob.webhook(f"{receiver.url}/gone")["id"]
        assert "none yet" in seen(olga, ROOM)
        receiver.answering = lambda heard: 410 if heard.path.endswith("/gone") else 200
        alice.hears(ADA)
        bob.hears(ADA)
        receiver.waits_for(2)
        at_rest(alice.world)

        told = seen(olga, ROOM)

        assert "active" in told
        assert "delivered" in told
        assert "disabled since" in squeezed_once(told)
        assert "answered 410" in told
        assert WEBHOOK.findall(olga.get(ROOM).text) == [gone, fine]
        assert WEBHOOK.findall(olga.get(f"{ROOM}?account={bob.account_id}").text) == [gone]

    def test_one_that_stumbles_says_how_often(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        receiver.waits_for(1)
        at_rest(alice.world)

        assert "last try failed" in seen(olga, ROOM)
        assert "The last try failed, since" in squeezed_once(seen(olga, f"{ROOM}/{only(alice)['id']}"))
        alice.world.pass_time(MINUTE_MS)
        at_rest(alice.world)

        assert "2 tries failed" in seen(olga, ROOM)

    @pytest.mark.one_store("what is listed is the same wherever it is kept")
    def test_it_leads_on_to_what_is_older(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        for _ in range(SHOWN + 2):
            alice.webhook(receiver.url)
            alice.world.pass_time(1)

        first = olga.get(f"{ROOM}?account={alice.account_id}").text
        second = olga.get(older(first)).text

        ids = [shown["id"] for shown in alice.get("/v1/webhooks").json()["data"]]
        assert WEBHOOK.findall(first) + WEBHOOK.findall(second) == ids
        assert older(second) == ""

    @pytest.mark.one_store("nothing is kept")
    def test_without_any_it_says_what_one_is_for(self, olga: Browser, alice: Customer) -> None:
        assert "No webhook yet" in seen(olga, ROOM)
        assert "No older webhook" in seen(olga, f"{ROOM}?before=wh_{NOBODYS}&account={alice.account_id}")


class TestSecret:
    @pytest.mark.parametrize(("overlap", "overlap_s"), OVERLAPS_S.items())
    def test_another_one_signs_and_the_earlier_one_for_as_long_as_was_said(
        self, olga: Browser, alice: Customer, receiver: Receiver, overlap: str, overlap_s: int
    ) -> None:
        made = alice.webhook(receiver.url)

        answer = olga.post(f"{ROOM}/{made['id']}/rotate", {"overlap": overlap})

        (secret,) = set(SECRET.findall(answer.text))
        assert secret != made["secret"]
        assert noted(alice) == ("usr_", "webhook.rotated", made["id"])
        alice.hears(ADA)
        (heard,) = receiver.waits_for(1)
        assert heard.is_signed_with(secret)
        assert len(heard.headers["webhook-signature"].split()) == (2 if overlap_s else 1)
        assert ("Earlier secret" in seen(olga, f"{ROOM}/{made['id']}")) == bool(overlap_s)

    @pytest.mark.one_store("nothing is kept")
    def test_what_was_not_among_the_choices_is_refused(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url)

        assert "Choose how long" in refused(olga.post(f"{ROOM}/{made['id']}/rotate", {"overlap": "9y"}))
        assert "webhook.created" in noted(alice)


class TestEnabling:
    def test_one_that_is_disabled_says_why_and_can_be_enabled(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url)
        receiver.answering = lambda _: 410
        alice.hears(ADA)
        receiver.waits_for(1)
        at_rest(alice.world)
        page = f"{ROOM}/{made['id']}"
        assert "answered 410" in seen(olga, page)

        assert led_to(olga.post(f"{page}/enable")) == f"{page}?notice=webhook-enabled"

        assert only(alice)["is_active"]
        assert noted(alice) == ("usr_", "webhook.enabled", made["id"])
        assert "is enabled" in seen(olga, f"{page}?notice=webhook-enabled")

    def test_one_that_is_deleted_is_gone_and_its_deliveries_say_so(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        receiver.waits_for(1)
        at_rest(alice.world)

        assert led_to(olga.post(f"{ROOM}/{made['id']}/delete")) == f"{ROOM}?notice=webhook-deleted"

        assert alice.get("/v1/webhooks").json()["data"] == []
        assert noted(alice) == ("usr_", "webhook.deleted", made["id"])
        assert olga.get(f"{ROOM}/{made['id']}").status_code == 404
        (told,) = log(alice)
        page = f"/dashboard/deliveries/{told['id']}"
        assert "The webhook was deleted before it arrived" in seen(olga, page)
        assert "/replay" not in olga.get(page).text
        assert "No such webhook" in refused(olga.post(f"{page}/replay"))

    @pytest.mark.one_store("nothing is kept")
    @pytest.mark.parametrize("path", ["", "/rotate", "/test", "/replay"])
    @pytest.mark.parametrize("name", [f"wh_{NOBODYS}", "wh_%00", "wh_%F0%9F%92%A5", "key_1"])
    def test_what_is_not_there_is_not_found(self, olga: Browser, name: str, path: str) -> None:
        assert olga.get(f"{ROOM}/{name}{path}").status_code == 404
        assert olga.post(f"{ROOM}/{name}{path or '/delete'}").status_code == 404


class TestExample:
    def test_it_is_sent_once_and_its_page_says_what_came_of_it(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url, "message.received", "reaction.added")
        receiver.answering = lambda _: 404
        receiver.saying = HOSTILE.encode()

        page = led_to(olga.post(f"{ROOM}/{made['id']}/test", {"event": "reaction.added"}))
        (heard,) = receiver.waits_for(1)
        at_rest(alice.world)

        assert heard.body["event"] == "reaction.added"
        assert page == f"/dashboard/deliveries/{heard.body['delivery_id']}?notice=test-sent"
        told = seen(olga, page)
        assert "has nothing at that path (404)" in told
        assert "A test event is tried once" in told
        assert HOSTILE in told
        assert HOSTILE not in olga.get(page).text

    def test_what_it_does_not_get_is_no_example_for_it(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url, "message.received")

        why = refused(olga.post(f"{ROOM}/{made['id']}/test", {"event": "typing.started"}))

        assert why == "`event` takes one of `message.received`."
        assert log(alice) == []

    def test_one_that_is_off_gets_none(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)
        alice.world.sql("UPDATE webhooks SET is_active = 0, disabled_at = 1, disabled_reason = 'failing'")

        for path in ("test", "replay"):
            assert "Enable it first" in seen(olga, f"{ROOM}/{made['id']}/{path}")
            chosen = {"event": "message.received", "what": "all", "since": "all"}
            assert "This webhook is disabled" in refused(olga.post(f"{ROOM}/{made['id']}/{path}", chosen))


class TestLog:
    def test_it_is_narrowed_to_a_state(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        made = hurried(alice, receiver.url)
        receiver.answering = lambda heard: 200 if heard.text == "fine" else 500
        alice.hears(ADA, "fine")
        alice.world.clock.ms += 1
        alice.hears(CARL, "not")
        receiver.waits_for(2)
        at_rest(alice.world)
        fine, waits = (log(alice, status=status)[0]["id"] for status in ("delivered", "pending"))
        page = f"{ROOM}/{made['id']}"
        assert DELIVERY.findall(olga.get(f"{page}?state=delivered").text) == [fine]
        assert DELIVERY.findall(olga.get(f"{page}?state=open").text) == [waits]
        assert DELIVERY.findall(olga.get(f"{page}?state=failed").text) == []
        assert "failed within itself (500)" in seen(olga, page)
        fails_for_good(alice)

        assert DELIVERY.findall(olga.get(f"{page}?state=failed").text) == [waits]
        assert DELIVERY.findall(olga.get(page).text) == [waits, fine]
        assert olga.get(f"{page}?state=lost").status_code == 404

    @pytest.mark.parametrize("state", ["", "delivered", "failed"])
    def test_it_leads_on_to_what_is_older(self, olga: Browser, alice: Customer, receiver: Receiver, state: str) -> None:
        made = alice.webhook(receiver.url)
        other = alice.webhook(receiver.url, "message.sent")
        for _ in range(SHOWN + 3):
            alice.hears(ADA)
            alice.world.clock.ms += 1
        receiver.waits_for(SHOWN + 3)
        at_rest(alice.world)
        alice.world.sql("UPDATE deliveries SET state = ?", state or "delivered")
        ids = [row[0] for row in alice.world.sql("SELECT id FROM deliveries ORDER BY id DESC")]

        first = olga.get(f"{ROOM}/{made['id']}?state={state}").text
        second = olga.get(older(first)).text

        assert DELIVERY.findall(first) == ids[:SHOWN]
        assert DELIVERY.findall(second) == ids[SHOWN:]
        assert older(second) == ""
        assert DELIVERY.findall(olga.get(f"{ROOM}/{other['id']}?state={state}").text) == []

    @pytest.mark.parametrize(("state", "others"), [("cancelled", "delivered"), ("delivered", "pending")])
    def test_what_is_rare_is_looked_for_in_parts(
        self,
        olga: Browser,
        alice: Customer,
        receiver: Receiver,
        monkeypatch: pytest.MonkeyPatch,
        state: str,
        others: str,
    ) -> None:
        monkeypatch.setattr(webhooks, "LOOKED_THROUGH", 2)
        rarely, often = alice.webhook(receiver.url), alice.webhook(receiver.url)
        for _ in range(4):
            alice.hears(ADA)
            alice.world.clock.ms += 1
        receiver.waits_for(8)
        at_rest(alice.world)
        ids = [
            row[0]
            for row in alice.world.sql("SELECT id FROM deliveries WHERE webhook_id = ? ORDER BY id", rarely["id"])
        ]
        alice.world.sql("UPDATE deliveries SET state = ?", others if state == "delivered" else "failed")
        alice.world.sql("UPDATE deliveries SET state = ? WHERE id = ?", state, ids[0])

        at, found = f"{ROOM}/{rarely['id']}?state={state}", []
        for _ in range(6):
            page = olga.get(at).text
            found += DELIVERY.findall(page)
            if not (at := older(page)):
                break
            assert found or "None among the latest" in page

        assert found == [ids[0]]
        assert often["id"] not in found

    @pytest.mark.parametrize("before", ["", "x", "dlv_", "%00", "evt_1", "9" * 40])
    def test_a_place_that_is_none_is_the_newest(
        self, olga: Browser, alice: Customer, receiver: Receiver, before: str
    ) -> None:
        made = alice.webhook(receiver.url)
        alice.hears(ADA)

        assert len(DELIVERY.findall(olga.get(f"{ROOM}/{made['id']}?before={before}").text)) == 1
        assert WEBHOOK.findall(olga.get(f"{ROOM}?before={before}").text) == [made["id"]]


class TestReplay:
    def test_all_that_failed_is_made_again(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        made = hurried(alice, receiver.url)
        receiver.answering = lambda _: 500
        for person in (ADA, CARL):
            alice.hears(person)
        receiver.waits_for(2)
        fails_for_good(alice)
        receiver.answering = lambda _: 200

        answer = olga.post(f"{ROOM}/{made['id']}/replay", {"what": "failed", "since": "all"})

        assert led_to(answer) == f"{ROOM}/{made['id']}?notice=webhook-replayed"
        assert noted(alice) == ("usr_", "webhook.replayed", made["id"])
        until(lambda: len(log(alice, status="delivered")) == 2)

    def test_what_it_missed_is_made_for_the_time_that_was_chosen(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        alice.hears(ADA, "long ago")
        alice.world.pass_time(2 * HOUR_MS)
        alice.hears(ADA, "just now")
        made = alice.webhook(receiver.url, "message.received")

        answer = olga.post(f"{ROOM}/{made['id']}/replay", {"what": "missed", "since": "1h"})

        assert "They are replayed" in seen(olga, led_to(answer))
        assert [heard.text for heard in receiver.waits_for(1)] == ["just now"]

    @pytest.mark.one_store("nothing is kept")
    def test_where_nothing_is_of_that_kind_it_is_said_so_and_what_is_no_choice_is_refused(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        made = alice.webhook(receiver.url)
        page = f"{ROOM}/{made['id']}/replay"

        for what in LOST:
            for since in SINCE:
                assert "No delivery of this webhook is of that kind and time" in refused(
                    olga.post(page, {"what": what, "since": since})
                )
        assert "Choose what" in refused(olga.post(page, {"what": "everything", "since": "1h"}))
        assert "Choose of which time" in refused(olga.post(page, {"what": "failed", "since": "now"}))

    def test_one_delivery_is_made_again_at_once(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        receiver.waits_for(1)
        at_rest(alice.world)
        (told,) = log(alice)
        page = f"/dashboard/deliveries/{told['id']}"
        assert "The next try" in seen(olga, page)
        receiver.answering = lambda _: 200

        assert led_to(olga.post(f"{page}/replay")) == f"{page}?notice=replayed"

        receiver.waits_for(2)
        at_rest(alice.world)
        assert log(alice)[0]["status"] == "delivered"
        assert noted(alice) == ("usr_", "webhook.replayed", told["webhook_id"])


class TestDelivery:
    def test_it_shows_what_was_posted_but_no_signature(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        alice.webhook(receiver.url)
        alice.hears(ADA, HOSTILE)
        (heard,) = receiver.waits_for(1)
        at_rest(alice.world)

        page = olga.get(f"/dashboard/deliveries/{heard.body['delivery_id']}").text

        (shown,) = re.findall(r'aria-label="The body">(.*?)</pre>', page, re.DOTALL)
        assert json.loads(html.unescape(shown)) == heard.body
        assert HOSTILE not in page
        headers = dict(re.findall(r"<dt><code>([^<]*)</code></dt><dd><code>([^<]*)</code>", page))
        assert headers == {name: heard.headers[name.lower()] for name in headers}
        described = re.findall(r"<dt><code>([^<]*)</code></dt><dd><small>", page)
        assert described == ["X-Webhook-Signature", "webhook-signature"]
        assert heard.headers["x-webhook-signature"] not in page

    def test_each_try_is_told_with_why_it_failed(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        statuses = iter([503, 302, 200])
        receiver.answering = lambda _: next(statuses)
        receiver.saying = b"an answer"
        alice.hears(ADA)
        for _ in range(3):
            at_rest(alice.world)
            alice.world.pass_time(5 * MINUTE_MS)
        at_rest(alice.world)

        told = seen(olga, f"/dashboard/deliveries/{log(alice)[0]['id']}")

        first, second, third = (
            told.index(each) for each in ("has no time now (503)", "led on elsewhere (302)", "Try 3")
        )
        assert third < second < first
        assert "Delivered" in told
        assert "at 127.0.0.1" in told
        assert told.count("an answer") == 3

    def test_what_waits_for_one_that_is_off_says_so(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        alice.webhook(receiver.url)
        receiver.answering = lambda _: 500
        alice.hears(ADA)
        receiver.waits_for(1)
        at_rest(alice.world)
        alice.world.sql("UPDATE webhooks SET is_active = 0, disabled_at = 1, disabled_reason = 'failing'")
        page = f"/dashboard/deliveries/{log(alice)[0]['id']}"

        assert "waits for the webhook, which is disabled" in seen(olga, page)
        assert "This webhook is disabled" in refused(olga.post(f"{page}/replay"))

    def test_what_this_server_could_not_write_down_is_shown_as_it_is_kept(
        self, olga: Browser, alice: Customer, receiver: Receiver
    ) -> None:
        alice.webhook(receiver.url)
        alice.hears(ADA)
        receiver.waits_for(1)
        at_rest(alice.world)
        alice.world.sql("UPDATE messages SET attachments = 'no JSON'")

        page = f"/dashboard/deliveries/{log(alice)[0]['id']}"

        assert '"text": "Hi"' in seen(olga, page)

    @pytest.mark.parametrize("path", [f"deliveries/dlv_{NOBODYS}", "deliveries/dlv_%00", f"events/evt_{NOBODYS}"])
    def test_what_is_not_there_is_not_found(self, olga: Browser, path: str) -> None:
        assert olga.get(f"/dashboard/{path}").status_code == 404


class TestEvents:
    def test_all_are_listed_and_each_says_whom_it_was_told(
        self, olga: Browser, alice: Customer, bob: Customer, receiver: Receiver
    ) -> None:
        alice.webhook(receiver.url, "message.received")
        alice.hears(ADA, HOSTILE)
        bob.hears(ADA)
        receiver.waits_for(1)
        at_rest(alice.world)

        theirs, hers = EVENT.findall(olga.get("/dashboard/events").text)

        assert EVENT.findall(olga.get(f"/dashboard/events?account={alice.account_id}").text) == [hers]
        assert EVENT.findall(olga.get("/dashboard/events?type=reaction.added").text) == []
        assert olga.get("/dashboard/events?type=nothing").status_code == 404
        told = olga.get(f"/dashboard/events/{hers}").text
        assert DELIVERY.findall(told) == [log(alice)[0]["id"]]
        assert HOSTILE not in told
        assert html.escape(HOSTILE)[:12] in told
        assert "No webhook asked for it" in seen(olga, f"/dashboard/events/{theirs}")

    def test_a_test_event_is_called_one(self, olga: Browser, alice: Customer, receiver: Receiver) -> None:
        made = alice.webhook(receiver.url)
        olga.post(f"{ROOM}/{made['id']}/test", {"event": "message.received"})

        (event_id,) = EVENT.findall(olga.get("/dashboard/events").text)

        assert ">test<" in olga.get("/dashboard/events").text
        assert "made up to try a webhook" in seen(olga, f"/dashboard/events/{event_id}")

    def test_they_lead_on_to_what_is_older(self, olga: Browser, alice: Customer) -> None:
        for _ in range(SHOWN + 3):
            alice.hears(ADA)

        first = olga.get("/dashboard/events?type=message.received").text
        second = olga.get(older(first)).text

        assert (len(EVENT.findall(first)), len(EVENT.findall(second))) == (SHOWN, 3)
        assert not set(EVENT.findall(first)) & set(EVENT.findall(second))
        assert older(second) == ""

    def test_what_is_rare_is_looked_for_in_parts(
        self, olga: Browser, alice: Customer, bob: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(events, "LOOKED_THROUGH", 2)
        bob.hears(ADA)
        for _ in range(2):
            alice.hears(ADA)

        first = olga.get(f"/dashboard/events?account={bob.account_id}").text

        assert "None among the latest" in first
        assert len(EVENT.findall(olga.get(older(first)).text)) == 1

    @pytest.mark.one_store("nothing is kept")
    def test_without_any_it_says_how_one_comes_about(self, olga: Browser) -> None:
        assert "Text a line" in seen(olga, "/dashboard/events")
        assert "None of this type" in seen(olga, "/dashboard/events?type=receipt.read")


@pytest.mark.one_store("what is escaped is escaped wherever it is kept")
def test_what_people_named_is_text_on_every_page(
    olga: Browser, alice: Customer, bob: Customer, receiver: Receiver
) -> None:
    made = alice.post(
        "/v1/webhooks",
        {"from": alice.line, "url": f"{receiver.url}?{HOSTILE}", "events": ["message.received"]},
    ).json()
    alice.hears(ADA, HOSTILE)
    (heard,) = receiver.waits_for(1)
    at_rest(alice.world)
    for statement in ("UPDATE accounts SET name = ?", "UPDATE lines SET label = ?", "UPDATE chats SET name = ?"):
        alice.world.sql(statement, HOSTILE)
    delivery_id = heard.body["delivery_id"]
    (event_id,) = EVENT.findall(olga.get(f"/dashboard/deliveries/{delivery_id}").text)

    for path in (
        ROOM,
        f"{ROOM}?account={bob.account_id}",
        f"{ROOM}/new",
        f"{ROOM}/new?account={alice.account_id}",
        *[f"{ROOM}/{made['id']}{more}" for more in ("", "/rotate", "/test", "/replay")],
        f"/dashboard/deliveries/{delivery_id}",
        "/dashboard/events",
        f"/dashboard/events/{event_id}",
    ):
        page = olga.get(path)
        assert page.status_code == 200
        assert HOSTILE not in page.text, path
    for answer in (
        olga.post(f"{ROOM}/{made['id']}/rotate", {"overlap": HOSTILE}),
        olga.post(f"{ROOM}/{made['id']}/test", {"event": HOSTILE}),
        olga.post(f"{ROOM}/{made['id']}/rotate", {"overlap": "24h"}),
        makes(olga, alice, form_for(f"{receiver.url}?{HOSTILE}")),
        makes(olga, alice, form_for(HOSTILE, HOSTILE, reach=HOSTILE)),
    ):
        assert HOSTILE not in answer.text


class TestWords:
    @pytest.mark.parametrize("word", sorted({*said_of_tries(), "interrupted", "http_200"}))
    def test_each_word_by_which_a_try_fails_is_explained(self, word: str) -> None:
        assert is_known(word)

    @pytest.mark.parametrize("status", [100, 204, 301, 400, 404, 418, 500, 503, 599, 999])
    def test_each_answer_is_told_with_its_status(self, status: int) -> None:
        assert str(status) in meaning_of(f"http_{status}").what

    def test_what_no_version_of_ours_says_is_called_out_of_reach(self) -> None:
        assert meaning_of("something_new").what == "The receiver could not be reached."
        assert meaning_of("http_new").what == "The receiver could not be reached."
