"""Clients that never stop asking, as a process of its own: `python -m bench.rollout.clients PORT plain|tls SHORTEST LONGEST`.

Streams and WebSockets last from SHORTEST to LONGEST seconds. It says ASKING as soon as something of each kind is under way. Until SIGTERM: then nothing new is asked, what is under way comes to its end, and one line of JSON says how it went
(`counting.Tally`). With `tls` they speak TLS through a balancer that only passes bytes on.

Everything is asked with POST, and a WebSocket opened with it: what a library asks once more by itself when a connection
breaks would hide just what is counted here.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from bench.rollout.counting import KINDS, Failure, Tally
from bench.rollout.upstream import PAUSE, REPLICA, body
from pomhealth.demo.running import HOST
from pomhealth.replica.unverified import unverified

KEPT, NEW, STREAMS, SOCKETS = 4, 2, 8, 2  # clients of each kind
RATE = 5.0  # short requests a second of one client
ASKING = "asking"
_AGAIN = (
    1.0  # seconds from a long request that fails to the next, at the least: else one fault counts many times
)
_BEAT = 0.2  # seconds between two messages of a WebSocket
_PATIENCE = 10.0  # seconds without a byte
_WAIT = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=_PATIENCE)


class Failed(Exception):  # noqa: N818
    """A request that was answered, but wrongly; says how."""


class Clients:
    """All of them; `tally` is what they have seen."""

    def __init__(self, port: int, lasting: tuple[float, float], *, tls: bool) -> None:
        self.tally = Tally()
        self._lasting = lasting
        self._at = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self._how: dict[str, Any] = {"ssl": unverified(), "server_hostname": HOST} if tls else {}
        self._numbers = itertools.count(1)
        self._chance = random.Random(1)
        self._over = asyncio.Event()
        self.asking = asyncio.Event()  # something of each kind was asked for

    def end(self) -> None:
        """Nothing new is asked from now on."""
        self._over.set()

    async def run(self) -> None:
        """Asks until `end`, and returns when everything has come to its end."""
        every = 1 / RATE
        clients = [
            *(self._client("kept", self._short, every, kept=True) for _ in range(KEPT)),
            *(self._client("new", self._short, every) for _ in range(NEW)),
            *(self._client("stream", self._stream, 0.0, kept=one % 2 == 0) for one in range(STREAMS)),
            *(self._client("socket", self._socket, 0.0) for _ in range(SOCKETS)),
        ]
        await asyncio.gather(*clients)

    async def _client(
        self,
        kind: str,
        ask: Callable[[aiohttp.ClientSession, Where], Awaitable[None]],
        every: float,
        *,
        kept: bool = False,
    ) -> None:
        await asyncio.sleep(self._chance.uniform(0, every or 1.0))
        connector = aiohttp.TCPConnector(limit=1, force_close=not kept)
        async with aiohttp.ClientSession(
            connector=connector, timeout=_WAIT, headers={"Host": HOST}
        ) as session:
            while not self._over.is_set():
                began, where = time.monotonic(), Where()
                self.tally.asked[kind] += 1
                if len(self.tally.asked) == len(KINDS):
                    self.asking.set()
                what = await _outcome(ask(session, where))
                now = time.monotonic()
                if what:
                    self.tally.failures.append(Failure(kind, now, what, where.replica, now - began))
                await self._pause(began + (every or (_AGAIN if what else 0.0)) - now)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._over.wait(), max(seconds, 0.001))

    async def _short(self, session: aiohttp.ClientSession, where: Where) -> None:
        number = next(self._numbers)
        async with session.post(f"{self._at}/short?n={number}", **self._how) as answer:
            where.note(answer)
            if await answer.text() != str(number):
                raise Failed("another's answer")

    async def _stream(self, session: aiohttp.ClientSession, where: Where) -> None:
        number, chunks = next(self._numbers), int(self._chance.uniform(*self._lasting) / PAUSE)
        async with session.post(f"{self._at}/stream?n={number}&chunks={chunks}", **self._how) as answer:
            where.note(answer)
            if await answer.read() != body(number, chunks):
                raise Failed("other bytes")

    async def _socket(self, session: aiohttp.ClientSession, where: Where) -> None:
        until = time.monotonic() + self._chance.uniform(*self._lasting)
        async with session.ws_connect(f"{self._at}/socket", method="POST", **self._how) as opened:
            where.replica = await _heard(opened)
            while time.monotonic() < until:
                said = str(next(self._numbers))
                await opened.send_str(said)
                if await _heard(opened) != said:
                    raise Failed("other bytes")
                await asyncio.sleep(_BEAT)


class Where:
    """Through which replica a request went, as far as it is known."""

    replica = ""

    def note(self, answer: aiohttp.ClientResponse) -> None:
        """Takes the replica from an answer's head. Raises Failed for any status but 200."""
        self.replica = answer.headers.get(REPLICA, "")
        if answer.status != 200:
            raise Failed(str(answer.status))


async def _heard(opened: aiohttp.ClientWebSocketResponse[bool]) -> str:
    heard = await opened.receive(timeout=_PATIENCE)
    if heard.type is not aiohttp.WSMsgType.TEXT:
        raise Failed("cut")
    return str(heard.data)


async def _outcome(asked: Awaitable[None]) -> str:
    """In a few words how a request failed; "" when it did not."""
    try:
        await asked
    except Failed as error:
        return str(error)
    except aiohttp.WSServerHandshakeError as error:
        return str(error.status)
    except aiohttp.ClientConnectorError:
        return "no connection"
    except aiohttp.ServerDisconnectedError:
        return "closed without an answer"
    except aiohttp.ClientPayloadError:
        return "cut"
    except asyncio.TimeoutError:
        return "no answer in time"
    except (aiohttp.ClientError, OSError) as error:
        return "reset" if isinstance(error, ConnectionError) else type(error).__name__
    return ""


async def _run(port: int, lasting: tuple[float, float], *, tls: bool) -> Tally:
    clients = Clients(port, lasting, tls=tls)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, clients.end)
    running = asyncio.ensure_future(clients.run())
    await clients.asking.wait()
    print(ASKING, flush=True)
    await running
    return clients.tally


if __name__ == "__main__":
    _port, _kind, _shortest, _longest = sys.argv[1:]
    _seen = asyncio.run(_run(int(_port), (float(_shortest), float(_longest)), tls=_kind == "tls"))
    print(json.dumps(_seen.as_json()), flush=True)
