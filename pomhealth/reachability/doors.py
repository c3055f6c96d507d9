"""Whether this cluster is behind an address: a TLS handshake, and now and then a request for its keys. I/O only.

A handshake leaves no line in any log; a request leaves some in the log of the replica that answers it. So an address
is asked for its keys once in a while, whatever the number of names that lead to it, and for the other names only
shaken hands with; a name that fails is asked for itself until it passes.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache

from pomhealth.outside import dial, trust
from pomhealth.outside.proxy import joined
from pomhealth.outside.trouble import Trouble
from pomhealth.outside.trust import Trust
from pomhealth.reach import Garbled, Refused, Silent
from pomhealth.reachability.memory import Door, Memory
from pomhealth.reachability.page import PATH, NoHttp, get, key_ids
from pomhealth.reachability.trouble import Off
from pomhealth.replica import mainlistener
from pomhealth.replica.mainlistener import Approach
from pomhealth.replica.model import EVERY_ADDRESS

_PROVEN = 6 * 3600.0  # seconds for which an address that has shown this cluster's key is not asked again
_BESIDES = 0.5  # seconds for the listener's own port, when the usual one took all the time
_ANSWERS = "an answer from this cluster"


@dataclass(frozen=True, slots=True)
class Place:
    """One of the machine's own addresses, another's, or one to which no way leads from here (`way` is false)."""

    own: bool
    way: bool = True


def place(address: str) -> Place:
    """What the kernel's routes say of this address; nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
            source = str(probe.getsockname()[0])
        except OSError:
            return Place(own=False, way=False)
    return Place(own=source == address or address.startswith("127.") or address == "::1")


class Untold(Exception):  # noqa: N818
    """What is behind an address cannot be told from here; the text is one clause that says why."""


class Doors:
    """The addresses that one look comes upon, for the replica whose main listener `main` is and listens on `listens`.

    `learn` sees to it that memory holds this replica's own keys as they are now, where they can be had.
    """

    def __init__(
        self, memory: Memory, main: Approach | None, listens: str, learn: Callable[[], Awaitable[object]]
    ) -> None:
        self._memory = memory
        self._main = main
        self._listens = listens
        self._learn = learn
        self._first: dict[Door, asyncio.Future[Off | None]] = {}

    async def knock(self, name: str, address: str, port: int, *, end: float) -> None:
        """Returns when this cluster answers for `name` there. Raises Off, and Untold where it cannot be told from here."""
        here = place(address)
        if not here.way:  # most often the machine has no IPv6
            raise Untold(f"leads to {address}, to which this machine has no way")
        main = self._own_listener(name, address) if here.own else None
        if main is not None and main.port == port:
            await self._own(name, main, end)
            return
        try:
            await self._shared(name, (address, port), None, end)
        except Off as off:
            # On this machine itself something else may lead from the usual port to the listener's: a rule of the
            # kernel that its own connections do not pass, or the user who adds the port by hand.
            loopback = address.startswith("127.") or address == "::1"
            if main is None or not (loopback or off.cause == "refused"):
                raise
            end = max(end, asyncio.get_running_loop().time() + _BESIDES)
            await self._own(name, main, end)

    async def _own(self, name: str, main: Approach, end: float) -> None:
        """At this replica's own listener; that it does not answer at all is for other checks to tell."""
        try:
            await self._shared(name, (main.host, main.port), main, end)
        except Off as off:
            if off.cause not in ("refused", "timeout"):
                raise
            raise Untold(f"leads to this machine, and its own listener on {main.where} is mute") from None

    def _own_listener(self, name: str, address: str) -> Approach | None:
        if self._main is None or self._listens not in (*EVERY_ADDRESS, address):
            return None
        return replace(self._main, host=address, server_name=name)

    async def _shared(self, name: str, door: Door, main: Approach | None, end: float) -> None:
        """Whether anybody is there at all is found out once a look, for every name that leads there."""
        first = self._first.get(door)
        if first is not None:
            clock = asyncio.get_running_loop().time
            began = clock()
            seen = await asyncio.shield(first)
            if seen is not None and seen.cause in ("refused", "timeout"):
                raise seen
            await self._ask(name, door, main, end + clock() - began)
            return
        first = self._first[door] = asyncio.get_running_loop().create_future()
        try:
            await self._ask(name, door, main, end)
        except Off as off:
            first.set_result(off)
            raise
        finally:
            if not first.done():
                first.set_result(None)

    async def _ask(self, name: str, door: Door, main: Approach | None, end: float) -> None:
        left = max(0.01, end - asyncio.get_running_loop().time())
        try:
            await asyncio.wait_for(self._try(name, door, main, end), left)
        except asyncio.TimeoutError:
            where = joined(*door)
            raise Off("timeout", f"leads to {where}, which does not answer", _ANSWERS, where) from None

    async def _try(self, name: str, door: Door, main: Approach | None, end: float) -> None:
        memory, now = self._memory, asyncio.get_running_loop().time()
        proven = now - memory.proven.get(door, -_PROVEN) < _PROVEN
        asks = memory.own is not None and (name in memory.bad or (not proven and memory.may_ask(now)))
        async with _reached(name, door, main, end) as (reader, writer):
            if not asks:
                memory.open(door)
                return
            host = joined(name, door[1]).removesuffix(":443")
            try:
                status, body = await get(reader, writer, host, PATH)
            except NoHttp as error:
                raise _stranger(door, str(error)) from None
        keys = key_ids(status, body)
        if keys is None:
            raise _stranger(door, f"it answers {status} to {PATH}, and not with a list of keys")
        if not memory.knows(keys):
            await self._learn()  # they may have been given new ones
            if not memory.knows(keys):
                raise _another(door, keys, memory.own or frozenset())
        memory.prove(door, now)


