"""`blueport webhooks`: where the server posts events to, and what became of what it posted."""

import argparse
import dataclasses
from typing import Literal, get_args

from blueport.cli.api import calling, deliveries
from blueport.cli.api.calling import Command, Session, above_zero, first, moment
from blueport.cli.api.errors import UsageError
from blueport.cli.api.times import moment_ms, seconds
from blueport.cli.parsing import words_in
from blueport_sdk import Client, Replayed, Webhook
from blueport_sdk.samples import EVENTS

DEFAULT_EVENTS = ("message.received", "message.sent", "reaction.added", "reaction.removed")
LIMIT = 50
Listed = Literal["pending", "delivered", "failed", "cancelled"]
Replayable = Literal["failed", "delivered", "cancelled", "missed"]


def main(arguments: list[str]) -> None:
    """Do what is asked about webhooks."""
    calling.run_noun("webhooks", "where the server posts events to, and what became of them", COMMANDS, arguments)


def _list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="line", metavar="LINE", help="only those that hear of this line")


def _list(session: Session, options: argparse.Namespace) -> None:
    webhooks = list(session.client.list_webhooks(from_=options.line))
    session.show(
        webhooks,
        {
            "ID": lambda each: each.id,
            "URL": lambda each: each.url,
            "EVENTS": lambda each: ",".join(each.events),
            "LINES": lambda each: str(len(each.line_ids)),
            "STATE": _state,
        },
    )


def _state(webhook: Webhook) -> str:
    if webhook.is_active:
        return "active"
    return f"off ({webhook.disabled_reason}) since {moment(webhook.disabled_at)}"


def _create_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="URL", help="where to post to: https, or what the installation allows")
    parser.add_argument(
        "--from",
        dest="line",
        metavar="LINE",
        default="",
        help="only what happens on this line (all that the key may use)",
    )
    parser.add_argument(
        "--events",
        type=words_in,
        default=DEFAULT_EVENTS,
        metavar="A,B",
        help="which events (messages received and sent, reactions added and removed)",
    )
    parser.add_argument(
        "--retry-delays",
        type=_whole_numbers,
        metavar="S,S",
        help="seconds before each further try (12 tries over 3 days)",
    )


def _create(session: Session, options: argparse.Namespace) -> None:
    made = session.client.create_webhook(
        from_=options.line, url=options.address, events=options.events, retry_delays_s=options.retry_delays
    )
    session.tell(made, f"{made.id} {made.secret}", "the secret is shown this once: it signs what is posted there")


def _delete(session: Session, options: argparse.Namespace) -> None:
    session.tell(session.client.delete_webhook(id=options.id), options.id)


def _test_options(parser: argparse.ArgumentParser) -> None:
    _id_argument(parser)
    parser.add_argument("event", nargs="?", choices=EVENTS, metavar="EVENT", help="which event (message.received)")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for what the receiver answers")


def _test(session: Session, options: argparse.Namespace) -> None:
    deliveries.tried_out(session, options.id, options.event, waits=not options.no_wait)


def _deliveries_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="WH", help="only those of this webhook (wh_...)")
    parser.add_argument("--webhook", metavar="WH", help="the same")
    parser.add_argument("--status", choices=get_args(Listed), help="only those that are so")
    _times(parser)
    calling.limit_option(parser, LIMIT)


def _deliveries(session: Session, options: argparse.Namespace) -> None:
    listed = session.client.list_webhook_deliveries(
        webhook_id=options.id or options.webhook, status=options.status, since=options.since, until=options.until
    )
    session.show(
        first(listed, options.limit),
        {
            "ID": lambda each: each.id,
            "CREATED": lambda each: moment(each.created_at),
            "EVENT": lambda each: f"{each.event} (test)" if each.is_test else each.event,
            "STATUS": lambda each: each.status,
            "TRIES": lambda each: str(each.attempts),
            "REASON": lambda each: each.reason,
            "NEXT TRY": lambda each: moment(each.next_attempt_at),
            "WEBHOOK": lambda each: each.webhook_id,
        },
    )


def _attempts_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="DLV", help="the delivery (dlv_...)")


