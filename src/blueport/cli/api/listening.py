"""Follows what happens: shows each event, posts it to a receiver, and keeps how far that is."""

import functools
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

from blueport.cli.api import calling, forwarding
from blueport.cli.api.calling import Session, note
from blueport.cli.api.errors import DamagedPlaceError
from blueport.cli.api.event_lines import line_of
from blueport.cli.api.forwarding import Receiver, Tried
from blueport.cli.api.places import Bookmark
from blueport_sdk import Event, InvalidRequestError, SignedDelivery, as_told, build_webhook_delivery


class Sought(TypedDict):
    """Which events are wanted, as the client takes it."""

    from_: str | None
    events: list[str] | None


@dataclass
class Forwarder:
    """Posts events to a receiver, one after the other, and counts those that it never took."""

    receiver: Receiver
    secret: str
    delays_s: Sequence[float]
    given_up: int = 0

    def forward(self, event: Event) -> None:
        """Post *event* until it is taken, or given up. All tries, today or another time, have the same delivery id."""
        delivery_id = f"dlv_{event.id.removeprefix('evt_')}"
        name = f"{event.event} {delivery_id}"
        make = functools.partial(_delivery, event, self.secret, delivery_id)
        if not forwarding.delivered(self.receiver, make, self.delays_s, functools.partial(_tell, name)):
            self.given_up += 1
            note(f"{name}: given up; the event stays in the log: {event.id}")


class Listener:
    """Follows events."""

    def __init__(
        self, session: Session, sought: Sought, *, forwarder: Forwarder | None, bookmark: Bookmark | None
    ) -> None:
        """Follow those that are *sought*; *forwarder* and *bookmark* are told of each."""
        self.heard = 0
        self._sought = sought
        self._forwarder = forwarder
        self._bookmark = bookmark
        self._show = calling.json_of if session.is_json or not sys.stdout.isatty() else line_of
        self._client = session.client_that_waits_by(_wait)
        self._is_listening = False

    def listen(self, after: str | None) -> Iterator[Event]:
        """Yield each event once it is taken, for ever.

        Raises:
            MessagesError: The server refuses it, or is not there.
            DamagedPlaceError: The place that was kept is none of this account's.
        """
        start = after or (self._bookmark.read() if self._bookmark else None)
        self._check(start)
        if start is not None:
            self._is_behind(start)
        for event in self._client.events(after=start, on_place=self._is_behind, **self._sought):
            self._take(event)
            yield event

    def sum_up(self) -> None:
        """Say how it went, if it went at all."""
        if self._is_listening:
            given_up = self._forwarder.given_up if self._forwarder else 0
            more = f", {given_up} of them given up" if given_up else ""
            note(f"{self.heard} {'event' if self.heard == 1 else 'events'}{more}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _check(self, after: str | None) -> None:
        """Find out at once what is wrong: a stream would wait for a server that is not there."""
        try:
            self._client.list_events(after=after, limit=1, **self._sought)
        except InvalidRequestError as error:
            if self._bookmark is None or error.param != "after":
                raise
            path = self._bookmark.path
            raise DamagedPlaceError(f"{path} is behind an event of another account: remove it to begin anew") from None

    def _take(self, event: Event) -> None:
        self.heard += 1
        print(self._show(event), flush=True)
        if self._forwarder is not None:
            self._forwarder.forward(event)
        self._is_behind(event.id)

    def _is_behind(self, event_id: str) -> None:
        if self._bookmark is not None:
            self._bookmark.keep(event_id)
        self._begins()

    def _begins(self) -> None:
        """Say, once, that nothing is missed that happens from now on."""
        if not self._is_listening:
            self._is_listening = True
            note("listening; Ctrl-C ends it")


def _delivery(event: Event, secret: str, delivery_id: str) -> SignedDelivery:
    return build_webhook_delivery(event.event, as_told(event)["data"], secret, delivery_id=delivery_id)


def _tell(name: str, tried: Tried, next_in_s: float | None) -> None:
    more = "" if next_in_s is None else f"; trying again in {next_in_s:g} s"
    note(f"{name}: {tried}{more}")


def _wait(seconds: float) -> None:
    note(f"the stream of events is interrupted; going on where it was in {seconds:.1f} s")
    time.sleep(seconds)
