"""One GET request, blocking, for discovery; what is asked again and again goes through httpget."""

from __future__ import annotations

import contextlib
import http.client
import socket
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
