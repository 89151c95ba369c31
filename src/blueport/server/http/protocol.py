"""HTTP/1.1 as uvicorn reads it, but within limits, and with the envelope on what is not even HTTP.

Answers go out in the order of their requests, and none in the place of another's: what cannot be read is refused only
if nothing before it is still to be answered; else the answer before it is the last.
"""

import asyncio
import functools
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from blueport.clock import now_ms
from blueport.server.errors import ApiError
from blueport.server.http.answers import headers_of, refusal
from blueport.server.http.exchange import Exchange
from blueport.server.http.lingering import LingeringTransport
from blueport.server.ids import mint

HEAD_LIMIT = 64 * 1024
# Of a body that is too large so much is read and dropped: many clients listen only after all that they have to say.
DROPPED_LIMIT = 128 * 1024 * 1024
# How long a head may take in all, and a body from one piece to the next.
PATIENCE_S = 30
# How long a client may leave unread what was written to it: it holds a place meanwhile, and our memory.
UNREAD_S = 60
# How long a client that asks nothing is listened to yet once the server is to end,
LEAVING_S = 0.25
# and how long from when it connected or was answered: who has just asked may well be about to ask again.
ASKING_S = 2
# Parts of URLs up to this are remembered.
SHORT_URL = 128
_OFFERS = (b"upgrade", b"http2-settings")


