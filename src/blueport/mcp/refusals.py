"""What a model is told when something was not done: what, why, and what to do about it."""

from blueport.mcp.fence import RefusedError
from blueport_sdk import MessagesError

_ADVICE = {
    "contact_has_not_messaged": "Nobody may be written to who has not written to this line first, and nothing gets"
    " around it: do not try again, nor another line or address. Ask your user to have them text the line.",
    "contact_opted_out": "Leave them alone: they asked not to be written to. Tell your user.",
    "insufficient_scope": "This server's API key may not do that; only its owner can change what it may do. Do not try"
    " again.",
    "line_not_accessible": "This API key is for other lines: list_lines returns those that it may use.",
    "line_not_found": "list_lines returns the lines that there are.",
    "chat_not_found": "list_chats returns the chats that there are: they have not written to this line, or `to` is not"
    " as it stands there.",
    "message_not_found": "Take the id of a message, `msg_...`, from read_messages, of the same chat.",
    "loop_detected": "This chat looks like two programs that answer each other, so it rests. Do not try again in this"
    " turn.",
    "advanced_features_required": "The Mac of this line cannot do that. A plain send_message may say the same.",
    "invalid_api_key": "Tell your user: the key that this server was given is not good (any more).",
    "missing_api_key": "Tell your user: this server has no API key.",
    "sandbox_not_activated": "Tell your user to pair a phone with the sandbox line first.",
    "sandbox_contact_mismatch": "On the sandbox line only the paired phone can be reached.",
    "sandbox_quota_exceeded": "Do not try again today.",
    "connection_failed": "Tell your user that the server cannot be reached.",
}
_LATER = "Try again in {seconds:.0f} seconds, not earlier."

_OUTCOMES = {
    "outcome_unknown": "it may have arrived, and nobody can tell. Do not send it again unless your user says so.",
    "advanced_features_required": "the Mac of this line cannot do that.",
    "chat_not_in_messages": "the Mac does not have this chat.",
    "sms_not_available": "the Mac cannot send SMS just now.",
    "expired": "it could not be sent in time.",
    "attempts_exhausted": "it was tried several times.",
    "messages_not_running": "Messages does not run on the Mac.",
}


def words_of(error: RefusedError | MessagesError) -> str:
    """Return what to tell of an error: its message, its code, what to quote, and what to do."""
    if isinstance(error, RefusedError):
        text = str(error)
        return f"{text[:1].upper()}{text[1:]}."
    known = [error.code, *([error.request_id] if error.request_id else [])]
    advice = _ADVICE.get(error.code, "")
    later = "" if error.retry_after_s is None else _LATER.format(seconds=error.retry_after_s)
    return " ".join(filter(None, [f"{error.message} ({', '.join(known)})", advice, later]))


def words_of_failure(word: str | None) -> str:
    """Return why an accepted item failed, given the word that the API has for it."""
    code = word or "unknown"
    return f"{code}: {_OUTCOMES.get(code, 'the Mac did not send it.')}"


def may_have_happened(error: MessagesError) -> bool:
    """Tell whether what was asked may have been done although it failed."""
    is_answer = 400 <= error.status < 500  # noqa: PLR2004 - HTTP's own class
    return not is_answer and error.code != "service_unavailable"
