"""Ends a connection so that what was said last is heard.

To close a socket while the other side still writes has our system answer with a reset, which on many systems takes back
what the other side has not read yet. So it is told first that no more will be said, and what it still says is dropped,
until it closes too or `LINGER_S` have passed (RFC 9112, section 9.6).
"""

import asyncio

LINGER_S = 2


class LingeringTransport(asyncio.Transport):
    """The way to a client, as far as one who answers it needs that."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._end: asyncio.TimerHandle | None = None
        self._is_in_haste = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Say something; once all is said, nothing."""
        if self._end is None:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Tell whether all is said."""
        return self._end is not None or self._transport.is_closing()

    def close(self) -> None:
        """Say no more, and hang up once the other side does, or has had the time to."""
        if self._is_in_haste:
            self._transport.close()
        elif not self.is_closing():
            self._end = self._loop.call_later(LINGER_S, self._transport.close)
            self._transport.write_eof()
            self._transport.resume_reading()

    def hurry(self) -> None:
        """Wait no longer for the other side to hang up."""
        self._is_in_haste = True
        if self._end is not None:
            self._transport.close()

    def abort(self) -> None:
        """Hang up, whatever was not heard yet."""
        self._transport.abort()

    def forget(self) -> None:
        """Take note that the connection is over."""
        if self._end is not None:
            self._end.cancel()
