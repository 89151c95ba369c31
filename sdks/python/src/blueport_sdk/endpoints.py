"""Each method of the clients, once: what it asks, and how the answer is read. Both clients are made of these."""

import functools
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar
from urllib.parse import unquote

from blueport_sdk import models, vcards
from blueport_sdk.bodies import Progress, Source, name_as_header, name_of, upload_of
from blueport_sdk.errors import WaitTimeoutError
from blueport_sdk.events import Event, event_of, joined
from blueport_sdk.exchanging import Answer, Request, Steps, Wait, answered, asked, unexpected
from blueport_sdk.models import Effect, Listed, ReactionType
from blueport_sdk.shapes import shaped
from blueport_sdk.vcards import ContactAddress, ContactCard, ContactEmail, ContactPhone, PhotoType

T = TypeVar("T")


class _Unchanged:
    def __repr__(self) -> str:
        return "unchanged"


_UNCHANGED: Any = _Unchanged()
_FIRST_LOOK_S = 0.1
_SLOWEST_LOOK_S = 2.0
_NAME = re.compile(r"filename\*=UTF-8''([^;]+)", re.IGNORECASE)


def send_message(
    *,
    from_: str,
    to: str,
    text: str | None = None,
    attachments: Sequence[str] | None = None,
    reply_to: str | None = None,
    effect: Effect | None = None,
) -> Steps[models.Accepted]:
    """Send a message; at least one of *text* and *attachments* is needed.

    Args:
        from_: The line: a phone number, an Apple ID or `ln_...`.
        to: The other side: a phone number, an Apple ID, or `cht_...` for a group.
        text: The body.
        attachments: The id of one uploaded file (`file_...`).
        reply_to: The message that is answered: `msg_...` or its guid.
        effect: What comes with the text, where the line has `effects`.
    """
    body = {"from": from_, "to": to, "text": text, "attachments": attachments, "reply_to": reply_to, "effect": effect}
    return _posted("/v1/messages", body, models.Accepted)


def send_reaction(
    *,
    from_: str,
    to: str,
    message_id: str,
    type: ReactionType | str | None = None,
    emoji: str | None = None,
    remove: bool | None = None,
) -> Steps[models.Accepted]:
    """Put a tapback on a message: one of the six, or any one *emoji*; with *remove* take it off again."""
    body = {"from": from_, "to": to, "message_id": message_id, "type": type, "emoji": emoji, "remove": remove}
    return _posted("/v1/reactions", body, models.Accepted)


def start_typing(*, from_: str, to: str) -> Steps[models.Accepted]:
    """Show the line typing."""
    return _posted("/v1/typing", {"from": from_, "to": to}, models.Accepted)


def stop_typing(*, from_: str, to: str) -> Steps[models.Accepted]:
    """Show the line typing no more."""
    return _posted("/v1/typing", {"from": from_, "to": to, "state": "off"}, models.Accepted)


def send_read_receipt(*, from_: str, to: str) -> Steps[models.Accepted]:
    """Mark a chat as read."""
    return _posted("/v1/receipts", {"from": from_, "to": to}, models.Accepted)


def upload_file(
    file: Source,
    *,
    filename: str | None = None,
    mime_type: str | None = None,
    on_progress: Progress | None = None,
) -> Steps[models.File]:
    """Keep a file on the server, to be sent by its id.

    Args:
        file: Bytes, the path of a file, or an open binary file.
        filename: What people will see; the file's own name where *file* is a path.
        mime_type: `application/octet-stream` where nothing is said.
        on_progress: Is told how many bytes are sent, of how many; from 0 again where it has to be tried again.

    Raises:
        OSError: The file cannot be read.
    """
    return _uploaded(upload_of(file, on_progress), filename or name_of(file), mime_type)


