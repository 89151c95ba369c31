"""Files on their way up, and work that the server has accepted: how far it is, for people, and what became of it."""

import argparse
import mimetypes
import sys
import time
from pathlib import Path
from typing import Any, Never

from tqdm import tqdm

from blueport.cli.api import calling, texts
from blueport.cli.api.calling import Session
from blueport.cli.api.errors import WorkFailedError
from blueport_sdk import Accepted, Client, File, OutboxItem, WaitTimeoutError

PATIENCE_S = 60
# How often somebody who waits sees something move, between two looks.
_TICKS = 10
_STANDARD_INPUT = "-"


def options(parser: argparse.ArgumentParser) -> None:
    """Take what all commands take that give the server work."""
    wait_options(parser)
    parser.add_argument(
        "--idempotency-key", metavar="KEY", help="a word of yours: said again under it, the command has its effect once"
    )


def wait_options(parser: argparse.ArgumentParser) -> None:
    """Take whether, and how long, to wait for what becomes of it."""
    parser.add_argument("--wait", action="store_true", help="wait until it is sent or has failed; failed is status 1")
    parser.add_argument(
        "--timeout",
        type=calling.above_zero,
        default=PATIENCE_S,
        metavar="SECONDS",
        help=f"how long to wait at most ({PATIENCE_S})",
    )


def client_for(session: Session, options: argparse.Namespace) -> Client:
    """Return the client that names the effect as the user does."""
    return session.client.with_options(idempotency_key=options.idempotency_key)


def tell(session: Session, accepted: Accepted, options: argparse.Namespace) -> None:
    """Answer with the work's id, or, where that is waited for, with what became of it."""
    if not options.wait:
        session.tell(
            accepted, accepted.id, f"accepted; `blueport outbox {accepted.id} --wait` tells what becomes of it"
        )
        return
    item = until_ended(session, accepted.id, options.timeout)
    session.tell(item, item.id, *(["sent"] if item.status == "sent" else []))
    check(item)


def check(item: OutboxItem) -> None:
    """See to it that work that has ended was done.

    Raises:
        WorkFailedError: It could not be done.
    """
    if item.status == "failed":
        raise WorkFailedError(f"{item.id} failed: {item.error or 'the server does not say why'}")


def text_of(words: list[str]) -> str | None:
    """Return what is to be said: the *words*, or standard input; None if that is nothing."""
    if words == [_STANDARD_INPUT]:
        return texts.text().removesuffix("\n") or None
    return " ".join(words) or None


def until_ended(session: Session, outbox_id: str, timeout_s: int) -> OutboxItem:
    """Return the work once it is sent or has failed.

    Raises:
        WaitTimeoutError: It is still under way after *timeout_s* seconds.
    """
    with progress(desc=f"waiting for {outbox_id}", bar_format="{desc} {elapsed}") as bar:

        def pause(seconds: float) -> None:
            for _ in range(_TICKS):
                time.sleep(seconds / _TICKS)
                bar.update()

        with session.client_that_waits_by(pause) as client:
            try:
                return client.wait_for_outbox_item(id=outbox_id, timeout_s=timeout_s)
            except WaitTimeoutError as error:
                raise WaitTimeoutError(f"{error}: `blueport outbox {outbox_id} --wait` waits on") from None


def uploaded(client: Client, path: Path, *, name: str | None = None, mime_type: str | None = None) -> File:
    """Bring a file to the server; what it is called, and is, are found by its name where nothing is said.

    Raises:
        OSError: It cannot be read.
    """
    kind = mime_type or mimetypes.guess_type(path)[0]
    with progress(desc=path.name, total=path.stat().st_size, unit="B", unit_scale=True) as bar:

        def show(gone: int, _of: int) -> None:
            bar.update(gone - bar.n)

        return client.upload_file(file=path, filename=name, mime_type=kind, on_progress=show)


def progress(**its: Any) -> "tqdm[Never]":
    """Return a bar that only a person in a terminal sees, and only while it moves."""
    return tqdm(**its, file=sys.stderr, disable=None, leave=False)
