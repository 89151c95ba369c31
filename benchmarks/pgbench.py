"""What PostgreSQL itself can do: `pgbench` with the very statements that accepting a message runs.

They are not written down here, where they could differ from the server's: two accepts are listened to in PostgreSQL's
log. Their transactions become a script, and what differs between the two, ids above all, a number of each run's own.
What is sent as one text, as `BEGIN; SELECT ...`, pgbench can send only as one after the other.
"""

import itertools
import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import asking, servers
from benchmarks.measuring import SkippedError
from benchmarks.servers import Server
from blueport.server.authorizing import keys
from tests import postgres
from tests.postgres import OwnPostgres, Postgres

# To be set for the server whose log is listened to.
LOG_LINE_PREFIX = "@%p@ "
CLIENTS = 16
THREADS = 2
# What an accept leaves behind is dropped a moment after its answer.
SETTLED_S = 0.5
TRIES = 6
_RECORD = re.compile(r"^@(\d+)@ (\w+):  ", re.MULTILINE)
_STATEMENT = re.compile(r"(?:statement|execute [^:]*): (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_PLACE = re.compile(r"\$(\d+)")
# Not a value but part of the text, as the name of a lock is.
_LARGE_NUMBER = re.compile(r"(-?\b\d{6,}\b)")
_OWN_NUMBER = "CAST(:number AS bigint)"
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_NUMBER = r"\set number random(1000000000000000, 9000000000000000000)"


class Said(NamedTuple):
    """A statement as the log has it, with the values of its parameters."""

    session: str
    text: str
    values: tuple[str | None, ...] = ()


def captured(database: Postgres, url: str, server: Server) -> str:
    """Return a script that does what *server* does to accept a message.

    Raises:
        SkippedError: No two accepts did the same.
    """
    heard = (_accept(database, url, server, number) for number in range(TRIES))
    for first, second in itertools.pairwise(heard):
        if first and list(map(_shape, first)) == list(map(_shape, second)):
            return script_of(first, second)
    raise SkippedError("no two accepts ran the same statements, so that pgbench cannot run them")


def script_of(first: Sequence[Said], second: Sequence[Said]) -> str:
    """Return the script for what two accepts said, statement by statement."""
    pairs = zip(first, second, strict=True)
    return "\n".join([_NUMBER, *(f"{_spelled(*pair)};" for pair in pairs)]) + "\n"


def measured(url: str, script: Path, seconds: float, *, is_pinned: bool) -> float:
    """Run *script* as often as PostgreSQL can, and return how often that is in a second."""
    how = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-j", str(THREADS), "-T", str(max(1, round(seconds)))]
    command = [str(postgres.binary("pgbench")), *how, "-f", str(script), url]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if is_pinned:
        servers.pin(running.pid, is_load=True)
    told, trouble = running.communicate()
    found = _TPS.search(told)
    if running.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench: {trouble.strip()}")
    return float(found[1])


def gathered(found: list[list[Said]], marks: set[str]) -> list[Said]:
    """Return the first transaction, before it what was said by itself, and in it what later ones do for the request.

    The server gathers that of many requests in one transaction: it costs none of them a flush of its own.
    """
    alone = [each for transaction in found if len(transaction) == 1 for each in transaction]
    whole = [transaction for transaction in found if len(transaction) > 1]
    if not whole:
        return alone
    later = [each for transaction in whole[1:] for each in transaction if _is_about([each], marks)]
    accepting = whole[0]
    return [*alone, *accepting[:-1], *later, accepting[-1]]


def statements(log: str) -> Iterator[Said]:
    """Read a log that was written with LOG_LINE_PREFIX."""
    words = _RECORD.split(log)[1:]
    records = list(zip(words[::3], words[1::3], words[2::3], strict=True))
    for (session, level, text), (_, next_level, detail) in itertools.pairwise([*records, ("", "", "")]):
        found = _STATEMENT.match(text)
        if level == "LOG" and found:
            values = _values(detail) if next_level == "DETAIL" else ()
            yield from (Said(session, each, values) for each in _each(" ".join(found[1].split())))


def transactions(said: Iterator[Said]) -> Iterator[list[Said]]:
    """Put together what was committed together, in the order in which that ended."""
    under_way: dict[str, list[Said]] = {}
    for each in said:
        word = each.text.split()[0].upper().rstrip(";") if each.text else ""
        if word in {"BEGIN", "START"}:
            under_way[each.session] = [each]
        elif each.session not in under_way:
            yield [each]
        elif word in {"COMMIT", "END"}:
            yield [*under_way.pop(each.session), each]
        elif word == "ROLLBACK" and "TO" not in each.text.upper().split():
            del under_way[each.session]
        else:
            under_way[each.session].append(each)


def _accept(database: Postgres, url: str, server: Server, number: int) -> list[Said]:
    """Have a message accepted, and return what was said for it."""
    assert isinstance(database, OwnPostgres)  # nobody else's log can be read
    log = database.folder / "log"
    heard_until = log.stat().st_size
    marks = _marks(_answer(server, number), server, url)
    time.sleep(SETTLED_S)
    with log.open() as lines:
        lines.seek(heard_until)
        found = list(transactions(statements(lines.read())))
    return gathered([transaction for transaction in found if _is_about(transaction, marks)], marks)


def _answer(server: Server, number: int) -> dict[str, str]:
    load = asking.post(server, connections=1, seconds=0)
    body = load.body.replace("%d", f"{number} {os.urandom(8).hex()}").encode()
    url = f"http://127.0.0.1:{server.port}{load.path}"
    request = urllib.request.Request(url, body, load.headers, method=load.method)
    with urllib.request.urlopen(request, timeout=servers.START_S) as answer:
        told: dict[str, str] = json.load(answer)
    return told


def _marks(answer: dict[str, str], server: Server, url: str) -> set[str]:
    """Return what tells the statements of a request from others: its ids, its key, and whose that is."""
    known = postgres.psql(url, "SELECT id || ' ' || account_id FROM api_keys").split()
    return {answer["id"], answer["request_id"], keys.digest(server.key), *known}


def _is_about(transaction: list[Said], marks: set[str]) -> bool:
    words = [value for each in transaction for value in (each.text, *each.values) if value is not None]
    return any(mark in word for mark in marks for word in words)


def _each(text: str) -> list[str]:
    """Return the statements of a text, which has parameters only if it is a single one."""
    return [each.strip() for each in text.split(";") if each.strip()] if "$1" not in text else [text]


def _values(detail: str) -> tuple[str | None, ...]:
    found = _PARAMETER.findall(detail)
    return tuple(None if told == "NULL" else told[1:-1].replace("''", "'") for _, told in found)


def _spelled(first: Said, second: Said) -> str:
    """Return a statement with its values, in which what differs is the run's own."""
    told = [_spelled_value(*pair) for pair in zip(first.values, second.values, strict=True)]
    words = zip(_LARGE_NUMBER.split(first.text), _LARGE_NUMBER.split(second.text), strict=True)
    text = "".join(word if word == other else _OWN_NUMBER for word, other in words)
    return _PLACE.sub(lambda place: told[int(place[1]) - 1], text).rstrip(";")


def _shape(said: Said) -> str:
    """Return a statement without what may be another in each accept."""
    return _LARGE_NUMBER.sub("#", said.text)


def _spelled_value(first: str | None, second: str | None) -> str:
    if first is None or second is None:
        return "NULL"
    if first == second or (first.isdecimal() and second.isdecimal()):  # moments need not be new
        return _literal(first)
    begins = _common(first, second)
    ends = _common(first[len(begins) :][::-1], second[len(begins) :][::-1])[::-1]
    return f"({_literal(begins)} || CAST(:number AS text) || {_literal(ends)})"


def _common(first: str, second: str) -> str:
    """Return how both begin."""
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return "".join(letter for letter, _ in pairs)


def _literal(value: str) -> str:
    """Return SQL for a text in which pgbench finds no variable of its own."""
    quoted = value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    return f"E'{quoted}'" if "\\" in quoted else f"'{quoted}'"
