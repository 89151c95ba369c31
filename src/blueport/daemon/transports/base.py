"""What every transport promises.

A transport hands a command to Messages once, or says why not in one of three ways, which differ in what may follow:

    TransportError      Messages did not take it. It may be tried again if not `permanent`.
    NotNowError         Messages did not take it, and will take nothing until a person (or time) mends the Mac.
                        HangingError: it does not answer at all.
    OutcomeUnknownError Messages may have taken it. It is never handed over again; chat.db will tell.

Returning is no proof of sending either. No message of an error holds text or handle.
"""

from pathlib import Path
from typing import Protocol

from blueport.daemon.health import Condition
from blueport.daemon.remedies import HANGING
from blueport.protocol.commands import Command
from blueport.protocol.door import Capability

ADVANCED_FEATURES_REQUIRED = "advanced_features_required"
CHAT_NOT_IN_MESSAGES = "chat_not_in_messages"
SMS_NOT_AVAILABLE = "sms_not_available"


class TransportError(Exception):
    """Messages surely did not take the command; the text is a word for the outbox item's `error`."""

    def __init__(self, word: str, *, permanent: bool) -> None:
        super().__init__(word)
        self.permanent = permanent


class NotNowError(Exception):
    """Nothing can be handed over for now; what was asked stays as it is."""

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition.health)
        self.condition = condition


class HangingError(NotNowError):
    """Messages does not answer, and has nothing of what it would be asked."""

    def __init__(self) -> None:
        super().__init__(HANGING)


class OutcomeUnknownError(Exception):
    """Messages may or may not have taken the command."""


class Transport(Protocol):
    """A way to get commands done."""

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What it can do beyond plain text."""

    async def require_answer(self, command: Command) -> bool:
        """Make sure that Messages would answer if it were asked for *command*; False if there is no need to ask.

        Raises:
            NotNowError: Nothing can be handed over for now.
        """

    async def restart(self) -> None:
        """Start Messages anew.

        Raises:
            NotNowError: There is no way to.
        """

    async def perform(self, command: Command, file: Path | None = None) -> None:
        """Hand *command* over, with the *file* that it sends, which lies where Messages may read it.

        Raises:
            TransportError: Messages did not take it.
            NotNowError: Nothing can be handed over for now.
            OutcomeUnknownError: It may have been taken.
        """
