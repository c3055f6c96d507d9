"""Takes orders over a Unix socket without a file: it needs no directory, and only local users reach it.

Its name is a new one at each start and stands in /status (`agent.control`), so nobody can wait there in our place.
Who may give orders is told by the kernel (SO_PEERCRED of unix(7)): root, the agent's own user, and the replica's, who
could stop it anyway.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from pomhealth.orders import line
from pomhealth.orders.line import Said

_CREDENTIALS = struct.Struct("=iii")  # struct ucred: pid, uid, gid
_PATIENCE = 2.0  # seconds for the order to come
_MOST = 16  # who may wait at a time
_BEHIND = 65536  # bytes not taken, from which on nobody is there any more


class Log(Protocol):
    """What is asked of a structured log."""

    def warning(self, event: str, **values: object) -> object: ...


class Asker:
    """Who gave an order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def gone(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return self._writer.is_closing() or self._reader.at_eof()

    def tell(self, document: Said) -> None:
        """Says something to who asked, as a line of its own."""
        self._writer.write(json.dumps(document).encode() + b"\n")
        if self._writer.transport.get_write_buffer_size() > _BEHIND:
            self._writer.transport.abort()


Handler = Callable[[Said, Asker], Awaitable[None]]
Handlers = Mapping[str, Handler]


class Control:
    """The socket. `handlers` carry out the orders, by what is to be done; they raise ValueError for what is none.

    `users` gives the user ids that may give orders besides root.
    """

    def __init__(
        self, handlers: Handlers, *, users: Callable[[], frozenset[int]], log: Callable[[], Log]
    ) -> None:
        self.name = f"@pomhealth-{secrets.token_hex(8)}"
        self._handlers = handlers
        self._users = users
        self._log = log
        self._server: asyncio.Server | None = None
        self._present: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Begins to listen. Raises OSError."""
        self._server = await asyncio.start_unix_server(
            self._serve, path="\0" + self.name[1:], limit=line.LARGEST
        )

    async def close(self) -> None:
        """Who waits is told nothing more: the connection ends."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._present):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._present.add(writer)
        asker = Asker(reader, writer)
        try:
            said = await self._order(
                reader
            )  # before all: who is refused while still sending does not hear why
            refused = self._refused(said, writer)
            if refused:
                asker.tell({"error": refused})
            else:
                await self._handlers[said["do"]](said, asker)
        except (
            ValueError,
            asyncio.TimeoutError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ) as error:
            asker.tell({"error": f"this is no order: {error or 'none came'}"})
        finally:
            self._present.discard(writer)
            writer.close()

    async def _order(self, reader: asyncio.StreamReader) -> Said:
        """Raises ValueError, TimeoutError, IncompleteReadError, LimitOverrunError."""
        return line.read(await asyncio.wait_for(reader.readuntil(b"\n"), _PATIENCE), tuple(self._handlers))

    def _refused(self, said: Said, writer: asyncio.StreamWriter) -> str:
        """Why this one may give no orders; "" where it may."""
        if len(self._present) > _MOST:
            return f"{_MOST} wait for this agent already"
        user = _user(writer.get_extra_info("socket"))
        if user in (0, *self._users()):
            return ""
        self._log().warning(f"an order to {said['do']} was refused", user=user)
        return f"user {user} may not: run it as root, as the replica's user or as the agent's"


def _user(peer: Any) -> int:
    """The user id of whoever connected, when it did."""
    _, user, _ = _CREDENTIALS.unpack(
        peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return int(user)
