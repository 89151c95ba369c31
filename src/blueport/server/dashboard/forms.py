"""Forms as browsers post them: application/x-www-form-urlencoded."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from blueport.server.errors import ApiError

LIMIT = 64 * 1024
MAX_FIELDS = 500


class Form(msgspec.Struct, frozen=True):
    """The fields of a form, each with all that was chosen in it."""

    fields: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str:
        """Return what was written in a field, without the space around it; empty if nothing was."""
        return (self.fields.get(name) or ("",))[-1].strip()

    def all(self, name: str) -> tuple[str, ...]:
        """Return all that was chosen in a field."""
        return self.fields.get(name, ())

    def is_set(self, name: str) -> bool:
        """Tell whether a box was ticked."""
        return bool(self.text(name))


NO_FORM = Form({})


def form_of(body: bytes) -> Form:
    """Read a form.

    Raises:
        ApiError: `malformed_request`: it is none.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise ApiError("malformed_request", "This is no form that a browser would send.") from error
    if any("\0" in value for _, value in pairs):
        raise ApiError("malformed_request", "A form that somebody wrote holds no NUL character.")
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), value)
    return Form(fields)
