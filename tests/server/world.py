"""A server in this process, on a real database file; the clock, the customers' servers and the Macs are the tests' own.

Alice and Bob are customers, each with a line and a Mac of their own. Ada and Carl are people with phones.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

import httpx2
import msgspec
from starlette import types as asgi
from starlette.testclient import TestClient

from blueport.protocol.door import (
    Begin,
    Capability,
    Claim,
    Claimed,
    ClaimedItem,
    ClaimedSignal,
    ClaimedSignals,
    ClaimSignals,
    Failed,
    Held,
    Hello,
    Hold,
    LineReport,
    Sightings,
    Welcome,
)
from blueport.protocol.sightings import ChatSeen, MessageSeen, Proof, ReactionSeen, Sighting
from blueport.server import provisioning
from blueport.server.addressing import service as addressing
from blueport.server.addressing.queries import Line
from blueport.server.app import Server
from blueport.server.authorizing import keys
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.keys import SCOPES, Scope
from blueport.server.ids import AccountId, DaemonId, LineId, mint
from blueport.server.settings import Settings
from blueport.server.store.interface import Store
from blueport.server.store.opening import once, opened
from blueport.server.store.tx import Tx
from tests.databases import Database
from tests.server.described import Description

ADA = "+15550100001"
CARL = "+15550100002"
NOON_MS = 1_760_000_000_000
SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
SWEEP_MS = 15_000
CONNECTIONS = 4

P = ParamSpec("P")
T = TypeVar("T")
Said = TypeVar("Said", bound=msgspec.Struct)
Json = Any

_numbers = itertools.count(1)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.ms = NOON_MS

    def __call__(self) -> int:
        return self.ms


class World:
    """A running server; `loopback` receivers are allowed, as in development."""

    _description: ClassVar[Description | None] = None

    def __init__(self, database: Database, clock: Clock, **settings: Json) -> None:
        self.database = database
        self.clock = clock
        usual = {
            "webhook_allow": "127.0.0.0/8,localhost",
            "files": str(database.folder / "files"),
            "grace_s": 0,
            # For tests that are about something else: they send, and hear, as much as they like.
            "pace_ms": 0,
            "line_hourly_limit": 0,
            "loop_limit": 0,
        }
        self.settings = Settings(database=database.named, **(usual | settings))

    @contextmanager
    def open(self) -> Iterator["World"]:
        """Run the server until the block ends; a second time it is a restart."""
        secret = once(self.database.named, self.clock, lambda tx: provisioning.prepare(tx, self.settings))
        self.store = opened(self.database.named, self.clock, CONNECTIONS)
        self.server = Server(self.settings, self.store, secret)
        with TestClient(_living(self.store, self.server.app)) as self.client:
            self.client.event_hooks["response"].append(self._described().judge)
            yield self

    def _described(self) -> Description:
        """Return the judge of all answers: what is not described is not answered, whatever the settings."""
        if World._description is None:
            World._description = Description(self.client.get("/openapi.json").text)
        return World._description

    def do(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a unit of work, as the command line would."""
        return self.client.portal.call(lambda: self.store.write(unit, *args, **kwargs))

    def pass_time(self, ms: int) -> None:
        """Move the clock on, and have everybody who waits look at it."""
        self.clock.ms += ms
        self.client.portal.call(self.store.wakeups.wake, ["deliveries", "events", "outbox", "signals"])

    def sweep(self) -> None:
        """Do what the server does now and then."""
        self.client.portal.call(self.server.housekeeper.sweep)

    def sweep_for(self, ms: int) -> None:
        """Let time pass as it does for a server that is awake."""
        self.sweep()
        for _ in range(0, ms, SWEEP_MS):
            self.clock.ms += SWEEP_MS
            self.sweep()

    def rows(self, table: str) -> int:
        """Count the rows of a table."""
        return self.sql(f"SELECT count(*) FROM {table}")[0][0]

    def sql(self, statement: str, *values: Json) -> list[tuple[Json, ...]]:
        """Look into the file, or do there what no command of ours does yet."""
        return self.database.sql(statement, *values)

    def events(self) -> list[tuple[str, Json]]:
        """Return every event that was made, the oldest first, by type and payload."""
        return [(kind, json.loads(data)) for kind, data in self.sql("SELECT type, data FROM events ORDER BY seq")]

    def customer(self, name: str, line: str) -> "Customer":
        """Set up an account with a line, a Mac that has said hello, and a key that may do everything."""
        token, key = keys.new_daemon_token(), keys.new_key()
        account_id, daemon_id, line_id = self.do(_new_customer, name, line, token, key)
        mac = Mac(self, token, daemon_id)
        mac.hello(line)
        return Customer(self, account_id, key, line, line_id, mac)

    def mac(self, account_id: AccountId) -> "Mac":
        """Set up a Mac that serves no line yet."""
        token = keys.new_daemon_token()
        return Mac(self, token, self.do(authorizing.add_daemon, account_id, token, name="a Mac"))

    def add_line(self, account_id: AccountId, handle: str, mac: "Mac", service: str = "imessage") -> LineId:
        """Set up a line that *mac* serves."""
        return self.do(_new_line, account_id, handle, mac.id, service)

    def key(
        self,
        account_id: AccountId,
        scopes: tuple[Scope, ...] = SCOPES,
        line_ids: tuple[LineId, ...] | None = None,
    ) -> str:
        """Make an API key."""
        key = keys.new_key()
        self.do(authorizing.add_key, account_id, key, name="a key", scopes=scopes, line_ids=line_ids)
        return key


