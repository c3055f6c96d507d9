"""One small page over an open connection, and the key ids in it. HTTP/1.1, as much as that takes."""

from __future__ import annotations

import asyncio
import re

PATH = "/.well-known/pomerium/jwks.json"
_MOST = 64 * 1024  # bytes of a page
_KID = re.compile(rb'"kid"\s*:\s*"([^"]{1,200})"')


class NoHttp(Exception):  # noqa: N818
    """What answers does not speak HTTP, or ends the connection first."""


async def get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str
) -> tuple[int, bytes]:
    """Status and body (its first 64 KiB) of `GET path`. Raises NoHttp and OSError."""
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: pomhealth\r\nAccept: */*\r\n"
        "Connection: close\r\n\r\n".encode("ascii")
    )
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        said = getattr(error, "partial", b"")
        raise NoHttp(
            "it does not speak HTTP" if said else "it closes the connection without an answer"
        ) from None
    status = head[9:12]
    if not head.startswith(b"HTTP/1.") or not status.isdigit():
        raise NoHttp("it does not speak HTTP")
    headers = {
        name.strip().lower(): value.strip().lower()
        for name, _, value in (line.partition(b":") for line in head.splitlines()[1:])
    }
    length = headers.get(b"content-length", b"")
    chunked = headers.get(b"transfer-encoding", b"") == b"chunked"
    return int(status), await _body(reader, int(length) if length.isdigit() else _MOST, chunked=chunked)


async def _body(reader: asyncio.StreamReader, length: int, *, chunked: bool) -> bytes:
    """Not read to the connection's end: Envoy waits a second for the client to close it first."""
    body = b""
    while len(body) < min(length, _MOST) and not (chunked and body.endswith(b"0\r\n\r\n")):
        piece = await reader.read(_MOST)
        if not piece:
            break
        body += piece
    return body


def key_ids(status: int, body: bytes) -> frozenset[str] | None:
    """The ids of the keys on a page; None where it is no list of keys. Pure."""
    if status != 200 or b'"keys"' not in body:
        return None
    return frozenset(one.decode("ascii", "replace") for one in _KID.findall(body))
