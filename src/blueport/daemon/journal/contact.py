"""What the server has said of itself."""

from blueport.daemon.journal.file import Journal


def server_version(journal: Journal) -> str | None:
    """Return which version the server said that it has, None if it never said."""
    found = journal.find(tuple[str], "SELECT version FROM server")
    return found[0][0] if found else None


def note_server_version(journal: Journal, version: str) -> None:
    """Note which version the server says that it has."""
    journal.change("INSERT OR REPLACE INTO server VALUES (1, ?)", version)
