"""Who gets in to the dashboard, and who does not."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from argon2 import PasswordHasher

from blueport.server.authorizing.limits import FAILURES
from blueport.server.dashboard.admitting import guessing
from blueport.server.signing_in import credentials
from blueport.server.signing_in import service as signing_in
from tests.databases import WRITTEN_ASIDE, Database
from tests.server.browsers import EMAIL, HOME, PASSWORD, SIGN_IN, Browser
from tests.server.dashboard import Running, led_to
from tests.server.world import HOUR_MS, MINUTE_MS, Clock, World

TOKEN = "a-token"
OWNER = "/dashboard/owner"
CHANGE = "/dashboard/password"
DAY_MS = 24 * HOUR_MS
OTHER_PASSWORD = "four wild badgers"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
AGENTS = {
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on macOS",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.5 Safari/605.1.15": "Safari on macOS",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {WEBKIT} CriOS/137.0 Safari/604.1": "Chrome on iPhone",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/137.0 Safari/537.36 Edg/137.0": "Edge on Windows",
    f"Mozilla/5.0 (Linux; Android 15) {WEBKIT} Chrome/137.0 Mobile Safari/537.36": "Chrome on Android",
    "curl/8.7.1": "curl/8.7.1",
    "": "An unknown browser",
}
ON_SQLITE = pytest.mark.one_store("judged before the store is asked")


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with World(database, Clock(), dashboard_token=TOKEN).open() as world:
        yield world


@pytest.fixture
def olga(world: World) -> Browser:
    """Return the owner's browser, signed in."""
    return Browser(world).owns()


@pytest.fixture
def stranger(world: World) -> Browser:
    return Browser(world, "198.51.100.7")


@pytest.fixture(scope="module")
def shared_world(shared_database: Database) -> Iterator[World]:
    """Run one server for all tests that need none of their own."""
    with World(shared_database, Clock(), dashboard_token=TOKEN).open() as world:
        Browser(world).owns()
        yield world


@ON_SQLITE
class OnOneServer:
    """Tests that do not mind what others have left there; tries that those made are forgotten."""

    @pytest.fixture
    def world(self, shared_world: World) -> World:
        shared_world.pass_time(guessing.WINDOW_MS)
        return shared_world

    @pytest.fixture
    def olga(self, world: World) -> Browser:
        return Browser(world).is_let_in()


def told(world: World, like: str) -> list[tuple[str, str, str | None]]:
    """Return what the audit log has of such actions, the oldest first."""
    return world.sql("SELECT actor, action, target FROM audit_log WHERE action LIKE ? ORDER BY seq", like)


def user_id(world: World) -> str:
    return world.sql("SELECT id FROM users")[0][0]


def link(world: World) -> str:
    return world.do(signing_in.make_link).token


class TestBeforeThereIsAnOwner:
    def test_every_page_leads_to_one_that_says_how_to_become_it(self, stranger: Browser) -> None:
        assert led_to(stranger.get()) == SIGN_IN
        assert led_to(stranger.get("/dashboard/me")) == f"{SIGN_IN}?next=/dashboard/me"

        page = stranger.get(SIGN_IN)
        assert page.status_code == 200
        assert "no owner yet" in page.text
        assert "blueport dashboard link" in page.text
        assert "<form" not in page.text

    def test_a_stranger_who_comes_first_does_not_become_it(self, stranger: Browser, world: World) -> None:
        form = {"link": "guessed", "email": "eve@example.com", "password": PASSWORD}

        assert stranger.get(f"{OWNER}?link=guessed").status_code == 403
        assert stranger.post(OWNER, form).status_code == 403
        assert stranger.signs_in().status_code == 403
        assert world.rows("users") == world.rows("sessions") == 0

    def test_who_has_the_link_does(self, world: World) -> None:
        browser = Browser(world)
        made = link(world)

        form = browser.get(f"{OWNER}?link={made}")
        answer = browser.post(OWNER, {"link": made, "email": " Olga@Example.com", "password": PASSWORD})

        assert "Become the owner" in form.text
        assert led_to(answer) == HOME
        assert EMAIL in browser.get().text
        owner = user_id(world)
        assert told(world, "%") == [
            ("operator", "link.made", None),
            (owner, "owner.created", owner),
            (owner, "sign_in.succeeded", owner),
        ]

    def test_looking_at_the_link_does_not_use_it_up(self, world: World) -> None:
        browser = Browser(world)
        made = link(world)
        for _ in range(3):
            assert browser.get(f"{OWNER}?link={made}").status_code == 200

        answer = browser.post(OWNER, {"link": made, "email": EMAIL, "password": PASSWORD})

        assert led_to(answer) == HOME

    @pytest.mark.parametrize(
        ("email", "password", "why"),
        [
            ("olga", PASSWORD, "no e-mail"),
            ("", PASSWORD, "no e-mail"),
            ("olga @example.com", PASSWORD, "no e-mail"),
            (EMAIL, "short", "10 to 256"),
            (EMAIL, "x" * 257, "10 to 256"),
            (EMAIL, "Password123", "first that anybody"),
            (EMAIL, "aaaaaaaaaaaab", "first that anybody"),
            (EMAIL, EMAIL.upper(), "one&#39;s e-mail"),
        ],
    )
    @ON_SQLITE
    def test_what_is_refused_does_not_use_it_up_either(self, world: World, email: str, password: str, why: str) -> None:
        browser = Browser(world)
        made = link(world)

        refused = browser.post(OWNER, {"link": made, "email": email, "password": password})

        assert refused.status_code == 400
        assert why in refused.text
        assert PASSWORD not in refused.text
        assert led_to(browser.post(OWNER, {"link": made, "email": EMAIL, "password": PASSWORD})) == HOME


