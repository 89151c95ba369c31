"""What goes wrong without the server, or in what it did, as a tree: each with a code and an exit status.

CallError
├── UsageError             2  what was said does not say what is meant
├── NotSignedInError       3  there is no key to ask with
├── NothingRunsError       1  no `blueport dev` is where it was looked for
├── WorkFailedError        1  what was accepted could not be done
├── NotTakenError          1  the receiver did not take what was posted to it
├── DamagedPlaceError      1  where a reader of events was cannot be read any more
└── AlreadyListeningError  1  there is a reader of events that keeps the same place
"""

FAILED = 1
USAGE = 2
NOT_SIGNED_IN = 3
NOT_FOUND = 4
FORBIDDEN = 5


class CallError(Exception):
    """The message is one sentence for people, and says what to do."""

    code = "failed"
    exit_status = FAILED


class UsageError(CallError):
    """What was said does not say what is meant."""

    code = "usage"
    exit_status = USAGE


class NotSignedInError(CallError):
    """There is no key to ask with."""

    code = "not_signed_in"
    exit_status = NOT_SIGNED_IN


class NothingRunsError(CallError):
    """No `blueport dev` is where it was looked for."""

    code = "nothing_runs"


class WorkFailedError(CallError):
    """What was accepted could not be done."""

    code = "work_failed"


class NotTakenError(CallError):
    """The receiver did not take what was posted to it."""

    code = "not_taken"


class DamagedPlaceError(CallError):
    """Where a reader of events was cannot be read any more."""

    code = "place_damaged"


class AlreadyListeningError(CallError):
    """There is a reader of events that keeps the same place."""

    code = "already_listening"
