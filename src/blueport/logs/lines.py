"""The one way into the log, for our own code and for the libraries that it stands on.

Our own code says `log.warning("delivery_failed", delivery_id=..., reason=...)`; what stands there is judged before it
becomes a record of the standard library, so that no handler ever sees more. A library's record is told by its logger,
level and place: its message may hold anything.
"""

import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from blueport.logs.faults import Fault, faults_of, name_of, root_of, short
from blueport.logs.fields import UnlistedError, Value, judged

Level = Literal["debug", "info", "warning", "error"]
Form = Literal["auto", "json", "console"]
Line = dict[str, "Value | list[Fault] | list[str]"]
Log = structlog.stdlib.BoundLogger

OURS = "blueport"
_TOLD = "told"

_program: dict[str, Value] = {}
_is_verbose = False
_is_strict = False


def logger(name: str) -> Log:
    """Return the logger of the module *name*."""
    return structlog.wrap_logger(  # type: ignore[no-any-return]  # of the class that is named here
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, _judged],
        wrapper_class=Log,
    )


def begin(program: str, *, level: Level, form: Form, stream: TextIO) -> None:
    """Log what this process does, as *program*, to *stream*: for a person in a terminal, else as lines of JSON."""
    global _is_verbose  # noqa: PLW0603 - one process has one log
    _is_verbose = level == "debug"
    _program.update(program=program, process_id=os.getpid())
    handler = _Handler(stream)
    handler.setFormatter(_Formatter(_for_people(stream) if _is_for_people(form, stream) else _for_machines))
    logging.basicConfig(handlers=[handler], force=True, level=level.upper() if _is_verbose else "WARNING")
    logging.getLogger(OURS).setLevel(level.upper())
    sys.excepthook = _end_of_program
    threading.excepthook = lambda args: _log.error("thread_fell_over", exc_info=args.exc_value)
    sys.unraisablehook = lambda args: _log.error("error_was_ignored", exc_info=args.exc_value)
    warnings.showwarning = _warned


def be_strict() -> None:
    """Raise where something is withheld, instead of telling that it is: what a test wants."""
    global _is_strict  # noqa: PLW0603 - a test's switch for the whole process
    _is_strict = True


def is_verbose() -> bool:
    """Tell whether each request is to be logged; it costs less to ask than to have it dropped."""
    return _is_verbose


def named(error: BaseException) -> dict[str, str | None]:
    """Return the fields that tell what *error* is, where its frames would say nothing more."""
    root = root_of(error)
    return {"error_type": type(root).__qualname__, "error_name": name_of(root)}


def _judged(_logger: WrappedLogger, _method: str, given: EventDict) -> tuple[tuple[str], dict[str, object]]:
    """Make an event a record that holds nothing but what may be told."""
    error = _error_in(given.pop("exc_info", None))
    told, withheld = judged(given.pop("event"), given)
    if withheld and _is_strict:
        raise UnlistedError(", ".join(withheld))
    line: Line = {**told}
    if error is not None:
        line["errors"] = faults_of(error)
    if withheld:
        line["withheld"] = [name if name.isidentifier() else "?" for name in withheld]
    return (str(told["event"]),), {"extra": {_TOLD: line}}


def _error_in(exc_info: object) -> BaseException | None:
    """Return what is meant by *exc_info*: an error, the triple that tells of one, or True for the one being handled."""
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exception()
        case _:
            return None


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to a stream; what it cannot write it does not show in another way, as the standard library would."""

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say no more than that something is missing."""
        try:
            self.stream.write('{"event":"log_line_lost"}\n')
        except (OSError, ValueError):
            return  # nobody reads it any more


class _Formatter(logging.Formatter):
    """Renders a record: of ours what was judged, of others only where it comes from."""

    def __init__(self, render: Callable[[Line], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, or for people one and a few."""
        told: Line = getattr(record, _TOLD, None) or _foreign(record)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: Line = {"timestamp": moment, "level": record.levelname.lower()}
        return self._render({**line, **told, **_program})


def _foreign(record: logging.LogRecord) -> Line:
    place = f"{short(record.pathname)}:{record.lineno}:{record.funcName}"
    told, _ = judged("library_said", {"library": record.name, "place": place})
    error = _error_in(record.exc_info)
    return {**told} if error is None else {**told, "errors": faults_of(error)}


def _is_for_people(form: Form, stream: TextIO) -> bool:
    return stream.isatty() if form == "auto" else form == "console"


def _for_machines(line: Line) -> str:
    return msgspec.json.encode(line).decode()


def _for_people(stream: TextIO) -> Callable[[Line], str]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )

    def render(line: Line) -> str:
        shown = {name: value for name, value in line.items() if name not in ("errors", "process_id")}
        if "errors" in line:
            shown["exception"] = "\n".join(_as_text(msgspec.convert(line["errors"], list[Fault])))
        return renderer(None, "", shown)

    return render


def _as_text(faults: list[Fault]) -> list[str]:
    lines: list[str] = []
    for fault in faults:
        lines += [f"  {fault.type}" + (f" ({fault.name})" if fault.name else "")]
        lines += [f"    {frame}" for frame in fault.frames]
    return lines


def _end_of_program(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    if not isinstance(error, KeyboardInterrupt):
        _log.error("program_fell_over", exc_info=error)


def _warned(
    message: Warning | str,  # noqa: ARG001 - may quote anything
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    _log.warning("python_warned", error_type=category.__name__, place=f"{short(filename)}:{lineno}")


_log = logger(__name__)
