"""Where webhooks may lead: judged at creation, at each try, and at the socket, whatever a name leads to by then."""

import asyncio
import functools
import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import hypothesis
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import strategies as st

from blueport.cli.environment import settings_of
from blueport.server.errors import MisconfiguredError
from blueport.server.notifying.delivering.outcomes import Outcome
from blueport.server.notifying.delivering.sender import HttpSender
from blueport.server.notifying.egress.guard import AddressRefusedError, Guard, guard_of
from blueport.server.notifying.egress.resolving import JudgingResolver
from blueport.server.notifying.egress.targets import as_given
from blueport.server.settings import Settings
from tests.databases import Database, file_like
from tests.server.answers import assert_done, assert_refused
from tests.server.hostile_addresses import (
    DENIED,
    HOSTILE,
    KINDS,
    LEADING_INSIDE,
    METADATA_IPV4,
    METADATA_IPV6,
    NEIGHBOURS,
    PUBLIC_IPV4,
    PUBLIC_IPV6,
    Kind,
    dead_ends_at,
    disguises,
    gateways_to,
)
from tests.server.receiver import READY, Receiver, until
from tests.server.world import ADA, CARL, MINUTE_MS, Caller, Clock, World

HOME = "127.0.0.1"
# What is dialled there reaches this machine by the one address that these tests allow.
ELSEWHERE = tuple(address for address in DENIED if address not in (HOME, *gateways_to(HOME)[:3]))
_examples = hypothesis.settings(max_examples=60, deadline=None)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PUBLIC = (
    "https://agent.example.com",
    "https://agent.example.com/hook",
    "HTTPS://Agent.Example.COM/Hook?a=b&c=%2F",
    "https://agent.example.com./hook",
    "https://agent.example.com?c=d",
    "https://agent.example.com:443/hook",
    "https://agent.example.com:1024/hook",
    "https://agent.example.com:3000/hook",
    "https://agent.example.com:8443/a/b?c=d",
    "https://agent.example.com:65535/",
    "https://_agent.my-company.co.uk/",
    "https://1and1.com/hook",
    "https://0x7f.example.com/hook",
    "https://xn--bcher-kva.example.com/hook",
    "https://b\u00fccher.example.com/hook",
    "https://B\u00dcCHER.example.com/hook",
    "https://bu\u0308cher.example.com/hook",
    "https://\u4f8b\u3048.jp/\u30d5\u30c3\u30af",
    "https://agent.example.com/caf\u00e9",
    "https://8.8.8.8/hook",
    "https://[2606:4700::1111]/hook",
    "https://[2606:4700:0:0:0:0:0:1111]:8443/hook",
    "https://[::ffff:8.8.8.8]/hook",
    "https://[64:ff9b::808:808]/hook",
)


class Names(AbstractResolver):
    """Answers for every name as it is told, until it is told otherwise."""

    def __init__(self, *answer: str) -> None:
        self.answer = answer

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's form
    ) -> list[ResolveResult]:
        return [self._found(host, port, address) for address in self.answer]

    def _found(self, name: str, port: int, address: str) -> ResolveResult:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return ResolveResult(hostname=name, host=address, port=port, family=family, proto=0, flags=0)

    async def close(self) -> None:
        pass


class Blind(Guard):
    """Looks at no URL, so that what is left is the judgement of addresses."""

    def url_fault(self, url: str) -> str | None:  # noqa: ARG002 - the guard's form
        return None


_watches: list[list[object]] = []


@contextmanager
def watching() -> Iterator[list[object]]:
    """Give the addresses that this process tries to connect to meanwhile."""
    _hook()
    dialled: list[object] = []
    _watches.append(dialled)
    try:
        yield dialled
    finally:
        _watches.remove(dialled)


@functools.cache
def _hook() -> None:
    """Listen to the interpreter, once: such a hook stays for ever."""

    def heard(event: str, what: tuple[object, ...]) -> None:
        if event == "socket.connect":
            for watch in _watches:
                watch.append(what[1])

    sys.addaudithook(heard)


