"""An HTTP server that says what a test wants an agent to say, on a real port, in the test's own event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from pomhealth.client.ask import Address
from tests.watch.example import WELL

PATIENCE = 10.0  # seconds: what is waited for comes far sooner


async def until(condition: Callable[[], object], last: Callable[[], object] = lambda: "") -> None:
    """Waits for a condition that the event loop brings about."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"not within {PATIENCE:.0f} s; last: {last()}"
        await asyncio.sleep(0.005)


class AgentServer:
    """`said` is what /status says. Without `events` it is an older agent. `resumed` are the places that readers named."""

    def __init__(self) -> None:
        self.said: dict[str, Any] | bytes = WELL
        self.events = True
        self.hangs = False
        self.asked = 0
        self.resumed: list[str] = []
        self.beat = 10
        self._streams: list[asyncio.Queue[bytes | None]] = []
        self._site: web.TCPSite | None = None
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def address(self) -> Address:
        return Address(f"127.0.0.1:{self._port}")

    @property
    def readers(self) -> int:
        return len(self._streams)

    async def start(self) -> None:
        """Listens: on a free port at first, on the same one later."""
        app = web.Application()
        app.router.add_get("/status", self._status)
        app.router.add_get("/events", self._events)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Is gone, with every connection."""
        self.end_streams()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def end_streams(self) -> None:
        for stream in self._streams:
            stream.put_nowait(None)

    def say(self, kind: str, data: object, place: str = "") -> None:
        """Sends an event to every reader."""
        head = f"id: {place}\n" if place else ""
        self.send(f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

    def send(self, piece: bytes) -> None:
        for stream in self._streams:
            stream.put_nowait(piece)

    async def _status(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(3600)
        body = self.said if isinstance(self.said, bytes) else json.dumps(self.said).encode()
        return web.Response(body=body, content_type="application/json")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if not self.events:
            return web.Response(status=404, text="there is no such page")
        self.resumed.append(request.headers.get("Last-Event-ID", ""))
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        hello = {"boot": "b", "seq": 1, "beat": self.beat, "ready": True, "live": True}
        await answer.write(f"id: b-1\nevent: hello\ndata: {json.dumps(hello)}\n\n".encode())
        stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._streams.append(stream)
        try:
            while (piece := await stream.get()) is not None:
                await answer.write(piece)
        finally:
            self._streams.remove(stream)
        return answer


@asynccontextmanager
async def agent_server() -> AsyncIterator[AgentServer]:
    server = AgentServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
