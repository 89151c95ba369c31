"""A try as it goes out: with what is known of its files by now, stamped now, and signed for its webhook."""

import msgspec

from blueport.logs.lines import logger
from blueport.server.blobs.links import Links
from blueport.server.notifying.delivering.outcomes import NOT_RENDERED, NOT_SIGNED, Outcome
from blueport.server.notifying.delivering.queries import Due
from blueport.server.notifying.delivering.signing import Signed, signed
from blueport.server.notifying.rendering import rendered
from blueport.server.sealing import Keyring, NotReadableError

log = logger(__name__)


def prepared(due: Due, links: Links, keyring: Keyring, now_ms: int) -> Signed | Outcome:
    """Return a try that begins at *now_ms* (Unix milliseconds), or how it ended before it could."""
    try:
        data = rendered(due.data, due.attachments, links, now_ms)
    except (msgspec.MsgspecError, ValueError):  # a fault of ours, which its owner is not to be left in the dark of
        log.exception("delivery_not_rendered", delivery_id=due.id)
        return Outcome(is_delivered=False, reason=NOT_RENDERED)
    try:
        secrets = due.secrets(now_ms, keyring)
    except NotReadableError:  # its key may be given to this process, or another one may have it: it is tried again
        log.exception("delivery_not_signed", webhook_id=due.webhook_id, delivery_id=due.id)
        return Outcome(is_delivered=False, reason=NOT_SIGNED)
    return signed(due.event_type, data, delivery_id=due.id, secrets=secrets, now_ms=now_ms)
