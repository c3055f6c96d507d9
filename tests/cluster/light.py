"""Light replicas, and agents beside them as sidecars: real agent processes, and nothing else that costs much.

A light replica is what a sidecar sees of one: its health server, and the admin interface of an Envoy, which give the
answers that were recorded of a real replica. All of them live in one thread.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_RECORDING = Path(__file__).parents[1] / "recordings" / "healthy-v0.33.1"
_PATIENCE = 10.0  # seconds until the thread has done what it was told


class Lights:
    """The thread with the light replicas. `admin` is the address of the one Envoy that all of them have."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._all: list[Light] = []
        self._envoy = Light(self, _envoy)
        self.admin = self._envoy.address

    def light(self) -> Light:
        """One more replica, healthy."""
        one = Light(self, _told)
        self._all.append(one)
        return one

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Runs this in the thread and gives what it gives."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(_PATIENCE)

    def close(self) -> None:
        for one in (*self._all, self._envoy):
            one.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()


class Light:
    """One server on a port of its own. `address` is HOST:PORT; `ills` are the errors it tells of, by check."""

    def __init__(self, lights: Lights, answer: Any) -> None:
        self.ills: dict[str, str] = {}
        self._lights = lights
        self._answer = answer
        self._writers: set[asyncio.StreamWriter] = set()
        self._port = 0
        self._server: asyncio.Server | None = None
        self.open()
        self.address = f"127.0.0.1:{self._port}"

    def open(self) -> None:
        """It answers, from now on, on the port that it had."""
        self._lights.do(self._open())

    def close(self) -> None:
        """It is gone, as a process that ended: its connections are closed, and nobody listens."""
        self._lights.do(self._close())

    def ails(self, check: str, why: str) -> None:
        """The replica's own report has an error for this check (`storage.backend`)."""
        self.ills[check] = why

    def well(self) -> None:
        self.ills.clear()

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await asyncio.sleep(0)
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                status, body = self._answer(self, head.split(b" ", 2)[1].decode().partition("?")[0])
                writer.write(b"HTTP/1.1 %d .\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()


@contextmanager
def lights() -> Iterator[Lights]:
    """The thread with the light replicas, until the block ends."""
    made = Lights()
    try:
        yield made
    finally:
        made.close()


def _told(light: Light, path: str) -> tuple[int, bytes]:
    """The replica's health server."""
    if path != "/status":
        return 200, b"{}"
    report = json.loads(_REPORT)
    for check, why in light.ills.items():
        report["statuses"][check]["error"] = why
    return 200, json.dumps(report).encode()


def _envoy(_light: Light, path: str) -> tuple[int, bytes]:
    """Envoy's admin interface. It has no listeners, since nothing would answer on them."""
    if path == "/ready":
        return 200, b"LIVE\n"
    if path == "/listeners":
        return 200, b'{"listener_statuses": []}'
    if path == "/server_info":
        return 200, (_RECORDING / "envoy_server_info.json").read_bytes()
    return 200, b"{}"


_REPORT = (_RECORDING / "pomerium_status.http").read_bytes().partition(b"\r\n\r\n")[2]
