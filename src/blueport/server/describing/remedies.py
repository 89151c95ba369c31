"""What a program, or whoever wrote it, does about each code."""

REMEDIES = {
    "missing_api_key": "Send `Authorization: Bearer sk_live_...` with each request.",
    "invalid_api_key": (
        "Look for spaces or a cut in the key. If it was revoked or has expired, ask the operator for another."
    ),
    "insufficient_scope": "Have the operator make a key with the scope that the message names.",
    "line_not_accessible": "Use one of the lines at `GET /v1/lines`, or have the operator make a key for this one.",
    "missing_required_parameter": "Send what `param` names; null counts as absent.",
    "invalid_parameter_value": (
        'Mend what `param` names; the message says what it takes. A type is never converted: `"5"` is no number.'
    ),
    "invalid_json": "Send one JSON object in UTF-8, without a trailing comma and without NaN.",
    "empty_file": "Send the bytes of the file as the body, not as a form.",
    "advanced_features_required": (
        "Ask `GET /v1/lines?include=capabilities` what the line can do. The operator may install `imsg` on its Mac."
    ),
    "contact_has_not_messaged": (
        "Have them text the line first, by a link or a QR code on your page; nothing else helps."
    ),
    "contact_opted_out": "Do not write to them. If that is a mistake, they text START.",
    "sandbox_not_activated": "Ask `POST /v1/sandbox` for a code, and text it from your phone to the sandbox line.",
    "sandbox_requires_owner": (
        "Have the operator give the account an owner: `blueport accounts create NAME --owner ADDRESS`."
    ),
    "sandbox_contact_mismatch": "Write to the phone that `GET /v1/sandbox` shows, or use a line of your own.",
    "sandbox_quota_exceeded": "Wait until midnight UTC, or use a line of your own.",
    "loop_detected": (
        "Find out why two programs talk to each other. Drop what was refused: to send it after the pause goes "
        "on with the loop."
    ),
    "rate_limit_exceeded": (
        "Wait as many seconds as `Retry-After` says, then go on. `RateLimit-Remaining` tells before it comes to this."
    ),
    "line_not_found": "Look at `GET /v1/lines` how the line is written, and with whose key you ask.",
    "chat_not_found": (
        "Take `to` from an event or from `GET /v1/chats`, and `from` from the same place: a chat belongs to one line."
    ),
    "message_not_found": "Look whether the message is of this account, and in the chat that you name.",
    "outbox_item_not_found": "Use the `id` of the 201 that accepted it, and a key of the same account.",
    "webhook_not_found": "Look at `GET /v1/webhooks`; it may have been deleted.",
    "delivery_not_found": "Look at `GET /v1/webhooks/deliveries`. What is older than 30 days is gone.",
    "file_not_found": "Upload it again, or ask the message for a fresh link.",
    "route_not_found": "Compare the path with this reference; each begins with `/v1`, and none ends with a slash.",
    "method_not_allowed": "Use one of the methods in the `Allow` header of the answer.",
    "idempotency_key_in_use": (
        "Wait for the first request, or send this one again in a second: then it gets the first answer."
    ),
    "file_too_large": "Send a smaller file, or a link to it.",
    "audio_not_readable": "Send m4a, mp3, wav, caf, aiff or aac; play the file to see whether it is whole.",
    "range_not_satisfiable": "Ask for a range within the file's size.",
    "malformed_request": "Look at what stands between you and the server: it is no HTTP/1.1 that arrives.",
    "request_timeout": "Send it again, under the same `Idempotency-Key`.",
    "request_too_large": "Send less; a file goes to `POST /v1/files`, and its id into the message.",
    "request_headers_too_large": "Send fewer cookies and shorter headers and queries.",
    "internal_error": (
        "Send it again, under the same `Idempotency-Key`. If it stays, tell the operator the `request_id`."
    ),
    "service_unavailable": "Send it again after `Retry-After` seconds, under the same `Idempotency-Key`.",
}
