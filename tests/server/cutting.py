"""A wire to PostgreSQL that breaks when a test wants it: right after, or right before, some words have gone over it."""

import contextlib
import selectors
import socket
import threading
from urllib.parse import urlsplit, urlunsplit

from tests.patience import PATIENCE_S


class Cutter:
    """Leads from `url` to the server of *url*."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        user = f"{parts.username}@" if parts.username else ""
        self.url = urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}"))
        self.cuts = 0
        self._words: bytes | None = None
        self._is_told = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="cutter")
        self._thread.start()

    def cut_next(self, words: bytes, *, is_told: bool) -> None:
        """Break the next connection over which *words* go; the server still hears them if *is_told*."""
        with self._lock:
            self._words, self._is_told = words, is_told

    def __enter__(self) -> "Cutter":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self._server) as server:
            while True:
                for said, other in _heard(client, server):
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


def _heard(client: socket.socket, server: socket.socket) -> list[tuple[bytes, socket.socket]]:
    """Wait until one of them says something; return it, and who is to hear it."""
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        return [(key.fileobj.recv(65536), key.data) for key, _ in selector.select()]
