"""HTTP/1.1 as uvicorn reads it, but within limits, and with the envelope on what is not even HTTP."""

import asyncio

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from blueport.clock import now_ms
from blueport.server.errors import ApiError
from blueport.server.http.answers import headers_of, refusal
from blueport.server.ids import mint

HEAD_LIMIT = 64 * 1024
# Of a body that is too large so much is read and dropped: many clients listen only after all that they have to say.
DROPPED_LIMIT = 64 * 1024 * 1024
# How long a head may take in all, and a body from one piece to the next.
PATIENCE_S = 30
_OFFERS = (b"upgrade", b"http2-settings")


class EnvelopeProtocol(HttpToolsProtocol):
    """One connection."""

    _is_in_head = True
    _is_offer = False
    _is_broken = False
    _head_size = 0
    _dropped_size = 0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own form
        """Wait for a first request, but not for ever."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and see that what was begun comes to an end."""
        if self._is_broken:
            return
        self._unset_keepalive_if_required()
        self._feed(data)
        self._count(len(data))
        self._wait_as_needed()

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._is_in_head, self._head_size, self._dropped_size = True, 0, 0

    def on_headers_complete(self) -> None:
        """End a head, unless it is to be read again."""
        self._is_offer = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if not self._is_offer:
            self._is_in_head = False
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._is_offer:
            super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._is_offer:
                self._decline(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse(ApiError("malformed_request", "This is no HTTP request."))

    def _count(self, size: int) -> None:
        if self._is_in_head:
            self._head_size += size
        elif self.cycle.response_complete:
            self._dropped_size += size
        if self._head_size > HEAD_LIMIT:
            self._refuse(ApiError("request_headers_too_large", f"The head is larger than {HEAD_LIMIT} bytes."))
        if self._dropped_size > DROPPED_LIMIT:
            self.transport.close()

    def _decline(self, rest: bytes) -> None:
        """Read a request that offers another protocol again without its offer: the parser would drop its body."""
        kept = [b"%b: %b\r\n" % header for header in map(_without_offer, self.headers) if header[0] not in _OFFERS]
        version = self.parser.get_http_version().encode()
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (self.parser.get_method(), self.url, version, b"".join(kept))
        self._is_offer = False
        self.parser = httptools.HttpRequestParser(self)
        self._feed(head + rest)

    def _refuse(self, error: ApiError) -> None:
        """Refuse, and hang up: where the next request would begin is unknown."""
        self._is_broken = True
        if self._owes_an_answer():
            self.cycle.keep_alive = False  # which goes first, and is the last
            return
        if not self.pipeline:
            self._write(error)
        self.transport.close()

    def _owes_an_answer(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def _write(self, error: ApiError) -> None:
        request_id = mint("req", now_ms())
        answer = refusal(error, request_id, (b"connection", b"close"))
        head = [b"%b: %b\r\n" % header for header in headers_of(answer, request_id)]
        self.transport.write(b"".join([STATUS_LINE[answer.status], *head, b"\r\n", answer.body]))

    def _wait_as_needed(self) -> None:
        is_whole = not self._is_in_head and (self.cycle.response_complete or not self.cycle.more_body)
        if self._patience is not None and self._is_in_head and not self._is_broken:
            return
        self._wait_no_more()
        if not is_whole and not self._is_broken:
            self._wait()

    def _wait(self) -> None:
        self._patience = self.loop.call_later(PATIENCE_S, self._lose_patience)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if self._is_in_head and not self._head_size:
            self.transport.close()
        else:
            self._refuse(ApiError("request_timeout", f"The request did not go on for {PATIENCE_S} seconds."))


def _without_offer(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    if name != b"connection":
        return header
    tokens = [token.strip() for token in value.split(b",")]
    return name, b", ".join(token for token in tokens if token.lower() not in _OFFERS)
