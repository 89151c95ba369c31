"""A balancer as it stands before a fleet: each connection goes to a process that takes it."""

import contextlib
import random
import selectors
import socket
import threading
from collections.abc import Iterator

from tests.patience import PATIENCE_S


class Balancer:
    """Listens on `port`, and leads each connection to one of *ports*, whichever lives."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name="balancer")
        self._thread.start()

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
            threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), self._server() as server:
            _carry(client, server)

    def _server(self) -> socket.socket:
        """Connect to one that takes it.

        Raises:
            OSError: None does.
        """
        refusal = OSError("there is none")
        for port in random.sample(self._ports, len(self._ports)):
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
            except OSError as error:
                refusal = error
        raise refusal


def _carry(client: socket.socket, server: socket.socket) -> None:
    """Carry what is said, either way, until one of them has ended."""
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in selector.select():
                said = key.fileobj.recv(65536)
                if not said:
                    return
                key.data.sendall(said)


@contextlib.contextmanager
def balancing(ports: list[int]) -> Iterator[int]:
    """Return the port on which a balancer before *ports* listens."""
    balancer = Balancer(ports)
    try:
        yield balancer.port
    finally:
        balancer.close()
