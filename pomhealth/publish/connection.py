"""One client's connection over HTTP/1.1. What it is told is made from memory: no handler does I/O.

It is written on asyncio's transports alone, because a supervisor's probe costs here what copying its answer costs:
the bytes of a question are the key under which the bytes of its answer are kept until something changes.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pomhealth.publish.events.reader import Reader
from pomhealth.publish.message import LARGEST_HEAD
from pomhealth.publish.pages import END, Answer, Pages
from pomhealth.publish.room import Room

IDLE = 75.0  # seconds for which an idle connection stays open
STALLED = 10.0  # seconds that a client may take over one request, or over taking its answer
_READING = 2 * LARGEST_HEAD  # bytes read at a time, and so kept at most of what a client asks
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: the connection is reset, and what was to be sent forgotten
_IN_A_ROW = 4  # requests of one client that are answered before others have their turn


@dataclass(frozen=True, slots=True)
class Rooms:
    """Who is connected: who asks, who listens to events, and of both who does not take what is said."""

    asking: Room[Connection]
    listening: Room[Connection]
    stuck: Room[Connection]

    def everybody(self) -> Iterator[Connection]:
        yield from self.asking
        yield from self.listening

    def leave(self, connection: Connection) -> None:
        for room in (self.asking, self.listening, self.stuck):
            room.leave(connection)


class Connection(asyncio.Protocol):
    """One client's connection. `since` is when it last did something, on the event loop's clock."""

    def __init__(self, pages: Pages, rooms: Rooms) -> None:
        self._pages = pages
        self._rooms = rooms
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._full = False
        self._ending = False
        self._asked = False
        self._last = False
        self._waits_for = b""
        self._reader: Reader | None = None
        self.since = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.max_size = _READING  # type: ignore[attr-defined]  # asyncio reads 256 KiB at a time
        transport.set_write_buffer_limits(high=0)  # what the kernel does not take is one answer at most
        self._rooms.asking.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._pages.release(self._ask_again)
        self._pages.leave(self)
        self._rooms.leave(self)

    def data_received(self, data: bytes) -> None:
        if self._ending or self._reader is not None or self._transport is None:
            return  # the rest of what was refused, or words of somebody who is to listen
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
        self._rooms.stuck.enter(self)
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._rooms.stuck.leave(self)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            if self._reader is not None:
                self.told()
            else:
                self._work()

    @property
    def busy(self) -> bool:
        """A request has begun to come, or an answer is not taken."""
        return bool(self._buffer) or self._full or self._ending

    def tick(self, now: float) -> None:
        """A second has passed: ends a connection that takes too long, or does nothing for long."""
        if self._waits_for or (self._reader is not None and not self._full):
            self.since = now  # the answer is what takes its time
        elif now - self.since > (STALLED if self.busy else IDLE):
            self.drop()

    def told(self, extra: bytes = b"") -> None:
        """A reader of events takes what is new; while it does not take that, nothing more is kept for it."""
        if self._reader is None or self._full or self._transport is None or self._transport.is_closing():
            return
        said = self._reader.take() + extra
        if said:
            self._transport.write(said)

    def drop(self) -> None:
        self._pages.leave(self)
        self._rooms.leave(self)
        if self._transport is not None:
            if self._full:  # or the kernel would go on keeping what it does not take
                self._transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE
                )
            self._transport.abort()

    def end(self) -> None:
        """Closes once what was answered is sent."""
        self.told(self._pages.bye())
        if self._transport is not None:
            self._transport.close()

    def end_after_answer(self) -> None:
        """Closes once what is asked now, or first, is answered; at once where that is done already."""
        if self._reader is not None or (self._asked and not self.busy and not self._waits_for):
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
        if not isinstance(given, Answer):
            self._waits_for = head
            given(self._ask_again)
            return
        if not given.keep:
            self._finish(given)
        elif self._transport is not None:
            self._transport.write(given.sent)
            self.since = self._loop.time()
            if given.reader is not None:
                self._follow(given.reader, given.channel)

    def _follow(self, reader: Reader, channel: str) -> None:
        """Listens from now on. It takes no room from those who ask: there is a number of readers of its own."""
        self._reader = reader
        self._rooms.asking.leave(self)
        self._rooms.listening.enter(self)
        self._pages.follow(self, channel)

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

    def _finish(self, answer: Answer) -> None:
        """The last answer. What the client still sends is taken and thrown away, or it might never see the answer."""
        self._ending, self._buffer = True, b""
        if self._transport is not None:
            self._transport.write(answer.sent)
            if self._transport.can_write_eof():
                self._transport.write_eof()
