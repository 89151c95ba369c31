"""What is done, and who does it, in words."""

# Of every `auditing.service.Action`.
ACTIONS = {
    "account.created": "Created an account",
    "account.changed": "Changed an account",
    "key.created": "Created an API key",
    "key.rolled": "Rolled an API key",
    "key.revoked": "Revoked an API key",
    "line.created": "Added a line",
    "line.changed": "Changed a line",
    "line.fused": "Held a line back: it sends too much",
    "daemon.created": "Added a Mac",
    "daemon.code_made": "Created a code to pair a Mac",
    "daemon.paired": "Paired a Mac",
    "daemon.revoked": "Revoked a Mac",
    "settings.changed": "Changed settings",
    "chat.opted_out": "Somebody texted STOP",
    "chat.opted_in": "Somebody texted START",
    "chat.paused": "Stopped a loop",
    "webhook.created": "Created a webhook",
    "webhook.deleted": "Deleted a webhook",
    "webhook.disabled": "Disabled a webhook",
    "webhook.enabled": "Enabled a webhook",
    "webhook.rotated": "Rotated a webhook's secret",
    "webhook.replayed": "Replayed deliveries",
    "sandbox.paired": "Paired a phone with the sandbox",
    "sandbox.begun": "Asked for a sandbox code",
    "sandbox.unpaired": "Freed a sandbox phone",
    "secrets.resealed": "Sealed secrets anew",
    "owner.created": "Became the owner",
    "link.made": "Created a sign-in link",
    "sign_in.succeeded": "Signed in",
    "sign_in.failed": "Tried to sign in",
    "password.changed": "Changed a password",
    "session.ended": "Ended sessions",
}

# Those that are nobody's id.
ACTORS = {"operator": "the operator", "system": "the server", "anybody": "somebody not signed in"}
