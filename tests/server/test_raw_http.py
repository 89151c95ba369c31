"""A real server process, spoken to in bytes that no client library would send."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from blueport.protocol.door import Claim, Hello, Sightings
from blueport.server.authorizing.keys import new_key
from tests.databases import Database
from tests.patience import PATIENCE_S
from tests.server.receiver import until
from tests.server.world import ADA, Json, text_from

LINE = "+15550101000"
HELLO = msgspec.json.encode(Hello("j", "1", ()))
DAEMON = b"Authorization: Bearer dt_a-token"


class Answer(NamedTuple):
    """An answer as it came over the socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return self.said["error"]["code"]

    @property
    def said(self) -> Json:
        return msgspec.json.decode(self.body)


class Process(NamedTuple):
    """A running `blueport serve`."""

    port: int
    key: str
    process: subprocess.Popen[bytes]
    database: Database

    @property
    def folder(self) -> Path:
        return self.database.folder

    def answers(self, request: bytes) -> Answer:
        """Send *request* as it is, and hang up once the answer is there."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            with contextlib.suppress(ConnectionError):  # it may refuse before it has read all
                connection.sendall(request)
            return _answer(connection)

    def get(self, path: bytes, *headers: bytes) -> Answer:
        return self.answers(_request(b"GET", path, headers))

    @property
    def authorization(self) -> bytes:
        return b"Authorization: Bearer " + self.key.encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("serve")
    with _serving(Database(str(folder / "blueport.db"), folder)) as server:
        yield server


@contextlib.contextmanager
def _serving(database: Database) -> Iterator[Process]:
    key, log_path = new_key(), database.folder / "log"
    with _listening() as listening:
        command = [sys.executable, "-m", "blueport.cli.main", "serve", f"--fd={listening.fileno()}"]
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command, env=_environment(database, key), pass_fds=[listening.fileno()], stderr=log
            )
        port = listening.getsockname()[1]
    server = Process(port, key, process, database)
    try:
        assert server.get(b"/healthz").status == 200  # so that whoever asks for something asks one who is there
        yield server
    finally:
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0
    assert log_path.read_text() == ""


class TestWhatIsNoHttp:
    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"\r\n\r\n\0\0\r\n\r\n",
            b"GARBAGE\r\n\r\n",
            b"GET http://host HTTP/1.1\r\n\r\n",
            b"CONNECT host:443 HTTP/1.1\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET /v1/lines HTTP/9.9\r\n\r\n",
            b"GET /v1/lines HTTP/1.1\r\nHost x\r\n\r\n",
            b"GET /v1/lines HTTP/1.1\r\n: x\r\n\r\n",
            b"GET /v1/lines HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
            b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
            b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40,  # a TLS greeting
        ],
        ids=repr,
    )
    def test_the_answer_has_the_envelope(self, server: Process, request_bytes: bytes) -> None:
        answer = server.answers(request_bytes)

        assert (answer.status, answer.code) == (400, "malformed_request")
        assert answer.said["error"]["type"] == "invalid_request_error"
        assert answer.said["request_id"] == answer.headers["x-request-id"]

    def test_what_comes_behind_a_request_takes_no_answer_away(self, server: Process) -> None:
        whole = _request(b"GET", b"/v1/lines", [server.authorization])

        answer = server.answers(whole + b"}}\r\n\r\n")

        assert answer.status == 200

    @pytest.mark.parametrize("head", [b"A: " + b"a" * 70_000, b"\r\n".join([b"A: b"] * 20_000)], ids=["long", "many"])
    def test_a_head_without_end_is_refused(self, server: Process, head: bytes) -> None:
        answer = server.answers(b"GET /v1/lines HTTP/1.1\r\n" + head)

        assert (answer.status, answer.code) == (431, "request_headers_too_large")
        assert answer.said["request_id"] == answer.headers["x-request-id"]


class TestOffers:
    # What JDK's HttpClient sends to every http:// URL.
    OFFER = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAAAAIAAAAB")

    @pytest.mark.parametrize("size", [1, 7, 10_000])
    def test_another_protocol_may_be_offered_and_the_body_is_read_all_the_same(
        self, server: Process, size: int
    ) -> None:
        request = _post(b"/v1/messages", b"{}", server.authorization, *self.OFFER)
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            for at in range(0, len(request), size):
                connection.sendall(request[at : at + size])
            answers = [_answer(connection)]
            connection.sendall(_request(b"GET", b"/v1/lines", [server.authorization]))
            answers.append(_answer(connection))

        assert (answers[0].status, answers[0].code) == (400, "missing_required_parameter")
        assert answers[1].status == 200

    def test_many_offers_at_once_are_answered_in_turn(self, server: Process) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(_request(b"GET", b"/healthz", self.OFFER) * 300)

            assert {_answer(connection).status for _ in range(300)} == {200}

    def test_a_get_with_an_offer_is_answered(self, server: Process) -> None:
        assert server.get(b"/v1/lines", server.authorization, *self.OFFER).status == 200


class TestHeaders:
    # srv-098, srv-099: a curly quote, an em dash, Latin-1 and plain noise in the key.
    @pytest.mark.parametrize(
        "key", ["sk_live_\u201d".encode(), "sk_live_\u2014".encode(), b"sk_live_\xe9", b"\xff\xfe", b"\x80" * 200]
    )
    def test_a_key_with_other_than_ascii_is_unknown(self, server: Process, key: bytes) -> None:
        header = b"Authorization: Bearer " + key

        answers = [server.get(b"/v1/lines", header), server.get(b"/v1/lines", b"Authorization: " + key)]
        answers += [server.answers(_post(path, b"{}", header)) for path in (b"/v1/messages", b"/daemon/v1/claim")]

        assert {(answer.status, answer.code) for answer in answers} == {(401, "invalid_api_key")}

    def test_the_right_key_is_known(self, server: Process) -> None:
        answer = server.get(b"/v1/lines", server.authorization)

        assert (answer.status, answer.said["data"][0]["handle"]) == (200, LINE)

    def test_header_names_may_be_written_in_any_case(self, server: Process) -> None:
        assert server.get(b"/v1/lines", server.authorization.replace(b"Auth", b"aUTH")).status == 200

    @pytest.mark.parametrize("header", [b"X-Odd: \xff\xfe", b"Cookie: " + b"a" * 5_000, b"Idempotency-Key: \xe9"])
    def test_other_odd_headers_do_not_matter_to_a_get(self, server: Process, header: bytes) -> None:
        assert server.get(b"/v1/lines", server.authorization, header).status == 200

    @pytest.mark.parametrize("name", [b"\xe9", b"a" * 256, b"a b", b""])
    def test_an_idempotency_key_is_visible_ascii(self, server: Process, name: bytes) -> None:
        body = b'{"from":"+15550101000","to":"+15550100001","text":"Hi"}'

        answer = server.answers(_post(b"/v1/messages", body, server.authorization, b"Idempotency-Key: " + name))

        assert (answer.status, answer.code) == (400, "invalid_parameter_value")
        assert answer.said["error"]["param"] == "Idempotency-Key"

    # The client library of the other tests writes every header anew, in UTF-8.
    @pytest.mark.parametrize("raw", ["naïve.txt".encode(), "naïve.txt".encode("latin-1"), b"a\\b/na\xefve.txt"])
    def test_the_name_of_a_file_is_utf8_or_else_latin1(self, server: Process, raw: bytes) -> None:
        answer = server.answers(_post(b"/v1/files", b"x", server.authorization, b"X-Filename: " + raw))

        assert (answer.status, answer.said["filename"]) == (201, "naïve.txt")


class TestHangingUp:
    @pytest.fixture
    def server(self, database: Database) -> Iterator[Process]:
        with _serving(database) as server:
            yield server

    # srv-127
    def test_a_message_whose_answer_was_not_awaited_is_the_same_when_it_is_sent_again(self, server: Process) -> None:
        requests, ids = self.requests(server), []

        for request in requests:
            with server.database.locked():  # no disk is so fast that the answer leaves before the client
                self.gives_up_on(server, request)
            # No client repeats itself within a millisecond: another write's answer says that the first one's is over.
            server.answers(_post(b"/daemon/v1/hello", HELLO, DAEMON))
            ids.append(server.answers(request).said["id"])

        self.assert_accepted_once(server, ids)

    # srv-127
    def test_so_it_is_when_it_is_sent_again_while_the_first_one_still_waits(self, server: Process) -> None:
        requests, ids = self.requests(server), []

        for request in requests:
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
                with server.database.locked():
                    self.gives_up_on(server, request)
                    connection.sendall(request)
                    assert server.get(b"/healthz").status == 200
                ids.append(_answer(connection).said["id"])

        self.assert_accepted_once(server, ids)

    def requests(self, server: Process) -> list[bytes]:
        """Return messages to be sent, to one who has written."""
        ada = text_from(ADA, LINE)
        server.answers(_post(b"/daemon/v1/sightings", msgspec.json.encode(Sightings("j", (ada,))), DAEMON))
        texts = [f"text {number}" for number in range(30)]
        bodies = [msgspec.json.encode({"from": LINE, "to": ADA, "text": text}) for text in texts]
        return [_post(b"/v1/messages", body, server.authorization) for body in bodies]

    def gives_up_on(self, server: Process, request: bytes) -> None:
        """Send *request*, and hang up once the server has begun with it."""
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(request)
            assert server.get(b"/healthz").status == 200
        assert server.get(b"/healthz").status == 200  # it hears of the next client after it heard of the end

    def assert_accepted_once(self, server: Process, ids: list[str]) -> None:
        claim = msgspec.json.encode(Claim("j", (), 1, wait_s=0, limit=100))
        items = server.answers(_post(b"/daemon/v1/claim", claim, DAEMON)).said["items"]
        assert [item["id"] for item in items] == ids
        assert [item["command"]["text"] for item in items] == [f"text {number}" for number in range(30)]


class TestTrailers:
    @pytest.mark.parametrize("name", [b"Authorization", b"Idempotency-Key"])
    def test_what_comes_behind_the_body_says_nothing(self, server: Process, name: bytes) -> None:
        head = _request(b"POST", b"/v1/messages", [b"Transfer-Encoding: chunked"])

        answer = server.answers(head + b"2\r\n{}\r\n0\r\n" + name + b": Bearer " + server.key.encode() + b"\r\n\r\n")

        assert (answer.status, answer.code) == (401, "missing_api_key")


class TestTheEnd:
    def test_a_daemon_that_waits_for_work_is_answered_when_the_server_ends(self, tmp_path: Path) -> None:
        claim = msgspec.json.encode(Claim("j", (), 1, wait_s=25))
        with _serving(Database(str(tmp_path / "blueport.db"), tmp_path)) as server:
            server.answers(_post(b"/daemon/v1/hello", HELLO, DAEMON))
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
                connection.sendall(_post(b"/daemon/v1/claim", claim, DAEMON))
                server.answers(_post(b"/daemon/v1/hello", HELLO, DAEMON))  # so that the claim waits by now
                server.process.terminate()
                answer = _answer(connection)

        assert (answer.status, answer.said) == (200, {"items": []})


class TestTargets:
    @pytest.mark.parametrize(
        "path", [b"/v1/%ff", b"/%00", b"/%", b"/v1/lines/..", b"/v1//lines", b"/v1/\xc3\xa9", b"*"]
    )
    def test_an_odd_path_has_the_envelope(self, server: Process, path: bytes) -> None:
        answer = server.get(path, server.authorization)

        assert answer.status in (400, 404)
        assert answer.said["request_id"] == answer.headers["x-request-id"]

    @pytest.mark.parametrize("query", [b"id=\xff", b"id=\xc3\xa9", b"id=obx_\xf0\x9f"])
    def test_a_query_of_raw_bytes_is_refused(self, server: Process, query: bytes) -> None:
        answer = server.get(b"/v1/outbox?" + query, server.authorization)

        assert (answer.status, answer.code) in ((400, "invalid_parameter_value"), (400, "malformed_request"))

    def test_a_head_has_no_body(self, server: Process) -> None:
        head = _request(b"HEAD", b"/v1/lines", [server.authorization])
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(head + head)

            answers = [_answer(connection, has_body=False), _answer(connection, has_body=False)]

        assert [answer.status for answer in answers] == [200, 200]


class TestBodies:
    def test_a_body_in_chunks_is_read(self, server: Process) -> None:
        head = _request(b"POST", b"/v1/messages", [server.authorization, b"Transfer-Encoding: chunked"])

        answer = server.answers(head + b"2\r\n{}\r\n0\r\n\r\n")

        assert (answer.status, answer.code) == (400, "missing_required_parameter")

    # srv-110
    def test_chunks_without_end_are_refused_at_the_limit(self, server: Process) -> None:
        head = _request(b"POST", b"/v1/messages", [server.authorization, b"Transfer-Encoding: chunked"])

        answer = server.answers(head + b"10000\r\n" + b" " * 65_536 + (b"\r\n10000\r\n" + b" " * 65_536) * 20)

        assert (answer.status, answer.code) == (413, "request_too_large")

    def test_ten_megabytes_are_refused(self, server: Process) -> None:
        answer = server.answers(_post(b"/v1/messages", b" " * 10 * 1024 * 1024, server.authorization))

        assert (answer.status, answer.code) == (413, "request_too_large")

    def test_a_client_that_says_all_before_it_listens_hears_of_a_body_that_is_too_large(self, server: Process) -> None:
        body = b" " * 10 * 1024 * 1024
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(_post(b"/v1/messages", body, server.authorization))
            answers = [_answer(connection)]
            connection.sendall(_request(b"GET", b"/v1/lines", [server.authorization]))
            answers.append(_answer(connection))

        assert [answer.status for answer in answers] == [413, 200]

    def test_a_client_that_hangs_up_in_the_middle_hurts_nobody(self, server: Process) -> None:
        head = _request(b"POST", b"/v1/messages", [server.authorization, b"Content-Length: 100"])
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(head + b'{"from":')

        assert server.get(b"/healthz").status == 200

    def test_two_requests_on_one_connection_are_answered_in_turn(self, server: Process) -> None:
        one = _request(b"GET", b"/v1/lines", [server.authorization])
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(one + one)

            answers = [_answer(connection), _answer(connection)]

        assert [answer.status for answer in answers] == [200, 200]
        assert answers[0].said["request_id"] != answers[1].said["request_id"]


class TestUploads:
    def test_a_half_body_is_no_file(self, server: Process) -> None:
        # srv-118
        before = _stored(server)
        head = _request(b"POST", b"/v1/files", [server.authorization, b"Content-Length: 4000000"])
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(head + b"x" * 2_000_000)
            until(lambda: _drafts(server) != [])

        until(lambda: _drafts(server) == [])
        assert _stored(server) == before

    def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_large(self, server: Process) -> None:
        # att-21, srv-110: two hours of it would follow
        before = _stored(server)
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(_request(b"POST", b"/v1/files", [server.authorization, b"Transfer-Encoding: chunked"]))
            for _ in range(101):
                connection.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
            answer = _answer(connection)

        assert (answer.status, answer.code) == (400, "file_too_large")
        until(lambda: _drafts(server) == [])
        assert _stored(server) == before

    def test_a_body_that_says_itself_that_it_is_too_large_is_not_awaited(self, server: Process) -> None:
        # att-26
        answer = server.answers(_request(b"POST", b"/v1/files", [server.authorization, b"Content-Length: 125829120"]))

        assert (answer.status, answer.code) == (400, "file_too_large")

    def test_a_client_that_says_all_before_it_listens_hears_of_a_file_that_is_too_large(self, server: Process) -> None:
        # att-26
        head = _request(b"POST", b"/v1/files", [server.authorization, b"Content-Length: 125829120"])
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(head)
            for _ in range(120):
                connection.sendall(b"x" * 0x100000)
            answer = _answer(connection)

        assert (answer.status, answer.code) == (400, "file_too_large")

    def test_who_may_not_upload_is_told_before_the_body_is_read(self, server: Process) -> None:
        answer = server.answers(_request(b"POST", b"/v1/files", [b"Content-Length: 1000"]))

        assert (answer.status, answer.code) == (401, "missing_api_key")

    def test_a_body_without_length_is_a_file(self, server: Process) -> None:
        # att-20
        head = _request(b"POST", b"/v1/files", [server.authorization, b"Transfer-Encoding: chunked"])

        answer = server.answers(head + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")

        assert (answer.status, answer.said["size"]) == (201, 7)

    def test_a_hundred_megabytes_pass_both_ways_through_little_memory(self, server: Process) -> None:
        before = _peak_kib(server)
        size = 100 * 1024 * 1024
        head = _request(b"POST", b"/v1/files", [server.authorization, b"Content-Length: %d" % size])
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(head)
            for _ in range(100):
                connection.sendall(b"x" * 0x100000)
            url = _answer(connection).said["url"]
        assert url.startswith("http://blueport/files/file_"), "links lead to where we were called"

        answer = server.get(url.removeprefix("http://blueport").encode())

        assert (answer.status, len(answer.body)) == (200, size)
        assert _peak_kib(server) - before < 48 * 1024


def _drafts(server: Process) -> list[Path]:
    return list((server.folder / "files/drafts").iterdir())


def _stored(server: Process) -> set[Path]:
    return {path for path in (server.folder / "files").glob("??/*") if path.stat().st_size > 1_000_000}


def _peak_kib(server: Process) -> int:
    """Return the most memory that the server ever had."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def _request(method: bytes, path: bytes, headers: list[bytes] | tuple[bytes, ...]) -> bytes:
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"Host: blueport", *headers, b"", b""])


def _post(path: bytes, body: bytes, *headers: bytes) -> bytes:
    return _request(b"POST", path, [*headers, b"Content-Length: %d" % len(body)]) + body


def _answer(connection: socket.socket, *, has_body: bool = True) -> Answer:
    """Read one answer and no byte of the next."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, f"hung up after {head!r}"
        head += byte
    status, *lines = head.decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers["content-length"]) if has_body else 0
    body = b""
    while len(body) < length:
        part = connection.recv(length - len(body))
        assert part, f"hung up after {body!r}"
        body += part
    return Answer(int(status.split()[1]), headers, body)


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        yield listening


def _environment(database: Database, key: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BLUEPORT_")}
    return inherited | {
        "BLUEPORT_DATABASE": database.named,
        "BLUEPORT_FILES": str(database.folder / "files"),
        "BLUEPORT_FIRST_KEY": key,
        "BLUEPORT_FIRST_LINE": LINE,
        "BLUEPORT_PACE_MS": "0",
        "BLUEPORT_LINE_HOURLY_LIMIT": "0",
        "BLUEPORT_FIRST_DAEMON_TOKEN": "dt_a-token",
        "BLUEPORT_LOG_LEVEL": "warning",
    }