class EnvelopeProtocol(HttpToolsProtocol):
    """One connection. A message is being read from its first byte to its last; its head comes first."""

    transport: LingeringTransport
    _is_reading = False
    _is_in_head = False
    _is_offer = False
    _is_broken = False
    _is_last = False
    _is_leaving = False
    # Bytes of the head and of trailers as far as they were read, and those that came since the message began.
    _head_size = 0
    _fed_size = 0
    # Bytes that came of a body after its answer was given.
    _dropped_size = 0
    _is_first_in_piece = False
    _running: RequestResponseCycle | None = None
    _patience: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    # Since when nothing is to be read or answered, by the loop's clock; None while something is.
    _idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own form
        """Wait for a first request, but not for ever."""
        super().connection_made(transport)
        self.transport = LingeringTransport(transport, self.loop)
        self._idle_since = self.loop.time()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all who are still to be answered that nobody listens."""
        self.transport.forget()
        self._wait_no_more()
        self._unset_keepalive_if_required()
        self._is_reading_us()
        for cycle in self._unanswered():
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Write on."""
        self._is_reading_us()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on, and see that what was begun comes to an end."""
        if self._is_broken or self.transport.is_closing():
            return
        self._idle_since = None
        self._is_first_in_piece = not self._is_reading
        self._fed_size = len(data) if self._is_first_in_piece else self._fed_size + len(data)
        self._feed(data)
        if self._is_in_head and self._fed_size > HEAD_LIMIT:
            self._refuse(_head_too_large())
        elif self._is_reading and self._is_dropping():
            self._dropped_size += len(data)
            if self._dropped_size > DROPPED_LIMIT:
                self.transport.close()
        self._wait_as_needed()

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._is_reading = self._is_in_head = True
        self._head_size = self._dropped_size = 0
        if not self._is_first_in_piece:
            self._fed_size = 0  # how much of the piece was another's is unknown
        self._is_first_in_piece = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer, which any proxy may have overlooked, counts and says nothing."""
        self._head_size += len(name) + len(value) + 4
        if self._head_size > HEAD_LIMIT:
            raise ValueError
        if self._is_in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """End a head, unless it is to be read again."""
        self._is_offer = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if not self._is_offer:
            self._describe()
            version = self.scope["http_version"] = self.parser.get_http_version()
            self._is_last = version == "1.0" or not self.parser.should_keep_alive() or self._is_leaving
            self._begin()
            self._is_in_head = False

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; behind its answer it is dropped."""
        if not self._is_offer and not self.cycle.response_complete:
            self.cycle.body += body
            if len(self.cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._is_offer:
            self._is_reading = False
            if self._is_last:
                self._hang_up_after(self.cycle)
            if not self.cycle.response_complete:
                self.cycle.more_body = False
                self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """Answer the next request, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._wait_for_another()

    def timeout_keep_alive_handler(self) -> None:
        """Hang up on who has not asked for so long; since each request would have to set it anew, it may be early."""
        self.timeout_keep_alive_task = None
        if self._idle_since is not None:
            left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
            if left_s <= 0:
                self.transport.close()
            else:
                self.timeout_keep_alive_task = self.loop.call_later(left_s, self.timeout_keep_alive_handler)

    def shutdown(self) -> None:
        """Hang up behind the next answer, or if none is asked for soon.

        A client may be asking already: to hang up at once would leave it without an answer.
        """
        if self._is_leaving:
            return
        self._is_leaving = True
        unanswered = self._unanswered()
        if unanswered:
            unanswered[-1].keep_alive = False
        asked_until = 0 if self._idle_since is None else self._idle_since + ASKING_S
        self._after(LEAVING_S, self.transport.hurry)
        self._after(max(LEAVING_S, asked_until - self.loop.time()), self._leave)

    def _after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Act later, in two steps: a process that stood still would act before it reads what has come meanwhile."""
        self.loop.call_later(delay_s, self.loop.call_later, delay_s / 10, act)

    def _leave(self) -> None:
        """Hang up, unless there is something to be read or answered; that will be the last, then."""
        if not self._is_reading and not self._unanswered():
            self.transport.close()

    def _describe(self) -> None:
        """Tell the app what is asked for."""
        parts = _parts_of_short if len(self.url) <= SHORT_URL else _parts_of
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["path"], self.scope["raw_path"], self.scope["query_string"] = parts(self.url)

    def _begin(self) -> None:
        """Have a request answered, or wait until those before it are."""
        self.cycle = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            # If it is answered before its body is read, hanging up at once would take that answer back.
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        if self._running is None or self._running.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _feed(self, data: bytes) -> None:
        is_more = True
        while is_more:
            is_more = False
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if self._is_offer:
                    data, is_more = self._declined() + data[offer.args[0] :], True
            except httptools.HttpParserError:
                is_too_large = self._head_size > HEAD_LIMIT
                self._refuse(_head_too_large() if is_too_large else ApiError("malformed_request", "This is no HTTP."))

    def _declined(self) -> bytes:
        """Return a head that offers another protocol without its offer, for which the parser would drop its body."""
        kept = [b"%b: %b\r\n" % header for header in map(_without_offer, self.headers) if header[0] not in _OFFERS]
        version = self.parser.get_http_version().encode()
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (self.parser.get_method(), self.url, version, b"".join(kept))
        self._is_offer = False
        self.parser = httptools.HttpRequestParser(self)
        with suppress(AttributeError):  # as uvicorn does for its own
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return head

    def _hang_up_after(self, cycle: RequestResponseCycle) -> None:
        cycle.keep_alive = False
        if cycle.response_complete:
            self.transport.close()

    def _unanswered(self) -> list[RequestResponseCycle]:
        """Return the requests that are still to be answered, in their order."""
        begun = [] if self._running is None or self._running.response_complete else [self._running]
        return begun + [cycle for cycle, _ in reversed(self.pipeline)]

    def _half_read(self) -> RequestResponseCycle | None:
        """Return the request whose body is being read."""
        return self.cycle if self._is_reading and not self._is_in_head else None

    def _is_dropping(self) -> bool:
        """Tell whether the rest of a body is read for an answer that was given before."""
        half_read = self._half_read()
        return half_read is not None and half_read.response_complete

    def _refuse(self, error: ApiError) -> None:
        """Refuse, once, and hang up: where the next request would begin is unknown."""
        if self._is_broken:
            return
        self._is_broken = True
        half_read = self._half_read()
        if self.pipeline and self.pipeline[0][0] is half_read:
            self.pipeline.popleft()
        before = [cycle for cycle in self._unanswered() if cycle is not half_read]
        if before:
            before[-1].keep_alive = False
            return
        if not self._is_dropping():
            self._write(error)
        self.transport.close()

    def _write(self, error: ApiError) -> None:
        request_id = mint("req", now_ms())
        answer = refusal(error, request_id, (b"connection", b"close"))
        head = [b"%b: %b\r\n" % header for header in headers_of(answer, request_id)]
        self.transport.write(b"".join([STATUS_LINE[answer.status], *head, b"\r\n", answer.body]))

    def _wait_as_needed(self) -> None:
        if self._is_broken:
            self._wait_no_more()
        elif self._is_reading:
            if self._patience is None or not self._is_in_head:
                self._wait()
        elif self._running is not None:
            self._wait_no_more()
            if self._running.response_complete and not self.pipeline:
                self._wait_for_another()

    def _wait_for_another(self) -> None:
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _wait(self) -> None:
        self._wait_no_more()
        self._patience = self.loop.call_later(PATIENCE_S, self._lose_patience)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _is_reading_us(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _lose_patience(self) -> None:
        self._patience = None
        if self._is_reading:
            self._refuse(ApiError("request_timeout", f"The request did not go on for {PATIENCE_S} seconds."))
        else:
            self.transport.close()


def _parts_of(url: bytes) -> tuple[str, bytes, bytes]:
    """Return the path, as it is meant and as it was written, and the query."""
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.path, parsed.query or b""


# Most requests go to the same few.
_parts_of_short = functools.lru_cache(maxsize=256)(_parts_of)


def _head_too_large() -> ApiError:
    return ApiError("request_headers_too_large", f"The head is larger than {HEAD_LIMIT} bytes.")


def _without_offer(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    if name != b"connection":
        return header
    tokens = [token.strip() for token in value.split(b",")]
    return name, b", ".join(token for token in tokens if token.lower() not in _OFFERS)
