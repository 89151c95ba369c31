"""A port from which each connection is led somewhere else, by a thread of its own."""

import contextlib
import selectors
import socket
import threading

from tests.patience import PATIENCE_S


class Forwarder:
    """Listens on `port` until it is closed; a subclass says where a connection leads."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name=type(self).__name__)
        self._thread.start()

    def lead(self, client: socket.socket) -> None:
        """Serve one connection to its end; an OSError ends it too."""
        raise NotImplementedError

    def close(self) -> None:
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
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            self.lead(client)


def heard(client: socket.socket, server: socket.socket) -> list[tuple[bytes, socket.socket]]:
    """Wait until one of them says something, or ends, which is b""; return it, and who is to hear it."""
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        return [(key.fileobj.recv(65536), key.data) for key, _ in selector.select()]
