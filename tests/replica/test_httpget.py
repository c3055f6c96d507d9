"""Servers that accept and then say nothing, too little or without end: each is bounded, in time and in size."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from pomhealth.reach import Garbled, Silent
from pomhealth.replica.connect import tcp_socket
from pomhealth.replica.httpget import Gets
from pomhealth.replica.model import Endpoint, Holder
from pomhealth.replica.report import ReportClient
from tests.outside.world import Server, hang, serving

OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def asked(
    says: Callable[[asyncio.StreamWriter], Awaitable[None]], *, most: int = 1 << 20
) -> AsyncIterator[Gets]:
    """A client of a server that answers so."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: Server) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await says(writer)

    async with serving(answer) as server:

        async def connect() -> socket.socket:
            return await tcp_socket("127.0.0.1", server.port)

        yield Gets("it", connect, most=most)


async def forever(writer: asyncio.StreamWriter, piece: bytes) -> None:
    while True:
        writer.write(piece)
        await writer.drain()


async def without_length(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\n")
    await forever(writer, b"x" * 65536)


async def in_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    await forever(writer, b"10000\r\n" + b"x" * 65536 + b"\r\n")


async def too_long(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: 999999999\r\n\r\n")
    await forever(writer, b"x" * 65536)


async def less_than_nothing(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: -1\r\n\r\n")
    await forever(writer, b"x" * 65536)


async def headers(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await forever(writer, b"X-More: " + b"x" * 4096 + b"\r\n")


@pytest.mark.parametrize("endless", [without_length, in_chunks, too_long, less_than_nothing, headers])
async def test_an_answer_without_end_is_given_up(
    endless: Callable[[asyncio.StreamWriter], Awaitable[None]],
) -> None:
    async with asked(endless) as gets:
        with pytest.raises(Garbled):
            await gets.get("/status", deadline=30)


async def drip(writer: asyncio.StreamWriter) -> None:
    for byte in OK * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_a_body(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Length: 1000\r\n\r\n")
    await drip(writer)


@pytest.mark.parametrize("slow", [drip, drip_a_body])
async def test_an_answer_that_only_drips_is_silence(
    slow: Callable[[asyncio.StreamWriter], Awaitable[None]],
) -> None:
    async with asked(slow) as gets:
        with pytest.raises(Silent):
            await gets.get("/status", deadline=0.3)


async def test_the_replicas_report_is_bounded_too() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: Server) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await in_chunks(writer)

    async with serving(endless) as server:
        client = ReportClient(Endpoint("health", "127.0.0.1", server.port, Holder.POMERIUM, "test"), None)
        with pytest.raises(Garbled):
            await client.fetch(deadline=30)


async def test_who_accepts_and_says_nothing_is_silent() -> None:
    async with serving(hang) as server:
        client = ReportClient(Endpoint("health", "127.0.0.1", server.port, Holder.POMERIUM, "test"), None)
        with pytest.raises(Silent):
            await client.fetch(deadline=0.2)
