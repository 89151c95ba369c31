"""What comes into the log, and what never does."""

import ast
import asyncio
import contextlib
import io
import json
import logging
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import blueport
from blueport.logs import lines
from blueport.logs.fields import FIELDS, UnlistedError, judged
from blueport.server.ids import mint

SECRET = "ada@example.com wrote: meet me at 9"
REQUEST = mint("req", 1_760_000_000_000)

log = lines.logger("blueport.tests")
Line = dict[str, Any]


@pytest.fixture(autouse=True)
def _undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave this process's log, hooks and strictness as they were."""
    for owner, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    for name in ("_is_strict", "_is_verbose", "_program"):
        monkeypatch.setattr(lines, name, {} if name == "_program" else getattr(lines, name))
    root, ours = logging.getLogger(), logging.getLogger(lines.OURS)
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def logged(what: Callable[[], object], level: lines.Level = "info", form: lines.Form = "json") -> str:
    """Return what a process writes that does *what*."""
    stream = io.StringIO()
    lines.begin("server", level=level, form=form, stream=stream)
    what()
    return stream.getvalue()


def line(what: Callable[[], object], level: lines.Level = "info") -> Line:
    """Return the one line that it writes."""
    return json.loads(logged(what, level))


def as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_is_strict", False)


class TestFields:
    def test_what_is_on_the_list_is_told_beside_the_event(self) -> None:
        told = line(lambda: log.warning("request_failed", request_id=REQUEST, status=500, reason="timeout"))

        assert told["event"] == "request_failed"
        assert (told["request_id"], told["status"], told["reason"]) == (REQUEST, 500, "timeout")
        assert (told["level"], told["program"]) == ("warning", "server")

    def test_what_is_not_on_the_list_is_dropped_and_its_name_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        as_in_production(monkeypatch)

        written = logged(lambda: log.warning("message_failed", text=SECRET, **{SECRET: 1}))

        assert "ada" not in written
        assert json.loads(written)["withheld"] == ["text", "?"]

    def test_what_is_not_on_the_list_fails_a_test(self) -> None:
        with pytest.raises(UnlistedError, match="text"):
            logged(lambda: log.warning("message_failed", text=SECRET))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("request_id", "+15550100001"),
            ("request_id", "ada@example.com"),
            ("request_id", f"sk_live_{'a' * 30}"),
            ("key_id", f"dt_{'a' * 43}"),
            ("reason", SECRET),
            ("reason", "https://example.com"),
            ("status", "+15550100001"),
            ("error_type", "ada@example.com"),
            ("endpoint", "/files/file_1?signature=a"),
            ("place", "/Users/ada/Holiday at the sea.jpg"),
            ("setting", "BLUEPORT_FIRST_KEY=sk_live_1"),
            ("version", "a b"),
            ("attempts", [SECRET]),
            ("event_type", b"bytes"),
        ],
    )
    def test_a_value_that_is_not_what_its_name_promises_is_dropped(self, name: str, value: object) -> None:
        assert judged("happened", {name: value}) == ({"event": "happened"}, [name])

    @pytest.mark.parametrize("event", [SECRET, "Sent to ada", "failed: 9", "", None, 7])
    def test_an_event_is_a_name_and_no_sentence(self, event: object) -> None:
        assert judged(event, {}) == ({"event": "event_without_a_name"}, ["event"])

    def test_what_is_none_is_not_told(self) -> None:
        assert judged("happened", {"reason": None}) == ({"event": "happened"}, [])

    def test_arguments_for_a_sentence_are_not_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        as_in_production(monkeypatch)

        assert "ada" not in logged(lambda: log.warning("failed_for", SECRET))  # noqa: PLE1205

    def test_each_event_in_the_source_is_a_literal_and_each_field_on_the_list(self) -> None:
        calls = [call for path in _sources() for call in _log_calls(path)]

        assert len(calls) > 20
        for path, call in calls:
            (event,) = call.args
            assert isinstance(event, ast.Constant), f"{path}:{call.lineno}"
            assert judged(event.value, {}).withheld == [], f"{path}:{call.lineno}"
            names = {word.arg for word in call.keywords if word.arg is not None}
            assert names <= FIELDS.keys() | {"exc_info"}, f"{path}:{call.lineno}"


class TestErrors:
    def test_an_error_is_told_by_its_type_and_frames_alone(self) -> None:
        def fails() -> None:
            try:
                {}[SECRET]
            except KeyError:
                log.exception("it_failed")

        (error,) = line(fails)["errors"]

        assert error["type"] == "KeyError"
        assert error["frames"][-1].startswith("tests/logs/test_logs.py:")
        assert error["frames"][-1].endswith("fails")
        assert "ada" not in logged(fails)

    def test_what_it_came_of_is_told_too(self) -> None:
        def fails() -> None:
            try:
                _raise_from_sqlite()
            except RuntimeError as error:
                log.error("it_failed", exc_info=error)  # noqa: TRY400 - both ways are used

        written = logged(fails)

        outer, inner = json.loads(written)["errors"]
        assert (outer["type"], inner["type"], inner["name"]) == ("RuntimeError", "OperationalError", "SQLITE_ERROR")
        assert "secret_table" not in written

    def test_the_parts_of_a_group_are_told_too(self) -> None:
        def fails() -> None:
            log.error("it_failed", exc_info=ExceptionGroup(SECRET, [ValueError(SECRET), OSError(28, SECRET)]))

        group, value, full = line(fails)["errors"]

        assert (group["type"], value["type"], full["type"]) == ("ExceptionGroup", "ValueError", "OSError")
        assert full["name"] == "ENOSPC"

    def test_notes_on_an_error_are_not_told(self) -> None:
        error = ValueError("x")
        error.add_note(SECRET)

        assert "ada" not in logged(lambda: log.error("it_failed", exc_info=error))

    def test_an_error_that_came_of_itself_ends(self) -> None:
        error = ValueError(SECRET)
        other = KeyError(SECRET)
        error.__context__, other.__context__ = other, error

        assert len(line(lambda: log.error("it_failed", exc_info=error))["errors"]) == 2

    def test_an_endless_recursion_is_told_in_few_frames(self) -> None:
        def deeper() -> None:
            deeper()

        def fails() -> None:
            try:
                deeper()
            except RecursionError:
                log.exception("it_failed")

        assert len(line(fails)["errors"][0]["frames"]) == 30

    def test_an_error_without_frames_is_named(self) -> None:
        assert lines.named(TimeoutError(SECRET)) == {"error_type": "TimeoutError", "error_name": None}


