"""What an account has set, for whoever asks; those who change it note it in the audit log."""

from collections.abc import Mapping

from blueport.server.customizing import queries

in_force = queries.in_force
preferences_of = queries.preferences_of
change_preferences = queries.change_preferences


def told(changes: Mapping[str, int | None]) -> str:
    """Return changed Preferences as the audit log has them."""
    return " ".join(f"{name}={'default' if value is None else value}" for name, value in changes.items())
