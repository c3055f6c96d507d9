"""Who listens on a Unix socket, as the kernel tells; blocking."""

from __future__ import annotations

import socket
import struct


def peer(address: str, *, deadline: float) -> int | None:
    """The process that listens on an abstract or path socket, 0 for one in another PID namespace; None if nobody does.

    The kernel tells it of the connection (SO_PEERCRED, unix(7)); nothing is sent.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
        raw.settimeout(deadline)
        try:
            raw.connect(address)
            credentials = raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return None
    return int(struct.unpack("3i", credentials)[0])