class TestLibraries:
    def test_their_messages_are_not_repeated(self) -> None:
        library = logging.getLogger("uvicorn.error")

        written = logged(lambda: library.error("to %s", SECRET))

        told = json.loads(written)
        assert (told["event"], told["library"], told["level"]) == ("library_said", "uvicorn.error", "error")
        assert told["place"].startswith("tests/logs/test_logs.py:")
        assert "ada" not in written

    def test_a_message_that_cannot_even_be_formatted_is_no_trouble(self, capsys: pytest.CaptureFixture[str]) -> None:
        library = logging.getLogger("aiohttp.client")

        told = line(lambda: library.warning("%d %d", SECRET))

        assert told["library"] == "aiohttp.client"
        assert capsys.readouterr().err == ""

    def test_an_error_in_a_task_is_told_without_the_task(self) -> None:
        async def loses_an_error() -> None:
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": SECRET, "exception": ValueError(SECRET), "task": SECRET})

        written = logged(lambda: asyncio.run(loses_an_error()))

        assert json.loads(written)["library"] == "asyncio"
        assert json.loads(written)["errors"] == [{"type": "ValueError"}]
        assert "ada" not in written

    def test_what_they_say_in_passing_is_for_the_level_of_debugging(self) -> None:
        library = logging.getLogger("uvicorn.error")

        assert logged(lambda: library.info("started")) == ""
        assert line(lambda: library.info("started"), level="debug")["level"] == "info"

    def test_an_error_that_ends_the_program_is_told_likewise(self) -> None:
        written = logged(lambda: sys.excepthook(ValueError, ValueError(SECRET), None))

        assert json.loads(written)["event"] == "program_fell_over"
        assert "ada" not in written

    def test_an_error_that_ends_a_thread_is_told_likewise(self) -> None:
        def in_a_thread() -> None:
            thread = threading.Thread(target=lambda: {}[SECRET])
            thread.start()
            thread.join()

        written = logged(in_a_thread)

        assert json.loads(written)["event"] == "thread_fell_over"
        assert "ada" not in written

    def test_a_warning_is_told_by_its_category_and_place(self) -> None:
        def warns() -> None:
            # as Python calls it: in a test every warning is an error
            warnings.showwarning(SECRET, RuntimeWarning, __file__, 7)

        written = logged(warns)

        assert (json.loads(written)["event"], json.loads(written)["error_type"]) == ("python_warned", "RuntimeWarning")
        assert "ada" not in written


class TestLines:
    @pytest.mark.parametrize(
        ("level", "told"),
        [
            ("debug", ["debug", "info", "warning", "error"]),
            ("info", ["info", "warning", "error"]),
            ("warning", ["warning", "error"]),
            ("error", ["error"]),
        ],
    )
    def test_what_is_below_the_level_is_not_told(self, level: lines.Level, told: list[str]) -> None:
        def says_all() -> None:
            for say in (log.debug, log.info, log.warning, log.error):
                say("happened")

        assert [json.loads(each)["level"] for each in logged(says_all, level).splitlines()] == told

    def test_a_line_for_people_is_no_json(self) -> None:
        written = logged(lambda: log.warning("it_failed", reason="timeout"), form="console")

        assert "it_failed" in written
        assert "reason=timeout" in written
        assert written.count("\n") == 1
        assert not written.startswith("{")

    def test_an_error_for_people_has_its_frames_below(self) -> None:
        written = logged(lambda: log.error("it_failed", exc_info=OSError(28, SECRET)), form="console")

        assert written.splitlines()[1].strip() == "OSError (ENOSPC)"
        assert "ada" not in written

    def test_a_terminal_gets_lines_for_people(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        stream = Terminal()
        lines.begin("server", level="info", form="auto", stream=stream)
        log.info("happened")

        assert not stream.getvalue().startswith("{")
        assert "happened" in stream.getvalue()

    def test_what_cannot_be_written_is_not_shown_in_another_way(self, capsys: pytest.CaptureFixture[str]) -> None:
        class Narrow(io.StringIO):
            def write(self, text: str) -> int:
                if "happened" in text:
                    raise OSError(28, text)
                return super().write(text)

        stream = Narrow()
        lines.begin("server", level="info", form="json", stream=stream)
        log.info("happened")

        assert stream.getvalue() == '{"event":"log_line_lost"}\n'
        assert capsys.readouterr() == ("", "")


def _raise_from_sqlite() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("SELECT * FROM secret_table")
        except sqlite3.Error as error:
            raise RuntimeError(SECRET) from error


def _sources() -> list[Path]:
    return sorted(Path(blueport.__file__).parent.rglob("*.py"))


def _log_calls(path: Path) -> list[tuple[Path, ast.Call]]:
    """Return the calls of a logger in *path*."""
    says = {"debug", "info", "warning", "error", "exception"}
    return [
        (path, node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in says
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("log", "_log")
    ]
