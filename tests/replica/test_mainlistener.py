"""Asking the main listener, also when the answer comes just as it is given up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pomhealth.demo.certificate import self_signed
from pomhealth.replica.mainlistener import Approach, greet, presented


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Approach]:
    """A TLS server that answers each handshake, and says nothing after it."""
    made = self_signed(["app.example.com"])
    pair = tmp_path / "pair.pem"
    pair.write_bytes(made.key + made.certificate)
    talk = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    talk.load_cert_chain(pair)
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    raw, _ = server.accept()
                    with contextlib.suppress(OSError):
                        kept.append(talk.wrap_socket(raw, server_side=True))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Approach(
            "127.0.0.1",
            server.getsockname()[1],
            tls=True,
            proxy_protocol=False,
            server_name="app.example.com",
        )
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    for one in kept:
        one.close()


async def given_up(to: Approach, turns: int) -> None:
    """Asks, and gives up after so many turns of the event loop, each of which finds what there is to read."""
    task = asyncio.ensure_future(presented(to, deadline=10))
    for _ in range(turns):
        await asyncio.sleep(0)
        time.sleep(0.004)  # noqa: ASYNC251  (the machine is busy, as after a SIGSTOP; the server's thread is not)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_connection_given_up_as_it_is_answered_spoils_none_that_comes_after_it(
    listener: Approach,
) -> None:
    for turns in range(1, 25):
        await given_up(listener, turns)
        await greet(listener, deadline=10)
    assert await presented(listener, deadline=10)
