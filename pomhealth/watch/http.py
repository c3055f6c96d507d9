"""HTTP to one agent: its /status, and the stream of its events. Every wait has a deadline."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator

import aiohttp

from pomhealth.client.ask import LARGEST, Address
from pomhealth.watch.eventstream import Event, EventStream, TooLarge
from pomhealth.watch.model import Snapshot
from pomhealth.watch.reading import NotAnAgent, read_status

DEADLINE = 3.0  # seconds for /status, and for a stream to begin
_ELSEWHERE = "give the address of pomhealth's agent with -a, such as 127.0.0.1:28081"
_START = "start the agent (pomhealth run), or give its address with -a"
_PIECE = 65536


class Away(Exception):  # noqa: N818  (what is told is that it is away)
    """The agent gives no usable answer. The text says in one clause why, `fix` what to do about it."""

    def __init__(self, why: str, fix: str = _ELSEWHERE) -> None:
        super().__init__(why)
        self.fix = fix


class NoEvents(Exception):  # noqa: N818  (an older agent has none)
    """It answers, but tells no events."""


class Http:
    """Asks the agent at `address`. Made and closed within a running event loop."""

    def __init__(self, address: Address) -> None:
        connector = aiohttp.UnixConnector(path=address.path) if address.path else aiohttp.TCPConnector()
        self._session = aiohttp.ClientSession(
            f"http://{address.where if address.port else 'localhost'}",
            connector=connector,
            headers={"User-Agent": "pomhealth-watch"},
        )

    async def aclose(self) -> None:
        """Ends its connections."""
        await self._session.close()

    async def status(self) -> Snapshot:
        """What /status says. Raises Away."""
        limit = aiohttp.ClientTimeout(total=DEADLINE)
        with _told():
            async with self._session.get("/status", timeout=limit, allow_redirects=False) as answer:
                body = bytearray()
                async for piece in answer.content.iter_chunked(_PIECE):
                    body += piece
                    if len(body) > LARGEST:
                        raise Away(f"the answer is larger than {LARGEST >> 20} MiB")
        try:
            return read_status(bytes(body))
        except NotAnAgent:
            raise Away(f"what answers there (HTTP {answer.status}) is not pomhealth's agent") from None

    async def events(self, last: str, silence: float) -> AsyncGenerator[Event, None]:
        """Its events from after `last` on, until the stream ends or is silent for `silence` seconds.

        Raises NoEvents, Away.
        """
        limit = aiohttp.ClientTimeout(sock_connect=DEADLINE, sock_read=silence)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        stream = EventStream(last)
        with _told():
            async with self._session.get(
                "/events", timeout=limit, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status != 200 or answer.content_type != "text/event-stream":
                    raise NoEvents
                async for piece in answer.content.iter_any():
                    for event in stream.feed(piece):
                        yield event


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What can go wrong on the way, as Away."""
    try:
        yield
    except aiohttp.ServerDisconnectedError:
        raise Away("the connection was closed before the answer was complete") from None
    except aiohttp.ClientConnectorDNSError as error:
        raise Away(f"the name {error.host} does not resolve", "give an address that does with -a") from None
    except aiohttp.ClientConnectorError as error:
        raise _unreached(error.os_error) from None
    except asyncio.TimeoutError:  # Python 3.10 has two
        raise _late() from None
    except (aiohttp.ClientPayloadError, ConnectionResetError):
        raise Away("the connection was reset before the answer was complete") from None
    except aiohttp.ClientResponseError:
        raise Away("the answer is not HTTP") from None
    except (aiohttp.ClientError, TooLarge, OSError, ValueError) as error:
        raise Away(f"no usable answer ({type(error).__name__})") from None


def _unreached(error: OSError) -> Away:
    if isinstance(error, ConnectionRefusedError):
        return Away("connection refused, nothing listens there", _START)
    if isinstance(error, FileNotFoundError):
        return Away("there is no such socket", _START)
    return Away(
        error.strerror or type(error).__name__, "give an address that can be reached from here with -a"
    )


def _late() -> Away:
    return Away(
        f"no answer within {DEADLINE:g} s",
        "see whether that process hangs: ps -o pid,stat,wchan,args -C pomhealth,pomerium",
    )
