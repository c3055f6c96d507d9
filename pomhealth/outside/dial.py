"""The way to a host outside, step by step: name, TCP, a proxy's CONNECT, TLS. I/O only; each step has its own error.

No credential is sent anywhere: to a proxy that asks for some, or to the host.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timezone

from pomhealth.hangup import hang_up
from pomhealth.outside import trust as trusts
from pomhealth.outside.names import NoSuchName, NotResolved, Resolver
from pomhealth.outside.proxy import Proxy, joined
from pomhealth.outside.trouble import Trouble, Unjudged
from pomhealth.outside.trust import Trust
from pomhealth.reach import Silent

_LOOKUP = 1.9  # seconds for one try of a name; it is tried twice, since one lost datagram is no fault
_STAGGER = 0.25  # seconds until the next address is tried beside the one before (RFC 8305)
_LONGEST_HEAD = 16 * 1024  # bytes of a proxy's answer
_LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Way:
    """Where to, and through what. `alpn` is the protocol that is offered in the TLS handshake."""

    host: str
    port: int
    tls: bool = True
    alpn: str = trusts.HTTP1
    proxy: Proxy | None = None

    @property
    def where(self) -> str:
        own = joined(self.host, self.port)
        return f"{own} (through the proxy {self.proxy.where})" if self.proxy else own

    @property
    def door(self) -> tuple[str, int]:
        """Whom the TCP connection goes to."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.host, self.port)


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection, verified. `chosen` is the protocol that the TLS handshake chose, "" for none."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    chosen: str


async def find(way: Way, resolver: Resolver, *, end: float) -> tuple[str, ...]:
    """The addresses of the way's door. Raises Trouble."""
    host, _ = way.door
    expected = "at least one address"
    cause = "proxy" if way.proxy else "dns"
    try:
        try:
            return await resolver.addresses(host, deadline=min(_LOOKUP, _left(end)))
        except Silent:
            return await resolver.addresses(host, deadline=_left(end))
    except (NoSuchName, NotResolved, Silent) as error:
        whose = f"the name of the proxy, {host}" if way.proxy else f"the name {host}"
        raise Trouble(
            cause, way.where, f"{whose} does not lead to an address: {error.why}", expected
        ) from None


@asynccontextmanager
async def line(way: Way, addresses: Iterable[str], trust: Trust, *, end: float) -> AsyncIterator[Line]:
    """A connection over the whole way, closed afterwards. Raises Trouble and Unjudged."""
    raw = await _open(way, tuple(addresses), end)
    writer: asyncio.StreamWriter | None = None
    try:
        if not way.tls:
            reader, writer = await asyncio.open_connection(sock=raw, limit=_LONGEST_LINE)
            yield Line(reader, writer, "")
            return
        try:
            reader, writer = await _secure(way, raw, trust.contexts[way.alpn], end)
        except ssl.SSLCertVerificationError as error:
            raise await _why(way, tuple(addresses), trust, error, end) from None
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol() or ""
        yield Line(reader, writer, chosen)
    finally:
        if writer is not None:
            writer.transport.abort()
            raw.close()
        else:
            hang_up(raw)


async def _why(
    way: Way, addresses: tuple[str, ...], trust: Trust, error: ssl.SSLCertVerificationError, end: float
) -> Exception:
    """Looks at the certificate that was refused, over a connection on which nothing is sent."""
    der = b""
    try:
        raw = await _open(way, addresses, end)
        try:
            _, writer = await _secure(way, raw, trusts.anyone(), end)
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
            writer.transport.abort()
        finally:
            hang_up(raw)
    except (Trouble, Unjudged, ssl.SSLError):
        der = b""
    shown = trusts.read_shown(der) if der else None
    now = datetime.now(timezone.utc)
    said = (error.verify_code, error.verify_message)
    return trusts.refusal(way.where, way.host, said, shown, trust=trust, now=now)


async def _open(way: Way, addresses: tuple[str, ...], end: float) -> socket.socket:
    raw = await _first(way, addresses, end)
    if way.proxy is None:
        return raw
    try:
        await _ask_proxy(way, raw, end)
    except BaseException:
        raw.close()
        raise
    return raw


