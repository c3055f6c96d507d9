"""The main listener, asked as a client would: a greeting alone, a TLS handshake, or one request. I/O only.

What comes before a request is answered by one of Envoy's workers and leaves no line in the replica's log; a request
leaves one (measured on 0.33.1).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

from pomhealth.hangup import hang_up
from pomhealth.reach import Garbled, Refused, Silent
from pomhealth.replica.model import Replica
from pomhealth.replica.unverified import unverified

T = TypeVar("T")

# An HTTP/2 connection preface with an empty SETTINGS frame: a plain-text listener answers it (with SETTINGS, or
# 400 where only HTTP/1 is spoken) without a stream, so that nothing is logged.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Approach:
    """How the main listener is to be spoken to. `server_name` is sent as SNI and Host; `authority` as Host, if given."""

    host: str
    port: int
    tls: bool
    proxy_protocol: bool
    server_name: str
    authority: str = ""

    @property
    def where(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: its status, the first bytes of its body, and the seconds it took."""

    status: int
    body: bytes
    seconds: float


def approach(replica: Replica, server_name: str) -> Approach | None:
    """How to speak to this replica's main listener; None where it has none or it is not known."""
    endpoint = replica.endpoint("address")
    if endpoint is None:
        return None
    options = replica.options
    return Approach(
        host=endpoint.connect_host,
        port=endpoint.port,
        tls=not options.true("insecure_server"),
        proxy_protocol=options.true("use_proxy_protocol"),
        server_name=server_name,
    )


async def greet(to: Approach, *, deadline: float) -> None:
    """Returns once a worker has answered the first words of a connection; the rest is not waited for.

    These are a TLS ClientHello, the same one each time (so that neither side works more than it must), or on a plain
    listener the HTTP/2 preface. Raises Refused when nobody listens, Silent when no worker answers within `deadline`
    seconds. A worker that refuses the greeting or closes the connection has answered.
    """
    with contextlib.suppress(Garbled):
        await _within(_greet(to), to, deadline)


async def presented(to: Approach, *, deadline: float) -> bytes:
    """The certificate (DER) that is presented to who asks for `server_name`; empty on a plain listener. Raises as `request`."""
    return await _within(_presented(to), to, deadline)


async def request(to: Approach, path: str, *, deadline: float) -> Reply:
    """The answer to `GET path` on the main listener. Raises Refused, Silent or Garbled."""
    started = time.monotonic()
    status, body = await _within(_get(to, path), to, deadline)
    return Reply(status, body, time.monotonic() - started)


async def _greet(to: Approach) -> None:
    loop = asyncio.get_running_loop()
    with await _connected(to) as raw:
        await loop.sock_sendall(raw, _hello(to.server_name) if to.tls else _PREFACE)
        await loop.sock_recv(raw, 1)


async def _presented(to: Approach) -> bytes:
    async with connection(to) as (_, writer):
        talk = writer.get_extra_info("ssl_object")
        return (talk.getpeercert(binary_form=True) if talk is not None else None) or b""


async def _get(to: Approach, path: str) -> tuple[int, bytes]:
    async with connection(to) as (reader, writer):
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {to.authority or to.server_name}\r\nUser-Agent: pomhealth\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n".encode("ascii")
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = head[9:12]
        if not head.startswith(b"HTTP/1.") or not status.isdigit():
            raise Garbled(to.where, "what answers does not speak HTTP")
        return int(status), await reader.read(1024)


async def _within(work: Coroutine[Any, Any, T], to: Approach, deadline: float) -> T:
    try:
        return await asyncio.wait_for(work, deadline)
    except asyncio.TimeoutError:
        raise Silent(to.where, f"no answer within {deadline:g} s") from None
    except ConnectionRefusedError:
        raise Refused(to.where, "connection refused: nobody listens there") from None
    except ssl.SSLError as error:
        raise Garbled(
            to.where, f"the TLS handshake was refused ({error.reason or 'no reason given'})"
        ) from None
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise Garbled(to.where, "the connection was closed before an answer came") from None
    except OSError as error:
        raise Refused(to.where, error.strerror or type(error).__name__) from None


@asynccontextmanager
async def connection(to: Approach) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which requests can be written, closed afterwards. Raises OSError."""
    raw = await _connected(to)
    writer: asyncio.StreamWriter | None = None
    try:
        if to.tls:
            reader, writer = await asyncio.open_connection(
                sock=raw, ssl=_tls(), server_hostname=to.server_name, ssl_handshake_timeout=60
            )
        else:
            reader, writer = await asyncio.open_connection(sock=raw)
        yield reader, writer
    finally:
        if writer is not None:
            writer.transport.abort()
            raw.close()
        else:
            hang_up(raw)


async def _connected(to: Approach) -> socket.socket:
    loop = asyncio.get_running_loop()
    raw = socket.socket(socket.AF_INET6 if ":" in to.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        await loop.sock_connect(raw, (to.host, to.port))
        if to.proxy_protocol:
            await loop.sock_sendall(raw, b"PROXY UNKNOWN\r\n")
    except BaseException:
        raw.close()
        raise
    return raw


@lru_cache(maxsize=4)
def _hello(server_name: str) -> bytes:
    """A TLS ClientHello for this name."""
    told = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        _tls().wrap_bio(ssl.MemoryBIO(), told, server_hostname=server_name).do_handshake()
    return told.read()


@cache
def _tls() -> ssl.SSLContext:
    """Whether a worker answers is asked here, not whether its certificate is good."""
    return unverified("http/1.1")