def send_audio_message(
    *, from_: str, to: str, audio_message: str, reply_to: str | None = None
) -> Steps[models.Accepted]:
    """Send an uploaded sound (`file_...`) as a voice message.

    Raises:
        ValueError: *audio_message* is no file's id.
    """
    _check_file_id(audio_message, "audio_message")
    body = {"from": from_, "to": to, "audio_message": audio_message, "reply_to": reply_to}
    return _posted("/v1/audio-messages", body, models.Accepted)


def send_contact_card(
    *,
    from_: str,
    to: str,
    first_name: str,
    last_name: str,
    text: str | None = None,
    reply_to: str | None = None,
    effect: Effect | None = None,
    phones: Sequence[ContactPhone] = (),
    emails: Sequence[ContactEmail] = (),
    org: str | None = None,
    title: str | None = None,
    url: str | None = None,
    address: ContactAddress | None = None,
    bday: str | None = None,
    note: str | None = None,
    photo: str | None = None,
    photo_type: PhotoType | None = None,
    filename: str | None = None,
) -> Steps[models.Accepted]:
    """Send a person's card: make it, upload it, and send it as a file.

    Args:
        from_: The line.
        to: The other side.
        first_name: May be empty, as *last_name* may.
        last_name: The name of the family.
        text: What is said beside it.
        reply_to: The message that is answered.
        effect: What comes with the text.
        phones: Phone numbers.
        emails: Addresses.
        org: Where they work.
        title: As what.
        url: Their page.
        address: Where they are found.
        bday: YYYY-MM-DD.
        note: Anything.
        photo: An uploaded picture (`file_...`), which is put into the card.
        photo_type: What it is, if not what its bytes look like.
        filename: `<first>-<last>.vcf` where nothing is said.

    Raises:
        ValueError: *photo* is no file's id.
    """
    if photo is not None:
        _check_file_id(photo, "photo")
    card = ContactCard(
        first_name=first_name,
        last_name=last_name,
        phones=phones,
        emails=emails,
        org=org,
        title=title,
        url=url,
        address=address,
        bday=bday,
        note=note,
    )
    message = {"from": from_, "to": to, "text": text, "reply_to": reply_to, "effect": effect}
    return _card_sent(card, photo, photo_type, filename or vcards.file_name(card), message)


def edit_message(*, message_id: str, text: str) -> Steps[models.Accepted]:
    """Give a message that the line has sent another text."""
    return _posted("/v1/messages/edit", {"message_id": message_id, "text": text}, models.Accepted)


def unsend_message(message_id: str) -> Steps[models.Accepted]:
    """Take back a message that the line has sent."""
    return _posted("/v1/messages/unsend", {"message_id": message_id}, models.Accepted)


def create_chat(
    *, from_: str, participants: Sequence[str], text: str, name: str | None = None
) -> Steps[models.Accepted]:
    """Begin a group with at least two people, by its first message."""
    body = {"from": from_, "participants": participants, "text": text, "name": name}
    return _posted("/v1/chats", body, models.Accepted)


def rename_chat(*, from_: str, to: str, name: str) -> Steps[models.Accepted]:
    """Give a group (`cht_...`) a name."""
    return _posted("/v1/chats/rename", {"from": from_, "to": to, "name": name}, models.Accepted)


def add_participant(*, from_: str, to: str, participant: str) -> Steps[models.Accepted]:
    """Take somebody into a group (`cht_...`)."""
    return _posted("/v1/chats/add", {"from": from_, "to": to, "participant": participant}, models.Accepted)


def remove_participant(*, from_: str, to: str, participant: str) -> Steps[models.Accepted]:
    """Put somebody out of a group (`cht_...`)."""
    return _posted("/v1/chats/remove", {"from": from_, "to": to, "participant": participant}, models.Accepted)


def leave_chat(*, from_: str, to: str) -> Steps[models.Accepted]:
    """Have the line leave a group (`cht_...`)."""
    return _posted("/v1/chats/leave", {"from": from_, "to": to}, models.Accepted)