def _attempts(session: Session, options: argparse.Namespace) -> None:
    session.show(
        list(session.client.list_webhook_attempts(delivery_id=options.id)),
        {
            "TRY": lambda each: str(each.number),
            "STARTED": lambda each: moment(each.started_at),
            "OUTCOME": lambda each: each.reason,
            "MS": lambda each: None if each.duration_ms is None else str(each.duration_ms),
            "ADDRESS": lambda each: each.address,
            "ANSWER": lambda each: each.response,
        },
    )


def _replay_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="DLV", help="one delivery (dlv_...)")
    parser.add_argument("--webhook", metavar="WH", help="all of this webhook (wh_...) with that status")
    parser.add_argument(
        "--status",
        choices=get_args(Replayable),
        help="which of them (all but what was delivered); missed is what happened while it was off, or not there yet",
    )
    _times(parser)


def _replay(session: Session, options: argparse.Namespace) -> None:
    if (options.id is None) == (options.webhook is None):
        raise UsageError("say what to send once more: one delivery (dlv_...), or --webhook wh_...")
    replayed = _replayed(session.client, options)
    session.tell(replayed, str(replayed.replayed), "so many deliveries go out once more")


def _replayed(client: Client, options: argparse.Namespace) -> Replayed:
    """Have all of them go out once more; the server takes so many at a time."""
    since, how_many = options.since, 0
    while True:
        some = client.replay_webhook_deliveries(
            delivery_id=options.id,
            webhook_id=options.webhook,
            status=options.status,
            since=since,
            until=options.until,
        )
        how_many += some.replayed
        if not some.has_more:
            return dataclasses.replace(some, replayed=how_many)
        since = some.next_since


def _rotate_options(parser: argparse.ArgumentParser) -> None:
    _id_argument(parser)
    parser.add_argument(
        "--overlap", type=seconds, metavar="TIME", help="how long the earlier secret signs too, such as 24h (24h)"
    )


def _rotate(session: Session, options: argparse.Namespace) -> None:
    rotated = session.client.rotate_webhook_secret(id=options.id, overlap_s=options.overlap)
    until = moment(rotated.earlier_secret_expires_at)
    session.tell(
        rotated,
        rotated.secret,
        f"the secret is shown this once; until {until} the earlier one signs too, in the header webhook-signature",
    )


def _enable(session: Session, options: argparse.Namespace) -> None:
    session.tell(session.client.enable_webhook(id=options.id), options.id)


def _id_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="WH", help="the webhook (wh_...)")


def _times(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", type=moment_ms, metavar="TIME", help="2h (ago), a date, or Unix milliseconds")
    parser.add_argument("--until", type=moment_ms, metavar="TIME", help="the same")


def _whole_numbers(words: str) -> list[int]:
    return [above_zero(word) for word in words_in(words)]


_WH = "wh_01k742sg000000000000000001"
_DLV = "dlv_01k742sg000000000000000001"
COMMANDS = (
    Command("list", "show where events are posted to", _list_options, _list, ("webhooks list",)),
    Command(
        "create",
        "have events posted to a URL; prints its id and its secret",
        _create_options,
        _create,
        ("webhooks create https://agent.example.com/hook --events message.received",),
    ),
    Command("delete", "have a webhook told nothing more", _id_argument, _delete, (f"webhooks delete {_WH}",)),
    Command(
        "test",
        "have a made-up event posted to a webhook, and say how that went",
        _test_options,
        _test,
        (f"webhooks test {_WH} reaction.added",),
    ),
    Command(
        "deliveries",
        "show what was posted, the latest first",
        _deliveries_options,
        _deliveries,
        (f"webhooks deliveries --webhook {_WH} --status failed --since 2h",),
    ),
    Command("attempts", "show the tries of a delivery", _attempts_options, _attempts, (f"webhooks attempts {_DLV}",)),
    Command(
        "replay",
        "post once more what was posted: one delivery, or all that failed",
        _replay_options,
        _replay,
        (f"webhooks replay {_DLV}", f"webhooks replay --webhook {_WH} --status failed --since 2d"),
    ),
    Command(
        "rotate",
        "rotate the secret of a webhook; prints the new one",
        _rotate_options,
        _rotate,
        (f"webhooks rotate {_WH} --overlap 1h",),
    ),
    Command(
        "enable",
        "enable a webhook that was disabled because it failed",
        _id_argument,
        _enable,
        (f"webhooks enable {_WH}",),
    ),
)
