"""No log, figure, command line or error holds what passes through, in any usual spelling, however things go.

Random words are planted wherever people's words and secrets pass, with all that can be logged turned on.
"""

import contextlib
import json
import secrets
import socket
import sqlite3
import subprocess
import threading
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from blueport.server.authorizing.keys import new_key
from blueport.server.sealing import new_sealing_key
from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, Json, running, until
from tests.system.test_keys_on_the_command_line import operate, shown, wanted
from tests.system.test_the_command_line import DAEMON, run

LOUDEST = {"BLUEPORT_LOG": "json", "BLUEPORT_LOG_LEVEL": "debug"}


class Canaries:
    """Words that occur nowhere else, by where they are planted."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def at(self, place: str) -> str:
        """Return the word of a place."""
        return self._words.setdefault(place, f"q{secrets.token_hex(8)}z")

    def learn(self, place: str, secret: str) -> str:
        """Take a secret that somebody else made up for one."""
        self._words[place] = secret
        return secret

    def found_in(self, text: str) -> set[str]:
        """Return the places whose words are there."""
        return {place for place, word in self._words.items() if any(form in text for form in _forms(word))}


def _forms(word: str) -> set[str]:
    """Return how a word is spelt by those who upper it, escape it, or write its bytes in hex or base 64."""
    raw = word.encode()
    shifted = [b64encode(b"\0" * n + raw).decode()[2 * n : -4] for n in range(3)]
    return {word, word.upper(), word.lower(), quote(word, safe=""), raw.hex(), raw.hex().upper(), *shifted}


class Answer(NamedTuple):
    """What a request came to."""

    status: int
    body: str


class Caller:
    """Asks, and remembers all that was refused, with the names of the canaries that were in the request itself."""

    def __init__(self, blueport: Blueport, canaries: Canaries) -> None:
        self._blueport = blueport
        self._canaries = canaries
        self.echoes: set[str] = set()

    def __call__(self, method: str, path: str, body: Json = None, key: str | None = None, **headers: str) -> Answer:
        """Ask with the account's key, unless another is given."""
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Authorization": f"Bearer {self._blueport.said['api_key'] if key is None else key}"}
        request = urllib.request.Request(self._blueport.said["api_url"] + path, raw, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return Answer(response.status, response.read().decode("latin-1"))
        except urllib.error.HTTPError as error:
            with error:
                answer = Answer(error.code, error.read().decode("latin-1"))
        own = self._canaries.found_in(f"{path} {raw!r} {named}") - SECRETS
        self.echoes |= self._canaries.found_in(answer.body) - own
        return answer


# What is not even repeated to whoever said it.
SECRETS = {
    "api key",
    "wrong key",
    "daemon token",
    "webhook secret",
    "dashboard token",
    "password",
    "sign-in link",
    "metrics token",
    "new key",
    "secrets key",
    "bytes of the secrets key",
}


@contextlib.contextmanager
def bad_receiver(word: str) -> Iterator[str]:
    """Run a receiver that repeats what it is sent, with a word of its own, under a 500; or hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.startswith("/hang-up"):
                return
            said = raw + word.encode()
            self.send_response(500, word)
            self.send_header("Content-Length", str(len(said)))
            self.send_header("X-Word", word)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_no_word_of_anybody_leaves_by_a_side_door(tmp_path: Path) -> None:  # srv-103, srv-124
    folder = tmp_path / "data"
    canaries = Canaries()
    settings = {**LOUDEST, "BLUEPORT_METRICS_TOKEN": canaries.at("metrics token")}
    settings["BLUEPORT_SECRETS_KEY"] = canaries.learn("secrets key", new_sealing_key())
    canaries.learn("bytes of the secrets key", b64decode(settings["BLUEPORT_SECRETS_KEY"]).hex())
    shown_meanwhile: list[str] = []
    with running(folder, from_nothing=True, **settings) as blueport, bad_receiver(canaries.at("receiver")) as receiver:
        _learn_secrets(folder, blueport, canaries)
        caller = Caller(blueport, canaries)
        person = f"{canaries.at('handle')}@example.com"
        _have_webhooks_fail(caller, canaries, receiver)
        _exchange(blueport, caller, canaries, person)
        _be_refused(blueport, caller, canaries, person)
        _be_no_http(blueport, canaries)
        _operate(folder, canaries)
        shown_meanwhile.append(_resealed(folder, settings, canaries))
        until(lambda: _tells(folder, "delivery_failed"))
        shown_meanwhile.append(_command_lines())
        _break_things(folder, caller, canaries, person)
        until(lambda: _tells(folder, "request_failed", "database_not_available", "delivery_not_rendered"))
        figures = caller("GET", "/metrics", key=canaries.at("metrics token"))
        shown_meanwhile.append(_command_lines())

    logs = "".join(path.read_text() for path in folder.rglob("*.log"))
    assert {"request_answered", "server_started", "daemon_said_hello", "server_stopped"} <= _events(logs)
    assert figures.status == 200
    assert canaries.found_in(logs) == set()
    assert canaries.found_in(figures.body) == set()
    assert canaries.found_in("".join(shown_meanwhile)) == set()
    assert caller.echoes == set()
    assert "withheld" not in logs


@pytest.mark.parametrize(
    ("verb", "name", "value"),
    [
        ("serve", "BLUEPORT_FIRST_KEY", "sk_live_{}"),
        ("serve", "BLUEPORT_FIRST_LINE", "{}"),
        ("serve", "BLUEPORT_SANDBOX_LINE", "{}"),
        ("serve", "BLUEPORT_PORT", "{}"),
        ("serve", "BLUEPORT_REGION", "{}"),
        ("serve", "BLUEPORT_PUBLIC_URL", "ftp://{}"),
        ("serve", "BLUEPORT_WEBHOOK_ALLOW", "10.0.0.1/{}"),
        ("serve", "BLUEPORT_FILES", "s4://{}"),
        ("serve", "BLUEPORT_SECRETS_KEY", "{}"),
        ("serve", "BLUEPORT_SECRETS_KEY", b64encode(bytes(32)).decode() + ",{}"),
        ("serve", "BLUEPORT_LOG", "{}"),
        ("serve", "BLUEPORT_LOG_LEVEL", "{}"),
        ("daemon", "BLUEPORT_DAEMON_LINES", "+15550100000,{}"),
        ("daemon", "BLUEPORT_DAEMON_PACE_MS", "{}"),
        ("simulate", "BLUEPORT_SIMULATOR_MACOS", "{}"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(tmp_path: Path, verb: str, name: str, value: str) -> None:
    canaries = Canaries()
    right = {"BLUEPORT_FIRST_LINE": "+15550100000", "BLUEPORT_FIRST_KEY": canaries.at("api key")}
    if name != "BLUEPORT_FIRST_KEY":
        right["BLUEPORT_FIRST_KEY"] = new_key()
    right |= {"BLUEPORT_SIMULATOR_FOLDER": str(tmp_path), "BLUEPORT_SIMULATOR_LINES": "+15550100000"}
    right |= {**DAEMON, "BLUEPORT_DAEMON_LINES": "+15550100000"}
    settings = {**LOUDEST, **right, "BLUEPORT_DATABASE": "new.db", name: value.format(canaries.at("setting"))}

    ended = run(verb, at=tmp_path, **settings)

    assert ended.returncode == 78
    assert name.rpartition("BLUEPORT_")[2].rpartition("DAEMON_")[2].rpartition("SIMULATOR_")[2].lower() in ended.stderr
    assert canaries.found_in(ended.stdout + ended.stderr) == set()


def _learn_secrets(folder: Path, blueport: Blueport, canaries: Canaries) -> None:
    installation = json.loads((folder / "dev.json").read_text())
    canaries.learn("api key", blueport.said["api_key"])
    canaries.learn("daemon token", installation["daemon_token"])
    canaries.learn("dashboard token", installation["dashboard_token"])


def _have_webhooks_fail(caller: Caller, canaries: Canaries, receiver: str) -> None:
    for path in ("echo", "hang-up"):
        url = f"{receiver}/{path}/{canaries.at('url')}?password={canaries.at('url password')}"
        made = caller("POST", "/v1/webhooks", {"from": "", "url": url, "events": ["message.received", "message.sent"]})
        canaries.learn(f"webhook secret of {path}", json.loads(made.body)["secret"])
    caller("POST", "/v1/webhooks", {"from": "", "url": f"ftp://{canaries.at('bad url')}", "events": ["message.sent"]})


def _exchange(blueport: Blueport, caller: Caller, canaries: Canaries, person: str) -> None:
    """Have texts, files and taps go both ways, some of which Messages does not take."""
    blueport.simulator("POST", "/people", {"handle": person, "name": canaries.at("contact")})
    blueport.texts(person, f"in {canaries.at('text in')}")
    name, content = f"{canaries.at('file name')}.txt", canaries.at("file content")
    file = {"filename": name, "base64": b64encode(content.encode()).decode(), "mime_type": "text/plain"}
    guid = blueport.simulator("POST", f"/people/{person}/messages", {"attachment": file})["guid"]
    blueport.simulator("POST", f"/people/{person}/reactions", {"guid": guid, "tapback": "love"})
    blueport.simulator("POST", "/groups", {"members": [person, ADA], "name": canaries.at("group")})
    until(lambda: blueport.api("GET", f"/v1/chats?from={quote(blueport.line)}")["data"])
    kept = caller("POST", "/v1/files", content.encode(), Content_Type="text/plain", X_Filename=name)
    sent = caller(
        "POST",
        "/v1/messages",
        {"from": blueport.line, "to": person, "text": f"out {canaries.at('text out')}"},
        Idempotency_Key=canaries.at("idempotency key"),
    )
    until(lambda: blueport.api("GET", f"/v1/outbox?id={json.loads(sent.body)['id']}")["status"] == "sent")
    file_id = json.loads(kept.body)["id"]
    caller("GET", f"/v1/files?id={file_id}")
    caller("POST", "/v1/audio-messages", {"from": blueport.line, "to": person, "audio_message": file_id})
    for fault in ({"next": "error", "number": -1700}, {"next": "undelivered"}):
        blueport.simulator("POST", "/faults", fault)
        failed = blueport.sends(person, f"fails {canaries.at('text that fails')}")
        until(lambda item=failed: blueport.api("GET", f"/v1/outbox?id={item}")["status"] == "failed")
    canaries.learn("sandbox code", blueport.api("POST", "/v1/sandbox")["activation_code"])


def _be_refused(blueport: Blueport, caller: Caller, canaries: Canaries, person: str) -> None:
    """Ask for all that is refused, with a canary in it."""
    wrong = canaries.at("wrong key")
    path = f"/v1/messages?from={quote(blueport.line)}&to={quote(person)}&limit={canaries.at('query')}"
    message = {"from": blueport.line, "to": f"nobody-{canaries.at('bad handle')}", "text": canaries.at("bad text")}
    refused = [
        caller("GET", "/v1/lines", key=f"sk_live_{wrong}"),
        caller("GET", "/v1/lines", key=wrong),
        caller("GET", "/metrics", key=wrong),
        caller("GET", f"/dashboard?token={wrong}"),
        caller("GET", f"/dashboard/owner?link={canaries.at('sign-in link')}"),
        caller("POST", "/dashboard/sign-in", _sign_in_form(canaries), Sec_Fetch_Site="same-origin"),
        caller("POST", "/daemon/v1/hello", {"journal": wrong}, key=f"dt_{wrong}"),
        caller("POST", "/daemon/v1/sightings", {"seen": wrong}, key=blueport.said["api_key"]),
        caller("GET", f"/v1/{canaries.at('path')}"),
        caller("GET", f"/files/{canaries.at('path')}?signature={canaries.at('signature')}"),
        caller("GET", path),
        caller("GET", f"/v1/outbox?id={canaries.at('bad id')}"),
        caller("POST", "/v1/messages", f'{{"text": "{canaries.at("bad json")}'.encode()),
        caller("POST", "/v1/messages", b'{"text": "' + canaries.at("bad bytes").encode() + b'\xff"}'),
        caller("POST", "/v1/messages", message),
        caller("POST", "/v1/messages", {**message, "to": f"{canaries.at('stranger')}@example.com"}),
        caller("POST", "/v1/messages", {**message, "to": person, "attachments": [canaries.at("bad file")]}),
        caller("POST", "/v1/files", b"", X_Filename=canaries.at("bad file name")),
        caller("PUT", "/v1/lines", canaries.at("bad method").encode()),
    ]
    assert {answer.status // 100 for answer in refused} == {4}


def _sign_in_form(canaries: Canaries) -> bytes:
    return f"email={canaries.at('email')}@example.com&password={canaries.at('password')}".encode()


def _be_no_http(blueport: Blueport, canaries: Canaries) -> None:
    """Say at the socket what is no HTTP, and hang up in the middle of what is."""
    place = urlsplit(blueport.said["api_url"])
    word = canaries.at("no http").encode()
    for said in (
        b"GET /%b HTTP/9.9\r\n\r\n" % word,
        b"%b\r\n\r\n" % word,
        b"POST /v1/messages HTTP/1.1\r\nHost: %b\r\nContent-Length: 100\r\n\r\n%b" % (word, word),
        b"GET / HTTP/1.1\r\nX-Word: %b\r\n" % (word * 5000),
    ):
        there = (place.hostname or "", place.port or 0)
        with contextlib.suppress(OSError), socket.create_connection(there) as connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(2)
            connection.recv(4096)


def _operate(folder: Path, canaries: Canaries) -> None:
    canaries.learn("account", wanted(folder, "accounts", "create", f"acc-{canaries.at('account name')}"))
    made = shown(folder, "keys", "create", "--account", f"acc-{canaries.at('account name')}")
    canaries.learn("new key", made["key"])
    del canaries._words["account"]  # noqa: SLF001 - its id is no secret


def _resealed(folder: Path, settings: dict[str, str], canaries: Canaries) -> str:
    """Have secrets sealed under a key beside the server's, and under the server's again; return what is said."""
    ours, said = settings["BLUEPORT_SECRETS_KEY"], ""
    theirs = canaries.learn("another secrets key", new_sealing_key())
    for keys in (f"{theirs},{ours}", f"{ours},{theirs}"):
        ended = operate(folder, "webhooks", "reseal", "--database", "blueport.db", "--json", BLUEPORT_SECRETS_KEY=keys)
        said += ended.stdout + ended.stderr
    return said


def _break_things(folder: Path, caller: Caller, canaries: Canaries, person: str) -> None:
    """Have the database fail in ways that quote what is in it, or in the request."""
    message = {"from": caller_line(caller), "to": person, "text": f"breaks {canaries.at('text that breaks')}"}
    with _database(folder) as sql:
        sql(
            f"CREATE TRIGGER refuses BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, '{canaries.at('trigger')}'); END"
        )
        assert caller("POST", "/v1/messages", message).status == 500
        sql("DROP TRIGGER refuses")
        sql("ALTER TABLE outbox RENAME TO outbox_elsewhere")
        assert caller("POST", "/v1/messages", message).status == 503
        assert caller("GET", "/metrics", key=canaries.at("metrics token")).status == 200
        sql("ALTER TABLE outbox_elsewhere RENAME TO outbox")
        sql(f"UPDATE messages SET attachments = '{{{canaries.at('bad row')}'")
        sql("UPDATE deliveries SET available_at = 0, state = 'pending', completed_at = NULL")
        query = f"from={quote(message['from'])}&to={quote(person)}"
        assert caller("GET", f"/v1/messages?{query}").status == 500
        assert caller("GET", f"/v1/messages?{query}&q={canaries.at('words that are looked for')}").status == 200


def caller_line(caller: Caller) -> str:
    return caller._blueport.line  # noqa: SLF001


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[Callable[[str], object]]:
    connection = sqlite3.connect(folder / "blueport.db", timeout=PATIENCE_S, isolation_level=None)
    try:
        yield connection.execute
    finally:
        connection.close()


def _tells(folder: Path, *events: str) -> bool:
    return set(events) <= _events((folder / "dev.log").read_text())


def _events(log: str) -> set[str]:
    """Return the events of all lines; what is no line of JSON is the supervisor's word."""
    return {json.loads(line)["event"] for line in log.splitlines() if line.startswith("{") and line.endswith("}")}


def _command_lines() -> str:
    """Return the command lines of our own processes: a script of Apple's takes what it sends as an argument."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return "".join(line for line in listed.splitlines(keepends=True) if "blueport.cli.main" in line)