def list_lines(
    *, include: Literal["capabilities"] | None = None, limit: int | None = None, cursor: str | None = None
) -> Steps[Listed[models.Line]]:
    """List the lines that the key may use."""
    return _listed("/v1/lines", {"include": include, "limit": limit, "cursor": cursor}, models.Line)


def list_chats(*, from_: str, limit: int | None = None, cursor: str | None = None) -> Steps[Listed[models.Chat]]:
    """List the chats of a line, the latest first."""
    return _listed("/v1/chats", {"from": from_, "limit": limit, "cursor": cursor}, models.Chat)


def list_messages(
    *, from_: str, to: str, q: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Steps[Listed[models.Message]]:
    """List the messages of a chat, the latest first; with *q* those that have these words in them."""
    query = {"from": from_, "to": to, "q": q, "limit": limit, "cursor": cursor}
    return _listed("/v1/messages", query, models.Message)


def list_reactions(
    message_id: str, *, limit: int | None = None, cursor: str | None = None
) -> Steps[Listed[models.Reaction]]:
    """List the tapbacks on a message."""
    return _listed("/v1/reactions", {"message_id": message_id, "limit": limit, "cursor": cursor}, models.Reaction)


def list_typing_indicators(
    *, from_: str, to: str, limit: int | None = None, cursor: str | None = None
) -> Steps[Listed[models.TypingIndicator]]:
    """List who is typing in a chat."""
    query = {"from": from_, "to": to, "limit": limit, "cursor": cursor}
    return _listed("/v1/typing", query, models.TypingIndicator)


def list_read_receipts(
    *, from_: str, to: str, limit: int | None = None, cursor: str | None = None
) -> Steps[Listed[models.ReadReceipt]]:
    """List who has read a chat, and up to when."""
    query = {"from": from_, "to": to, "limit": limit, "cursor": cursor}
    return _listed("/v1/receipts", query, models.ReadReceipt)


def list_webhooks(
    *, from_: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Steps[Listed[models.Webhook]]:
    """List the webhooks of a line, or of all."""
    return _listed("/v1/webhooks", {"from": from_, "limit": limit, "cursor": cursor}, models.Webhook)


def list_webhook_deliveries(
    *,
    webhook_id: str | None = None,
    status: Literal["pending", "delivered", "failed", "cancelled"] | None = None,
    since: int | None = None,
    until: int | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Steps[Listed[models.WebhookDelivery]]:
    """List deliveries of the last 30 days; *since* and *until* are Unix milliseconds."""
    times = {"since": since, "until": until}
    query = {"webhook_id": webhook_id, "status": status, **times, "limit": limit, "cursor": cursor}
    return _listed("/v1/webhooks/deliveries", query, models.WebhookDelivery)


def list_webhook_attempts(
    delivery_id: str, *, limit: int | None = None, cursor: str | None = None
) -> Steps[Listed[models.WebhookAttempt]]:
    """List the tries of a delivery."""
    query = {"delivery_id": delivery_id, "limit": limit, "cursor": cursor}
    return _listed("/v1/webhooks/attempts", query, models.WebhookAttempt)


def list_events(
    *,
    after: str | None = None,
    wait_s: int | None = None,
    from_: str | None = None,
    events: Sequence[str] | None = None,
    limit: int | None = None,
) -> Steps[Listed[Event]]:
    """List what happened behind the event *after*, oldest first.

    It is no page that leads on to the next: what happens has no end. `events()` follows it; who wants a piece at a time
    gives `next_cursor` as *after* the next time.

    Args:
        after: Begin behind this event (`evt_...`); else with the oldest that there is.
        wait_s: Wait up to so many seconds (30) until there is something.
        from_: Only those of this line.
        events: Only those of these types.
        limit: How many at most (100).
    """
    query = {"after": after, "wait_s": wait_s, "from": from_, "events": joined(events), "limit": limit}
    return asked(Request("GET", "/v1/events", query=_query(query), quiet_s=wait_s or 0), _events)


def get_outbox_item(id: str) -> Steps[models.OutboxItem]:
    """Return what became of work that was accepted (`obx_...`)."""
    return _got("/v1/outbox", {"id": id}, models.OutboxItem)


def wait_for_outbox_item(id: str, *, timeout_s: float = 60.0) -> Steps[models.OutboxItem]:
    """Wait until work (`obx_...`) is sent or has failed, and return it.

    Raises:
        WaitTimeoutError: It is still under way after *timeout_s* seconds.
    """
    left_s, wait_s = timeout_s, _FIRST_LOOK_S
    while True:
        asked_at = time.monotonic()
        item = yield from get_outbox_item(id)
        if item.status in ("sent", "failed"):
            return item
        left_s -= time.monotonic() - asked_at
        if left_s <= 0:
            raise WaitTimeoutError(f"{id} is still {item.status} after {timeout_s:g} s")
        wait_s = min(wait_s, left_s)
        yield Wait(wait_s)
        left_s, wait_s = left_s - wait_s, min(wait_s * 1.5, _SLOWEST_LOOK_S)


def get_file_url(id: str) -> Steps[models.FileUrl]:
    """Return where a file's bytes are for some minutes, for whoever has the address."""
    return models.FileUrl(url=(yield from _led(id)))


def download_file(id: str) -> Steps[models.Download]:
    """Return a file's bytes; the key is not sent to where they are."""
    answer = yield from _fetched(id)
    kind = answer.headers.get("content-type", "application/octet-stream").split(";")[0].strip()
    name = _NAME.search(answer.headers.get("content-disposition", ""))
    return models.Download(data=answer.content or b"", filename=name and unquote(name[1]), mime_type=kind)


def create_webhook(
    *, from_: str, url: str, events: Sequence[str], retry_delays_s: Sequence[int] | None = None
) -> Steps[models.Webhook]:
    """Have events of a line posted to *url*; an empty *from_* means every line. The secret is told this once."""
    body = {"from": from_, "url": url, "events": events, "retry_delays_s": retry_delays_s}
    return _posted("/v1/webhooks", body, models.Webhook)


def delete_webhook(id: str) -> Steps[models.Deleted]:
    """Have a webhook (`wh_...`) told nothing more."""
    return _asked(Request("DELETE", "/v1/webhooks", body={"id": id}), models.Deleted)


def rotate_webhook_secret(id: str, *, overlap_s: int | None = None) -> Steps[models.RotatedSecret]:
    """Give a webhook another secret; for *overlap_s* seconds both sign."""
    return _posted("/v1/webhooks/rotate", {"id": id, "overlap_s": overlap_s}, models.RotatedSecret)


def enable_webhook(id: str) -> Steps[models.Webhook]:
    """Switch on a webhook that was switched off because it failed."""
    return _posted("/v1/webhooks/enable", {"id": id}, models.Webhook)


def replay_webhook_deliveries(
    *,
    delivery_id: str | None = None,
    webhook_id: str | None = None,
    status: Literal["failed", "delivered", "cancelled", "missed"] | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Steps[models.Replayed]:
    """Send one delivery once more, or all of a webhook that had that *status*; times are Unix milliseconds."""
    times = {"since": since, "until": until}
    body = {"delivery_id": delivery_id, "webhook_id": webhook_id, "status": status, **times}
    return _posted("/v1/webhooks/replay", body, models.Replayed)


def test_webhook(id: str, *, event: str | None = None) -> Steps[models.Accepted]:
    """Have a made-up event delivered to a webhook (`wh_...`)."""
    return _posted("/v1/webhooks/test", {"id": id, "event": event}, models.Accepted)


def get_sandbox() -> Steps[models.Sandbox]:
    """Tell whether a phone is paired with the sandbox line."""
    return _got("/v1/sandbox", {}, models.Sandbox)


def activate_sandbox() -> Steps[models.Sandbox]:
    """Return the code that pairs the phone that texts it to the sandbox line."""
    return _posted("/v1/sandbox", None, models.Sandbox)


def get_settings() -> Steps[models.Settings]:
    """Return what the account has set."""
    return _got("/v1/settings", {}, models.Settings)


def update_settings(
    *,
    extended_events: bool | None = _UNCHANGED,
    stop_handling: bool | None = _UNCHANGED,
    pacing: Mapping[str, int | None] | None = _UNCHANGED,
    loop_guard: Mapping[str, int | None] | None = _UNCHANGED,
) -> Steps[models.Settings]:
    """Change what is named; None puts back what the installation does.

    Args:
        extended_events: Whether there are more events than the four.
        stop_handling: Whether who texts STOP is left alone.
        pacing: `interval_ms` and `burst`.
        loop_guard: `limit`, `window_s` and `pause_s`.
    """
    told = {
        "extended_events": extended_events,
        "stop_handling": stop_handling,
        "pacing": pacing,
        "loop_guard": loop_guard,
    }
    body = {name: value for name, value in told.items() if value is not _UNCHANGED}
    return _asked(Request("POST", "/v1/settings", body=body), models.Settings)


def _asked(request: Request, shape: type[T]) -> Steps[T]:
    return asked(request, functools.partial(shaped, shape))


def _posted(path: str, body: Mapping[str, object] | None, shape: type[T]) -> Steps[T]:
    given = None if body is None else {name: value for name, value in body.items() if value is not None}
    return _asked(Request("POST", path, body=given), shape)


def _got(path: str, query: Mapping[str, str | int | None], shape: type[T]) -> Steps[T]:
    return _asked(Request("GET", path, query=_query(query)), shape)


def _listed(path: str, query: Mapping[str, str | int | None], item: type[T]) -> Steps[Listed[T]]:
    page: Callable[[object], Listed[T]] = functools.partial(shaped, Listed[item])  # type: ignore[valid-type]
    return asked(Request("GET", path, query=_query(query)), page)


def _events(told: object) -> Listed[Event]:
    page = shaped(Listed[object], told)
    return replace(page, data=tuple(event_of(each) for each in page.data))  # type: ignore[return-value]


def _query(given: Mapping[str, str | int | None]) -> dict[str, str]:
    return {name: str(value) for name, value in given.items() if value is not None}


def _uploaded(file: Any, filename: str | None, mime_type: str | None, key_suffix: str = "") -> Steps[models.File]:
    headers = {"Content-Type": mime_type or "application/octet-stream"}
    if filename:
        headers["X-Filename"] = name_as_header(filename)
    request = Request("POST", "/v1/files", body=file, headers=headers, key_suffix=key_suffix)
    return _asked(request, models.File)


def _card_sent(
    card: ContactCard, photo: str | None, kind: PhotoType | None, filename: str, message: dict[str, Any]
) -> Steps[models.Accepted]:
    picture = None
    if photo:
        answer = yield from _fetched(photo)
        picture = answer.content
    content = upload_of(vcards.vcard(card, picture, kind).encode())
    file = yield from _uploaded(content, filename, "text/vcard", key_suffix="-file")
    return (yield from _posted("/v1/messages", {**message, "attachments": [file.id]}, models.Accepted))


def _led(file_id: str) -> Steps[str]:
    answer = yield from answered(Request("GET", "/v1/files", query={"id": file_id}, expects_redirect=True))
    url = answer.headers["location"]
    if not url.startswith(("http://", "https://")):
        raise unexpected(answer, f"the file is said to be at {url!r}, which is no URL of HTTP")
    return url


def _fetched(file_id: str) -> Steps[Answer]:
    url = yield from _led(file_id)
    return (yield from answered(Request("GET", "", url=url)))


def _check_file_id(given: str, parameter: str) -> None:
    if not given.startswith("file_"):
        raise ValueError(f"{parameter} is the id of a file (file_...): upload it first with upload_file()")
