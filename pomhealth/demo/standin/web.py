"""Small HTTP servers on sockets of one's own, and nothing of aiohttp's in their headers."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Site:
    """One HTTP server on one socket."""

    def __init__(self, handler: Handler, listening: socket.socket) -> None:
        self._listening = listening
        self._runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.05)

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    async def start(self) -> None:
        await self._runner.setup()
        await web.SockSite(self._runner, self._listening, backlog=1024).start()

    async def close(self) -> None:
        """Stops listening at once and ends what is open."""
        await self._runner.cleanup()
        self._listening.close()


def listening(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A socket bound to this address (not yet listening). Raises OSError when it is taken or not permitted."""
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((host or "::", port))
        made.listen(1024)
    except OSError:
        made.close()
        raise
    return made


def text(body: bytes | str, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A plain-text answer with the headers that Go's net/http gives."""
    content = body.encode() if isinstance(body, str) else body
    given = {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}
    return _Plain(body=content, status=status, headers=given)


class _Plain(web.Response):
    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)
