"""Three people and an agent do all that one can do in Messages, while processes die and sleep, and Messages lies.

`test_acts_storm.py` runs a short storm, `make chaos ARGS="--only acts"` one of 5,000 acts. In the end the lists of the
API equal the phones: how that is judged is in `agreement.py`, that it would tell of faults in `acts_planted.py`.

Whoever acts does so as fast as processes that die let them. What a person's phone took is known to the phone alone: a
call that was cut off may have been heard.
"""

import base64
import contextlib
import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from blueport.server.authorizing.keys import new_daemon_token, new_key
from tests.databases import Database
from tests.ports import free_port
from tests.server.test_voice_messages import sound
from tests.system.agreement import Asked, breaches
from tests.system.blueport import Json, until
from tests.system.both_sides import BROKEN, Answer, Client, lists, phones
from tests.system.crew import Crew, crew
from tests.system.site import is_answered

ROOT = Path(__file__).parents[2]
ACTS = 5_000
LINE = "+15555550100"
PEOPLE = ("+15550100001", "bo@example.com", "+15550100003")
# To older ones edits come as texts, as do emoji tapbacks to those before 15.
MACOS = ("13", "14", "15", "26", "26x")
WITH_EMOJI = ("15", "26", "26x")
IMSG = ("0.9", "0.15")
# Between two commits of one message.
STEPS_MS = (5, 30, 120)
TAPBACKS = ("love", "like", "dislike", "laugh", "emphasize", "question")
EMOJI = ("\U0001f389", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f\u200d\U0001f525")
# What the agent may have open; a person waits so long after an act, at most.
BACKLOG = 12
PAUSE_S = 0.3
NEWEST = 20
# Short, where nobody is to wait for what does not come; a send that was late is later than that.
PROOF_TIMEOUT_S, SEND_TIMEOUT_S, TOO_LATE_MS = 5, 2, 8_000
ACCEPTED_WITHIN_S = 90
POINTS_WITHIN_S = 90
# What is waited for while nothing changes; what it takes until a look at everything finds all as it should be.
STANDSTILL_S = 60
SETTLED_WITHIN_S = 25
SLEEP_S = (0.3, 2.5)
# What a process cannot be told to have seen while it is away.
REFUSALS = {"advanced_features_required", "message_not_found", "chat_not_found", "contact_has_not_messaged"}

PROCESSES = ("server", "daemon", "mac")
POINTS = (
    *("server.commit", "server.committed", "server.file_placed"),
    *("daemon.seen", "daemon.telling", "daemon.told", "daemon.brought", "daemon.placed", "daemon.fetched"),
    *("daemon.claimed", "daemon.granted", "daemon.begun", "daemon.handed", "daemon.outcome"),
    *("simulator.put_down", "simulator.row", "simulator.body", "simulator.linked", "simulator.attached"),
    *("simulator.changed", "simulator.late", "simulator.shown", "simulator.sent"),
)
FAULTS: tuple[Json, ...] = (
    *({"next": "hang"}, {"next": "silent"}, {"next": "ghost"}, {"next": "hang_after"}, {"next": "flag_flips"}),
    *({"next": "error", "number": number} for number in (-1728, -600, -609, -1712, -1743, -10000)),
    *({"next": "undelivered"}, {"next": "undelivered", "number": 4}),
    *({"next": "late", "after_ms": 700}, {"next": "late", "after_ms": TOO_LATE_MS}),
    *({"next": word, "on": "signal"} for word in ("hang", "silent", "error")),
    *({"next": word, "on": "imsg"} for word in ("busy", "in_flight", "dies", "slow")),
)
ODDITIES = ("rebuilt", "echo", "to_self")
# What is dealt, to whom or by which word.
Blow = tuple[str, str]
BLOWS: tuple[Blow, ...] = (
    *(("kill", name) for name in PROCESSES),
    *(("sleep", name) for name in PROCESSES),
    *(("point", name) for name in POINTS),
    *(("fault", json.dumps(fault)) for fault in FAULTS),
    *(("odd", name) for name in ODDITIES),
    *(("hide", "chat.db"), ("rebuild", "unseen"), ("take", "bridge")),
)


class Plan(NamedTuple):
    """How many acts there are, at least, and how many blows are dealt meanwhile: all of a deck, before any again."""

    acts: int
    seed: int
    blows: int
    deck: tuple[Blow, ...] = BLOWS


class Place(NamedTuple):
    """Where all of it runs."""

    database: Database
    hands: Crew
    key: str
    ports: dict[str, int]
    folder: Path
    failpoints: Path
    macos: str
    group: str

    @property
    def mac(self) -> Client:
        return Client(self.ports["mac"])

    @property
    def api(self) -> Client:
        return Client(self.ports["server"], Authorization=f"Bearer {self.key}")

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    @property
    def chat_db(self) -> Path:
        return self.folder / "Library/Messages/chat.db"

    def is_whole(self) -> bool:
        """Tell whether no process is away."""
        is_there = all(member.process.poll() is None for member in self.hands.members.values())
        return is_there and is_answered(self.ports["server"], "/readyz") and is_answered(self.ports["mac"], "/healthz")

    def waiting(self) -> list[str]:
        """Return the points that nobody has come to yet."""
        return [point.name for point in self.failpoints.iterdir()]


@contextlib.contextmanager
def place(database: Database, seed: int, source: Path | None = None) -> Iterator[Place]:
    """Run a server, a Mac and its daemon, each of which is started again when it dies; *source* is another to run."""
    key, token, rng = new_key(), new_daemon_token(), random.Random(seed)
    folder, failpoints = database.folder / "mac", database.folder / "failpoints"
    failpoints.mkdir()
    ports = {"server": free_port(), "mac": free_port()}
    environment = os.environ | {"PYTHONPATH": f"{source or ROOT / 'src'}:{ROOT}"}
    with crew(database.folder / "logs", seed, longest_pause_s=0.3, environment=environment) as hands:
        here = Place(database, hands, key, ports, folder, failpoints, rng.choice(MACOS), "")
        _start_server(here, token)
        _start_mac(here, step_ms=rng.choice(STEPS_MS), imsg=rng.choice(IMSG))
        until(lambda: is_answered(ports["mac"], "/healthz"))
        _start_daemon(here, token)
        until(here.is_whole)
        until(lambda: _lines_are_served(here))
        made = here.mac.ask("POST", "/groups", {"members": PEOPLE, "name": "Crew", "line": LINE})
        here = here._replace(group=made.said["id"])
        _greet(here)
        yield here


def _start_server(here: Place, token: str) -> None:
    here.hands.add(
        "server",
        "serve",
        DATABASE=here.database.named,
        FILES=str(here.database.folder / "files"),
        FIRST_KEY=here.key,
        FIRST_LINE=LINE,
        FIRST_DAEMON_TOKEN=token,
        HOURLY_LIMIT="1000000",
        PACE_MS="0",
        LINE_HOURLY_LIMIT="0",
        LOOP_LIMIT="0",
        LEASE_S="20",
        GRACE_S="2",
        FAILPOINTS=str(here.failpoints),
        PORT=f"{here.ports['server']}",
    )


def _start_mac(here: Place, *, step_ms: int, imsg: str) -> None:
    here.hands.add(
        "mac",
        "simulate",
        "--port",
        f"{here.ports['mac']}",
        SIMULATOR_FOLDER=str(here.folder),
        SIMULATOR_LINES=LINE,
        SIMULATOR_MACOS=here.macos,
        SIMULATOR_STEP_MS=f"{step_ms}",
        SIMULATOR_IMSG=imsg,
        FAILPOINTS=str(here.failpoints),
    )


def _start_daemon(here: Place, token: str) -> None:
    here.hands.add(
        "daemon",
        "daemon",
        DAEMON_SERVER_URL=f"http://127.0.0.1:{here.ports['server']}",
        DAEMON_TOKEN=token,
        DAEMON_PACE_MS="0",
        DAEMON_BEFORE_FILE_MS="0",
        DAEMON_LINES=LINE,
        DAEMON_CHAT_DB=str(here.chat_db),
        DAEMON_JOURNAL=str(here.journal),
        DAEMON_OSASCRIPT=str(here.folder / "bin/osascript"),
        DAEMON_IMSG=str(here.folder / "bin/imsg"),
        DAEMON_PROOF_TIMEOUT_S=f"{PROOF_TIMEOUT_S}",
        DAEMON_SEND_TIMEOUT_S=f"{SEND_TIMEOUT_S}",
        DAEMON_NOT_NOW_RETRY_S="0.3",
        DAEMON_GHOST_S="3",
        DAEMON_SETTLE_S="2",
        DAEMON_SWEEP_S="2",
        DAEMON_POLL_S="0.5",
        FAILPOINTS=str(here.failpoints),
    )


def _lines_are_served(here: Place) -> bool:
    return all(line["is_active"] for line in here.api.get("/v1/lines")["data"])


def _greet(here: Place) -> None:
    """Have everybody write once, so that all may be written to."""
    assert here.api.ask("POST", "/v1/settings", {"extended_events": True}).status in (200, 201)
    for person in PEOPLE:
        assert here.mac.ask("POST", f"/people/{quote(person)}/messages", {"text": "Hello"}).status == 201
    assert here.mac.ask("POST", f"/people/{quote(PEOPLE[0])}/messages", {"text": "Hi", "to": here.group}).status == 201
    until(lambda: len(here.api.get(f"/v1/chats?from={quote(LINE)}")["data"]) == len(PEOPLE) + 1)


class Tally:
    """How many acts there were, of which kind; whoever acts asks it whether to go on."""

    def __init__(self, plan: Plan) -> None:
        self.done: Counter[str] = Counter()
        self.is_calm = threading.Event()
        self._acts = plan.acts
        self._lock = threading.Lock()

    def note(self, kind: str, outcome: str) -> None:
        with self._lock:
            self.done[f"{kind} {outcome}"] += 1

    @property
    def acts(self) -> int:
        return sum(count for what, count in [*self.done.items()] if not what.endswith("cut off"))

    def goes_on(self) -> bool:
        return self.acts < self._acts or not self.is_calm.is_set()


class Words:
    """What people write: now and then the same again."""

    def __init__(self, rng: random.Random, name: str) -> None:
        self._rng = rng
        self._name = name
        self._count = 0
        self._last = f"{name} says hi"

    def new(self) -> str:
        self._count += 1
        number = f"{self._name} {self._count}"
        forms: list[Callable[[], str]] = [
            lambda: f'{number}: well, "that" \u2018is\u2019 it\n\nisn\'t it?',
            lambda: f"{number} {self._rng.choice(EMOJI)}\U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd",
            lambda: f"{number} " + "long \u00e9\u4e16 " * self._rng.choice([20, 33, 2_000]),
            lambda: f"\u05e9\u05dc\u05d5\u05dd \u200f{number} \u0645\u0631\u062d\u0628\u0627",
            lambda: f"{number} \u0130stanbul \u0131\u015f\u0131k e\u0301 a\u030a",
            lambda: self._last,
        ]
        self._last = self._rng.choice(forms)()
        return self._last

    def linked(self) -> str:
        self._count += 1
        return f"look https://example.com/{quote(self._name)}/{self._count} there"


class Person:
    """Somebody with a phone."""

    def __init__(self, here: Place, handle: str, tally: Tally, seed: int) -> None:
        self._here = here
        self._handle = handle
        self._tally = tally
        self._rng = random.Random(f"{seed} {handle}")
        self._words = Words(self._rng, handle.partition("@")[0][-4:])
        self._acts: dict[str, tuple[int, Callable[[], Answer | None]]] = {
            "text": (20, self._text),
            "reply": (6, self._reply),
            "photo": (6, self._photo),
            "memo": (3, self._memo),
            "link": (3, self._link),
            "edit": (9, self._edit),
            "unsend": (5, self._unsend),
            "regret": (2, self._regret),
            "tapback": (14, self._tapback),
            "take off": (5, self._take_off),
            "read": (4, self._read),
            "type": (1, self._type),
        }

    def acts(self) -> None:
        """Act until it is over."""
        weights = [weight for weight, _ in self._acts.values()]
        while self._tally.goes_on():
            [kind] = self._rng.choices([*self._acts], weights)
            try:
                answer = self._acts[kind][1]()
            except BROKEN:
                self._tally.note(kind, "cut off")
                until(lambda: is_answered(self._here.ports["mac"], "/healthz"))
                continue
            if answer is not None:
                assert answer.status < 500 or answer.said == "Internal Server Error", answer
                self._tally.note(kind, "done" if answer.status == 201 else "refused")
            time.sleep(self._rng.uniform(0, PAUSE_S))

    def _does(self, what: str, **body: Json) -> Answer:
        return self._here.mac.ask("POST", f"/people/{quote(self._handle)}/{what}", body)

    def _there(self) -> Json:
        return {"to": self._here.group} if self._rng.random() < 0.35 else {}

    def _text(self) -> Answer:
        return self._does("messages", text=self._words.new(), **self._there())

    def _reply(self) -> Answer | None:
        bubble = self._one(lambda one: one["unsent_at"] is None)
        if bubble is None:
            return None
        to = {} if bubble["chat"] == LINE else {"to": bubble["chat"]}
        return self._does("messages", text=self._words.new(), reply_to_guid=bubble["guid"], **to)

    def _photo(self) -> Answer:
        name = f"photo {self._rng.randrange(10**9)}.{self._rng.choice(['png', 'heic', 'pdf'])}"
        late = {"file_after_ms": self._rng.choice([300, 2_500, 3_500])} if self._rng.random() < 0.5 else {}
        text = self._words.new() if self._rng.random() < 0.5 else ""
        return self._does("messages", text=text, attachment=_file(name), **late, **self._there())

    def _memo(self) -> Answer:
        said = {"is_audio": True, "transcription": self._words.new()}
        late = {"transcription_after_ms": self._rng.choice([0, 500, 3_000])}
        return self._does("messages", attachment=_file(f"{self._rng.random()}.m4a"), **said, **late, **self._there())

    def _link(self) -> Answer:
        after_ms = self._rng.choice([0, 400, 1_500])
        return self._does("messages", text=self._words.linked(), preview_after_ms=after_ms, **self._there())

    def _edit(self) -> Answer | None:
        bubble = self._one(lambda one: _is_own(one) and one["text"] is not None and "https://" not in one["text"])
        return None if bubble is None else self._does("edits", guid=bubble["guid"], text=self._words.new())

    def _unsend(self) -> Answer | None:
        bubble = self._one(lambda one: _is_own(one) and "https://" not in (one["text"] or ""))
        return None if bubble is None else self._does("unsends", guid=bubble["guid"])

    def _regret(self) -> Answer:
        """Take back at once what is hardly written: the daemon may not have seen it yet."""
        written = self._text()
        return self._does("unsends", guid=written.said["guid"]) if written.status == 201 else written

    def _tapback(self) -> Answer | None:
        bubble = self._one(lambda one: one["unsent_at"] is None)
        if bubble is None:
            return None
        part = self._rng.randrange(len(bubble["attachments"]) + (bubble["text"] is not None))
        if self._here.macos in WITH_EMOJI and self._rng.random() < 0.25:
            return self._does("reactions", guid=bubble["guid"], part=part, emoji=self._rng.choice(EMOJI))
        return self._does("reactions", guid=bubble["guid"], part=part, tapback=self._rng.choice(TAPBACKS))

    def _take_off(self) -> Answer | None:
        bubble = self._one(lambda one: any(each["sender"] == self._handle for each in one["reactions"]))
        if bubble is None:
            return None
        mine = next(each for each in bubble["reactions"] if each["sender"] == self._handle)
        return self._does("reactions", guid=bubble["guid"], part=mine["part"], remove=True)

    def _read(self) -> Answer:
        return self._does("read", **self._there())

    def _type(self) -> Answer:
        return self._does("typing", is_typing=True)

    def _one(self, fits: Callable[[Json], bool]) -> Json | None:
        """Return one of the newest bubbles on the phone that fits, None if none does."""
        shown = self._here.mac.get(f"/people/{quote(self._handle)}/messages?newest={NEWEST}")
        fitting = [bubble for bubble in shown if fits(bubble)]
        return self._rng.choice(fitting) if fitting else None


def _is_own(bubble: Json) -> bool:
    return bubble["from_me"] and bubble["delivered"] and bubble["unsent_at"] is None


def _file(name: str) -> Json:
    return {"filename": name, "base64": base64.b64encode(_content(name)).decode()}


def _content(name: str) -> bytes:
    return f"{name} ".encode() * 200


class Agent:
    """A client like the official SDK, which names each call, and repeats it until it is answered."""

    def __init__(self, here: Place, tally: Tally, seed: int, voice: bytes) -> None:
        self.accepted: dict[str, Asked] = {}
        self._here = here
        self._tally = tally
        self._rng = random.Random(f"{seed} agent")
        self._words = Words(self._rng, "agent")
        self._voice = voice
        chats = here.api.get(f"/v1/chats?from={quote(LINE)}")["data"]
        self._chats = {chat["identifier"]: chat["id"] for chat in chats}
        self._acts: dict[str, tuple[int, Callable[[str], None]]] = {
            "text": (10, self._text),
            "file": (3, self._file),
            "pair": (2, self._pair),
            "voice": (1, self._speak),
            "reply": (3, self._reply),
            "effect": (1, self._shout),
            "tapback": (6, self._tapback),
            "read": (1, self._read),
            "type": (1, self._type),
        }

    def acts(self) -> None:
        """Act until it is over, without a heap of work that is open."""
        weights = [weight for weight, _ in self._acts.values()]
        while self._tally.goes_on():
            [kind] = self._rng.choices([*self._acts], weights)
            with contextlib.suppress(*BROKEN):  # of looks, which are not repeated
                self._acts[kind][1](self._rng.choice([*self._chats]))
            until(lambda: _count(self._here.database, _OPEN_ITEMS) < BACKLOG or self._tally.is_calm.is_set())

    def _text(self, chat: str) -> None:
        text = self._words.new()
        self._asks("/v1/messages", Asked("text", chat, text=text), {"to": self._chats[chat], "text": text})

    def _file(self, chat: str) -> None:
        name = f"file {self._rng.randrange(10**9)}.png"
        uploaded = self._uploaded(name, _content(name), "image/png")
        asked = Asked("file", chat, filename=name)
        self._asks("/v1/messages", asked, {"to": self._chats[chat], "attachments": [uploaded]})

    def _pair(self, chat: str) -> None:
        name, text = f"pair {self._rng.randrange(10**9)}.png", self._words.new()
        uploaded = self._uploaded(name, _content(name), "image/png")
        asked = Asked("pair", chat, text=text, filename=name)
        self._asks("/v1/messages", asked, {"to": self._chats[chat], "text": text, "attachments": [uploaded]})

    def _speak(self, chat: str) -> None:
        uploaded = self._uploaded("voice.m4a", self._voice, "audio/mp4")
        self._asks("/v1/audio-messages", Asked("voice", chat), {"to": self._chats[chat], "audio_message": uploaded})

    def _reply(self, chat: str) -> None:
        text = self._words.new()
        body = {"to": self._chats[chat], "text": text, "reply_to": self._part_of_one(chat)}
        self._asks("/v1/messages", Asked("reply", chat, text=text), body)

    def _shout(self, chat: str) -> None:
        text = self._words.new()
        body = {"to": self._chats[chat], "text": text, "effect": "loud"}
        self._asks("/v1/messages", Asked("effect", chat, text=text), body)

    def _tapback(self, chat: str) -> None:
        signs = [{"type": self._rng.choice(TAPBACKS)}] * 3
        signs += [{"type": self._rng.choice(TAPBACKS), "remove": True}]
        signs += [{"emoji": self._rng.choice(EMOJI)}] * (self._here.macos in WITH_EMOJI)
        body = {"to": self._chats[chat], "message_id": self._part_of_one(chat), **self._rng.choice(signs)}
        self._asks("/v1/reactions", Asked("tapback", chat), body)

    def _read(self, chat: str) -> None:
        self._asks("/v1/receipts", Asked("read", chat), {"to": self._chats[chat]})

    def _type(self, chat: str) -> None:
        self._asks("/v1/typing", Asked("type", chat), {"to": self._chats[chat], "state": "on"})

    def _part_of_one(self, chat: str) -> str:
        """Return a part of one of the newest messages."""
        page = self._here.api.get(f"/v1/messages?from={quote(LINE)}&to={self._chats[chat]}&limit={NEWEST}")
        message = self._rng.choice(page["data"])
        parts = len(message["attachments"]) + (message["text"] is not None)
        return f"p:{self._rng.randrange(max(parts, 1))}/{message['guid']}"

    def _asks(self, path: str, asked: Asked, body: Json) -> None:
        """Ask until it is accepted, or refused for a reason that passes."""
        answer = self._repeated(path, json.dumps({"from": LINE, **body}).encode(), {"Content-Type": "application/json"})
        if answer.status == 201:
            self.accepted[answer.said["id"]] = asked
        else:
            assert any(code in answer.said for code in REFUSALS), answer
        self._tally.note(f"agent's {asked.kind}", "done" if answer.status == 201 else "refused")

    def _uploaded(self, name: str, content: bytes, mime_type: str) -> str:
        answer = self._repeated("/v1/files", content, {"X-Filename": name, "Content-Type": mime_type})
        assert answer.status == 201, answer
        return answer.said["id"]

    def _repeated(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        named = headers | {"Idempotency-Key": f"{self._rng.random()}"}

        def answered() -> Answer | None:
            with contextlib.suppress(*BROKEN):
                answer = self._here.api.ask("POST", path, body, **named)
                return None if answer.status >= 500 else answer
            return None

        return until(answered, ACCEPTED_WITHIN_S)


class Gale:
    """Deals blows, all of them in any order, and then again."""

    def __init__(self, here: Place, tally: Tally, plan: Plan) -> None:
        self.dealt: Counter[str] = Counter()
        self._here = here
        self._tally = tally
        self._plan = plan
        self._rng = random.Random(f"{plan.seed} gale")
        self._left: list[Blow] = []
        self._blows: dict[str, Callable[[str], None]] = {
            "kill": lambda name: here.hands.members[name].send(signal.SIGKILL),
            "sleep": self._sleep,
            "point": lambda name: (here.failpoints / name).touch(),
            "fault": self._fault,
            "odd": self._odd,
            "hide": lambda _: self._hide(),
            "rebuild": lambda _: self._rebuild_unseen(),
            "take": lambda _: self._take(),
        }

    def blows(self, *, is_over: Callable[[], bool]) -> None:
        """Deal blows evenly among the acts, and wait until whoever is to die at a point has come there."""
        for number in range(self._plan.blows):
            due = self._plan.acts * (number + 1) // (self._plan.blows + 1)
            until(lambda due=due: self._tally.acts >= due or is_over(), STANDSTILL_S)
            until(self._here.is_whole)
            what, whom = self._next()
            self._blows[what](whom)
            self.dealt[what] += 1
        until(lambda: self._tally.acts >= self._plan.acts or is_over(), STANDSTILL_S * 10)
        try:
            until(lambda: not self._here.waiting() or is_over(), POINTS_WITHIN_S)
        except AssertionError:
            raise AssertionError(f"never reached: {self._here.waiting()}") from None

    def _next(self) -> Blow:
        self._left = self._left or self._rng.sample(self._plan.deck, len(self._plan.deck))
        return self._left.pop()

    def _sleep(self, name: str) -> None:
        process = self._here.hands.members[name]
        process.send(signal.SIGSTOP)
        time.sleep(self._rng.uniform(*SLEEP_S))
        process.send(signal.SIGCONT)

    def _fault(self, words: str) -> None:
        self._say("/faults", json.loads(words) | {"times": self._rng.choice([1, 1, 3])})

    def _odd(self, name: str) -> None:
        self._say(
            "/oddities", {"oddity": name, "person": self._rng.choice(PEOPLE), "text": f"odd {self._rng.random()}"}
        )

    def _rebuild_unseen(self) -> None:
        """Rebuild a file with much in it that the daemon has not seen."""
        daemon = self._here.hands.members["daemon"]
        daemon.send(signal.SIGSTOP)
        time.sleep(self._rng.uniform(*SLEEP_S))
        self._odd("rebuilt")
        time.sleep(self._rng.uniform(*SLEEP_S) / 4)
        daemon.send(signal.SIGCONT)

    def _take(self) -> None:
        self._say("/faults", {"next": "advanced_off"})
        time.sleep(self._rng.uniform(*SLEEP_S))
        self._say("/faults", {"next": "advanced_on"})

    def _hide(self) -> None:
        """Have the file be out of reach for a while; Messages does not look for it meanwhile."""
        mac, hidden = self._here.hands.members["mac"], self._here.chat_db.with_name("hidden")
        mac.send(signal.SIGSTOP)
        self._here.chat_db.rename(hidden)
        time.sleep(self._rng.uniform(*SLEEP_S))
        hidden.rename(self._here.chat_db)
        mac.send(signal.SIGCONT)

    def _say(self, path: str, body: Json) -> None:
        with contextlib.suppress(*BROKEN):  # it dies at some point
            self._here.mac.ask("POST", path, body)


class Kept(NamedTuple):
    """What a storm has come to."""

    done: Counter[str]
    messages: int
    events: int
    failed: Counter[str]
    dealt: Counter[str]
    deaths: dict[str, int]
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.done.total()} acts, after which {self.messages} messages and {self.events} events equal the phones,"
            f" in {self.seconds:.0f} s\nacts: {_words(self.done)}\nfailed sends: {_words(self.failed)}"
            f"\nblows: {_words(self.dealt)}; deaths: {_words(self.deaths)}"
        )


