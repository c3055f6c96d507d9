"""TLS before a PostgreSQL server that has none: takes the client's request for TLS, shakes hands, passes bytes on.

A client that asks for none is passed on as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")  # PostgreSQL's protocol: SSLRequest


@asynccontextmanager
async def tls_front(context: ssl.SSLContext, port: int) -> AsyncIterator[int]:
    """The port at which a client gets the server behind `port` with TLS."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            first = await reader.readexactly(8)
            if first == _REQUEST:
                writer.write(b"S")
                await writer.drain()
                await _start_tls(reader, writer, context)
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            if first != _REQUEST:
                inner_writer.write(first)
            await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _start_tls(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
) -> None:
    loop = asyncio.get_running_loop()
    transport = writer.transport
    protocol = transport.get_protocol()
    secured = await loop.start_tls(transport, protocol, context, server_side=True)
    assert secured is not None
    reader._transport = secured  # type: ignore[attr-defined]  # StreamWriter.start_tls came with 3.11
    writer._transport = secured  # type: ignore[attr-defined]
    protocol._over_ssl = True  # type: ignore[attr-defined]


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        with contextlib.suppress(OSError):
            writer.close()