def _new_customer(tx: Tx, name: str, line: str, token: str, key: str) -> tuple[AccountId, DaemonId, LineId]:
    """Do all that makes a customer at once: most tests begin with it."""
    account_id = authorizing.new_account(tx, name, f"{name.lower()}@example.com")
    daemon_id = authorizing.add_daemon(tx, account_id, token, name="a Mac")
    authorizing.add_key(tx, account_id, key, name="a key")
    return account_id, daemon_id, _new_line(tx, account_id, line, daemon_id)


def _new_line(tx: Tx, account_id: AccountId, handle: str, daemon_id: DaemonId, service: str = "imessage") -> LineId:
    line_id = LineId(mint("ln", tx.now_ms))
    line = Line(line_id, account_id, handle, label=None, service=service, is_active=0, capabilities="")
    addressing.add_line(tx, line, daemon_id)
    return line_id


def _living(store: Store, app: asgi.ASGIApp) -> asgi.ASGIApp:
    """Begin and end with the store where it is used: in the server's loop."""

    async def lived(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] == "http":
            await app(scope, receive, send)
            return
        await store.join()
        await app(scope, receive, send)
        await store.close()

    return lived


class Caller:
    """Somebody who calls the API with a key."""

    def __init__(self, world: World, key: str) -> None:
        self.world = world
        self.key = key

    def get(self, path: str, query: Json = None) -> httpx2.Response:
        return self.call("GET", path, params=query)

    def post(self, path: str, body: Json, **headers: str) -> httpx2.Response:
        return self.call("POST", path, json=body, headers=headers)

    def delete(self, path: str, body: Json) -> httpx2.Response:
        return self.call("DELETE", path, json=body)

    def call(self, method: str, path: str, headers: Json = None, **more: Json) -> httpx2.Response:
        """Call with anything at all."""
        return self.world.client.request(
            method, path, headers={"Authorization": f"Bearer {self.key}", **(headers or {})}, **more
        )