def _words(counts: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "none"


def storm(database: Database, plan: Plan, source: Path | None = None) -> Kept:
    """Have everybody act and everything happen until there was enough of both, and all is at rest.

    Raises:
        AssertionError: A promise was broken.
    """
    began_s = time.monotonic()
    with place(database, plan.seed, source) as here:
        tally = Tally(plan)
        gale = Gale(here, tally, plan)
        agent = Agent(here, tally, plan.seed, sound(database.folder / "memo.m4a", "m4a"))
        people = [Person(here, handle, tally, plan.seed) for handle in PEOPLE]
        try:
            _let_them_act([agent, *people], tally, gale)
            _come_to_rest(here)
            return _judged(here, agent, tally, gale)._replace(seconds=time.monotonic() - began_s)
        except AssertionError as error:
            raise AssertionError(f"{error} (seed {plan.seed}, macOS {here.macos}, dealt {dict(gale.dealt)})") from error


def _let_them_act(everybody: list[Agent | Person], tally: Tally, gale: Gale) -> None:
    with ThreadPoolExecutor(len(everybody)) as threads:
        acting = [threads.submit(each.acts) for each in everybody]
        try:
            gale.blows(is_over=lambda: any(each.done() for each in acting))
        finally:
            tally.is_calm.set()
        for each in acting:
            each.result()


_OPEN_ITEMS = "SELECT count(*) FROM outbox WHERE completed_at IS NULL"
_OPEN_SIGNALS = "SELECT count(*) FROM signals WHERE completed_at IS NULL"


def _count(database: Database, query: str) -> int:
    ((count,),) = database.sql(query)
    return int(count)


def _come_to_rest(here: Place) -> None:
    """Wait until nothing is under way, as long as something moves."""
    until(here.is_whole)
    here.mac.ask("DELETE", "/faults")
    moved_s, before = time.monotonic(), dict[str, int]()
    while any((now := _open(here)).values()):
        if now != before:
            moved_s, before = time.monotonic(), now
        assert time.monotonic() - moved_s < STANDSTILL_S, f"nothing moves: {now}"
        time.sleep(0.2)


def _open(here: Place) -> dict[str, int]:
    return {
        "outbox": _count(here.database, _OPEN_ITEMS),
        "signals": _count(here.database, _OPEN_SIGNALS),
        "items": _rows(here.journal, "SELECT count(*) FROM items"),
        "sightings": _rows(here.journal, "SELECT count(*) FROM sightings"),
        "uploads": _rows(here.journal, "SELECT count(*) FROM uploads WHERE is_over = 0"),
        "mail": _rows(here.folder / "phones.db", "SELECT count(*) FROM mail"),
    }


def _rows(file: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return int(connection.execute(query).fetchone()[0])


def _judged(here: Place, agent: Agent, tally: Tally, gale: Gale) -> Kept:
    """Look at both sides until they agree, but not for long: the reader looks for late changes now and then."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        shown = phones(here.mac, LINE, here.group, PEOPLE)
        told = lists(here.api, LINE, PEOPLE, agent.accepted)
        broken = breaches(shown, told, agent.accepted)
        if not broken and not any(_open(here).values()):
            break
        if time.monotonic() > deadline:
            words = "\n".join(broken[:8])
            raise AssertionError(f"{len(broken)} promises were broken, open {_open(here)}: {words}")
        time.sleep(1)
    faults = here.hands.faults()
    assert not faults, faults[:3]
    items = told.outbox.values()
    return Kept(
        done=tally.done,
        messages=sum(map(len, told.messages.values())),
        events=len(told.events),
        failed=Counter(str(item["error"]) for item in items if item["status"] == "failed"),
        dealt=gale.dealt,
        deaths={name: sum(member.ends.values()) for name, member in here.hands.members.items()},
        seconds=0,
    )
