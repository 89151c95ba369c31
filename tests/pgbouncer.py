"""PgBouncer in transaction mode, before a PostgreSQL of the tests."""

import contextlib
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
from urllib.parse import urlsplit, urlunsplit

from tests.patience import PATIENCE_S
from tests.ports import free_port

POOL_SIZE = 5
# Debian keeps it where only root looks.
_PLACES = os.pathsep.join(["/usr/sbin", "/usr/local/sbin", os.environ.get("PATH", "")])


class MissingPgBouncerError(Exception):
    """There is none to be had; the text says why."""


class PgBouncer:
    """Leads to all databases of one server, over POOL_SIZE connections for each."""

    def __init__(self, folder: Path, program: str, server_url: str) -> None:
        self.port = free_port()
        self._folder = folder
        parts = urlsplit(server_url)
        ini = folder / "pgbouncer.ini"
        ini.write_text(_INI.format(host=parts.hostname, to=parts.port, port=self.port, size=POOL_SIZE, folder=folder))
        (folder / "users").write_text(f'"{parts.username}" ""\n')
        self._owner = pwd.getpwnam("nobody").pw_name if os.getuid() == 0 else None  # it refuses to be root's
        self._command = [program, str(ini)]
        self.start()

    def through(self, url: str) -> str:
        """Return the URL that leads through it to the database of *url*."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{self.port}"))

    def start(self) -> None:
        with (self._folder / "out").open("ab") as out:
            self.process = subprocess.Popen(self._command, stdout=out, stderr=out, user=self._owner)
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_listening():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise MissingPgBouncerError(f"PgBouncer did not start: {(self._folder / 'out').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=PATIENCE_S)

    def _is_listening(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False


@contextlib.contextmanager
def pooling(server_url: str) -> Iterator[PgBouncer]:
    """Run one until the block ends.

    Raises:
        MissingPgBouncerError: It is not installed.
    """
    program = shutil.which("pgbouncer", path=_PLACES)
    if program is None:
        raise MissingPgBouncerError("pgbouncer is not installed here (on Debian, `apt-get install pgbouncer`)")
    with tempfile.TemporaryDirectory(prefix="blueport-pgb-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        pooler = PgBouncer(Path(folder), program, server_url)
        try:
            yield pooler
        finally:
            pooler.kill()


_INI = """
[databases]
* = host={host} port={to}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
ignore_startup_parameters = extra_float_digits
server_login_retry = 1
"""
