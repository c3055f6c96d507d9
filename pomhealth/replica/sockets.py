"""Listening sockets and whose they are, from /proc/net (proc(5)) and the kernel's socket diagnosis (sock_diag(7))."""

from __future__ import annotations

# Plain os calls: there are thousands of them in one look.
# ruff: noqa: PTH115, PTH123, PTH208
import contextlib
import ipaddress
import os
import pwd
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pomhealth.replica import processes
from pomhealth.replica.model import Process
from pomhealth.status import Unobservable

_LISTEN = b"0A"
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_TCP_LISTEN = 10  # what the kernel finds where there is no such connection
_ANY_COOKIE = 0xFFFFFFFF
_ALL_STATES = 0xFFFFFFFF
_DIAG_MESSAGE = struct.Struct("=BBBBHH16s16sIIIIIIII")  # struct inet_diag_msg: …, uid, inode


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    """One socket that takes connections (or datagrams). `backlog` counts the connections that wait to be taken."""

    host: str
    port: int
    inode: int
    uid: int
    backlog: int
    udp: bool


class SocketTable:
    """The sockets of one network namespace. `net_root` is its /proc/net; every method is blocking."""

    def __init__(self, net_root: str = "/proc/net") -> None:
        self._root = net_root

    def listening(self) -> tuple[ListeningSocket, ...]:
        """Every listening TCP socket and every bound UDP socket.

        Of the TCP table only the first rows are read: the kernel lists listening sockets before connections.
        """
        return tuple(
            one
            for name in ("tcp", "tcp6", "udp", "udp6")
            for one in self._rows(name, udp=name.startswith("udp"))
        )

    def held_by(self, process: Process) -> frozenset[int]:
        """The inodes of the process's sockets; none when it has ended. Raises Unobservable without the right to look."""
        directory = f"/proc/{process.pid}/fd"
        try:
            return frozenset(_socket_inodes(directory))
        except PermissionError:
            raise Unobservable(
                f"the sockets of process {process.pid} cannot be seen", processes.right_for(process.pid)
            ) from None
        except OSError:
            return frozenset()

    def owner(self, socket: ListeningSocket) -> str:
        """Whose socket it is, in words: "nginx (pid 812)", else by its user, as much as may be seen."""
        for pid in processes.pids():
            with contextlib.suppress(OSError):
                if socket.inode in _socket_inodes(f"/proc/{pid}/fd"):
                    return processes.named(pid)
        return f"a process of {_user(socket.uid)}"

    def _rows(self, name: str, *, udp: bool) -> Iterator[ListeningSocket]:
        try:
            file = open(f"{self._root}/{name}", "rb")  # noqa: SIM115  (closed below)
        except OSError:
            return
        with file:
            next(file, None)
            for line in file:
                fields = line.split()
                if not udp and fields[3] != _LISTEN:
                    return
                host, port = _address(fields[1])
                waiting = 0 if udp else int(fields[4].partition(b":")[2], 16)
                yield ListeningSocket(host, port, int(fields[9]), int(fields[7]), waiting, udp)


def accepted_inode(server: tuple[str, int], client: tuple[str, int]) -> int | None:
    """The inode of the server's end of an established TCP connection in our network namespace.

    0 while the server has not taken it off its queue; None when the kernel does not tell. `server` and `client`
    are (IP address, port). One question to the kernel, whatever the number of connections.
    """
    here, there = ipaddress.ip_address(server[0]), ipaddress.ip_address(client[0])
    family = socket.AF_INET if here.version == 4 else socket.AF_INET6
    identity = struct.pack(
        "!HH16s16s", server[1], client[1], here.packed.ljust(16, b"\0"), there.packed.ljust(16, b"\0")
    ) + struct.pack("=III", 0, _ANY_COOKIE, _ANY_COOKIE)
    request = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, _ALL_STATES) + identity
    header = struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as ask:
            ask.settimeout(0.2)
            ask.send(header + request)
            answer = ask.recv(8192)
    except OSError:
        return None
    kind = struct.unpack_from("=IHHII", answer)[1]
    if kind != _SOCK_DIAG_BY_FAMILY or len(answer) < 16 + _DIAG_MESSAGE.size:
        return None
    _, state, *_, inode = _DIAG_MESSAGE.unpack_from(answer, 16)
    return None if state == _TCP_LISTEN else int(inode)


def _socket_inodes(directory: str) -> Iterator[int]:
    for name in os.listdir(directory):
        try:
            target = os.readlink(f"{directory}/{name}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            yield int(target[8:-1])


def _address(text: bytes) -> tuple[str, int]:
    """A row's address: the kernel prints each 32-bit word of it in the machine's own byte order."""
    host, _, port = text.partition(b":")
    raw = bytes.fromhex(host.decode("ascii"))
    words = struct.unpack(f"!{len(raw) // 4}I", raw)
    packed = struct.pack(f"={len(words)}I", *words)
    address = ipaddress.ip_address(packed)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address), int(port, 16)


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
