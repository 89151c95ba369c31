"""What the words mean by which outbox items fail, and what a person can do about each."""

from blueport.server.errors import Meaning

_UNKNOWN_WORD = Meaning("Messages refused it.", "Look at the log of the daemon around that time.")
MEANINGS = {
    "recipient_not_on_imessage": Meaning(
        "Nobody can be reached by iMessage at this address.", "Send by SMS: set the line's service to auto or SMS."
    ),
    "sms_not_available": Meaning(
        "The Mac has no SMS account.",
        "On the iPhone of this number: Settings, Apps, Messages, Text Message Forwarding; let the Mac in there.",
    ),
    "attachment_unreadable": Meaning("Messages could not read the file.", "Send it again, or as another format."),
    "outcome_unknown": Meaning(
        "The Mac died, or lost touch, at the very moment of sending. It may have been sent, or not.",
        "Look into the chat before you send it again: it is never sent twice by itself.",
    ),
    "attempts_exhausted": Meaning(
        "It was given to the Mac as often as is allowed, which never came to hand it over.",
        "Look at the health of the line; then send it again.",
    ),
    "contact_opted_out": Meaning("They texted STOP before it was sent.", "They can text START to hear from you again."),
    "advanced_features_required": Meaning(
        "AppleScript cannot do this, and `imsg` was not there to.", "Set up `imsg` on the Mac; the doctor says how."
    ),
    "chat_not_in_messages": Meaning(
        "Messages on the Mac knows no such conversation.", "Have the person write once, or open the chat in Messages."
    ),
    "message_not_in_messages": Meaning("Messages on the Mac does not have the message that it is about.", ""),
    "message_unsent": Meaning("The message that it is about was taken back meanwhile.", ""),
    "edited_too_often": Meaning("A message can be edited five times.", ""),
    "expired": Meaning("It came too late: Messages lets nobody change a message, or see a signal, so long after.", ""),
    "superseded": Meaning("A newer one of the same kind took its place.", ""),
    "ghost_row": Meaning(
        "Messages wrote a message without text or chat, as it does when it is not well: nothing was sent.",
        "Restart Messages on the Mac; then send it again.",
    ),
    "text_holds_nul": Meaning("The text holds a NUL character, which no script can say.", "Send it without."),
    "file_not_fetched": Meaning(
        "The Mac could not fetch the file from this server.", "Look at the network between them; then send it again."
    ),
    "messages_not_running": Meaning("Messages is not running on the Mac.", "Open it, and have it opened at login."),
    "imsg_not_available": Meaning("`imsg` could not be started on the Mac.", "`blueport daemon doctor` says why."),
    "imsg_busy": Meaning("`imsg` was asked too much at a time.", "Send it again."),
    "imsg_has_no_database": Meaning(
        "`imsg` cannot read chat.db.", "Give it Full Disk Access; `blueport daemon doctor` says to what."
    ),
    "imsg_blocked": Meaning("`imsg` is blocked by an earlier request that never ended.", "Restart Messages."),
}
NUMBERED = {
    "messages_error_": "Messages took it, and then marked it as not sent, with Apple's error {number}.",
    "applescript_error_": "Messages refused the script, with Apple's error {number}.",
    "imsg_error_": "`imsg` refused it, with error {number}.",
}


def meaning_of(word: str) -> Meaning:
    """Return what the `error` of an outbox item means."""
    for prefix, what in NUMBERED.items():
        if word.startswith(prefix):
            return Meaning(what.format(number=word.removeprefix(prefix)), _UNKNOWN_WORD.remedy)
    return MEANINGS.get(word, _UNKNOWN_WORD)


def is_known(word: str) -> bool:
    """Tell whether there is more to say of *word* than that it was refused."""
    return meaning_of(word) is not _UNKNOWN_WORD
