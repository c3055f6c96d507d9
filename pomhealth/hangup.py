"""Ending a connection whose TLS handshake was given up."""

from __future__ import annotations

import contextlib
import socket


def hang_up(raw: socket.socket) -> None:
    """Ends a connection of which `asyncio.open_connection` was given up.

    Its transport, which asyncio hands to nobody then, may still be saying goodbye, and closes the socket itself at the
    end that it sees now. Closed beneath it, the descriptor would soon be another connection's, and both be lost.
    """
    with contextlib.suppress(OSError):
        raw.shutdown(socket.SHUT_RDWR)
