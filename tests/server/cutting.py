"""A wire to PostgreSQL that breaks when a test wants it: right after, or right before, some words have gone over it."""

import socket
import threading
from urllib.parse import urlsplit, urlunsplit

from tests.forwarding import Forwarder, heard


class Cutter(Forwarder):
    """Leads from `url` to the server of *url*."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self.cuts = 0
        self._words: bytes | None = None
        self._is_told = False
        self._lock = threading.Lock()
        super().__init__()
        user = f"{parts.username}@" if parts.username else ""
        self.url = urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{self.port}"))

    def cut_next(self, words: bytes, *, is_told: bool) -> None:
        """Break the next connection over which *words* go; the server still hears them if *is_told*."""
        with self._lock:
            self._words, self._is_told = words, is_told

    def __enter__(self) -> "Cutter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lead(self, client: socket.socket) -> None:
        with socket.create_connection(self._server) as server:
            while True:
                for said, other in heard(client, server):
                    if not said:
                        return
                    is_cut = other is server and self._is_last(said)
                    if not is_cut or self._is_told:
                        other.sendall(said)
                    if is_cut:
                        if self._is_told:
                            server.recv(65536)  # it is done, and nobody hears of it
                        return

    def _is_last(self, said: bytes) -> bool:
        with self._lock:
            if self._words is None or self._words not in said:
                return False
            self._words = None
            self.cuts += 1
            return True
