"""Tells a supervisor how it goes: the protocol of sd_notify(3), one datagram a time. Nothing here waits or raises."""

from __future__ import annotations

import contextlib
import socket
import time


class Notifier:
    """The supervisor's socket. Without an address, or with one of another kind, nothing is told."""

    def __init__(self, address: str) -> None:
        """`address` is a path, or "@" and an abstract name, as in NOTIFY_SOCKET."""
        self._address = _place(address)
        self._socket: socket.socket | None = None

    @property
    def heard(self) -> bool:
        """Whether somebody is to be told at all."""
        return bool(self._address)

    def tell(self, **fields: str | int) -> bool:
        """Sends these fields, each a line NAME=VALUE; gives whether the supervisor's socket took them.

        It takes none while it is full or its owner starts anew: what must be known is then to be told again.
        """
        if not self._address:
            return False
        text = "\n".join(f"{name}={_line(value)}" for name, value in fields.items())
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.sendto(text.encode("utf-8", "replace"), self._address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


def moment() -> int:
    """Now, as RELOADING=1 must be dated: microseconds of CLOCK_MONOTONIC."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def _place(address: str) -> bytes:
    if address.startswith("@"):
        return b"\0" + address[1:].encode("utf-8", "surrogateescape")
    return address.encode("utf-8", "surrogateescape") if address.startswith("/") else b""


def _line(value: str | int) -> str:
    """One line: whatever would end it, or be no text at all, is a space."""
    return " ".join("".join(one if one.isprintable() else " " for one in str(value)).split())
