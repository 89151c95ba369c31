"""Links to files that work without a key, for a while."""

import hashlib
import hmac

import msgspec

from blueport.server.ids import FileId
from blueport.server.shapes import Attachment, StoredAttachment

DAY_MS = 24 * 60 * 60 * 1000
# Longer than a delivery is tried.
LASTING_DAYS = 7
REDIRECT_MS = 15 * 60 * 1000


class Links(msgspec.Struct, frozen=True):
    """Signs links with a *secret* of the installation; *base* is where they lead, *is_fixed* if an operator said so."""

    secret: bytes
    base: str
    is_fixed: bool

    def seen_from(self, origin: str | None) -> "Links":
        """Return the links for one who called us at *origin*."""
        return self if self.is_fixed or origin is None else msgspec.structs.replace(self, base=origin)

    def url(self, file_id: FileId, expires_at: int) -> str:
        """Return a link that works until *expires_at* (Unix milliseconds)."""
        return f"{self.base}/files/{file_id}?expires={expires_at}&signature={self._signature(file_id, expires_at)}"

    def redirect(self, file_id: FileId, now_ms: int) -> str:
        """Return a link to be followed at once."""
        return self.url(file_id, now_ms + REDIRECT_MS)

    def lasting(self, file_id: FileId, now_ms: int) -> str:
        """Return a link to be kept: the same all day, so that what it leads to can be cached."""
        return self.url(file_id, (now_ms // DAY_MS + 1 + LASTING_DAYS) * DAY_MS)

    def is_valid(self, file_id: FileId, expires: str, signature: str, now_ms: int) -> bool:
        """Tell whether the link is one of ours, and not expired."""
        if not (expires.isascii() and expires.isdigit() and len(expires) <= len(str(2**53))):
            return False
        is_ours = hmac.compare_digest(signature.encode(), self._signature(file_id, int(expires)).encode())
        return is_ours and int(expires) > now_ms

    def attachment(self, stored: StoredAttachment, now_ms: int) -> Attachment:
        """Return an attachment as the outside sees it; without a link until its bytes are stored."""
        return stored.shown(None if stored.file_id is None else self.lasting(stored.file_id, now_ms))

    def _signature(self, file_id: FileId, expires_at: int) -> str:
        return hmac.new(self.secret, f"{file_id}\n{expires_at}".encode(), hashlib.sha256).hexdigest()


def links_of(installation_secret: bytes, public_url: str | None, own_url: str) -> Links:
    """Return the installation's links; *own_url* is where it listens, for whom nothing better is known."""
    secret = hmac.digest(installation_secret, b"links to files", hashlib.sha256)
    return Links(secret, (public_url or own_url).rstrip("/"), public_url is not None)