class TestLink:
    def test_it_is_good_once(self, world: World, stranger: Browser) -> None:
        made = link(world)
        form = {"link": made, "email": EMAIL, "password": PASSWORD}
        assert led_to(Browser(world).post(OWNER, form)) == HOME

        assert stranger.get(f"{OWNER}?link={made}").status_code == 403
        assert stranger.post(OWNER, {**form, "password": OTHER_PASSWORD}).status_code == 403
        assert stranger.signs_in(password=OTHER_PASSWORD).status_code == 403

    def test_of_many_who_use_it_at_once_one_is_let_in(self, world: World) -> None:
        made = link(world)
        wanted = [signing_in.Owner(f"{name}@example.com", "a hash") for name in "abcd"]
        browser = signing_in.Browser(None, "192.0.2.1", "a browser", None)

        with ThreadPoolExecutor(len(wanted)) as threads:
            tokens = list(threads.map(lambda each: world.do(signing_in.use_link, made, each, browser), wanted))

        assert len(list(filter(None, tokens))) == 1
        assert world.rows("users") == world.rows("sessions") == 1

    def test_it_is_good_for_15_minutes(self, world: World, stranger: Browser) -> None:
        made = link(world)

        world.pass_time(15 * MINUTE_MS - 1)
        assert stranger.get(f"{OWNER}?link={made}").status_code == 200
        world.pass_time(1)
        assert stranger.get(f"{OWNER}?link={made}").status_code == 403

    def test_another_one_takes_its_place(self, world: World, stranger: Browser) -> None:
        first, second = link(world), link(world)

        assert stranger.get(f"{OWNER}?link={first}").status_code == 403
        assert stranger.get(f"{OWNER}?link={second}").status_code == 200

    def test_later_it_sets_another_password_and_ends_all_sessions(self, olga: Browser, world: World) -> None:
        elsewhere = Browser(world, "192.0.2.2").is_let_in()

        again = Browser(world).comes_to_own("eve@example.com", OTHER_PASSWORD)

        assert EMAIL in again.get().text  # whose it was
        assert not olga.is_signed_in
        assert not elsewhere.is_signed_in
        assert olga.signs_in().status_code == 403
        assert led_to(olga.signs_in(password=OTHER_PASSWORD)) == HOME
        assert told(world, "password.%") == [(user_id(world), "password.changed", user_id(world))]

    def test_only_its_hash_is_kept(self, world: World) -> None:
        assert link(world) not in world.database.content()


