"""The clients count every way in which a request can fail: what they do not see, no rollout could lose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bench.rollout.clients import Clients
from bench.rollout.counting import KINDS, Tally
from bench.rollout.upstream import REPLICA
from pomhealth.demo.ports import free_ports

Serve = Callable[[bytes], bytes]
_ENOUGH = 0.5  # seconds, in which clients of each kind ask


async def asked_of(serve: Serve) -> Tally:
    """What clients see of a server that gives these bytes for a request's first line, and closes the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(serve(head.partition(b"\r\n")[0]))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        return await _run(server.sockets[0].getsockname()[1])


async def _run(port: int) -> Tally:
    clients = Clients(port, (0.1, 0.2), tls=False)
    asyncio.get_running_loop().call_later(_ENOUGH, clients.end)
    await clients.run()
    return clients.tally


def answered(status: str, body: bytes, length: int) -> bytes:
    return f"HTTP/1.1 {status}\r\n{REPLICA}: a\r\nContent-Length: {length}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("serve", "seen"),
    [
        (lambda _: b"", {"closed without an answer"}),
        (lambda _: answered("503 Service Unavailable", b"", 0), {"503"}),
        (lambda _: answered("200 OK", b"half", 8), {"cut", "200"}),
        (lambda _: answered("200 OK", b"some", 4), {"another's answer", "other bytes", "200"}),
    ],
    ids=["closed", "refused by the balancer", "cut", "other bytes"],
)
async def test_every_request_that_goes_wrong_is_counted_and_told_how(serve: Serve, seen: set[str]) -> None:
    tally = await asked_of(serve)
    assert set(tally.ways()) == seen
    assert {one.kind for one in tally.failures} == set(KINDS)
    assert len(tally.failures) == tally.total


async def test_a_connection_that_is_refused_is_counted() -> None:
    tally = await _run(free_ports(1)[0])
    assert set(tally.ways()) == {"no connection"}
    assert len(tally.failures) == tally.total > 0


async def test_a_failure_names_the_replica_that_answered() -> None:
    tally = await asked_of(lambda _: answered("503 Service Unavailable", b"", 0))
    assert {one.replica for one in tally.failures if one.kind != "socket"} == {"a"}
