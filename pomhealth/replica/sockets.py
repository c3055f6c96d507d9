"""Listening sockets and whose they are, from /proc/net (proc(5)) and the kernel's socket diagnosis (sock_diag(7))."""

from __future__ import annotations

# Plain os calls: there are thousands of them in one look.
# ruff: noqa: PTH115, PTH123, PTH208
import contextlib
import ipaddress
import os
import pwd
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pomhealth.replica import processes, sockdiag
from pomhealth.replica.model import Process
from pomhealth.status import Unobservable

_LISTEN = b"0A"
OWN = "/proc/net"


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

    def __init__(self, net_root: str = OWN) -> None:
        self._root = net_root

    def listening(self, *, udp: bool = True) -> tuple[ListeningSocket, ...]:
        """Every listening TCP socket and, with `udp`, every bound UDP socket.

        The kernel is asked for listening TCP sockets alone, whatever the number of connections: /proc/net/tcp6
        takes 1.7 ms on a machine with 24 GiB even when it is empty. Where it does not answer (another namespace's
        /proc/net, a sandbox), the table's first rows are read: listening sockets come before connections.
        """
        tcp = _diagnosed() if self._root == OWN else None
        if tcp is None:
            tcp = [*self._rows("tcp", udp=False), *self._rows("tcp6", udp=False)]
        return (*tcp, *self._rows("udp", udp=True), *self._rows("udp6", udp=True)) if udp else tuple(tcp)

    def on(self, port: int) -> tuple[ListeningSocket, ...]:
        """Those of the listening TCP sockets that are on this port."""
        tcp = _diagnosed(port) if self._root == OWN else None
        if tcp is None:
            return tuple(one for one in self.listening() if one.port == port and not one.udp)
        return tuple(tcp)

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

    def connected(self, process: Process, port: int) -> frozenset[str]:
        """The addresses to which the process has an established TCP connection on this port of theirs.

        Raises Unobservable without the right to look. Only for our own network namespace.
        """
        held = self.held_by(process)
        found = sockdiag.established(port)
        if found is None:
            raise Unobservable("the kernel does not tell of TCP connections", "socket diagnosis (sock_diag)")
        return frozenset(_host(host) for host, inode in found if inode in held)

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


def _diagnosed(on: int = 0) -> list[ListeningSocket] | None:
    found = sockdiag.listening(on)
    if found is None:
        return None
    return [
        ListeningSocket(_host(host), port, inode, uid, backlog, udp=False)
        for host, port, inode, uid, backlog in found
    ]


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
    return _host(packed), int(port, 16)


@lru_cache(maxsize=1024)
def _host(packed: bytes) -> str:
    """The address in words; an IPv4 address that IPv6 carries as what it is."""
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
