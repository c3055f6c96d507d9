"""Takes orders to drain, over a Unix socket without a file: it needs no directory, and only local users reach it.

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
from collections.abc import Callable, Mapping
from typing import Any

from pomhealth.drain import order
from pomhealth.drain.drainer import Drainer, Log
from pomhealth.drain.model import Phase, Reason, Terms, told
from pomhealth.drain.order import Order

_CREDENTIALS = struct.Struct("=iii")  # struct ucred: pid, uid, gid
_PATIENCE = 2.0  # seconds for the order to come
_MOST = 16  # who may wait at a time
_BEHIND = 65536  # bytes not taken, from which on nobody is there any more


class Control:
    """The socket. `usual` gives the terms of the settings, `users` the user ids that may give orders besides root."""

    def __init__(
        self,
        drainer: Drainer,
        *,
        usual: Callable[[], Terms],
        users: Callable[[], frozenset[int]],
        log: Callable[[], Log],
    ) -> None:
        self.name = f"@pomhealth-{secrets.token_hex(8)}"
        self._drainer = drainer
        self._usual = usual
        self._users = users
        self._log = log
        self._server: asyncio.Server | None = None
        self._present: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Begins to listen. Raises OSError."""
        self._server = await asyncio.start_unix_server(
            self._serve, path="\0" + self.name[1:], limit=order.LARGEST
        )

    async def close(self) -> None:
        """Who waits is told nothing more: the connection ends."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._present):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._present.add(writer)
        try:
            given = await _order(reader)  # before all: who is refused while still sending does not hear why
            refused = self._refused(writer)
            if refused:
                _send(writer, {"error": refused})
            else:
                await self._follow(given, writer)
        except (
            ValueError,
            asyncio.TimeoutError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ) as error:
            _send(writer, {"error": f"this is no order: {error or 'none came'}"})
        finally:
            self._present.discard(writer)
            writer.close()

    def _refused(self, writer: asyncio.StreamWriter) -> str:
        """Why this one may give no orders; "" where it may."""
        if len(self._present) > _MOST:
            return f"{_MOST} wait for this drain already"
        user = _user(writer.get_extra_info("socket"))
        if user in (0, *self._users()):
            return ""
        self._log().warning("an order to drain was refused", user=user)
        return f"user {user} may not: run it as root, as the replica's user or as the agent's"

    async def _follow(self, given: Order, writer: asyncio.StreamWriter) -> None:
        if given.do == order.CANCEL:
            _send(writer, {"cancelled": self._drainer.cancel()})
            return
        self._drainer.begin(Reason.ASKED, given.terms(self._usual()))
        news = asyncio.Event()
        end = self._drainer.subscribe(news.set)
        try:
            while not writer.is_closing():
                drain = self._drainer.drain
                if drain is None:
                    _send(writer, {"cancelled": True})
                    return
                if drain.left is not None or drain.phase is Phase.OVER:
                    _send(writer, told(drain))
                if drain.phase is Phase.OVER:
                    return
                await news.wait()
                news.clear()
        finally:
            end()


async def _order(reader: asyncio.StreamReader) -> Order:
    """Raises ValueError, TimeoutError, IncompleteReadError, LimitOverrunError."""
    return order.read(await asyncio.wait_for(reader.readuntil(b"\n"), _PATIENCE))


def _send(writer: asyncio.StreamWriter, document: Mapping[str, Any]) -> None:
    writer.write(json.dumps(document).encode() + b"\n")
    if writer.transport.get_write_buffer_size() > _BEHIND:
        writer.transport.abort()


def _user(peer: Any) -> int:
    """The user id of whoever connected, when it did."""
    _, user, _ = _CREDENTIALS.unpack(
        peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return int(user)
