"""A request and its answer on a connection of uvicorn's; what is short is said in one write.

uvicorn's own way takes two writes, and judges each header by two expressions: together a tenth of what an accept costs.
"""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle


class Exchange(RequestResponseCycle):
    """One request, from its head to the end of its answer."""

    def taken_body(self) -> bytes | None:
        """Return the body if all of it is here and the client waits for nothing else, as is the rule."""
        if self.more_body or self.disconnected or self.response_complete or self.waiting_for_100_continue:
            return None
        self.flow.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return body

    def answer(self, status: int, headers: bytes, body: bytes) -> bool:
        """Say all of an answer, and tell whether that could be: not to a client that has not read what was said before.

        *headers* are whole lines, and tell the length of the body.
        """
        if self.flow.write_paused or self.response_started:
            return False
        if self.disconnected:
            return True
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        said = [STATUS_LINE[status], *[b"%b: %b\r\n" % header for header in self.default_headers], headers]
        said.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        if self.scope["method"] != "HEAD":
            said.append(body)
        self.transport.write(b"".join(said))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


def exchange_of(asgi: object) -> Exchange | None:
    """Return the exchange whose `receive` or `send` that is, None under another server."""
    exchange = getattr(asgi, "__self__", None)
    return exchange if isinstance(exchange, Exchange) else None
