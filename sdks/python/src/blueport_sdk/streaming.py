"""The stream of events (text/event-stream, WHATWG HTML 9.2), across all its connections. No I/O happens here."""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from blueport_sdk.errors import MessagesError
from blueport_sdk.events import Event, event_of, joined
from blueport_sdk.exchanging import Answer, Failure, Request, error_of, next_wait_s, no_answer, unexpected

# The server says something every 15 seconds; who hears nothing for so much longer than usual is talking to nobody.
_QUIET_S = 30.0
_FIRST_WAIT_S = 1.0
# However soon a server would like it: one that ends each stream at once is not to be asked without end.
_LEAST_WAIT_S = 0.1
_LONGEST_WAIT_S = 3600.0
_OK = 200
_MILLISECONDS = re.compile("[0-9]{1,9}")


@dataclass(frozen=True)
class _Frame:
    """What stands between two empty lines; *data* is None where there is just a place to go on from."""

    data: str | None
    last_id: str | None


class Frames:
    """Puts together what comes in pieces."""

    def __init__(self) -> None:
        """Begin a connection."""
        self.retry_s: float | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._data: list[str] = []
        self._id: str | None = None

    def heard(self, chunk: bytes) -> Iterator[_Frame]:
        """Return what is complete with this piece."""
        text = self._rest + self._decoder.decode(chunk)
        # A piece may end between the two halves of a line's end.
        ended_within = text.endswith("\r")
        lines = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = lines.pop() + ("\r" if ended_within else "")
        for line in lines:
            frame = self._line(line)
            if frame is not None:
                yield frame

    def _line(self, line: str) -> _Frame | None:
        if not line:
            data, self._data = self._data, []
            return _Frame("\n".join(data) or None, self._id)
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id" and value.isascii() and value.isprintable():  # it goes into a header
            self._id = value
        elif name == "retry" and _MILLISECONDS.fullmatch(value):
            self.retry_s = int(value) / 1000
        return None


class Following:
    """Where a reader of the stream is, whatever was cut off meanwhile."""

    def __init__(
        self,
        *,
        after: str | None,
        from_: str | None,
        events: Sequence[str] | None,
        on_place: Callable[[str], object] | None = None,
    ) -> None:
        """Begin behind the event *after*, or with what happens from now on; *on_place* is told each place."""
        self.last_id = after
        self._on_place = on_place
        self._query = {"from": from_, "events": joined(events)}
        self._frames = Frames()
        self._retry_s = _FIRST_WAIT_S
        self._failed = 0
        self._error: MessagesError | None = None

    def request(self) -> Request:
        """Return what to ask for the next connection."""
        self._frames = Frames()
        self._error = None
        headers = {"Accept": "text/event-stream"}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        query = {name: value for name, value in self._query.items() if value is not None}
        return Request("GET", "/v1/events", query=query, headers=headers, quiet_s=_QUIET_S)

    def heard(self, chunk: bytes) -> Iterator[Event]:
        """Return the events that are complete with this piece.

        Raises:
            UnexpectedResponseError: One is none of ours.
        """
        for frame in self._frames.heard(chunk):
            self._failed = 0
            if frame.data is not None:
                # Behind it only once it was taken.
                yield _event(frame.data)
            self._is_behind(frame.last_id)
        self._retry_s = self._frames.retry_s if self._frames.retry_s is not None else self._retry_s

    def _is_behind(self, last_id: str | None) -> None:
        if not last_id or last_id == self.last_id:
            return
        self.last_id = last_id
        if self._on_place is not None:
            self._on_place(last_id)

    def refused(self, answer: Answer) -> None:
        """Take note that the server gave no stream."""
        if answer.status == _OK:
            self._error = unexpected(answer, "the answer is no stream of events: is the base URL right?")
        else:
            self._error = error_of(answer)

    def failed(self, failure: Failure) -> None:
        """Take note that the connection failed."""
        self._error = no_answer(failure)

    def wait_s(self) -> float:
        """Return in how many seconds to connect again.

        Raises:
            MessagesError: The server's refusal, if it will not pass.
        """
        if self._error is None:
            return max(_LEAST_WAIT_S, self._retry_s)
        wait_s = next_wait_s(self._error, self._failed)
        self._failed += 1
        if wait_s is None:
            raise self._error
        return min(max(_LEAST_WAIT_S, wait_s), _LONGEST_WAIT_S)


def is_stream(status: int, content_type: str) -> bool:
    """Tell whether an answer is a stream of events."""
    return status == _OK and content_type.lower().startswith("text/event-stream")


def _event(data: str) -> Event:
    try:
        return event_of(json.loads(data))
    except (ValueError, RecursionError) as error:
        broken = Answer(_OK, {}, data.encode())
        raise unexpected(broken, f"an event is not what the API promises: {error}") from None