class TestSigningIn:
    def test_who_has_the_password_is_let_in(self, olga: Browser, world: World) -> None:
        browser = Browser(world)

        assert led_to(browser.signs_in(f" {EMAIL.upper()} ")) == HOME

        assert EMAIL in browser.get().text
        assert world.sql("SELECT last_signed_in_at FROM users") == [(world.clock.ms,)]
        assert led_to(olga.get(SIGN_IN)) == HOME

    def test_an_accent_is_one_letter_however_it_was_typed(self, world: World) -> None:
        Browser(world).comes_to_own(password="caf\u00e9 au lait chaud")

        assert led_to(Browser(world).signs_in(password="cafe\u0301 au lait chaud")) == HOME

    @pytest.mark.usefixtures("olga")
    def test_the_space_around_a_password_is_part_of_it(self, world: World) -> None:
        assert Browser(world).signs_in(password=f"{PASSWORD} ").status_code == 403

    @pytest.mark.usefixtures("olga")
    def test_what_is_answered_does_not_tell_whether_there_is_such_a_user(self, stranger: Browser, world: World) -> None:
        known = stranger.signs_in(password="a guess")
        unknown = stranger.signs_in("eve@example.com", "a guess")

        assert known.status_code == unknown.status_code == 403
        assert known.text == unknown.text.replace("eve@example.com", EMAIL)
        assert set(known.headers) == set(unknown.headers)
        assert world.rows("sessions") == 1

    @pytest.mark.usefixtures("olga")
    def test_a_wrong_password_is_told_in_the_audit_log_without_what_was_said(
        self, stranger: Browser, world: World
    ) -> None:
        stranger.signs_in(password="a secret guess")
        stranger.signs_in("eve@example.com", "a secret guess")

        assert told(world, "sign_in.failed") == [
            ("anybody", "sign_in.failed", user_id(world)),
            ("anybody", "sign_in.failed", None),
        ]
        assert world.sql("SELECT DISTINCT address FROM audit_log WHERE action = 'sign_in.failed'") == [
            (stranger.address,)
        ]
        assert "a secret guess" not in world.database.content()
        assert "eve@example.com" not in world.database.content()

    def test_of_password_and_token_only_hashes_are_kept(self, olga: Browser, world: World) -> None:
        content = world.database.content()

        assert PASSWORD not in content
        assert not [token for token in olga.cookies.values() if token in content]
        assert olga.csrf not in content
        assert world.sql("SELECT password_hash FROM users")[0][0].startswith("$argon2id$")

    def test_a_hash_under_older_parameters_is_made_anew(self, olga: Browser, world: World) -> None:
        world.sql("UPDATE users SET password_hash = ?", PasswordHasher(1, 8, 1).hash(PASSWORD))

        assert led_to(olga.signs_in()) == HOME

        (hashed,) = world.sql("SELECT password_hash FROM users")[0]
        assert not credentials.is_outdated(hashed)
        assert led_to(Browser(world).signs_in()) == HOME

    @pytest.mark.usefixtures("olga")
    def test_a_password_that_is_changed_meanwhile_lets_nobody_in(self, world: World) -> None:
        login = world.do(signing_in.login_of, EMAIL)
        world.sql("UPDATE users SET password_hash = 'another'")

        browser = signing_in.Browser(None, "192.0.2.1", "a browser", None)
        assert world.do(signing_in.sign_in, login, browser) is None
        assert world.rows("sessions") == 1


