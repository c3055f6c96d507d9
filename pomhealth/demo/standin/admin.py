"""Envoy's admin interface as the replica uses it: over a pipe, path or abstract."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp


class Admin:
    """A client of the admin interface at `pipe` ("@name" or a path)."""

    def __init__(self, pipe: str) -> None:
        self._path = f"\0{pipe[1:]}" if pipe.startswith("@") else pipe
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, *, deadline: float = 10.0) -> tuple[int, bytes]:
        """Status and body. Raises OSError (aiohttp's client errors among them) or asyncio.TimeoutError."""
        async with self._open().get(f"http://envoy{path}", timeout=_within(deadline)) as response:
            return response.status, await response.read()

    async def post(self, path: str, *, deadline: float = 2.0) -> int:
        async with self._open().post(f"http://envoy{path}", timeout=_within(deadline)) as response:
            return response.status

    async def json(self, path: str) -> Any:
        _, body = await self.get(path)
        return json.loads(body)

    async def number(self, stat: str) -> int:
        """A counter's or a gauge's value, 0 when Envoy does not know it yet."""
        _, body = await self.get(f"/stats?filter=^{stat}$")
        return int(body.decode().rpartition(":")[2] or 0)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(self._path))
        return self._session


UNREACHABLE = (OSError, aiohttp.ClientError, asyncio.TimeoutError)


def _within(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds)
