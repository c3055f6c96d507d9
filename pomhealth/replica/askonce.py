"""One GET request, blocking, for discovery; what is asked again and again goes through httpget."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
import time
from collections.abc import Generator, Mapping

from pomhealth.reach import Garbled, Silent
from pomhealth.replica.httpget import failure
from pomhealth.replica.model import AdminAddress

_PIECE = 65536


def get(address: AdminAddress, path: str, *, deadline: float) -> bytes:
    """The body of Envoy's 200 answer, within `deadline` seconds. Raises Refused, Silent, Garbled or Denied."""
    return b"".join(_pieces(_Connection(address, deadline), address.where, path, {}, deadline))


def stream(
    host: str, port: int, path: str, headers: Mapping[str, str], *, tls: bool, deadline: float
) -> Generator[bytes, None, None]:
    """The body of a 200 answer over TCP, piece by piece, until `deadline` seconds are over. Raises as `get` does.

    With `tls` the certificate is not verified: the server is this replica, and nothing secret is sent to another.
    """
    where = f"{host}:{port}"
    if not tls:
        return _pieces(
            http.client.HTTPConnection(host, port, timeout=deadline), where, path, headers, deadline
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, timeout=deadline, context=context)
    return _pieces(connection, where, path, headers, deadline)


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


def _pieces(
    connection: http.client.HTTPConnection, where: str, path: str, headers: Mapping[str, str], deadline: float
) -> Generator[bytes, None, None]:
    over = time.monotonic() + deadline
    with contextlib.closing(connection):
        try:
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            if answer.status != 200:
                raise Garbled(where, f"{path.partition('?')[0]} answers {answer.status}")
            while piece := answer.read1(_PIECE):
                yield piece
                if time.monotonic() > over:
                    raise Silent(where, f"no whole answer within {deadline:g} s")
        except TimeoutError:
            raise Silent(where, f"no answer within {deadline:g} s") from None
        except ssl.SSLError:
            raise Garbled(where, "the TLS handshake was refused") from None
        except OSError as error:
            raise failure(where, error) from None
        except (http.client.HTTPException, ValueError):
            raise Garbled(where, "what answers does not speak HTTP") from None
