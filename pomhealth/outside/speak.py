"""What is said to a host once it is reached: something harmless that shows whether it speaks the protocol.

HTTP/1.1: a HEAD request. HTTP/2 (gRPC): the preface with empty SETTINGS, and a GOAWAY when the server's own SETTINGS
have come; no stream is opened, so nothing is called.
"""

from __future__ import annotations

import asyncio

from pomhealth.outside.dial import Line, Way
from pomhealth.outside.trouble import Trouble

_EMPTY_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _EMPTY_SETTINGS
_GOAWAY = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8)  # no error, no stream
_SETTINGS = 4


async def http1(way: Way, line: Line, *, end: float) -> str:
    """What answers a HEAD request for /, in a few words. Raises Trouble."""
    expected = "an HTTP answer below 500"
    line.writer.write(
        f"HEAD / HTTP/1.1\r\nHost: {way.host}\r\nUser-Agent: pomhealth\r\nConnection: close\r\n\r\n".encode(
            "ascii"
        )
    )
    head = await _read(way, line.reader.readline(), expected, end)
    status = head[9:12]
    if not head.startswith(b"HTTP/1.") or not status.isdigit():
        why = "what answers does not speak HTTP" if head else "it closes the connection without an answer"
        raise Trouble("http", way.where, why, expected)
    if status >= b"500":
        raise Trouble("http", way.where, f"HEAD / answers {status.decode()}", expected)
    return f"answers over HTTP (HEAD /: {status.decode()})"


async def http2(way: Way, line: Line, *, end: float) -> str:
    """The same of HTTP/2, which gRPC needs. Raises Trouble."""
    expected = "HTTP/2 (h2)"
    if way.tls and line.chosen != "h2":
        got = f"chooses {line.chosen}" if line.chosen else "chooses no protocol"
        why = f"it does not offer HTTP/2: the TLS handshake {got}{_issuer(line)}"
        raise Trouble("http", way.where, why, expected)
    line.writer.write(_PREFACE)
    frame = await _read(way, _exactly(line.reader, 9), expected, end)
    if len(frame) < 9 or frame[3] != _SETTINGS or frame[5:9] != bytes(4):
        why = "what answers does not speak HTTP/2" if frame else "it closes the connection without an answer"
        raise Trouble("http", way.where, why, expected)
    line.writer.write(_GOAWAY)
    return "answers over HTTP/2"


def _issuer(line: Line) -> str:
    """Who issued the certificate, which tells an inspecting proxy that the machine trusts."""
    shown = line.writer.get_extra_info("peercert") or {}
    parts = dict(part[0] for part in shown.get("issuer", ()))
    called = ", ".join(parts[key] for key in ("organizationName", "commonName") if key in parts)
    return f' (its certificate was issued by "{called}")' if called else ""


async def _exactly(reader: asyncio.StreamReader, count: int) -> bytes:
    try:
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as cut:
        return cut.partial


async def _read(way: Way, answer: object, expected: str, end: float) -> bytes:
    left = max(0.01, end - asyncio.get_running_loop().time())
    try:
        return await asyncio.wait_for(answer, left)  # type: ignore[arg-type]
    except asyncio.TimeoutError:
        raise Trouble(
            "timeout", way.where, "it is reached, but does not answer what is asked", expected
        ) from None
    except (OSError, ValueError):
        return b""