@asynccontextmanager
async def _reached(
    name: str, door: Door, main: Approach | None, end: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to this door that has shaken hands for `name`. Raises Off, also for what fails on it later."""
    where = joined(*door)
    try:
        if main is not None:
            async with mainlistener.connection(main) as pair:
                yield pair
            return
        way = dial.Way(name, door[1])
        async with dial.line(way, (door[0],), _anyone(), end=end) as line:
            yield line.reader, line.writer
    except Trouble as trouble:
        raise Off(trouble.cause, _clause(door, trouble), "a TLS connection", where) from None
    except ConnectionRefusedError:
        raise Off("refused", f"leads to {where}, which refuses connections", _ANSWERS, where) from None
    except ssl.SSLError as error:
        why = f"leads to {where}, where the TLS handshake fails: {_reason(error)}"
        raise Off("tls", why, "a TLS handshake", where) from None
    except OSError:
        raise _stranger(door, "it cuts the connection") from None


def _clause(door: Door, trouble: Trouble) -> str:
    where = joined(*door)
    if trouble.cause == "refused" and "refuses" in trouble.why:
        return f"leads to {where}, which refuses connections"
    if trouble.cause == "timeout":
        return f"leads to {where}, which does not answer"
    return f"leads to {where}: {trouble.why.removeprefix(f'{where} ')}"


def _stranger(door: Door, seen: str) -> Off:
    where = joined(*door)
    return Off(
        "wrong-address", f"leads to {where}, and what is there is no Pomerium: {seen}", _ANSWERS, where
    )


def _another(door: Door, keys: frozenset[str], own: frozenset[str]) -> Off:
    where = joined(*door)
    return Off(
        "other-key",
        f"leads to {where}, where a Pomerium with another key answers ({_shown(keys)})",
        f"this replica's own key, {_shown(own)}",
        where,
    )


def _shown(keys: frozenset[str]) -> str:
    short = sorted(key if len(key) <= 16 else f"{key[:12]}…" for key in keys)
    return f"key id {', '.join(short[:2])}" if short else "no key at all"


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "no reason given").replace("_", " ").lower()


async def own_keys(main: Approach, *, deadline: float) -> frozenset[str]:
    """The ids of this replica's own keys. Raises ReachError."""

    async def ask() -> tuple[int, bytes]:
        async with mainlistener.connection(main) as (reader, writer):
            return await get(reader, writer, main.server_name, PATH)

    try:
        keys = key_ids(*await asyncio.wait_for(ask(), deadline))
    except asyncio.TimeoutError:
        raise Silent(main.where, f"no answer within {deadline:g} s") from None
    except ConnectionRefusedError:
        raise Refused(main.where, "connection refused: nobody listens there") from None
    except (OSError, NoHttp) as error:
        raise Garbled(main.where, str(error) or "it cuts the connection") from None
    if keys is None:
        raise Garbled(main.where, f"{PATH} is no list of keys")
    return keys


@cache
def _anyone() -> Trust:
    """Every certificate will do: which one is served is the affair of other checks."""
    return Trust({trust.HTTP1: trust.anyone()})
