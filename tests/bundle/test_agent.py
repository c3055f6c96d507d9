"""Whoever answers where the agent should be spoils nothing: its answer is a part, or a line that says why it is none."""

from __future__ import annotations

import asyncio

import pytest

from pomhealth.bundle import agent
from pomhealth.bundle.ask import LARGEST, answered
from pomhealth.bundle.cleaner import Cleaner
from pomhealth.bundle.part import Lack, Part
from pomhealth.client.ask import Address


def reply(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def asked(answer: bytes) -> dict[str, Part | Lack]:
    """What comes of each page where everything is answered with these bytes, and the connection closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        asks = agent.asks(Address(f"127.0.0.1:{port}"))
        return {one.name: await answered(one, Cleaner(["hunter2-hunter2"])) for one in asks}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (reply(b"ok"), "what answers is not JSON"),
        (reply(b"[" * 200_000), "a fault in pomhealth: RecursionError"),
        (reply(b"", "404 Not Found"), "it answers 404"),
        (reply(b'"' + b"x" * (LARGEST + 10) + b'"'), "too large"),
        (reply(b"x" * (LARGEST * 2 + 1)), "does not speak HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "does not speak HTTP"),
        (b"", "the connection was closed without an answer"),
    ],
)
async def test_what_cannot_be_used_is_told_of(answer: bytes, why: str) -> None:
    told = (await asked(answer))["agent/status.json"]
    assert isinstance(told, Lack)
    assert why in told.why


async def test_what_an_agent_says_while_not_ready_is_an_answer_and_cleaned() -> None:
    told = await asked(reply(b'{"a": "hunter2-hunter2", "b": "Cookie: x=y"}', "503 Service Unavailable"))
    status = told["agent/status.json"]
    assert isinstance(status, Part)
    assert status.text == '{\n  "a": "[redacted]",\n  "b": "Cookie: [redacted]"\n}\n'
