"""One gRPC call, blocking, for discovery: what its answer's headers say."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pomhealth.reach import Garbled, Silent
from pomhealth.replica.connect import failure
from pomhealth.replica.unverified import unverified

if TYPE_CHECKING:
    from h2.connection import H2Connection

_PIECE = 65536
_EMPTY = bytes(5)  # a message of no bytes: not compressed, length 0


def headers(host: str, port: int, method: str, *, tls: bool, deadline: float) -> Mapping[str, str]:
    """The headers with which `method` ("/package.Service/Method") is answered, by lower-case name.

    With `tls` the certificate is not verified: the server is this replica, and nothing secret is sent to another.
    Raises Refused, Silent or Garbled.
    """
    where = f"{host}:{port}"
    over = time.monotonic() + deadline
    try:
        with socket.create_connection((host, port), timeout=deadline) as raw:
            if not tls:
                return _call(raw, where, method, over)
            with unverified("h2").wrap_socket(raw, server_hostname="localhost") as secure:
                return _call(secure, where, method, over)
    except TimeoutError:
        raise Silent(where, f"no answer within {deadline:g} s") from None
    except ssl.SSLError:
        raise Garbled(where, "the TLS handshake was refused") from None
    except OSError as error:
        raise failure(where, error) from None


def _call(raw: socket.socket, where: str, method: str, over: float) -> Mapping[str, str]:
    from h2.exceptions import ProtocolError  # noqa: PLC0415  (loaded only where a version must be asked for)

    connection = _request(where, method)
    try:
        raw.sendall(connection.data_to_send())
        while time.monotonic() < over:
            raw.settimeout(max(0.01, over - time.monotonic()))
            piece = raw.recv(_PIECE)
            if not piece:
                raise Garbled(where, "the connection was closed before an answer came")
            found = _answer(connection, piece)
            if found is not None:
                return found
            raw.sendall(connection.data_to_send())
    except ProtocolError:
        raise Garbled(where, "what answers does not speak HTTP/2") from None
    raise TimeoutError


def _request(where: str, method: str) -> H2Connection:
    from h2.config import H2Configuration  # noqa: PLC0415
    from h2.connection import H2Connection  # noqa: PLC0415

    connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    connection.initiate_connection()
    connection.send_headers(
        1,
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", where),
            (":path", method),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("user-agent", "pomhealth"),
        ],
    )
    connection.send_data(1, _EMPTY, end_stream=True)
    return connection


def _answer(connection: H2Connection, piece: bytes) -> Mapping[str, str] | None:
    from h2.events import ResponseReceived  # noqa: PLC0415

    for event in connection.receive_data(piece):
        if isinstance(event, ResponseReceived):
            return {str(name): str(value) for name, value in event.headers or ()}
    return None
