"""Ports that nobody listens on."""

import random
import socket

# Below those that systems give to whoever connects: any connection may take one of theirs at any moment.
_PORTS = range(11_000, 32_000)
_TRIES = 100
_chance = random.SystemRandom()


def free_port() -> int:
    for _ in range(_TRIES):
        port = _chance.choice(_PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise OSError(f"no port of {_PORTS} is free")
