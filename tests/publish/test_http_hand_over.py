"""Handing the listening socket over to the next process: nobody who came is failed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from pomhealth.publish.http import Server
from pomhealth.publish.pages import Pages
from tests.publish.test_http import PATIENCE, WELL
from tests.publish.views import NoPage, view

ASK = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def kept() -> Iterator[socket.socket]:
    """The socket as the supervisor keeps it."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one


@asynccontextmanager
async def client(
    to: socket.socket,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*to.getsockname())
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def serving(on: socket.socket) -> Server:
    server = Server(Pages(lambda: view(WELL), NoPage()))
    await server.serve([on.dup()])
    return server


async def whole(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(), PATIENCE)


async def answered(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"\n}\n"), PATIENCE)


async def test_who_has_asked_nothing_yet_gets_an_answer_that_says_it_is_the_last(kept: socket.socket) -> None:
    server = await serving(kept)
    async with client(kept) as (early, early_asks), client(kept) as (late, late_asks):
        early_asks.write(ASK)
        await answered(early)
        ends = asyncio.ensure_future(server.hand_over())
        assert await whole(early) == b""  # it has its answer, and its connection ends at once
        late_asks.write(ASK)
        said = await whole(late)
        assert said.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close\r\n" in said
        late_asks.close()
        await ends


async def test_who_asked_at_the_very_moment_is_answered(kept: socket.socket) -> None:
    server = await serving(kept)
    async with client(kept) as (reader, writer):
        writer.write(ASK)
        await answered(reader)
        with socket.create_connection(kept.getsockname()) as sudden:  # the loop has not seen it yet
            sudden.sendall(ASK)
            writer.write(ASK)
            await server.hand_over()
            sudden.settimeout(PATIENCE)
            # The loop saw it while it stopped, or left it to the next process: never accepted and dropped.
            accepted = asyncio.ensure_future(asyncio.to_thread(sudden.recv, 65536))
            following = await serving(kept)
            assert (await accepted).startswith(b"HTTP/1.1 200 ")
            await following.close()
        assert (await whole(reader)).startswith(b"HTTP/1.1 200 ")


async def test_who_never_asks_does_not_hold_it_up_for_long(kept: socket.socket) -> None:
    server = await serving(kept)
    async with client(kept) as (reader, writer), client(kept) as (silent, _):
        writer.write(ASK)
        await answered(reader)
        await asyncio.wait_for(server.hand_over(), PATIENCE)
        assert await whole(silent) == b""


async def test_who_comes_later_waits_for_the_next_process(kept: socket.socket) -> None:
    server = await serving(kept)
    await server.hand_over()
    async with client(kept) as (reader, writer):
        writer.write(ASK)
        following = await serving(kept)
        assert (await answered(reader)).startswith(b"HTTP/1.1 200 ")
        await following.close()
