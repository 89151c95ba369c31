"""A balancer as it stands before a fleet: each connection goes to a process that takes it."""

import contextlib
import random
import socket
from collections.abc import Iterator

from tests.forwarding import Forwarder, heard
from tests.patience import PATIENCE_S


class Balancer(Forwarder):
    """Leads each connection to one of *ports*, whichever lives."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        super().__init__()

    def lead(self, client: socket.socket) -> None:
        with self._server() as server:
            while True:
                for said, other in heard(client, server):
                    if not said:
                        return
                    other.sendall(said)

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


@contextlib.contextmanager
def balancing(ports: list[int]) -> Iterator[int]:
    """Return the port on which a balancer before *ports* listens."""
    balancer = Balancer(ports)
    try:
        yield balancer.port
    finally:
        balancer.close()
