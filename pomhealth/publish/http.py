"""Serves what is published over HTTP/1.1. No handler does I/O: an answer is made from memory, once per change.

It is written on asyncio's transports alone, because a supervisor's probe costs here what copying its answer costs:
the bytes of a question are the key under which the bytes of its answer are kept until something changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable
from typing import Any

from pomhealth.publish.message import LARGEST_HEAD
from pomhealth.publish.pages import END, Pages
from pomhealth.publish.room import MOST_STUCK, Room, room_for_clients

IDLE = 75.0  # seconds for which an idle connection stays open
STALLED = 10.0  # seconds that a client may take over one request, or over taking its answer
_LAST_LOOKS, _LAST_PAUSE = (
    25,
    0.02,
)  # how often, and how many seconds apart, a server that closes looks for its end
_TURNS = 3  # of the event loop, in which what the kernel has accepted becomes a connection that is read

# Newcomers are taken in by this share of the room at a time, so that what they ask is read before the next ones drive
# them out, and those on their way in or out hold few descriptors; the kernel keeps those that wait.
_AT_A_TIME = 1 / 16
_WAITING = 4096
_SENDING = (
    65536  # bytes that the kernel is to keep for a client: who takes no answers costs no more work than this
)
_READING = 2 * LARGEST_HEAD  # bytes read at a time, and so kept at most of what a client asks
_IN_A_ROW = 4  # requests of one client that are answered before others have their turn


class Connection(asyncio.Protocol):
    """One client's connection. `since` is when it last did something, on the event loop's clock."""

    def __init__(self, pages: Pages, present: Room[Connection], stuck: Room[Connection]) -> None:
        self._pages = pages
        self._present, self._stuck = present, stuck
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._full = False
        self._ending = False
        self._asked = False
        self._last = False
        self._waits_for = b""
        self.since = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.max_size = _READING  # type: ignore[attr-defined]  # asyncio reads 256 KiB at a time
        transport.set_write_buffer_limits(high=0)  # what the kernel does not take is one answer at most
        self._present.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._pages.release(self._ask_again)
        self._present.leave(self)
        self._stuck.leave(self)

    def data_received(self, data: bytes) -> None:
        if self._ending or self._transport is None:
            return  # the rest of what was refused
        if not self._buffer:
            self.since = self._loop.time()
            if not self._full and not self._last and not self._waits_for:
                answer = self._pages.at_once(data)
                if answer is not None:
                    self._asked = True
                    self._transport.write(answer)
                    return
        self._buffer += data
        self._work()

    def pause_writing(self) -> None:
        self._full = True
        self._stuck.enter(self)
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._stuck.leave(self)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._work()

    @property
    def busy(self) -> bool:
        """A request has begun to come, or an answer is not taken."""
        return bool(self._buffer) or self._full or self._ending

    def tick(self, now: float) -> None:
        """A second has passed: ends a connection that takes too long, or does nothing for long."""
        if self._waits_for:
            self.since = now  # the answer is what takes its time
        elif now - self.since > (STALLED if self.busy else IDLE):
            self.drop()

    def drop(self) -> None:
        self._present.leave(self)
        self._stuck.leave(self)
        if self._transport is not None:
            self._transport.abort()

    def end(self) -> None:
        """Closes once what was answered is sent."""
        if self._transport is not None:
            self._transport.close()

    def end_after_answer(self) -> None:
        """Closes once what is asked now, or first, is answered; at once where that is done already."""
        if self._asked and not self.busy and not self._waits_for:
            self.end()
        self._last = True
        self._ask_again()

    def _work(self) -> None:
        """Answers the whole requests in the buffer, as long as the client takes the answers."""
        for _ in range(_IN_A_ROW):
            if self._full or self._ending or self._transport is None:
                return
            if self._waits_for:
                if len(self._buffer) > LARGEST_HEAD:
                    self.drop()
                return
            self._buffer = self._buffer.lstrip(b"\r\n")
            head, end, rest = self._buffer.partition(END)
            if len(head) > LARGEST_HEAD:
                self._finish(self._pages.refusal())
                return
            if not end:
                return
            self._buffer = rest
            self._asked = True
            self._answer(head)
        if self._buffer and not self._full and self._transport is not None:
            self._transport.pause_reading()
            self._loop.call_soon(self._go_on)

    def _answer(self, head: bytes) -> None:
        given = self._pages.answer(head, last=self._last)
        if given is None:
            self._waits_for = head
            self._pages.hold(self._ask_again)
            return
        answer, keep = given
        if not keep:
            self._finish(answer)
        elif self._transport is not None:
            self._transport.write(answer)
            self.since = self._loop.time()

    def _ask_again(self) -> None:
        """Something has changed: what is waited for may be there."""
        head, self._waits_for = self._waits_for, b""
        if head:
            self._pages.release(self._ask_again)
            self._answer(head)
            if not self._waits_for:
                self._work()

    def _go_on(self) -> None:
        """Others have had their turn."""
        if self._transport is not None and not self._transport.is_closing() and not self._full:
            self._transport.resume_reading()
            self._work()

    def _finish(self, answer: bytes) -> None:
        """The last answer. What the client still sends is taken and thrown away, or it might never see the answer."""
        self._ending, self._buffer = True, b""
        if self._transport is not None:
            self._transport.write(answer)
            if self._transport.can_write_eof():
                self._transport.write_eof()


class Server:
    """The listening socket and its connections."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._connections: Room[Connection] = Room(0)
        self._stuck: Room[Connection] = Room(MOST_STUCK)
        self._servers: list[asyncio.Server] = []
        self._clock: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int) -> int:
        """Listens, on a free port where `port` is 0; gives the port. Raises OSError where it is taken."""
        await self._start(host=host, port=port)
        port_taken: int = self._servers[0].sockets[0].getsockname()[1]
        return port_taken

    async def serve(self, sockets: Iterable[socket.socket]) -> None:
        """Answers on sockets that listen already; whoever opened them holds them beyond this server's end."""
        for one in sockets:
            await self._start(sock=one)

    async def _start(self, **where: Any) -> None:
        loop = asyncio.get_running_loop()
        self._connections.most = most = room_for_clients()
        server = await loop.create_server(
            lambda: Connection(self._pages, self._connections, self._stuck),
            backlog=max(int(most * _AT_A_TIME), 1),  # asyncio takes this for both
            **where,
        )
        self._servers.append(server)
        for listening in server.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENDING)  # connections inherit it
                same.listen(_WAITING)
        if self._clock is None:
            self._tick()

    async def close(self) -> None:
        """Stops listening and closes every connection; answers under way have half a second."""
        self._stop_accepting()
        for connection in self._connections:
            connection.end()
        await self._end()

    async def hand_over(self) -> None:
        """Stops accepting, and ends without failing anybody: whoever comes from now on waits for the next process.

        Who was accepted and has asked nothing yet has half a second to ask, and gets an answer. Who has had one, and
        keeps the connection, sees it end, as HTTP/1.1 allows at any time.
        """
        self._stop_accepting()
        for _ in range(_TURNS):  # those just accepted come in, and what has been asked already is read
            await asyncio.sleep(0)
        for connection in self._connections:
            connection.end_after_answer()
        await self._end()

    def _stop_accepting(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
        for server in self._servers:
            server.close()

    async def _end(self) -> None:
        for _ in range(_LAST_LOOKS):
            if not self._connections:
                break
            await asyncio.sleep(_LAST_PAUSE)
        for connection in self._connections:
            connection.drop()
        for server in self._servers:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(server.wait_closed(), 1.0)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._clock = loop.call_later(1.0 - loop.time() % 1.0, self._tick)  # with the looks: one wake for all
        self._pages.tick()
        now = loop.time()
        for connection in self._connections:
            connection.tick(now)
