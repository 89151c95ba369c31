"""What type checkers know of the Python SDK: this is checked, and never run."""

from typing import assert_never, assert_type

from blueport_sdk import (
    Accepted,
    AsyncClient,
    AsyncPage,
    Chat,
    Client,
    DeliveredMessageData,
    Download,
    EditedMessageData,
    Event,
    FailedItemData,
    File,
    Line,
    Message,
    MessageData,
    MessageReceivedEvent,
    OutboxItem,
    Page,
    ReactionData,
    ReadMessageData,
    ReceiptData,
    Settings,
    TypingData,
    UnsentMessageData,
    WebhookEvent,
    verify_webhook,
)


def results(client: Client) -> None:
    assert_type(client.send_message(from_="", to="", text=""), Accepted)
    assert_type(client.upload_file("photo.jpg"), File)
    assert_type(client.upload_file(b"", on_progress=print), File)
    assert_type(client.download_file("file_1"), Download)
    assert_type(client.wait_for_outbox_item("obx_1"), OutboxItem)
    assert_type(client.update_settings(stop_handling=None), Settings)
    assert_type(client.with_options(timeout_s=3).list_lines(), Page[Line])
    assert_type(client.list_messages(from_="", to="").data, tuple[Message, ...])
    for chat in client.list_chats(from_=""):
        assert_type(chat, Chat)
    for event in client.events():
        assert_type(event, Event)


async def results_of_the_other(client: AsyncClient) -> None:
    assert_type(await client.send_message(from_="", to="", text=""), Accepted)
    assert_type(await client.upload_file("photo.jpg"), File)
    assert_type(await client.with_options(timeout_s=3).list_lines(), AsyncPage[Line])
    async for line in await client.list_lines():
        assert_type(line, Line)
    async for message in client.list_messages(from_="", to=""):
        assert_type(message, Message)
    async for event in client.events():
        assert_type(event, Event)


def what_is_wrong(client: Client) -> None:
    client.send_message(from_="", text="")  # type: ignore[call-arg]
    client.send_message(from_="", to="", text=3)  # type: ignore[arg-type]
    client.send_message("", to="")  # type: ignore[call-arg]
    client.send_reaction(from_="", to="", message_id="", kind="like")  # type: ignore[call-arg]
    client.no_such_method()  # type: ignore[attr-defined]


def narrowed(event: WebhookEvent) -> None:
    if event.event == "message.received":
        assert_type(event, MessageReceivedEvent)
        assert_type(event.data, MessageData)
        assert_type(event.data.text, str | None)
    elif event.event == "reaction.added" or event.event == "reaction.removed":  # noqa: PLR1714 - as people write it
        assert_type(event.data, ReactionData)
    elif event.event == "message.failed":
        assert_type(event.data, FailedItemData)


def narrowed_when_verified(body: bytes) -> str | None:
    event = verify_webhook(body, None, "whsec_1")
    return event.data.text if event.event == "message.received" else None


def matched(event: Event) -> None:
    match event.event:
        case "message.received" | "message.sent":
            assert_type(event.data, MessageData)
        case "typing.started":
            assert_type(event.data, TypingData)
        case _:
            pass


def matched_to_the_end(event: Event) -> None:  # noqa: C901, PLR0912 - each type that there is
    if event.event == "message.received" or event.event == "message.sent":  # noqa: PLR1714
        assert_type(event.data, MessageData)
    elif event.event == "message.delivered":
        assert_type(event.data, DeliveredMessageData)
    elif event.event == "message.read":
        assert_type(event.data, ReadMessageData)
    elif event.event == "message.edited":
        assert_type(event.data, EditedMessageData)
    elif event.event == "message.unsent":
        assert_type(event.data, UnsentMessageData)
    elif event.event == "message.failed":
        assert_type(event.data, FailedItemData)
    elif event.event == "reaction.added" or event.event == "reaction.removed":  # noqa: PLR1714
        assert_type(event.data, ReactionData)
    elif event.event == "typing.started" or event.event == "typing.stopped":  # noqa: PLR1714
        assert_type(event.data, TypingData)
    elif event.event == "receipt.read":
        assert_type(event.data, ReceiptData)
    else:
        assert_never(event)
