"""`blueport trigger`: a delivery that is made up, but valid: to one's own receiver, by the server, or on the screen."""

import argparse
import contextlib
import json
from pathlib import Path

from blueport.cli.api import calling, deliveries, forwarding, texts
from blueport.cli.api.calling import Command, Session
from blueport.cli.api.errors import NotTakenError, UsageError
from blueport.cli.api.forwarding import Receiver
from blueport_sdk import EventData, SignedDelivery, build_webhook_delivery
from blueport_sdk.samples import EVENTS, sample_data

Fields = dict[str, object]


def main(arguments: list[str]) -> None:
    """Make up a delivery."""
    calling.run(COMMAND, arguments)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "event", nargs="?", choices=EVENTS, metavar="EVENT", help="such as message.received; --list names all"
    )
    parser.add_argument(
        "fields", nargs="*", metavar="FIELD=VALUE", help="what is to be different in its data, such as text=Hello"
    )
    parser.add_argument("--list", action="store_true", help="print which events there are, and end")
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="JSON",
        help="the same as a JSON object, or @FILE with one (@- is standard input), or FIELD=VALUE; can be repeated",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--forward-to", metavar="URL", help="post it there; without it, and --webhook, it is printed")
    target.add_argument("--webhook", metavar="WH", help="have the server deliver one of its own to a webhook (wh_...)")
    parser.add_argument(
        "--secret", metavar="SECRET", help="what signs it (whsec_..., the one of `listen --print-secret`)"
    )
    parser.add_argument("--delivery-id", metavar="DLV", help="its dlv_... id, to try what comes twice (a new one)")


def _trigger(session: Session, options: argparse.Namespace) -> None:
    if options.list:
        _list(session)
    elif options.event is None:
        raise UsageError(f"say which event: {', '.join(EVENTS)}")
    elif options.webhook:
        _by_the_server(session, options)
    else:
        _made_up(session, options)


def _list(session: Session) -> None:
    print(json.dumps(EVENTS) if session.is_json else "\n".join(EVENTS))


def _by_the_server(session: Session, options: argparse.Namespace) -> None:
    if options.fields or options.data or options.secret or options.delivery_id:
        raise UsageError(
            "with --webhook the server makes it up: fields, --data, --secret and --delivery-id are not for it"
        )
    deliveries.tried_out(session, options.webhook, options.event, waits=True)


def _made_up(session: Session, options: argparse.Namespace) -> None:
    fields: Fields = {}
    for words in (*options.data, *options.fields):
        fields |= _fields(options.event, words)
    secret = options.secret or forwarding.kept_secret()
    data = _sample(options.event, fields)
    delivery = build_webhook_delivery(options.event, data, secret, delivery_id=options.delivery_id)
    if options.forward_to:
        _post(session, options.forward_to, options.event, delivery)
    else:
        _show(session, delivery)


def _sample(event: str, fields: Fields) -> EventData:
    try:
        return sample_data(event, **fields)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _post(session: Session, url: str, event: str, delivery: SignedDelivery) -> None:
    with Receiver(url) as receiver:
        tried = receiver.take(delivery)
    delivery_id = delivery.headers["X-Webhook-Delivery-Id"]
    session.tell({"event": event, "delivery_id": delivery_id, **tried._asdict()}, f"{event} {delivery_id}: {tried}")
    if tried.reason is not None:
        raise NotTakenError(
            f"{url} did not take it: {tried.reason}" + (f" ({tried.response})" if tried.response else "")
        )


def _show(session: Session, delivery: SignedDelivery) -> None:
    body = delivery.body.decode()
    headers = [f"{name}: {value}" for name, value in delivery.headers.items()]
    session.tell({"headers": {**delivery.headers}, "body": body}, None)
    if not session.is_json:
        print("\n".join([*headers, "", body]))


def _fields(event: str, words: str) -> Fields:
    """Read what is to be different: a JSON object, said or in a file, or `text=Hello`.

    Raises:
        UsageError: It is none of these.
    """
    if words == "@-":
        return _object(texts.text())
    if words.startswith("@"):
        return _object(texts.decoded(Path(words[1:]).read_bytes(), words[1:]))
    if words.lstrip().startswith("{"):
        return _object(words)
    return _field(event, words)


def _object(text: str) -> Fields:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the data are no JSON: {error}") from None
    if not isinstance(fields, dict):
        raise UsageError('the data are no JSON object like {"text": "Hello"}')
    return fields


def _field(event: str, words: str) -> Fields:
    """Read `text=Hello`: as words where the field takes words, else as JSON."""
    name, equals, value = words.partition("=")
    if not equals:
        raise UsageError(f"{words!r} is no FIELD=VALUE like text=Hello")
    try:
        sample_data(event, **{name: value})
    except ValueError:
        with contextlib.suppress(ValueError):
            return {name: json.loads(value)}
    return {name: value}


COMMAND = Command(
    "trigger",
    "Make up an event, and deliver it once: to a receiver of yours (--forward-to), or by the server to a webhook"
    " (--webhook). With neither it is printed, headers and body.",
    _options,
    _trigger,
    (
        "trigger message.received text=Hello --forward-to http://127.0.0.1:3000/webhook",
        "trigger reaction.added --webhook wh_01k742sg000000000000000001",
        'trigger message.edited --data \'{"text": "Hello", "previous_text": "Helo"}\' --json',
        "trigger --list",
    ),
)
