"""Packets to one port dropped without an answer, as a firewall drops them: by nftables, spoken to over netlink.

The table belongs to the socket that made it: the kernel takes it away when that is closed, however this process ends.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence

from pomhealth.demo.errors import DemoError

_NETFILTER = 12  # the netlink family
_NFTABLES = 10
_BEGIN, _END = 0x10, 0x11
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = (_NFTABLES << 8 | kind for kind in (0, 3, 6))
_REQUEST, _ACK, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_ERROR = 0x2
_NESTED = 0x8000
_IPV4 = 2
_LOCAL_IN, _ACCEPT, _DROP = 1, 1, 0
_OWNED = 2
_NETWORK, _TRANSPORT = 1, 2
_CHAIN = b"input\0"


class Dropped:
    """TCP packets to this IPv4 address and port are dropped until `close`. Raises DemoError where that is not possible.

    `back` has those dropped too that come from there.
    """

    def __init__(self, host: str, port: int, *, back: bool = False) -> None:
        name = f"pomhealth-demo-{os.getpid()}-{port}".encode() + b"\0"
        rules = [
            _attribute(1, name)
            + _attribute(2, _CHAIN)
            + _nested(4, *(_nested(1, one) for one in _match(host, port, back=way)), _nested(1, _drop()))
            for way in ((False, True) if back else (False,))
        ]
        hook = _nested(4, _number(1, _LOCAL_IN), _number(2, 0))
        chain = _attribute(1, name) + _attribute(3, _CHAIN) + hook + _number(5, _ACCEPT)
        messages = (
            (_NEW_TABLE, _CREATE, _attribute(1, name) + _number(2, _OWNED)),
            (_NEW_CHAIN, _CREATE, chain + _attribute(7, b"filter\0")),
            *((_NEW_RULE, _CREATE | _APPEND, rule) for rule in rules),
        )
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
        except OSError as error:
            raise DemoError(f"packets cannot be dropped here: {error.strerror}") from error
        try:
            self._socket.bind((0, 0))
            self._socket.settimeout(5.0)
            self._socket.send(_batch(messages))
            self._heed(len(messages))
        except OSError as error:
            self.close()
            raise DemoError(
                f"packets cannot be dropped here ({error.strerror}): that needs nf_tables in the kernel "
                "and CAP_NET_ADMIN"
            ) from error

    def close(self) -> None:
        self._socket.close()

    def _heed(self, count: int) -> None:
        """Reads that many answers. Raises the OSError that one of them is."""
        while count > 0:
            answer = self._socket.recv(65536)
            while len(answer) >= 20:
                length, kind = struct.unpack_from("=IH", answer)
                if kind == _ERROR:
                    (number,) = struct.unpack_from("=i", answer, 16)
                    if number:
                        raise OSError(-number, os.strerror(-number))
                    count -= 1
                answer = answer[length + 3 & ~3 :]


def _match(host: str, port: int, *, back: bool) -> tuple[bytes, ...]:
    """TCP to this address and port; `back`: from there."""
    return (
        *_equals(_NETWORK, 9, bytes([socket.IPPROTO_TCP])),
        *_equals(_NETWORK, 12 if back else 16, socket.inet_aton(host)),
        *_equals(_TRANSPORT, 0 if back else 2, struct.pack("!H", port)),
    )


def _equals(base: int, offset: int, value: bytes) -> tuple[bytes, bytes]:
    """Two expressions: load these bytes of the packet, and go on only if they are `value`."""
    load = _number(1, 1) + _number(2, base) + _number(3, offset) + _number(4, len(value))
    compare = _number(1, 1) + _number(2, 0) + _nested(3, _attribute(1, value))
    return _expression(b"payload\0", load), _expression(b"cmp\0", compare)


def _drop() -> bytes:
    return _expression(b"immediate\0", _number(1, 0) + _nested(2, _nested(2, _number(1, _DROP))))


def _expression(name: bytes, content: bytes) -> bytes:
    return _attribute(1, name) + _nested(2, content)


def _batch(messages: Sequence[tuple[int, int, bytes]]) -> bytes:
    parts = [_message(_BEGIN, 0, 0, b"", family=0, resource=_NFTABLES)]
    parts += [
        _message(kind, flags | _ACK, number, content)
        for number, (kind, flags, content) in enumerate(messages, 1)
    ]
    return b"".join((*parts, _message(_END, 0, len(parts), b"", family=0, resource=_NFTABLES)))


def _message(
    kind: int, flags: int, number: int, content: bytes, *, family: int = _IPV4, resource: int = 0
) -> bytes:
    body = struct.pack("!BBH", family, 0, resource) + content
    return struct.pack("=IHHII", 16 + len(body), kind, flags | _REQUEST, number, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("!I", value))


def _nested(kind: int, *parts: bytes) -> bytes:
    return _attribute(kind | _NESTED, b"".join(parts))
