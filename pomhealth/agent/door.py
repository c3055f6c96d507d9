"""Where the agent answers: at the address of its settings, or on sockets that a supervisor opened and keeps."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial

from pomhealth.agent.first import FirstLook
from pomhealth.agent.logs import Log
from pomhealth.blocking import Workers
from pomhealth.publish.http import Server
from pomhealth.publish.pages import Pages
from pomhealth.reach import Silent
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings, split_address
from pomhealth.systemd.activation import address

HOLD = 3.0  # seconds for which clients wait for the first full look, at most: a hang shows in 2.5
_OWNER = 2.0  # seconds for finding out who holds a port


class Door:
    """Opens, moves and closes it.

    On the sockets of `handed` whoever asks waits in the kernel until the agent knows what is so, at most `HOLD` seconds,
    and again from when it stops: a restart fails no probe. Without them it answers from the start, as a port that
    refuses and a port that says "not looked at yet" mean the same to who asks.
    """

    def __init__(self, pages: Pages, log: Log, handed: tuple[socket.socket, ...] = ()) -> None:
        self._pages = pages
        self._log = log
        self._handed = handed
        self._workers = Workers()
        self._server: Server | None = None

    async def open(self, settings: Settings, first: FirstLook) -> bool:
        """Gives whether it can be had; where not, a line in the log says why."""
        if not self._handed:
            self._server = await self._listen(settings.listen)
            return self._server is not None
        self._compare(settings)
        self._opening = asyncio.ensure_future(self._serve(first))
        return True

    async def move(self, old: Settings, new: Settings) -> bool:
        """To where changed settings want it; gives whether they can be followed."""
        if new.listen == old.listen:
            return True
        if self._handed:
            self._compare(new)
            return True
        server = await self._listen(new.listen)
        if server is None:
            return False
        before, self._server = self._server, server
        if before is not None:
            await before.close()
        return True

    async def close(self) -> None:
        if not self._handed:
            if self._server is not None:
                await self._server.close()
            return
        self._opening.cancel()
        if self._server is not None:
            await self._server.hand_over()

    async def _serve(self, first: FirstLook) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(first.done.wait(), HOLD)
        self._server = Server(self._pages)
        await self._server.serve(self._handed)
        self._log.info("listening", address=self._where, socket="handed over by the supervisor")

    @property
    def _where(self) -> str:
        return ", ".join(address(one) for one in self._handed)

    def _compare(self, settings: Settings) -> None:
        held = [address(one) for one in self._handed]
        if settings.origin("listen") != "default" and settings.listen not in held:
            self._log.warning(
                f"the supervisor's socket counts, on {self._where}, and not the setting listen = {settings.listen} "
                f"({settings.origin('listen')}): change ListenStream= of its socket unit, or take the setting out"
            )

    async def _listen(self, wanted: str) -> Server | None:
        """A server on this address; None, and a line in the log, where it cannot be had."""
        host, port = split_address(wanted)
        server = Server(self._pages)
        try:
            taken = await server.listen(host, port)
        except OSError as error:
            owner = ""
            with contextlib.suppress(Silent):
                owner = await self._workers.call("owner of a port", partial(_owner, port), deadline=_OWNER)
            why = f"it is held by {owner}" if owner else (error.strerror or "it cannot be had")
            self._log.error(
                f"cannot listen on {wanted}: {why}; set another with --listen HOST:PORT or POMHEALTH_LISTEN"
            )
            return None
        self._log.info("listening", address=f"{wanted.rpartition(':')[0]}:{taken}")
        return server


def _owner(port: int) -> str:
    """Who listens on this port, in words; "" where that cannot be told."""
    table = SocketTable()
    held = next((one for one in table.listening() if one.port == port and not one.udp), None)
    return table.owner(held) if held is not None else ""
