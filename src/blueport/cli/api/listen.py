"""`blueport listen`: what happens, as it happens; on standard output, or posted to a receiver of one's own."""

import argparse
import itertools
from collections import deque
from contextlib import ExitStack, closing

from blueport.cli.api import calling, forwarding
from blueport.cli.api.calling import Command, Session, note
from blueport.cli.api.errors import NotTakenError
from blueport.cli.api.forwarding import Receiver
from blueport.cli.api.listening import Forwarder, Listener, Sought
from blueport.cli.api.places import Bookmark
from blueport.cli.parsing import words_in

DELAYS_S = (1.0, 2.0, 5.0)
LONGEST_DELAY_S = 3_600


def main(arguments: list[str]) -> None:
    """Listen until told to stop."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="line", metavar="LINE", help="only what happens on this line (all that the key may use)"
    )
    parser.add_argument(
        "--events", type=words_in, metavar="A,B", help="only these events (all; `blueport trigger --list`)"
    )
    parser.add_argument("--count", type=calling.above_zero, metavar="N", help="end after so many events")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--after", metavar="EVT", help="begin behind this event (evt_...); else with what happens from now on"
    )
    start.add_argument(
        "--resume",
        action="store_true",
        help="go on where the last `listen --resume` with the same --from, --events and --forward-to ended, however it"
        " ended; what was just being posted is posted again",
    )
    posting = parser.add_argument_group("posting to a receiver")
    posting.add_argument("--forward-to", metavar="URL", help="post each event there, signed, as a webhook gets it")
    posting.add_argument(
        "--secret", metavar="SECRET", help="what signs them (whsec_..., made once, and kept on this machine)"
    )
    posting.add_argument(
        "--print-secret", action="store_true", help="print what signs them, for the receiver's settings, and end"
    )
    posting.add_argument(
        "--retry-delays",
        type=_delays_s,
        default=DELAYS_S,
        metavar="S,S",
        help="how many seconds to wait before each further try of one that failed (1,2,5); '' for none",
    )


def _listen(session: Session, options: argparse.Namespace) -> None:
    if options.print_secret:
        secret = options.secret or forwarding.kept_secret()
        session.tell({"secret": secret}, secret)
        return
    with ExitStack() as held:
        forwarder = _forwarder(options, held) if options.forward_to else None
        sought = Sought(from_=options.line, events=options.events)
        bookmark = held.enter_context(_bookmark(session, options)) if options.resume else None
        listener = held.enter_context(closing(Listener(session, sought, forwarder=forwarder, bookmark=bookmark)))
        held.callback(listener.sum_up)
        deque(itertools.islice(listener.listen(options.after), options.count), maxlen=0)
    if forwarder is not None and forwarder.given_up:
        raise NotTakenError(f"{options.forward_to} did not take {forwarder.given_up} of {listener.heard} events")


def _forwarder(options: argparse.Namespace, held: ExitStack) -> Forwarder:
    receiver = held.enter_context(Receiver(options.forward_to))
    secret = options.secret or forwarding.kept_secret()
    note(f"posting to {options.forward_to}, signed with {secret}")
    return Forwarder(receiver, secret, options.retry_delays)


def _bookmark(session: Session, options: argparse.Namespace) -> Bookmark:
    return Bookmark(
        api_url=session.credentials.api_url, line=options.line, events=options.events, forward_to=options.forward_to
    )


def _delays_s(words: str) -> tuple[float, ...]:
    """Read numbers of seconds."""
    try:
        delays_s = tuple(float(word) for word in words.split(",") if word)
    except ValueError:
        delays_s = (-1.0,)
    if any(not 0 <= delay_s <= LONGEST_DELAY_S for delay_s in delays_s):
        raise argparse.ArgumentTypeError(f"{words!r} is no list of seconds like 1,2,5, each up to {LONGEST_DELAY_S}")
    return delays_s


COMMAND = Command(
    "listen",
    "Print what happens, as it happens: on a terminal for people, else as one JSON object a line. With --forward-to"
    " each event is also posted to a receiver of yours, as a webhook gets it, in order; one that fails is tried again.",
    _options,
    _listen,
    (
        "listen",
        "listen --events message.received --json",
        "listen --forward-to http://127.0.0.1:3000/webhook --resume",
        "listen --print-secret",
    ),
)
