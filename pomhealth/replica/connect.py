"""Connected sockets, to abstract names, paths and over TCP, without blocking; and what a failed connection means."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
from functools import partial
from typing import Any

from pomhealth.blocking import Workers
from pomhealth.outside.names import Resolver
from pomhealth.reach import Denied, ReachError, Refused, Silent

_CONNECT = 2.0  # seconds for finding a socket's file
_RESOLVE = 2.0  # seconds for a name
_FULL = (errno.EAGAIN, errno.ENOTCONN)  # a Unix listener whose queue is full, since nobody accepts

_blocking = Workers()
_names = Resolver()


async def unix_socket(address: str) -> socket.socket:
    """Connected to a path, or to an abstract name that begins with NUL. Such a connection is made or refused at once.

    A path is looked for in a thread, since its file system may hang. Raises Silent when it does.
    """
    if address.startswith("\0"):
        return _unix_socket(address)
    return await _blocking.call(f"socket {address}", partial(_unix_socket, address), deadline=_CONNECT)


def _unix_socket(address: str) -> socket.socket:
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        raw.connect(address)
    except BaseException:
        raw.close()
        raise
    return raw


async def tcp_socket(host: str, port: int) -> socket.socket:
    """Connected over TCP; `host` is an IP address or a name that the resolver knows."""
    loop = asyncio.get_running_loop()
    family, address = await _address(host, port)
    raw = socket.socket(family, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        await loop.sock_connect(raw, address)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        raw.close()
        raise
    return raw


async def _address(host: str, port: int) -> tuple[int, Any]:
    """Family and socket address; an IP address is no question to the resolver, nor to a thread."""
    with contextlib.suppress(ValueError):
        return (socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET), (host, port)
    try:
        found = (await _names.addresses(host, deadline=_RESOLVE))[0]
    except ReachError as error:
        raise OSError(errno.EHOSTUNREACH, f"{host}: {error.why}") from None
    return (socket.AF_INET6 if ":" in found else socket.AF_INET), (found, port)


def failure(where: str, error: OSError) -> ReachError:
    """What a failed connection means."""
    if isinstance(error, PermissionError):
        return Denied(where, "this user may not connect to it")
    if error.errno in _FULL:
        return Silent(where, "its queue of connections is full: nobody takes them")
    if isinstance(error, ConnectionRefusedError):
        return Refused(where, "connection refused: nobody listens there")
    if isinstance(error, FileNotFoundError):
        return Refused(where, "there is no such socket")
    return Refused(where, os.strerror(error.errno) if error.errno else "it cannot be reached")
