"""The socket that a server listens on, until nobody who has connected is left behind.

To close a listening socket resets whoever has connected but was not taken on yet, and a busy server has some of those
at any moment. Linux can be told to overlook who comes newly, so that the others can be taken on first; whoever is
overlooked tries again, and is refused once the socket is closed.
"""

import asyncio
import ctypes
import socket
import struct
import sys

BACKLOG = 2048
# How long it may take to take on who waits.
TAKING_ON_S = 0.02

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K with 0: of each packet, no byte is let through


def listening(host: str, port: int) -> socket.socket:
    """Listen.

    Raises:
        OSError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


async def stop_listening(sockets: list[socket.socket]) -> None:
    """Have no more connections come in on *sockets*, which are ours alone, and let the loop take on those that have."""
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_NOTHING)
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
    await asyncio.sleep(TAKING_ON_S)
