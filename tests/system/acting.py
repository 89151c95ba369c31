"""Three people and an agent, who do all that one can do in Messages, as fast as processes that die let them.

What a person's phone took is known to the phone alone: a call that was cut off may have been heard. The agent repeats
each call until it is answered.
"""

import base64
import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote

from tests.system.acts_place import LINE, WITH_EMOJI, Place
from tests.system.agreement import CHANGES, Asked
from tests.system.blueport import Json, until
from tests.system.both_sides import BROKEN, Answer
from tests.system.site import is_answered

TAPBACKS = ("love", "like", "dislike", "laugh", "emphasize", "question")
EMOJI = ("\U0001f389", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f\u200d\U0001f525")
# What the agent may have open; a person waits so long after an act, at most.
BACKLOG = 12
PAUSE_S = 0.3
NEWEST = 20
ACCEPTED_WITHIN_S = 90
# What a process cannot be told to have seen while it is away.
REFUSALS = {"advanced_features_required", "message_not_found", "chat_not_found", "contact_has_not_messaged"}


class Tally:
    """How many acts there were, of which kind; whoever acts asks it whether to go on."""

    def __init__(self, acts: int) -> None:
        self.done: Counter[str] = Counter()
        self.is_calm = threading.Event()
        self._acts = acts
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
            "edit": (3, self._edit),
            "unsend": (2, self._unsend),
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
            until(lambda: self._here.open_items() < BACKLOG or self._tally.is_calm.is_set())

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
        signs: list[Json] = [{"type": self._rng.choice(TAPBACKS)}] * 3
        signs += [{"type": self._rng.choice(TAPBACKS), "remove": True}]
        signs += [{"emoji": self._rng.choice(EMOJI)}] * (self._here.macos in WITH_EMOJI)
        body = {"to": self._chats[chat], "message_id": self._part_of_one(chat), **self._rng.choice(signs)}
        self._asks("/v1/reactions", Asked("tapback", chat), body)

    def _read(self, chat: str) -> None:
        self._asks("/v1/receipts", Asked("read", chat), {"to": self._chats[chat]})

    def _type(self, chat: str) -> None:
        self._asks("/v1/typing", Asked("type", chat), {"to": self._chats[chat], "state": "on"})

    def _edit(self, chat: str) -> None:
        self._changes("edit", chat, text=self._words.new())

    def _unsend(self, chat: str) -> None:
        self._changes("unsend", chat)

    def _changes(self, how: str, chat: str, **body: str) -> None:
        """Change one of the newest messages of ours, if there is any."""
        own = [message["guid"] for message in self._newest(chat) if message["is_from_me"]]
        if own:
            guid = self._rng.choice(own)
            self._asks(f"/v1/messages/{how}", Asked(how, chat, about=guid), {"message_id": guid, **body})

    def _part_of_one(self, chat: str) -> str:
        """Return a part of one of the newest messages."""
        message = self._rng.choice(self._newest(chat))
        parts = len(message["attachments"]) + (message["text"] is not None)
        return f"p:{self._rng.randrange(max(parts, 1))}/{message['guid']}"

    def _newest(self, chat: str) -> list[Json]:
        path = f"/v1/messages?from={quote(LINE)}&to={self._chats[chat]}&limit={NEWEST}"
        newest: list[Json] = self._here.api.get(path)["data"]
        return newest

    def _asks(self, path: str, asked: Asked, body: Json) -> None:
        """Ask until it is accepted, or refused for a reason that passes."""
        whose = {} if asked.kind in CHANGES else {"from": LINE}
        answer = self._repeated(path, json.dumps(whose | body).encode(), {"Content-Type": "application/json"})
        if answer.status == 201:
            self.accepted[answer.said["id"]] = asked
        else:
            # What cannot be edited any more, or at all, is told so.
            allowed = REFUSALS | ({"invalid_parameter_value"} if asked.kind in CHANGES else set())
            assert any(code in answer.said for code in allowed), answer
        self._tally.note(f"agent's {asked.kind}", "done" if answer.status == 201 else "refused")

    def _uploaded(self, name: str, content: bytes, mime_type: str) -> str:
        answer = self._repeated("/v1/files", content, {"X-Filename": name, "Content-Type": mime_type})
        assert answer.status == 201, answer
        return str(answer.said["id"])

    def _repeated(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        named = headers | {"Idempotency-Key": f"{self._rng.random()}"}

        def answered() -> Answer | None:
            with contextlib.suppress(*BROKEN):
                answer = self._here.api.ask("POST", path, body, **named)
                return None if answer.status >= 500 else answer
            return None

        return until(answered, ACCEPTED_WITHIN_S)
