"""Questions to the kernel's socket diagnosis (sock_diag(7)), about our own network namespace. Blocking, and quick."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_DONE = 3
_NLM_F_REQUEST = 1
_NLM_F_DUMP = 0x300
_TCP_ESTABLISHED = 1
_TCP_LISTEN = 10
_ANY_COOKIE = 0xFFFFFFFF
_ALL_STATES = 0xFFFFFFFF
_DEADLINE = 0.2  # seconds
_MOST = 1 << 16  # bytes of one message from the kernel: it makes none over 32 KiB
_TIMEOUT = struct.pack("@ll", 0, int(_DEADLINE * 1e6))  # struct timeval
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_MESSAGE = struct.Struct("=BBBB2s2s16s16sIIIIIIII")  # struct inet_diag_msg: …, rqueue, wqueue, uid, inode

_INFO = 2  # INET_DIAG_INFO: a struct tcp_info
_WITH_INFO = 1 << (_INFO - 1)
_ATTRIBUTE = struct.Struct("=HH")  # struct nlattr
_IDLE = struct.Struct("=III")  # tcpi_last_data_sent, tcpi_last_ack_sent (never set), tcpi_last_data_recv: ms
_IDLE_AT = 44  # where they stand in struct tcp_info


def listening(on: int = 0) -> list[tuple[bytes, int, int, int, int]] | None:
    """Every listening TCP socket, with `on` those on this port alone.

    Of each the packed address, port, inode, uid, and the connections that wait to be taken. None where the kernel
    does not tell.
    """
    found = []
    identity = struct.pack("!H", on) + bytes(46)
    try:
        for message, length in _everywhere(1 << _TCP_LISTEN, identity):
            _, _, _, _, port, _, host, _, _, _, _, _, waiting, _, uid, inode = _MESSAGE.unpack_from(message)
            found.append((host[:length], int.from_bytes(port, "big"), inode, uid, waiting))
    except OSError:
        return None
    return found


def established(port: int) -> list[tuple[bytes, int]] | None:
    """Every established TCP connection to this port somewhere: the packed address there, and the inode here.

    None where the kernel does not tell.
    """
    found = []
    identity = struct.pack("!HH", 0, port) + bytes(44)
    try:
        for message, length in _everywhere(1 << _TCP_ESTABLISHED, identity):
            _, _, _, _, _, there, _, host, *_, inode = _MESSAGE.unpack_from(message)
            if int.from_bytes(there, "big") == port:
                found.append((host[:length], int(inode)))
    except OSError:
        return None
    return found


def accepted(port: int) -> list[tuple[str, float]] | None:
    """Every established TCP connection to this port of ours: the address here, and the seconds since its last byte.

    The kernel's own state of the connection tells that (struct tcp_info, Linux 2.6.2). None where it does not tell.
    """
    found = []
    identity = struct.pack("!H", port) + bytes(46)
    try:
        for message, length in _everywhere(1 << _TCP_ESTABLISHED, identity, _WITH_INFO):
            _, _, _, _, here, _, host, *_ = _MESSAGE.unpack_from(message)
            if int.from_bytes(here, "big") == port:
                found.append((_address(host[:length]), _quiet(message)))
    except (OSError, struct.error):
        return None
    return found


def accepted_inode(server: tuple[str, int], client: tuple[str, int]) -> int | None:
    """The inode of the server's end of an established TCP connection.

    0 while the server has not taken it off its queue; None when the kernel does not tell. `server` and `client`
    are (IP address, port). One question to the kernel, whatever the number of connections.
    """
    here, there = ipaddress.ip_address(server[0]), ipaddress.ip_address(client[0])
    family = socket.AF_INET if here.version == 4 else socket.AF_INET6
    ends = struct.pack(
        "!HH16s16s", server[1], client[1], here.packed.ljust(16, b"\0"), there.packed.ljust(16, b"\0")
    )
    identity = ends + struct.pack("=III", 0, _ANY_COOKIE, _ANY_COOKIE)
    try:
        with _kernel() as kernel:
            message = next(_ask(kernel, _request(family, _ALL_STATES, identity, 0), _NLM_F_REQUEST), None)
    except OSError:
        return None
    if message is None:
        return None
    _, state, *_, inode = _MESSAGE.unpack_from(message)
    return None if state == _TCP_LISTEN else int(inode)


def _address(packed: bytes) -> str:
    """The address in text; an IPv4 one that an IPv6 socket took as an IPv4 one."""
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _quiet(message: bytes) -> float:
    """Seconds since the connection carried a byte, from the struct tcp_info that follows; 0 where there is none."""
    at = _MESSAGE.size
    while at + _ATTRIBUTE.size <= len(message):
        size, kind = _ATTRIBUTE.unpack_from(message, at)
        if size < _ATTRIBUTE.size:
            break
        if kind == _INFO:
            sent, _, received = _IDLE.unpack_from(message, at + _ATTRIBUTE.size + _IDLE_AT)
            return float(min(sent, received)) / 1000
        at += (size + 3) & ~3
    return 0.0


def _request(family: int, states: int, identity: bytes, more: int) -> bytes:
    """A struct inet_diag_req_v2; `more` is what else is to be told of each socket."""
    return struct.pack("=BBBBI", family, socket.IPPROTO_TCP, more, 0, states) + identity


def _everywhere(states: int, identity: bytes, more: int = 0) -> Iterator[tuple[bytes, int]]:
    """The sockets in these states, IPv4 and IPv6, each with the length of its addresses. Raises as `_ask`."""
    with _kernel() as kernel:
        for family, length in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
            for message in _ask(
                kernel, _request(family, states, identity, more), _NLM_F_REQUEST | _NLM_F_DUMP
            ):
                yield message, length


def _kernel() -> socket.socket:
    """Where the kernel is asked. It keeps the deadline by itself: a wait before each call would be one more call."""
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)
    return kernel


def _ask(kernel: socket.socket, request: bytes, flags: int) -> Iterator[bytes]:
    """The sockets that the kernel answers with. Raises OSError when it refuses or does not answer in time."""
    kernel.send(_HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, flags, 0, 0) + request)
    while True:
        answer = kernel.recv(_MOST)
        at = 0
        while at + _HEADER.size <= len(answer):
            size, kind, *_ = _HEADER.unpack_from(answer, at)
            if kind == _NLMSG_DONE:
                return
            if kind != _SOCK_DIAG_BY_FAMILY or size < _HEADER.size + _MESSAGE.size:
                raise OSError("the kernel refuses to tell of sockets")
            yield answer[at + _HEADER.size : at + size]
            at += (size + 3) & ~3
        if not flags & _NLM_F_DUMP:
            return