async def _first(way: Way, addresses: tuple[str, ...], end: float) -> socket.socket:
    """Connected to the first address that answers, the next one tried a moment after the one before."""
    tries: list[asyncio.Future[socket.socket]] = [
        asyncio.ensure_future(_connect(address, way.door[1], number * _STAGGER))
        for number, address in enumerate(addresses)
    ]
    pending = set(tries)
    try:
        while pending:
            done, pending = await asyncio.wait(
                pending, timeout=_left(end), return_when=asyncio.FIRST_COMPLETED
            )
            winner = next((one for one in done if one.exception() is None), None)
            if winner is not None:
                tries.remove(winner)
                return winner.result()
            if not done:
                break
    finally:
        for one in tries:
            one.cancel()
            one.add_done_callback(_close)
    raise _unconnected(
        way, addresses, [one.exception() for one in tries if one not in pending], bool(pending)
    )


async def _connect(address: str, port: int, after: float) -> socket.socket:
    await asyncio.sleep(after)
    raw = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (address, port))
    except BaseException:
        raw.close()
        raise
    return raw


def _close(one: asyncio.Future[socket.socket]) -> None:
    if not one.cancelled() and one.exception() is None:
        one.result().close()


def _unconnected(
    way: Way, addresses: tuple[str, ...], errors: list[BaseException | None], silent: bool
) -> Trouble:
    """What it means that no address was reached. Pure."""
    expected = "a TCP connection"
    tried = ", ".join(joined(address, way.door[1]) for address in addresses)
    refused = any(isinstance(error, ConnectionRefusedError) for error in errors)
    codes = [error.errno for error in errors if isinstance(error, OSError)]
    if refused:
        cause, why = "refused", f"{tried} refuses the connection"
    elif silent or errno.ETIMEDOUT in codes:
        cause, why = "timeout", f"{tried} does not answer: no TCP connection came about"
    else:
        reason = next((os.strerror(code) for code in codes if code), "it cannot be reached")
        local = " by a rule of this machine or a router" if {*codes} & {errno.EACCES, errno.EPERM} else ""
        cause, why = "refused", f"{tried} cannot be reached{local}: {reason}"
    return Trouble("proxy" if way.proxy else cause, way.where, why, expected)


async def _ask_proxy(way: Way, raw: socket.socket, end: float) -> None:
    """Has the proxy connect to the host. Raises Trouble, and Unjudged where it wants credentials."""
    loop = asyncio.get_running_loop()
    target = joined(way.host, way.port)
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: pomhealth\r\n\r\n"
    expected = f"a 200 answer to CONNECT {target}"
    head = b""
    try:
        await asyncio.wait_for(loop.sock_sendall(raw, request.encode("ascii")), _left(end))
        while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD and head[:5] == b"HTTP/"[: len(head)]:
            piece = await asyncio.wait_for(loop.sock_recv(raw, 4096), _left(end))
            if not piece:
                break
            head += piece
    except asyncio.TimeoutError:
        raise Trouble("proxy", way.where, f"the proxy does not answer CONNECT {target}", expected) from None
    except OSError:
        head = head or b""
    status = _status(head)
    if status == 407:
        raise Unjudged(
            way.where,
            "the proxy answers, and wants credentials for CONNECT (407), which pomhealth never sends",
        )
    if status == 0:
        said = (
            "what answers there is no HTTP proxy"
            if head
            else "the proxy closed the connection without an answer"
        )
        raise Trouble("proxy", way.where, said, expected)
    if not 200 <= status < 300:
        raise Trouble("proxy", way.where, f"the proxy answers {status} to CONNECT {target}", expected)


def _status(head: bytes) -> int:
    """The status of an HTTP/1 answer; 0 where it is none."""
    line = head.partition(b"\r\n")[0]
    code = line[9:12]
    return int(code) if line.startswith(b"HTTP/1.") and code.isdigit() else 0


async def _secure(
    way: Way, raw: socket.socket, context: ssl.SSLContext, end: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises Trouble, and SSLCertVerificationError for a certificate that is not trusted."""
    expected = "a TLS handshake"
    try:
        return await asyncio.wait_for(
            asyncio.open_connection(
                sock=raw, ssl=context, server_hostname=way.host, ssl_handshake_timeout=60, limit=_LONGEST_LINE
            ),
            _left(end),
        )
    except asyncio.TimeoutError:
        raise Trouble("timeout", way.where, "it does not answer the TLS handshake", expected) from None
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        reason = (error.reason or "no reason given").replace("_", " ").lower()
        raise Trouble("tls", way.where, f"the TLS handshake fails: {reason}", expected) from None
    except OSError:
        why = "the connection is cut during the TLS handshake, as a firewall does that filters by name"
        raise Trouble("tls", way.where, why, expected) from None


def _left(end: float) -> float:
    return max(0.01, end - asyncio.get_running_loop().time())
