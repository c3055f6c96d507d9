"""What the replicas' routes lead to, as a process of its own: `python -m bench.rollout.upstream NAME=PORT [NAME=PORT]…`.

One port a replica, so that an answer can name the replica it came through. Short answers, slow streams of known bytes,
and WebSockets that say the replica's
name, then give back what they get. Until SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from typing import Final

from aiohttp import web

REPLICA: Final = "x-replica"
CHUNK = 2048  # bytes
PAUSE = 0.1  # seconds between two chunks
READY = "listening"


def body(number: int, chunks: int) -> bytes:
    """The bytes of stream `number`."""
    return random.Random(number).randbytes(chunks * CHUNK)


def _site(name: str) -> web.Application:
    async def short(request: web.Request) -> web.Response:
        return web.Response(text=request.query["n"], headers={REPLICA: name})

    async def stream(request: web.Request) -> web.StreamResponse:
        number, chunks = int(request.query["n"]), int(request.query["chunks"])
        answer = web.StreamResponse(headers={REPLICA: name})
        answer.content_length = chunks * CHUNK
        await answer.prepare(request)
        whole = body(number, chunks)
        for start in range(0, len(whole), CHUNK):
            await answer.write(whole[start : start + CHUNK])
            await asyncio.sleep(PAUSE)
        return answer

    async def echo(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        await answer.send_str(name)
        async for message in answer:
            await answer.send_str(message.data)
        return answer

    site = web.Application()
    site.router.add_route("*", "/short", short)
    site.router.add_route("*", "/stream", stream)
    site.router.add_route("*", "/socket", echo)
    return site


async def _serve(ports: dict[str, int]) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with contextlib.AsyncExitStack() as stack:
        for name, port in ports.items():
            runner = web.AppRunner(_site(name), access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", port).start()
        print(READY, flush=True)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve({name: int(port) for name, _, port in (text.partition("=") for text in sys.argv[1:])}))