@asynccontextmanager
async def sending(
    guard: Guard, resolver: AbstractResolver | None = None
) -> AsyncIterator[Callable[[str], Awaitable[Outcome]]]:
    """Give what tries to deliver to a URL, as if it stood in the database."""
    sender = HttpSender(guard, 5, resolver or Names(HOME))

    def attempt(url: str) -> Awaitable[Outcome]:
        return sender.attempt(url, READY, 0)

    try:
        yield attempt
    finally:
        await sender.close()


@asynccontextmanager
async def listening(answer: bytes = OK) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answer whoever connects; give the port, and what was heard."""
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(hear, HOME, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


def _by_default() -> str:
    """Return what `blueport serve` allows, to whom nothing is said."""
    return settings_of(Settings, "BLUEPORT_", {}).webhook_allow


class TestCorpus:
    def test_it_is_large_and_says_nothing_twice(self) -> None:
        assert len(set(HOSTILE)) == len(HOSTILE) >= 300

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.why)
    def test_each_is_refused_for_what_it_is(self, kind: Kind) -> None:
        guard = guard_of(_by_default())

        assert {url: guard.url_fault(url) for url in kind.urls} == dict.fromkeys(kind.urls, kind.fault)


class TestAtCreation:
    # hook-14, srv-068, srv-069, srv-070, srv-071; loopback among them: `blueport serve` allows none.
    # On one kind of database: a URL is judged before any row is looked for but the key's.
    def test_no_hostile_url_is_taken(self, migrated: Path) -> None:
        with (
            file_like(migrated) as database,
            World(database, Clock(), webhook_allow=_by_default()).open() as world,
        ):
            alice = world.customer("Alice", "+15550101000")
            for url in HOSTILE:
                answer = alice.post("/v1/webhooks", {"from": "", "url": url, "events": ["message.received"]})
                assert_refused(answer, 400, "invalid_parameter_value", "url")

            assert world.rows("webhooks") == 0

    def test_others_are_kept_as_they_are(self, database: Database) -> None:
        urls = [*PUBLIC, *(f"https://{name}/hook" for name in LEADING_INSIDE)]
        with World(database, Clock(), webhook_allow=_by_default()).open() as world:
            alice = world.customer("Alice", "+15550101000")
            for url in urls:
                answer = alice.post("/v1/webhooks", {"from": "", "url": url, "events": ["message.received"]})
                assert_done(answer, 201)
                assert answer.json()["url"] == url


class TestAtDelivery:
    # hook-13, hook-14, hook-15: what was allowed at creation is judged again at each try.
    def test_a_network_that_is_no_longer_allowed_is_not_dialled(self, database: Database, receiver: Receiver) -> None:
        clock = Clock()
        receiver.answering = lambda _: 500
        with World(database, clock).open() as world:
            alice = world.customer("Alice", "+15550101000")
            alice.webhook(receiver.url)
            alice.hears(ADA)
            until(lambda: world.sql("SELECT reason FROM deliveries") == [("http_500",)])

        clock.ms += MINUTE_MS
        with World(database, clock, webhook_allow="").open() as world:
            until(lambda: world.sql("SELECT reason FROM deliveries") == [("url_not_allowed",)])

        assert len(receiver.heard) == 1

    # srv-072
    def test_nothing_that_can_be_asked_of_a_webhook_leads_round_the_guard(
        self, database: Database, receiver: Receiver
    ) -> None:
        clock = Clock()
        receiver.answering = lambda heard: 410 if heard.text == "gone" else 500
        with World(database, clock).open() as world:
            alice = world.customer("Alice", "+15550101000")
            hook = alice.webhook(receiver.url)["id"]
            for person, text in ((CARL, "waits"), (ADA, "gone")):
                alice.hears(person, text)
                until(lambda: world.sql("SELECT 1 FROM deliveries WHERE reason IS NULL") == [])

        clock.ms += MINUTE_MS
        with World(database, clock, webhook_allow="").open() as world:
            caller = Caller(world, alice.key)
            assert_done(caller.post("/v1/webhooks/enable", {"id": hook}))
            assert_done(caller.post("/v1/webhooks/replay", {"webhook_id": hook}))
            assert_done(caller.post("/v1/webhooks/test", {"id": hook}), 201)
            reasons = "SELECT reason FROM deliveries ORDER BY seq"
            until(lambda: world.sql(reasons) == [("url_not_allowed",)] * 3)

        assert [heard.text for heard in receiver.heard] == ["waits", "gone"]

    async def test_a_hostile_url_that_is_there_already_is_not_dialled(self) -> None:
        async with sending(guard_of("")) as attempt:
            with watching() as dialled:
                outcomes = {url: await attempt(url) for url in HOSTILE}

        assert {(outcome.is_delivered, outcome.reason) for outcome in outcomes.values()} == {(False, "url_not_allowed")}
        assert dialled == []

    # The URL is for its owner to know at once; what keeps the server from dialling is the address.
    @pytest.mark.parametrize("judges_names", [True, False])
    async def test_an_address_is_not_dialled_though_nobody_judged_the_url(self, *, judges_names: bool) -> None:
        guard, names = Blind(frozenset(), ()), Names(HOME)
        resolver = JudgingResolver(names, guard) if judges_names else names

        async with sending(guard, resolver) as attempt:
            with watching() as dialled:
                outcomes = {url: await attempt(url) for url in HOSTILE if "://" in url[:8] and PUBLIC_IPV4 not in url}

        assert [url for url, outcome in outcomes.items() if outcome.is_delivered] == []
        assert dialled == []

    async def test_an_address_in_the_url_is_judged_at_the_socket(self) -> None:  # no resolver is asked for it
        async with sending(Blind(frozenset(), ())) as attempt:
            with watching() as dialled:
                for address in ELSEWHERE:
                    host = f"[{address}]" if ":" in address else address
                    assert not (await attempt(f"http://{host}:8080/")).is_delivered, address

        assert dialled == []

    async def test_what_is_allowed_is_dialled(self) -> None:
        async with listening() as (port, heard), sending(guard_of(HOME)) as attempt:
            with watching() as dialled:
                outcome = await attempt(f"http://{HOME}:{port}/hook")

        assert (outcome.is_delivered, outcome.reason) == (True, "http_200")
        assert (len(heard), dialled) == (1, [(HOME, port)])


class TestAfterRebinding:
    # hook-13
    async def test_a_name_is_judged_by_what_it_leads_to_at_each_try(self) -> None:
        guard, names = guard_of(HOME), Names(HOME)
        async with listening() as (port, heard), sending(guard, JudgingResolver(names, guard)) as attempt:
            for address in ELSEWHERE:
                with watching() as dialled:
                    for names.answer in ((HOME,), (address,)):
                        assert not (await attempt(f"https://agent.example.com:{port}/")).is_delivered
                assert dialled == [(HOME, port)], address

        assert len(heard) == len(ELSEWHERE)

    async def test_an_answer_with_one_address_that_may_not_be_dialled_is_refused_whole(self) -> None:
        guard, names = guard_of(HOME), Names()
        async with sending(guard, JudgingResolver(names, guard)) as attempt:
            with watching() as dialled:
                for address in ELSEWHERE:
                    for names.answer in ((HOME, address), (address, HOME)):
                        assert not (await attempt("https://agent.example.com:8443/")).is_delivered

        assert dialled == []

    # Without the resolver's judgement it would be the socket's.
    async def test_a_name_that_leads_inside_is_not_dialled(self) -> None:
        names = Names()
        async with sending(guard_of(""), names) as attempt:
            with watching() as dialled:
                for name, address in LEADING_INSIDE.items():
                    names.answer = (address,)
                    assert not (await attempt(f"https://{name}/hook")).is_delivered, name

        assert dialled == []

    async def test_a_resolver_hands_on_what_may_be_dialled(self) -> None:
        names = Names(PUBLIC_IPV4, PUBLIC_IPV6)
        resolver = JudgingResolver(names, guard_of(""))

        answers = await resolver.resolve("agent.example.com", 443)

        assert [answer["host"] for answer in answers] == [PUBLIC_IPV4, PUBLIC_IPV6]
        names.answer = ("10.0.0.1",)
        with pytest.raises(AddressRefusedError):
            await resolver.resolve("agent.example.com", 443)


class TestDetours:
    async def test_proxies_of_the_environment_are_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with listening() as (port, heard), listening() as (proxy, asked):
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(name, f"http://{HOME}:{proxy}")
            async with sending(guard_of(HOME)) as attempt:
                delivered = await attempt(f"http://{HOME}:{port}/hook")
                await attempt(f"https://agent.example.com:{port}/hook")

        assert delivered.is_delivered
        assert (len(heard), asked) == (2, [])

    # hook-10, hook-14
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_a_redirect_is_not_followed(self, status: int) -> None:
        async with listening() as (inner, asked):
            for location in (f"http://{HOME}:{inner}/", "http://169.254.169.254/", "//localhost/", "/again"):
                answer = f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
                async with listening(answer) as (port, heard), sending(guard_of(HOME)) as attempt:
                    with watching() as dialled:
                        outcome = await attempt(f"http://{HOME}:{port}/hook")
                assert (outcome.is_delivered, outcome.reason) == (False, f"http_{status}")
                assert (len(heard), dialled) == (1, [(HOME, port)])

        assert asked == []


class TestAddresses:
    def test_each_that_is_not_public_is_refused(self) -> None:
        guard = guard_of("")

        assert [address for address in DENIED if guard.may_dial(address)] == []

    def test_each_beyond_the_borders_is_allowed(self) -> None:
        guard = guard_of("")

        assert [address for address in NEIGHBOURS if not guard.may_dial(address)] == []

    # srv-068, srv-070, srv-071
    @_examples
    @hypothesis.given(st.ip_addresses(v=4))
    def test_an_address_in_disguise_is_judged_as_itself(self, address: ipaddress.IPv4Address) -> None:
        guard = guard_of("")
        may_dial = guard.may_dial(str(address))

        assert {guard.may_dial(disguise) for disguise in gateways_to(str(address))} == {may_dial}
        assert {guard.may_dial(disguise) for disguise in dead_ends_at(str(address))} == {False}

    @_examples
    @hypothesis.given(st.ip_addresses())
    def test_nothing_is_public_that_python_knows_to_be_private(
        self, address: ipaddress.IPv4Address | ipaddress.IPv6Address
    ) -> None:
        if not address.is_global and not any(address in block for block in map(ipaddress.ip_network, _PYTHON_ERRS)):
            assert not guard_of("").may_dial(str(address))


# Whether these are public is for the address within to say.
_PYTHON_ERRS = ("::ffff:0:0/96", "2001::/32", "2002::/16")


class TestUrls:
    _text = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from([*LEADING_INSIDE, *DENIED])

    @_examples
    @hypothesis.given(st.lists(_text | st.sampled_from(list("[]@:/\\#?%.")), max_size=6).map("".join))
    def test_what_has_no_fault_is_dialled_as_it_was_judged(self, rest: str) -> None:
        url = f"https://{rest}"
        if guard_of("").url_fault(url) is None:
            host = (as_given(url).raw_host or "").removesuffix(".")
            assert "." in host or ":" in host
            assert guard_of("").may_dial(host) or not host.replace(".", "").isdecimal()


class TestOperator:
    # hook-15, srv-073
    def test_hosts_addresses_and_networks_may_be_allowed(self) -> None:
        guard = guard_of(" 192.168.1.0/24, n8n , 10.0.0.5,fd12:3456::/48,::1, Hooks.LAN.,b\u00fccher")

        for url in (
            "http://192.168.1.20/hook",
            "http://192.168.1.20:22/hook",
            "http://[::ffff:192.168.1.20]/hook",
            "http://10.0.0.5/hook",
            "http://[fd12:3456::7]:5432/hook",
            "http://[::1]/hook",
            "http://n8n:5678/hook",
            "http://N8N./hook",
            "https://n8n:25/hook",
            "http://hooks.lan/hook",
            "http://b\u00fccher/hook",
        ):
            assert guard.url_fault(url) is None, url
        for address in ("192.168.1.20", "::ffff:192.168.1.20", "10.0.0.5", "fd12:3456::7", "::1"):
            assert guard.may_dial(address), address

    def test_nothing_beside_it_is(self) -> None:
        guard = guard_of("192.168.1.0/24,n8n,10.0.0.5,fd12:3456::/48")

        for url in (
            "http://192.168.2.20/hook",
            "http://n9n:5678/hook",
            "http://n8n.local/hook",
            "http://x.n8n/hook",
            "http://10.0.0.6/hook",
            "https://[fd12:3457::7]/hook",
            "http://user@n8n/hook",
            "http://n8n/hook#top",
            "ftp://n8n/hook",
            # An allowed network is one of addresses as they are dialled.
            "https://[2002:c0a8:114::]/hook",
            "https://[64:ff9b::192.168.1.20]/hook",
            "https://[::192.168.1.20]/hook",
        ):
            assert guard.url_fault(url) is not None, url
        for address in ("192.168.2.20", "10.0.0.6", "64:ff9b::192.168.1.20", "::192.168.1.20", "2002:c0a8:114::"):
            assert not guard.may_dial(address), address

    def test_a_name_that_leads_into_an_allowed_network_is_dialled(self) -> None:
        guard = guard_of("192.168.1.0/24")

        assert guard.url_fault("https://hooks.example.com/") is None
        assert guard.url_fault("http://hooks.example.com/") == "must begin with https://"
        assert guard.may_dial("192.168.1.20")

    # srv-073
    @pytest.mark.parametrize("address", [*METADATA_IPV4, *METADATA_IPV6])
    async def test_metadata_needs_a_second_switch(self, address: str) -> None:
        url = f"http://[{address}]/" if ":" in address else f"http://{address}/"
        allowed = "0.0.0.0/0,::/0,cloud"
        closed, opened = guard_of(allowed), guard_of(allowed, allows_metadata=True)
        hidden = () if ":" in address else disguises(address)

        assert closed.url_fault(url) is not None
        assert not any(map(closed.may_dial, (address, *hidden)))
        with pytest.raises(AddressRefusedError):
            await JudgingResolver(Names(PUBLIC_IPV4, address), closed.of_named_hosts()).resolve("cloud")
        assert opened.url_fault(url) is None
        assert all(map(opened.may_dial, (address, *hidden)))
        assert await JudgingResolver(Names(address), opened.of_named_hosts()).resolve("cloud")
        assert not guard_of("cloud", allows_metadata=True).may_dial(address), "the switch alone opens nothing"

    def test_a_host_that_was_named_may_be_anywhere_else(self) -> None:
        guard = guard_of("n8n")

        assert guard.trusts("http://n8n:5678/hook")
        assert not guard.trusts("https://agent.example.com/hook")
        assert not guard.may_dial("10.0.0.5")
        assert guard.of_named_hosts().may_dial("10.0.0.5")

    @pytest.mark.parametrize(
        "word", ["10.0.0.1/8", "10.0.0.0/33", "http://n8n", "n8n:5678", "n8n/", "*.lan", "[::1]", "2130706433", "127.1"]
    )
    def test_a_word_that_is_no_host_and_no_network_stops_the_start(self, word: str) -> None:
        with pytest.raises(MisconfiguredError):
            guard_of(f"n8n,{word}")
