"""What a daemon is asked to do for a line."""

import msgspec


class SendText(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="send_text"):
    """Send *text* into one chat.

    `recipient` is the canonical handle of a one-to-one chat and None for a group; `chat_guids` are the guids under
    which the line's Messages knows the chat, the most recently seen first (empty if it was never seen).
    """

    recipient: str | None
    chat_guids: tuple[str, ...]
    text: str
    reply_to_guid: str | None = None


Command = SendText
