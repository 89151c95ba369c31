"""Whether a form was posted from a page of ours, and where a browser may be led on to."""

import re
from urllib.parse import urlsplit

from starlette.types import Scope

from blueport.server.http.routing import header_values, origin_of

HOME = "/dashboard"
# A path of ours has nothing in it that any browser reads as the beginning of another host.
_OURS = re.compile(r"/dashboard(?:/[0-9A-Za-z_-]+)*(?:\?[0-9A-Za-z_.~%=&+,@:/-]*)?")


def is_from_us(scope: Scope, public_url: str | None) -> bool:
    """Tell whether a page of ours sent a request, by the browser's own word, which no page can change.

    Without it nothing is known, and that is a no: every browser of these days says one of the three to a POST.
    """
    if sites := header_values(scope, b"sec-fetch-site"):
        return sites in ([b"same-origin"], [b"none"])
    own = {origin_of(scope), _origin(public_url or "")} - {None}
    said = header_values(scope, b"origin") or header_values(scope, b"referer")
    return len(said) == 1 and _origin(said[0].decode("latin-1")) in own


def _origin(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme and parts.netloc else None


def page_of_ours(said: str) -> str:
    """Return *said* if it is the path of a page of the dashboard, else that of the first one."""
    return said if _OURS.fullmatch(said) else HOME
