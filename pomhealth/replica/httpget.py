"""A small HTTP/1.1 client that can only GET, over connections that are kept open.

It asks over abstract sockets, path sockets and TCP, and hands out the socket that an answer came over, so that
the answer can be tied to a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from pomhealth.reach import Garbled, Refused, Silent
from pomhealth.replica.connect import failure

_MOST = 256 * 1024 * 1024  # bytes of one body; Envoy's whole statistics at 10,000 routes are 52 MB
_LONGEST_LINE = 256 * 1024
_PIECE = 256 * 1024  # bytes of a body that are read at once
SETTLED = 1.0  # seconds that a connection must have lived for its end to be news: some servers keep none

Connect = Callable[[], Awaitable[socket.socket]]
Take = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `seconds` is the time from asking to its last byte."""

    status: int
    body: bytes
    seconds: float


class Gets:
    """GET requests to one server. `connect` makes a connected, non-blocking socket; `where` names the server.

    `admit` is asked once for each new connection, with its socket, after the first answer: it may raise. A body of
    more than `most` bytes is Garbled. `closed`, where set, is called when the server closes a connection between two
    questions, as the end of its process does, and it had lived for SETTLED seconds.
    """

    def __init__(
        self,
        where: str,
        connect: Connect,
        *,
        host: str = "localhost",
        admit: Callable[[socket.socket], None] | None = None,
        most: int = _MOST,
    ) -> None:
        self._where = where
        self._connect = connect
        self._host = host
        self._admit = admit
        self._most = most
        self.closed: Callable[[], None] | None = None
        self._idle: list[_Connection] = []
        self._over = False

    async def get(self, path: str, *, deadline: float, take: Take | None = None) -> Answer:
        """The answer within `deadline` seconds. Raises Refused, Silent, Garbled or Denied.

        With `take` the body goes to it piece by piece, and the answer's own is empty.
        """
        started = time.monotonic()
        try:
            status, body = await asyncio.wait_for(self._get(path, take), deadline)
        except asyncio.TimeoutError:
            raise Silent(self._where, f"no answer within {deadline:g} s") from None
        except OSError as error:
            raise failure(self._where, error) from None
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            raise Garbled(self._where, "what answers does not speak HTTP") from None
        return Answer(status, body, time.monotonic() - started)

    async def close(self) -> None:
        """Closes every idle connection, and keeps none from now on: one in use is closed after its answer."""
        self._over = True
        while self._idle:
            self._idle.pop().close()

    async def _get(self, path: str, take: Take | None) -> tuple[int, bytes]:
        while self._idle:
            kept = self._idle.pop()
            with contextlib.suppress(_Ended):
                return await self._ask(kept, path, take)
        connection = await _Connection.open(self._connect, self._ended)
        try:
            return await self._ask(connection, path, take)
        except _Ended:
            raise Refused(self._where, "the connection was closed without an answer") from None

    async def _ask(self, connection: _Connection, path: str, take: Take | None) -> tuple[int, bytes]:
        done = False
        body: list[bytes] = []
        try:
            status, keep = await connection.ask(path, self._host, take or body.append, self._most)
            if self._admit is not None and not connection.admitted:
                self._admit(connection.socket)
                connection.admitted = True
            done = keep
        finally:
            if not done:
                connection.close()
        if self._over:
            connection.close()
        else:
            self._idle.append(connection)
        return status, b"".join(body)

    def _ended(self, connection: _Connection) -> None:
        if connection not in self._idle:
            return
        self._idle.remove(connection)
        connection.close()
        if self.closed is not None and time.monotonic() - connection.began >= SETTLED:
            self.closed()


class _Ended(Exception):  # noqa: N818
    """The server closed the connection before it said anything."""


class _End(asyncio.StreamReaderProtocol):
    """Our end of a connection: `told`, where set, is called when the other end is closed."""

    told: Callable[[], None] | None = None

    def eof_received(self) -> bool | None:
        self._tell()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._tell()

    def _tell(self) -> None:
        if self.told is not None:
            self.told()


class _Connection:
    """`began` is the time of the monotonic clock at which it was opened."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: socket.socket
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.socket = raw
        self.admitted = False
        self.began = time.monotonic()

    @classmethod
    async def open(cls, connect: Connect, ended: Callable[[_Connection], None]) -> _Connection:
        """`ended` is told when the server closes it."""
        raw = await connect()
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_LONGEST_LINE)
        end = _End(reader)
        try:
            transport, _ = await loop.create_connection(lambda: end, sock=raw)
        except BaseException:
            raw.close()
            raise
        opened = cls(reader, asyncio.StreamWriter(transport, end, reader, loop), raw)
        end.told = lambda: ended(opened)
        return opened

    async def ask(self, path: str, host: str, take: Take, most: int) -> tuple[int, bool]:
        """Status, and whether the connection may be used again; the body goes to `take`, piece by piece."""
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: pomhealth\r\nAccept: */*\r\n\r\n"
        try:
            self._writer.write(request.encode("ascii"))
            head = await self._reader.readuntil(b"\r\n\r\n")
        except ConnectionError:
            raise _Ended from None
        except asyncio.IncompleteReadError as cut:
            if cut.partial:
                raise
            raise _Ended from None
        line, *fields = head[:-4].split(b"\r\n")
        version, status = _status(line)
        headers = _headers(fields)
        keep = version == b"HTTP/1.1" and headers.get(b"connection", b"").lower() != b"close"
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            await self._chunks(take, most)
            return status, keep
        if b"content-length" in headers:
            length = int(headers[b"content-length"])
            if not 0 <= length <= most:
                raise ValueError(length)
            await self._exactly(length, take)
            return status, keep
        while piece := await self._reader.read(_PIECE):
            most -= len(piece)
            if most < 0:
                raise ValueError(most)
            take(piece)
        return status, False

    async def _exactly(self, length: int, take: Take) -> None:
        while length:
            piece = await self._reader.read(min(length, _PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(piece)
            take(piece)

    async def _chunks(self, take: Take, most: int) -> None:
        total = 0
        while True:
            size = int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16)
            total += size
            if total > most or size < 0:
                raise ValueError(total)
            await self._exactly(size, take)
            await self._reader.readexactly(2)
            if not size:
                return

    def close(self) -> None:
        self._writer.transport.abort()


def _status(line: bytes) -> tuple[bytes, int]:
    version, _, rest = line.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError(line)
    return version, int(rest[:3])


def _headers(fields: Iterable[bytes]) -> Mapping[bytes, bytes]:
    parted = (field.partition(b":") for field in fields)
    return {name.strip().lower(): value.strip() for name, _, value in parted}
