"""One GET request, blocking, for discovery; what is asked again and again goes through httpget."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import time

from pomhealth.reach import Garbled, Silent
from pomhealth.replica.connect import failure
from pomhealth.replica.model import AdminAddress

_PIECE = 65536


def get(address: AdminAddress, path: str, *, deadline: float) -> bytes:
    """The body of a 200 answer, within `deadline` seconds. Raises Refused, Silent, Garbled or Denied."""
    where = address.where
    over = time.monotonic() + deadline
    body = bytearray()
    with contextlib.closing(_Connection(address, deadline)) as connection:
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.status != 200:
                raise Garbled(where, f"{path.partition('?')[0]} answers {answer.status}")
            while piece := answer.read1(_PIECE):
                body += piece
                if time.monotonic() > over:
                    raise Silent(where, f"no whole answer within {deadline:g} s")
        except TimeoutError:
            raise Silent(where, f"no answer within {deadline:g} s") from None
        except OSError as error:
            raise failure(where, error) from None
        except (http.client.HTTPException, ValueError):
            raise Garbled(where, "what answers does not speak HTTP") from None
    return bytes(body)


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


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: AdminAddress, deadline: float) -> None:
        super().__init__("localhost", timeout=deadline)
        self._address = address

    def connect(self) -> None:
        if self._address.kind == "tcp":
            host, _, port = self._address.address.rpartition(":")
            self.sock = socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), self.timeout)
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        name = self._address.address
        self.sock.connect("\0" + name if self._address.kind == "abstract" else name)