class Customer(Caller):
    """An account, its first line, and the Mac that serves it."""

    def __init__(self, world: World, account_id: AccountId, key: str, line: str, line_id: LineId, mac: "Mac") -> None:
        super().__init__(world, key)
        self.account_id = account_id
        self.line = line
        self.line_id = line_id
        self.mac = mac

    def hears(self, person: str, text: str = "Hi", **more: Json) -> str:
        """Have a person text the line; return the message's guid."""
        seen = text_from(person, self.line, text, **more)
        self.mac.sees(seen)
        return seen.guid

    def is_ready_for(self, *capabilities: Capability) -> str:
        """Have a line that can do that, and Ada write to it; return her message's guid."""
        self.mac.hello(self.line, capabilities=capabilities)
        return self.hears(ADA)

    def sends(self, text: str = "Hello", to: str = ADA) -> str:
        """Have a text accepted; return its outbox id."""
        return self.accepted("/v1/messages", to, text=text)

    def accepted(self, path: str, to: str = ADA, **more: Json) -> str:
        """Have a request to *path* accepted; return its outbox id."""
        return self._made(path, {"from": self.line, "to": to, **more})["id"]

    def keeps(self, content: bytes = b"bytes", mime_type: str = "audio/x-m4a", name: str = "memo.m4a") -> str:
        """Have a file kept; return its id."""
        headers = {"Content-Type": mime_type, "X-Filename": name}
        answer = self.call("POST", "/v1/files", content=content, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def messages(self, to: str = ADA) -> list[Json]:
        """Return the messages of a chat, newest first."""
        return self.get("/v1/messages", {"from": self.line, "to": to, "limit": 100}).json()["data"]

    def group(self) -> str:
        """Return the id of the line's one group."""
        chats = self.get("/v1/chats", {"from": self.line, "limit": 100}).json()["data"]
        (group,) = [chat["id"] for chat in chats if chat["is_group"]]
        return group

    def item(self, outbox_id: str) -> Json:
        """Return what became of an outbox item."""
        return self.get("/v1/outbox", {"id": outbox_id}).json()

    def uploads(self, content: bytes = b"a file", **headers: str) -> Json:
        """Upload a file; return what is answered."""
        answer = self.call("POST", "/v1/files", content=content, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def asks(self, to: str = ADA, **headers: str) -> httpx2.Response:
        """Ask for a text to be sent, and return what is answered; by a name of its own, as in `_made`."""
        named = {"Idempotency-Key": f"{next(_numbers)}"} | headers
        return self.post("/v1/messages", {"from": self.line, "to": to, "text": "Hello"}, **named)

    def sets(self, **changes: Json) -> Json:
        """Change settings of the account; return what is answered."""
        answer = self.post("/v1/settings", changes, **{"Idempotency-Key": f"{next(_numbers)}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def chat_with(self, person: str = ADA) -> Json:
        """Return the line's chat with somebody, as it is listed."""
        chats = self.get("/v1/chats", {"from": self.line, "limit": 100}).json()["data"]
        return next(chat for chat in chats if chat["identifier"] == person)

    def webhook(self, url: str, *events: str) -> Json:
        """Create a webhook for every line."""
        wanted = events or ("message.received", "message.sent")
        return self._made("/v1/webhooks", {"from": "", "url": url, "events": wanted})

    def caller(self, *scopes: Scope, line_ids: tuple[LineId, ...] | None = None) -> Caller:
        """Return somebody with another key of the account: with every scope, unless some are named."""
        return Caller(self.world, self.world.key(self.account_id, scopes or SCOPES, line_ids))

    def _made(self, path: str, body: Json) -> Json:
        """Have something made; by a name of its own, or a server that is kept waiting takes it for one said twice."""
        answer = self.post(path, body, **{"Idempotency-Key": f"{next(_numbers)}"})
        assert answer.status_code == 201, answer.text
        return answer.json()


class Mac:
    """A daemon as the server meets it: a token, a journal, and what is said at the door."""

    def __init__(self, world: World, token: str, daemon_id: DaemonId) -> None:
        self.world = world
        self.token = token
        self.id = daemon_id
        self.journal = "journal-1"
        self.process = ""

    def knock(self, path: str, said: msgspec.Struct | bytes) -> httpx2.Response:
        """Say something at the door."""
        body = said if isinstance(said, bytes) else msgspec.json.encode(said)
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.world.client.post(f"/daemon/v1/{path}", content=body, headers=headers)

    def hello(self, *lines: str, capabilities: tuple[str, ...] = (), health: str = "ok") -> Welcome:
        reports = tuple(LineReport(line, health=health, capabilities=capabilities) for line in lines)
        return _heard(self.knock("hello", Hello(self.journal, "1", reports, self.process)), Welcome)

    def claim(
        self, *holding: str, asked_at: int | None = None, wait_s: float = 0, limit: int = 10
    ) -> list[ClaimedItem]:
        """Claim what there is to do, while still holding the items *holding*; each claim is later than the last."""
        moment = next(_numbers) if asked_at is None else asked_at
        asked = Claim(self.journal, holding, moment, wait_s=wait_s, limit=limit, process=self.process)
        return list(_heard(self.knock("claim", asked), Claimed).items)

    def renew(self, item: ClaimedItem) -> bool:
        return _heard(self.knock(f"outbox/{item.id}/renew", Hold(item.token)), Held).held

    def begin(self, item: ClaimedItem, nonce: str = "first", after: str | None = None) -> bool:
        return _heard(self.knock(f"outbox/{item.id}/begin", Begin(item.token, nonce, after)), Held).held

    def fail(self, item: ClaimedItem, error: str = "not now", *, permanent: bool = False) -> bool:
        failed = Failed(item.token, error, permanent=permanent)
        return _heard(self.knock(f"outbox/{item.id}/failed", failed), Held).held

    def fetches(self, item: ClaimedItem) -> httpx2.Response:
        """Fetch the file of an item."""
        return self.knock(f"outbox/{item.id}/file", Hold(item.token))

    def brings(self, content: bytes, seen: MessageSeen, attachment: str) -> httpx2.Response:
        """Bring the bytes of a message's attachment."""
        query = {"line": seen.line_handle, "message": seen.guid, "attachment": attachment}
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.world.client.post("/daemon/v1/files", params=query, content=content, headers=headers)

    def sees(self, *sightings: Sighting) -> None:
        """Tell what was seen in chat.db."""
        answer = self.knock("sightings", Sightings(self.journal, sightings))
        assert answer.status_code == 200, answer.text

    def signals(self, wait_s: float = 0, limit: int = 10) -> list[ClaimedSignal]:
        """Claim the signals that there are to do."""
        return list(_heard(self.knock("signals", ClaimSignals(wait_s, limit)), ClaimedSignals).signals)

    def done(self, signal: ClaimedSignal) -> bool:
        return _heard(self.knock(f"signals/{signal.id}/done", Hold(signal.token)), Held).held

    def fail_signal(self, signal: ClaimedSignal, error: str = "not now", *, permanent: bool = False) -> bool:
        failed = Failed(signal.token, error, permanent=permanent)
        return _heard(self.knock(f"signals/{signal.id}/failed", failed), Held).held

    def sends(self, item: ClaimedItem) -> MessageSeen:
        """Hand an item to Messages, and see its row."""
        assert self.begin(item)
        seen = proof_of(item)
        self.sees(seen)
        return seen


def text_from(person: str, line: str, text: str | None = "Hi", **more: Json) -> MessageSeen:
    """Return the sighting of a person's text."""
    return _seen(person, line, text, {"sender": person} | more)


def proof_of(item: ClaimedItem, **more: Json) -> MessageSeen:
    """Return the sighting that proves *item* sent."""
    ours = {"is_from_me": True, "sender": None, "proves": Proof(item.id, item.token)}
    return _seen(
        item.command.recipient or "a group", item.line_handle, getattr(item.command, "text", None), ours | more
    )


def reaction_to(guid: str, line: str, person: str | None = ADA, tapback: str | None = "love", **more: Json) -> Sighting:
    """Return the sighting of a tapback that a person, or with None the line itself, put on a message of Ada's chat."""
    number = next(_numbers)
    usual = {
        "guid": f"GUID-{number}",
        "chat": chat_with(person or ADA),
        "is_from_me": person is None,
        "part": 0,
        "emoji": None,
        "is_added": True,
        "sent_at": NOON_MS + number,
    }
    return ReactionSeen(line_handle=line, sender=person, target_guid=guid, tapback=tapback, **(usual | more))


def text_in_group(group: str, person: str, line: str, text: str = "Hi all", **more: Json) -> MessageSeen:
    """Return the sighting of a person's text in a group."""
    chat = ChatSeen(f"iMessage;+;{group}", group, is_group=True, service="iMessage", participants=(person, CARL))
    return _seen(person, line, text, {"sender": person, "chat": chat} | more)


def chat_with(person: str, service: str = "iMessage", **more: Json) -> ChatSeen:
    """Return a one-to-one chat as Messages keeps it."""
    return ChatSeen(f"{service};-;{person}", person, is_group=False, service=service, participants=(person,), **more)


def _seen(person: str, line: str, text: str | None, more: dict[str, Json]) -> MessageSeen:
    number = next(_numbers)
    usual = {
        "chat": chat_with(person),
        "guid": f"GUID-{number}",
        "service": "iMessage",
        "is_from_me": False,
        "sent_at": NOON_MS + number,
    }
    return MessageSeen(line_handle=line, text=text, **(usual | more))


def _heard(answer: httpx2.Response, shape: type[Said]) -> Said:
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=shape)
