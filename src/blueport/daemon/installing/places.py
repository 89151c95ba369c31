"""Where an installed daemon keeps what it has, in the home folder of whoever is signed in to Messages."""

from pathlib import Path
from typing import NamedTuple

LABEL = "dev.blueport.daemon"
DOCTOR_LABEL = "dev.blueport.doctor"


class Places(NamedTuple):
    """The files of one home folder."""

    home: Path

    @property
    def agent(self) -> Path:
        """What tells launchd to start the daemon at each login."""
        return self.home / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    @property
    def own(self) -> Path:
        """The folder that is ours alone; its owner's, too."""
        return self.home / "Library" / "Application Support" / "Blueport"

    @property
    def settings(self) -> Path:
        """Server, token and lines."""
        return self.own / "daemon.env"

    @property
    def journal(self) -> Path:
        """The journal, unless a setting names another."""
        return self.own / "journal.db"

    @property
    def log(self) -> Path:
        """What the daemon says."""
        return self.home / "Library" / "Logs" / "Blueport" / "daemon.log"

    @property
    def earlier_log(self) -> Path:
        """What it said before that."""
        return self.log.with_name(f"{self.log.name}.1")

    @property
    def written(self) -> tuple[Path, ...]:
        """All that is deleted with a daemon that is not to come back, but for its journal."""
        return (self.settings, self.log, self.earlier_log, self.doctor_settings, self.doctor_agent, self.doctor_report)

    @property
    def doctor_agent(self) -> Path:
        """What tells launchd to start a doctor, once."""
        return self.own / "doctor.plist"

    @property
    def doctor_settings(self) -> Path:
        """With which settings."""
        return self.own / "doctor.env"

    @property
    def doctor_report(self) -> Path:
        """What that one found."""
        return self.own / "doctor.json"