class TestTries:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have few tries be too many: each takes long on purpose."""
        monkeypatch.setattr(guessing, "TRIES", 2)
        monkeypatch.setattr(guessing, "TRIES_OF_ALL", 5)

    @pytest.mark.usefixtures("olga")
    def test_after_too_many_the_right_password_has_to_wait_too(self, stranger: Browser, world: World) -> None:
        for _ in range(2):
            assert stranger.signs_in(password="a guess").status_code == 403

        refused = stranger.signs_in()

        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "900"
        assert "Wait for 15 minutes" in refused.text
        world.pass_time(15 * MINUTE_MS)
        assert led_to(stranger.signs_in()) == HOME

    @pytest.mark.usefixtures("olga")
    def test_others_do_not_wait_for_it(self, stranger: Browser, world: World) -> None:
        for _ in range(3):
            stranger.signs_in(password="a guess")

        assert led_to(Browser(world).signs_in()) == HOME

    @pytest.mark.usefixtures("olga")
    def test_of_an_unknown_email_tries_count_alike(self, stranger: Browser) -> None:
        answers = [stranger.signs_in("eve@example.com", "a guess").status_code for _ in range(3)]

        assert answers == [403, 403, 429]

    def test_from_many_places_at_once_they_are_counted_together_and_a_link_still_lets_in(
        self, olga: Browser, world: World
    ) -> None:
        answers = [
            Browser(world, f"198.51.100.{number}").signs_in(password="a guess").status_code for number in range(6)
        ]

        assert answers == [403] * 5 + [429]
        assert olga.is_signed_in
        Browser(world).comes_to_own(password=OTHER_PASSWORD)

    @pytest.mark.usefixtures("olga")
    def test_no_more_are_judged_than_counted_however_many_come_at_once(self, stranger: Browser) -> None:
        limit = guessing.Guessing(stranger.world.store, b"secret")

        async def tries() -> list[object]:
            return await asyncio.gather(*[limit.count(EMAIL, "192.0.2.9") for _ in range(9)], return_exceptions=True)

        assert len([each for each in stranger.world.client.portal.call(tries) if each is None]) == 2

    @pytest.mark.usefixtures("olga")
    def test_wrong_passwords_count_as_wrong_secrets_of_that_address_do(self, stranger: Browser, world: World) -> None:
        for _ in range(FAILURES):
            stranger.get(f"{OWNER}?link=wrong")

        assert stranger.get(f"{OWNER}?link=wrong").status_code == 429
        assert stranger.signs_in(password="a guess").status_code == 429
        assert told(world, "sign_in.failed") == []
        assert led_to(stranger.signs_in()) == HOME


class TestToken:
    def test_it_lets_in_without_an_owner_and_leaves_the_address(self, world: World) -> None:
        browser = Browser(world)

        assert led_to(browser.get(f"{HOME}?token={TOKEN}")) == HOME

        assert "The operator" in browser.get().text
        assert told(world, "sign_in.%") == [("operator", "sign_in.succeeded", None)]
        assert led_to(Browser(world).get(f"{HOME}?token={TOKEN}")) == HOME

    @pytest.mark.parametrize("token", ["", "wrong", "%FF", "a-toke%00", "%F0%9F%98%80"])
    @ON_SQLITE
    def test_a_wrong_one_does_not(self, stranger: Browser, world: World, token: str) -> None:
        assert stranger.get(f"{HOME}?other=1&token={token}").status_code == 403
        assert world.rows("sessions") == 0

    def test_where_none_is_set_that_way_does_not_exist(self, database: Database) -> None:
        with World(database, Clock()).open() as world:
            stranger = Browser(world)

            assert led_to(stranger.get(f"{HOME}?token=")) == SIGN_IN
            assert led_to(stranger.get(f"{HOME}?token=None")) == SIGN_IN
            assert "token" not in stranger.get(SIGN_IN).text

    def test_whom_it_let_in_is_out_once_it_is_another(self, database: Database) -> None:
        with World(database, Clock(), dashboard_token=TOKEN).open() as world:
            browser = Browser(world)
            browser.get(f"{HOME}?token={TOKEN}")
            assert browser.is_signed_in
        for token in ("another", None):
            with World(database, Clock(), dashboard_token=token).open() as browser.world:
                assert not browser.is_signed_in

    def test_it_is_not_repeated_where_one_is_led_to(self, stranger: Browser) -> None:
        assert TOKEN not in led_to(stranger.get(f"/dashboard/me?token={TOKEN}"))


class TestSessions:
    def test_one_that_is_not_used_ends_after_a_week(self, olga: Browser, world: World) -> None:
        for _ in range(3):
            world.pass_time(7 * DAY_MS - 1)
            assert olga.is_signed_in

        world.pass_time(7 * DAY_MS)
        assert not olga.is_signed_in

    def test_one_that_is_used_ends_after_30_days(self, olga: Browser, world: World) -> None:
        for _ in range(29):
            world.pass_time(DAY_MS)
            assert olga.is_signed_in

        world.pass_time(DAY_MS)
        assert not olga.is_signed_in

    def test_its_use_is_written_down_once_a_minute(self, olga: Browser, world: World) -> None:
        began = world.clock.ms
        seen: list[int] = []
        for _ in range(4):
            world.pass_time(20_000)
            olga.get()
            seen += [world.sql("SELECT seen_at FROM sessions")[0][0] - began]

        assert seen == [0, 0, 60_000, 60_000]

    @pytest.mark.usefixtures("olga")
    def test_those_that_are_over_are_swept(self, world: World) -> None:
        link(world)
        world.pass_time(7 * DAY_MS)
        Browser(world).is_let_in()

        world.client.portal.call(world.server.housekeeper.drop_old)

        assert world.rows("sessions") == 1
        assert world.rows("sign_in_links") == 0

    def test_each_has_a_token_of_its_own_and_the_one_that_the_browser_had_ends(  # session fixation
        self, olga: Browser, world: World
    ) -> None:
        before = dict(olga.cookies)

        assert led_to(olga.signs_in()) == HOME

        assert olga.cookies != before
        assert world.rows("sessions") == 1
        fixed = Browser(world)
        fixed.cookies = before
        assert not fixed.is_signed_in

    @pytest.mark.usefixtures("olga")
    def test_a_token_that_somebody_planted_is_not_taken_over(self, world: World) -> None:
        victim = Browser(world, "192.0.2.2")
        planted = victim.cookies = {"blueport_session": "x" * 43}

        assert led_to(victim.signs_in()) == HOME

        assert victim.cookies != planted
        attacker = Browser(world)
        attacker.cookies = planted
        assert not attacker.is_signed_in

    def test_one_that_signs_out_is_over_also_for_who_has_its_token(self, olga: Browser, world: World) -> None:
        stolen = dict(olga.cookies)
        session_id = world.sql("SELECT id FROM sessions")[0][0]

        assert led_to(olga.post("/dashboard/sign-out")) == SIGN_IN

        assert olga.cookies == {}
        olga.cookies = stolen
        assert not olga.is_signed_in
        assert told(world, "session.ended") == [(user_id(world), "session.ended", session_id)]

    def test_nobody_signs_out_by_a_link(self, olga: Browser) -> None:
        assert olga.get("/dashboard/sign-out").status_code == 405
        assert olga.is_signed_in

    def test_all_others_are_listed_and_ended(self, olga: Browser, world: World) -> None:
        elsewhere = Browser(world, "198.51.100.1").is_let_in()

        assert "198.51.100.1" in olga.get("/dashboard/me").text
        assert led_to(olga.post("/dashboard/me/sessions")).startswith("/dashboard/me")

        assert olga.is_signed_in
        assert not elsewhere.is_signed_in
        assert "198.51.100.1" not in olga.get("/dashboard/me").text

    def test_each_is_called_by_its_browser(self, olga: Browser, world: World) -> None:
        login = world.do(signing_in.owner)
        assert login is not None
        for agent in AGENTS:
            world.do(signing_in.sign_in, login, signing_in.Browser(None, "192.0.2.1", agent, None))

        page = olga.get("/dashboard/me").text

        assert [called for called in AGENTS.values() if f">{called}</span>" not in page] == []

    def test_two_servers_on_one_database_know_the_same(self, olga: Browser, world: World) -> None:
        with World(world.database, world.clock, dashboard_token=TOKEN).open() as olga.world:
            assert olga.is_signed_in
            olga.post("/dashboard/sign-out")
        olga.world = world
        assert not olga.is_signed_in


class TestPassword:
    def test_who_knows_the_old_one_changes_it_and_stays(self, olga: Browser, world: World) -> None:
        elsewhere = Browser(world).is_let_in()
        assert olga.get(CHANGE).status_code == 200

        assert led_to(olga.post(CHANGE, {"old_password": PASSWORD, "password": OTHER_PASSWORD})) == HOME

        assert olga.is_signed_in
        assert not elsewhere.is_signed_in
        assert elsewhere.signs_in().status_code == 403
        assert led_to(elsewhere.signs_in(password=OTHER_PASSWORD)) == HOME
        assert told(world, "password.%") == [(user_id(world), "password.changed", user_id(world))]

    def test_who_does_not_cannot(self, olga: Browser, world: World) -> None:
        answer = olga.post(CHANGE, {"old_password": "a guess", "password": OTHER_PASSWORD})

        assert answer.status_code == 403
        assert led_to(Browser(world).signs_in()) == HOME

    @ON_SQLITE
    def test_a_weak_one_is_refused(self, olga: Browser) -> None:
        assert olga.post(CHANGE, {"old_password": PASSWORD, "password": "password1234"}).status_code == 400

    @ON_SQLITE
    def test_the_operator_has_none(self, world: World) -> None:
        browser = Browser(world)
        browser.get(f"{HOME}?token={TOKEN}")
        browser.get()

        assert browser.get(CHANGE).status_code == 200
        assert browser.post(CHANGE, {"old_password": PASSWORD, "password": OTHER_PASSWORD}).status_code == 403


SIGNED_IN_FORMS = ("/dashboard/sign-out", "/dashboard/password", "/dashboard/me/sessions")
FORMS = (SIGN_IN, OWNER, *SIGNED_IN_FORMS)
ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "https://testserver"},
    {"Origin": "null"},
    {"Referer": "https://evil.example/http://testserver/"},
    {"Referer": "http://testserver@evil.example/"},
    {"Referer": "http://[evil"},
    {},
)
HERE = (
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://testserver"},
    {"Referer": "http://testserver/dashboard/me?a=b"},
)


class TestOtherSites(OnOneServer):
    """CSRF, sign-in included: else somebody would write into an account that another signed him in to."""

    @pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
    def test_their_forms_are_refused(self, olga: Browser, world: World, headers: dict[str, str]) -> None:
        form = {"csrf": olga.csrf, "email": EMAIL, "password": PASSWORD, "old_password": PASSWORD, "link": link(world)}
        before = world.database.rows_of_all(but=WRITTEN_ASIDE)

        answers = [olga.asks("POST", path, form, headers) for path in FORMS]

        assert {answer.status_code for answer in answers} == {403}
        assert "was not sent by a page of this dashboard" in answers[0].text
        assert world.database.rows_of_all(but=WRITTEN_ASIDE) == before

    @pytest.mark.parametrize("headers", HERE, ids=str)
    def test_ours_are_not(self, olga: Browser, headers: dict[str, str]) -> None:
        assert led_to(olga.asks("POST", "/dashboard/sign-out", {"csrf": olga.csrf}, headers)) == SIGN_IN

    def test_nor_are_those_of_where_others_reach_us(self, database: Database) -> None:
        with World(database, Clock(), public_url="http://messages.example.com/").open() as world:
            olga = Browser(world).owns()

            for origin, status in (("http://messages.example.com", 303), ("http://messages.example.com:81", 403)):
                form = {"csrf": olga.csrf}
                assert olga.asks("POST", "/dashboard/me/sessions", form, {"Origin": origin}).status_code == status

    @pytest.mark.parametrize("path", SIGNED_IN_FORMS)
    def test_a_form_without_what_its_page_knows_is_refused(self, olga: Browser, world: World, path: str) -> None:
        other = Browser(world).is_let_in()
        passwords = {"old_password": PASSWORD, "password": OTHER_PASSWORD}

        for csrf in ("", other.csrf, olga.csrf[:-1], olga.csrf.upper(), "\u00e9"):
            assert olga.post(path, {"csrf": csrf, **passwords}).status_code == 403
        assert olga.asks("POST", path, passwords, {"Sec-Fetch-Site": "same-origin"}).status_code == 403
        assert olga.is_signed_in
        assert other.is_signed_in

    def test_a_script_of_ours_says_it_in_a_header(self, olga: Browser) -> None:
        said = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": olga.csrf}

        assert led_to(olga.asks("POST", "/dashboard/sign-out", {}, said)) == SIGN_IN

    def test_who_is_not_signed_in_is_told_so(self, stranger: Browser) -> None:
        answer = stranger.post("/dashboard/sign-out")

        assert answer.status_code == 403
        assert "not signed in" in answer.text

    def test_no_answer_of_the_dashboard_can_be_read_by_a_page_elsewhere(self, olga: Browser) -> None:
        for answer in (olga.get(Origin="https://evil.example"), olga.get(SIGN_IN, Origin="https://evil.example")):
            assert "access-control-allow-credentials" not in answer.headers
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"


class TestCookie(OnOneServer):
    def test_scripts_cannot_read_it_and_other_sites_cannot_send_it(self, world: World) -> None:
        answer = Browser(world).get(f"{HOME}?token={TOKEN}")

        name, _, terms = answer.headers["set-cookie"].partition("=")
        assert name == "blueport_session"
        assert set(terms.split("; ")[1:]) == {"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=2592000"}

    def test_over_tls_it_goes_nowhere_else(self, database: Database) -> None:
        with World(database, Clock(), public_url="https://messages.example.com", dashboard_token=TOKEN).open() as world:
            browser = Browser(world)
            answer = browser.get(f"{HOME}?token={TOKEN}")

            assert answer.headers["set-cookie"].startswith("__Host-blueport_session=")
            assert "; Secure" in answer.headers["set-cookie"]
            assert "; Path=/;" in answer.headers["set-cookie"]
            assert browser.is_signed_in
            browser.cookies = {"blueport_session": browser.cookies["__Host-blueport_session"]}
            assert not browser.is_signed_in

    @pytest.mark.parametrize(
        "cookie",
        [
            "blueport_session",
            "blueport_session=",
            "blueport_session={token}; blueport_session=" + "x" * 43,
            "blueport_session=" + "x" * 43 + ";blueport_session={token}",
            "blueport_session={token}x",
            'blueport_session="{token}"',
            "Blueport_Session={token}",
            "blueport_session=\u00ff\u00fe",
            ";;;=;",
            "x" * 8_000,
        ],
    )
    def test_what_is_none_or_one_of_several_lets_nobody_in(self, olga: Browser, world: World, cookie: str) -> None:
        said = cookie.format(token=olga.cookies["blueport_session"]).encode("latin-1")

        answer = world.client.get(HOME, headers=[(b"cookie", said)], follow_redirects=False)

        assert led_to(answer) == SIGN_IN

    def test_of_two_good_ones_nobody_knows_which_is_meant(self, olga: Browser, world: World) -> None:
        tokens = [each.cookies["blueport_session"] for each in (olga, Browser(world).is_let_in())]

        assert led_to(olga.get(Cookie="; ".join(f"blueport_session={token}" for token in tokens))) == SIGN_IN

    def test_one_that_is_said_twice_is_one(self, olga: Browser) -> None:
        said = f"a=b; blueport_session={olga.cookies['blueport_session']}"

        assert olga.get(Cookie=f"{said}; {said}").status_code == 200


class TestWhereOneIsLedTo(OnOneServer):
    """No open redirect."""

    @pytest.mark.parametrize(
        "path",
        [
            "/dashboard",
            "/dashboard/me",
            "/dashboard/chats/cht_1?account=acc_1&q=%2B1%20a",
            "/dashboard?a=b",
            "/dashboard?",
        ],
    )
    def test_to_the_page_that_was_asked_for(self, olga: Browser, path: str) -> None:
        assert led_to(olga.get(str(httpx2.URL(SIGN_IN, params={"next": path})))) == path

    def test_which_is_kept_in_the_form(self, olga: Browser, stranger: Browser) -> None:
        asked = led_to(stranger.get("/dashboard/me?account=acc_1&q=%2B1"))

        assert 'name="next" value="/dashboard/me?account=acc_1&amp;q=%2B1"' in stranger.get(asked).text
        assert led_to(olga.signs_in(next="/dashboard/me")) == "/dashboard/me"

    @pytest.mark.parametrize(
        "said",
        [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/dashboard//evil.example",
            "/dashboard/\\evil.example",
            "/dashboard/../../evil",
            "/dashboard/%2e%2e/x",
            "/dashboard@evil.example",
            "/dashboard.evil.example",
            "/dashboardx",
            "/dashboard/\r\nSet-Cookie: a=b",
            "/dashboard/\x00",
            "/dashboard/\u00e9",
            "/dashboard#x",
            " /dashboard/me",
            "javascript:alert(1)",
            "\\\\evil.example",
            "dashboard/me",
            "/v1/lines",
        ],
    )
    def test_and_nowhere_else(self, olga: Browser, said: str) -> None:
        assert led_to(olga.get(str(httpx2.URL(SIGN_IN, params={"next": said})))) == HOME

    def test_nor_is_one_by_the_form(self, olga: Browser) -> None:
        assert led_to(olga.signs_in(next="//evil.example")) == HOME


class TestAnswers(OnOneServer):
    POLICY = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        "connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )

    def test_none_can_be_framed_kept_sniffed_or_made_to_run_what_is_not_ours(  # clickjacking
        self, olga: Browser, stranger: Browser, world: World
    ) -> None:
        answers = [
            olga.get(),
            olga.get("/dashboard/me"),
            olga.get(CHANGE),
            stranger.get(),
            stranger.get(SIGN_IN),
            stranger.get(f"{OWNER}?link={link(world)}"),
            stranger.get(f"{OWNER}?link=wrong"),
            stranger.get(f"{HOME}?token=wrong"),
            stranger.get(f"{HOME}?token={TOKEN}"),
            stranger.asks("POST", SIGN_IN, {}, {}),
            stranger.post(SIGN_IN, {"email": EMAIL, "password": "a guess"}),
        ]
        for answer in answers:
            assert answer.headers["content-security-policy"] == self.POLICY
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert Running(answer.text).found == []

    def test_what_people_say_is_never_markup(self, olga: Browser, world: World, stranger: Browser) -> None:  # XSS
        hostile = "\"><script>alert(1)</script>'@example.com"
        agent = "<img src=x onerror=alert(1)>"
        Browser(world).asks(
            "POST", SIGN_IN, {"email": EMAIL, "password": PASSWORD}, {"Sec-Fetch-Site": "none", "User-Agent": agent}
        )
        pages = [
            stranger.signs_in(hostile, "a guess"),
            stranger.get(str(httpx2.URL(SIGN_IN, params={"next": hostile}))),
            stranger.get(str(httpx2.URL(OWNER, params={"link": hostile}))),
            stranger.get(str(httpx2.URL(HOME, params={"token": hostile}))),
            olga.get("/dashboard/me"),
        ]

        for page in pages:
            assert "<script>" not in page.text
            assert "<img src=x" not in page.text
        assert "&lt;script&gt;" in pages[0].text
        assert "&lt;img src=x" in pages[-1].text

    @pytest.mark.parametrize("path", FORMS)
    @pytest.mark.parametrize(
        ("body", "statuses"),
        [
            (b"", {400, 403}),
            (b"\xff\xfe\x00", {400}),
            (b"email=%FF&password=%FF&link=%FF", {400}),
            (b"email=a%00b%40example.com&password=a%00bcdefghijkl&link=%00&csrf=%00&old_password=%00", {400}),
            (b"email=a@b.example&password=one%20guess&password=another", {400, 403}),
            (b"password&email&&&=;=&%", {400, 403}),
            (b"a=b&" * 501, {400}),
            (b"x" * (1024 * 1024), {413}),
            (b'{"email": "a@b.example", "password": "a guess"}', {400, 403}),
        ],
        ids=["empty", "bytes", "no utf-8", "nul", "twice", "odd", "many", "large", "json"],
    )
    def test_what_is_no_form_is_refused_and_does_nothing(
        self, olga: Browser, path: str, body: bytes, statuses: set[int]
    ) -> None:
        assert olga.post(path, body).status_code in statuses
        assert olga.is_signed_in

    def test_other_methods_are_refused(self, olga: Browser) -> None:
        assert {olga.asks(method, SIGN_IN).status_code for method in ("PUT", "DELETE", "PATCH")} == {405}
        assert olga.asks("HEAD", SIGN_IN).status_code == 303


class TestCredentials:
    @pytest.mark.parametrize(
        "password",
        [
            "three tame otters",
            "\u5bc6\u7801\u662f\u4e00\u53ea\u5c0f\u732b\u5728\u8fd9\u91cc",
            "1357 9246 80",
            " " * 3 + "odd but long",
        ],
    )
    def test_length_is_all_that_is_asked_for(self, password: str) -> None:
        assert credentials.weakness_of(password, EMAIL) is None

    @pytest.mark.parametrize("password", ["PASSWORD123", "qwertyuiop", "1234567890", "abababababab", "blueport1234"])
    def test_what_everybody_tries_first_is_refused(self, password: str) -> None:
        assert credentials.weakness_of(password, EMAIL) is not None

    def test_the_list_of_those_is_of_what_length_lets_through(self) -> None:
        assert len(credentials.COMMONEST) > 150
        assert all(each == each.casefold() and len(each) >= credentials.SHORTEST for each in credentials.COMMONEST)

    def test_nobodys_password_takes_as_long_and_is_never_right(self) -> None:
        assert not credentials.is_outdated(credentials.NOBODYS)
        assert not credentials.is_right(PASSWORD, None)
        assert not credentials.is_right(PASSWORD, "no hash")

    @pytest.mark.parametrize(
        ("said", "email"),
        [
            (" Olga@Example.COM ", EMAIL),
            ("STRASSE@example.com", "strasse@example.com"),
            ("stra\u00dfe@example.com", "strasse@example.com"),
            ("\uff4f@example.com", "o@example.com"),
            ("a@b", "a@b"),
            ("a b@example.com", None),
            ("a@b@c", None),
            ("a\x00@example.com", None),
            ("a\u202e@example.com", None),
            ("@example.com", None),
            ("a" * 65 + "@example.com", None),
            ("a@" + "b" * 190, None),
        ],
    )
    def test_an_email_is_compared_without_case(self, said: str, email: str | None) -> None:
        assert credentials.canonical_email(said) == email
