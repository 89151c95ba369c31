"""What is said above a page after something was done. A page's address names one, and can say nothing else."""

NOTICES = {
    "saved": "Saved.",
    "key-revoked": "The key is revoked: its next request is refused.",
    "account-made": "The account is created.",
    "ended": "All other sessions have ended.",
    "line_added": "The line is there. It can send once its Mac's daemon says hello for it.",
    "sandbox_renewed": "There is a fresh code. The phone that was paired, if any, is let go.",
    "daemon_revoked": "That daemon is let in no more.",
    "webhook-enabled": "The webhook is enabled: what waited for it is posted now.",
    "webhook-deleted": "The webhook is deleted, and what still waited for it is cancelled.",
    "webhook-replayed": "They are replayed: what comes of them stands in the log below.",
    "webhook-replayed-in-part": "Many are replayed, and there are more: replay again once these are through.",
    "test-sent": "The test event is sent, once: what comes of it stands below.",
    "replayed": "It is tried again: what comes of it stands below.",
}
