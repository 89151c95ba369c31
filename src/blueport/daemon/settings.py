"""What an operator of a daemon may change."""

from pathlib import Path

import msgspec

from blueport.handles import sendable_handle


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Read once, by the command line: `BLUEPORT_DAEMON_PACE_MS=400` sets `pace_ms`."""

    server_url: str
    token: str
    # The own addresses that this Mac sends from, in any notation; what belongs to none of them is told for the first.
    lines: tuple[str, ...]
    chat_db: Path = Path("~/Library/Messages/chat.db")
    journal: Path = Path("blueport-daemon.db")
    osascript: str = "/usr/bin/osascript"
    # The program that sends replies; without it a line has AppleScript alone.
    imsg: str | None = None
    region: str = "US"

    # Handing over. A real Mac wants 300 to 500 ms between two sends, and more before a file; a simulated one none.
    pace_ms: int = 400
    before_file_ms: int = 1_000
    send_timeout_s: float = 30
    # One that hangs may be at work all the same, and was seen to be so for two minutes: so long it is left alone.
    hang_patience_s: float = 150
    not_now_retry_s: float = 5
    # How long to look for the row that proves a send, and when an own row without body and chat counts as a ghost.
    proof_timeout_s: float = 1200
    ghost_s: float = 10

    # Reading. An unfinished row is told as it is after `settle_s`; what looks like an echo waits for `flip_s`.
    settle_s: float = 5
    flip_s: float = 2
    poll_s: float = 2
    sweep_s: float = 30
    sweep_window_h: float = 48
    catch_up_h: float = 24

    claim_wait_s: float = 25
    # Of two daemons with one token, as with a journal that was copied, the one that said hello last is given work. The
    # other says hello again after this: if they did so at once, neither would get anything done.
    superseded_pause_s: float = 30
    call_timeout_s: float = 10

    def __post_init__(self) -> None:
        """Bring the lines into the form under which the server knows them.

        Raises:
            ValueError: There is none, or one that is no address.
        """
        lines = [sendable_handle(line, region=self.region) for line in self.lines]
        named = tuple(line for line in lines if line is not None)
        if not named or len(named) < len(lines):
            raise ValueError("`lines` must name the phone numbers or Apple IDs to serve, with commas between them")
        msgspec.structs.force_setattr(self, "lines", named)
