"""The socket that a server listens on, until nobody who has connected is left behind.

To close a listening socket resets whoever has connected but was not taken on yet, and a busy server has some of those
at any moment. Linux can be told to overlook who comes newly, so that the others can be taken on first, those too whose
handshake is under way: they hold themselves connected before we do. Whoever is overlooked tries again, and is refused
once the socket is closed.
"""

import asyncio
import ctypes
import socket
import struct
import sys

BACKLOG = 2048
# How long it may take to take on who waits.
TAKING_ON_S = 0.05

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
# Of packets that begin a connection no byte is let through, of all others all (linux/filter.h; RFC 9293, section 3.1).
_NO_SYN = (
    (0x30, 0, 0, 13),  # BPF_LD | BPF_B | BPF_ABS: the flags of TCP
    (0x54, 0, 0, 0x12),  # BPF_ALU | BPF_AND | BPF_K: of these SYN and ACK
    (0x15, 0, 1, 0x02),  # BPF_JMP | BPF_JEQ | BPF_K: SYN alone
    (0x06, 0, 0, 0),  # BPF_RET | BPF_K
    (0x06, 0, 0, 0xFFFFFFFF),
)


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
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
        option = struct.pack("HP", len(_NO_SYN), ctypes.addressof(program))
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)
    await asyncio.sleep(TAKING_ON_S)
