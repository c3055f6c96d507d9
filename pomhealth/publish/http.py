"""The listening sockets, and who is connected to them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable
from typing import Any

from pomhealth.publish.connection import Connection, Rooms
from pomhealth.publish.events.feed import MOST as MOST_READERS
from pomhealth.publish.pages import Pages
from pomhealth.publish.room import MOST_STUCK, Room, room_for_clients

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


class Server:
    """The listening socket and its connections."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._rooms = Rooms(asking=Room(0), listening=Room(MOST_READERS), stuck=Room(MOST_STUCK))
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
        self._rooms.asking.most = most = room_for_clients()
        server = await loop.create_server(
            lambda: Connection(self._pages, self._rooms),
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
        for connection in tuple(self._rooms.everybody()):
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
        for connection in tuple(self._rooms.everybody()):
            connection.end_after_answer()
        await self._end()

    def _stop_accepting(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
        for server in self._servers:
            server.close()

    async def _end(self) -> None:
        for _ in range(_LAST_LOOKS):
            if not any(self._rooms.everybody()):
                break
            await asyncio.sleep(_LAST_PAUSE)
        for connection in tuple(self._rooms.everybody()):
            connection.drop()
        for server in self._servers:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(server.wait_closed(), 1.0)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._clock = loop.call_later(1.0 - loop.time() % 1.0, self._tick)  # with the looks: one wake for all
        self._pages.tick()
        now = loop.time()
        for connection in tuple(self._rooms.everybody()):
            connection.tick(now)
