"""The listening sockets that a supervisor opened for us and keeps while we restart (sd_listen_fds(3))."""

from __future__ import annotations

import socket

from pomhealth.settings import POMERIUM_PORT
from pomhealth.systemd.handed import Handed


class ActivationError(Exception):
    """One line for the person who wrote the socket's unit: which one, what is wrong, what it should be."""


def listeners(handed: Handed) -> tuple[socket.socket, ...]:
    """The sockets of `handed`, none of them inherited by children any more. Raises ActivationError."""
    return tuple(_listener(descriptor, name) for descriptor, name in handed.sockets)


def address(listener: socket.socket) -> str:
    """HOST:PORT, as in the settings."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listener(descriptor: int, name: str) -> socket.socket:
    try:
        one = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ActivationError(_says(descriptor, name, error.strerror or "it is no socket")) from None
    one.set_inheritable(False)
    wrong = _wrong(one)
    if wrong:
        one.detach()
        raise ActivationError(_says(descriptor, name, wrong))
    one.setblocking(False)
    return one


def _wrong(one: socket.socket) -> str:
    if one.family not in (socket.AF_INET, socket.AF_INET6) or one.type != socket.SOCK_STREAM:
        return "it is not a TCP socket"
    if not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "it does not listen (is Accept=yes set?)"
    if one.getsockname()[1] == POMERIUM_PORT:
        return f"port {POMERIUM_PORT} is Pomerium's own"
    return ""


def _says(descriptor: int, name: str, wrong: str) -> str:
    unit = f" ({name})" if name else ""
    return (
        f"the socket handed over as descriptor {descriptor}{unit} cannot be used: {wrong}; "
        "its unit needs ListenStream=HOST:PORT and Accept=no"
    )
