"""Names and their addresses, as the system's resolver tells them.

The resolver blocks for as long as it likes (with two deaf name servers for twenty seconds and more), so it is asked
in threads. Each who asks has some of its own (`context.resolvers.of(ID)`): a check with ten thousand names never
holds up another with three. It reads the /etc/resolv.conf and /etc/hosts that this process sees; the containers of
one pod share theirs.
"""

from __future__ import annotations

import asyncio
import ipaddress
import queue
import socket
import threading
import weakref
from collections.abc import Callable

from pomhealth.reach import ReachError, Silent

MOST = 8  # lookups at a time for each who asks
_NO_SUCH = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
_Addresses = tuple[str, ...]
_Answer = asyncio.Future[_Addresses]
_Job = tuple[str, Callable[[_Addresses, "ReachError | None"], None]]
_Jobs = queue.SimpleQueue["_Job | None"]


class NoSuchName(ReachError):  # noqa: N818
    """The resolver answers that there is no such name, or that it has no address."""


class NotResolved(ReachError):  # noqa: N818
    """The resolver answers that it cannot tell: its servers fail, refuse, or did not answer it."""


class Resolver:
    """Asks the system's resolver, for at most `most` names at a time; further ones wait for their turn.

    A name is asked for once at a time, whoever wants it meanwhile shares the answer: one that hangs, however often it
    is wanted, holds one thread and nothing else; while all hang, there is silence. Threads are daemons: a stuck one
    never delays exit.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._running: dict[str, list[_Answer]] = {}
        self._waiting: dict[str, list[_Answer]] = {}  # in the order of asking
        self._threads: list[threading.Thread] = []
        self._jobs: _Jobs = queue.SimpleQueue()
        weakref.finalize(self, _end, self._jobs, self._threads)

    async def addresses(self, name: str, *, deadline: float) -> tuple[str, ...]:
        """The name's IPv4 and IPv6 addresses, each once, in the resolver's order; an address is its own.

        Raises NoSuchName, NotResolved, and Silent after `deadline` seconds.
        """
        own = literal(name)
        if own:
            return (own,)
        answer: _Answer = asyncio.get_running_loop().create_future()
        if name in self._running:
            self._running[name].append(answer)
        else:
            self._waiting.setdefault(name, []).append(answer)
            self._fill()
        try:
            return await asyncio.wait_for(answer, deadline)
        except asyncio.TimeoutError:
            why = f"the resolver did not answer within {deadline:.2g} s"
            stuck = f", and {self._most} lookups before it hang" if name in self._waiting else ""
            raise Silent(name, why + stuck) from None
        finally:
            self._forget(name, answer)

    def _forget(self, name: str, answer: _Answer) -> None:
        """Nobody waits for this answer any more; a name that nobody wants need not be asked for."""
        for kept in (self._running, self._waiting):
            if answer in kept.get(name, ()):
                kept[name].remove(answer)
        if not self._waiting.get(name, True):
            del self._waiting[name]

    def _fill(self) -> None:
        """Gives names to threads that have none."""
        while self._waiting and len(self._running) < self._most:
            name = next(iter(self._waiting))
            self._running[name] = self._waiting.pop(name)
            self._ask(name)

    def _ask(self, name: str) -> None:
        loop = asyncio.get_running_loop()

        def settle(found: _Addresses, error: ReachError | None) -> None:
            for answer in self._running.pop(name):
                if error is not None and not answer.done():
                    answer.set_exception(type(error)(error.where, error.why))
                elif not answer.done():
                    answer.set_result(found)
            self._fill()

        def done(found: _Addresses, error: ReachError | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, found, error)

        if len(self._running) > len(self._threads):
            thread = threading.Thread(target=_work, args=(self._jobs,), name="look names", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._jobs.put((name, done))


class Resolvers:
    """A resolver for each who asks, kept."""

    def __init__(self) -> None:
        self._kept: dict[str, Resolver] = {}

    def of(self, who: str) -> Resolver:
        return self._kept.setdefault(who, Resolver())


def literal(name: str) -> str:
    """The IP address that the name is, also in brackets; "" where it is none."""
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return ""


def look_up(name: str) -> tuple[str, ...]:
    """Blocking, for as long as the system's resolver likes. Raises NoSuchName or NotResolved."""
    try:
        asked = name.encode("ascii" if name.isascii() else "idna")
        found = socket.getaddrinfo(asked, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NO_SUCH:
            raise NoSuchName(name, "there is no such name, or it has no address") from None
        raise NotResolved(name, f"the resolver fails: {error.strerror}") from None
    except (UnicodeError, OSError):
        raise NoSuchName(name, "it is no host name") from None
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _work(jobs: _Jobs) -> None:
    while (job := jobs.get()) is not None:
        name, done = job
        found: _Addresses = ()
        error: ReachError | None = None
        try:
            found = look_up(name)
        except ReachError as caught:
            error = caught
        done(found, error)
        del job, done, found, error  # nothing of one lookup is kept alive until the next


def _end(jobs: _Jobs, threads: list[threading.Thread]) -> None:
    for _ in threads:
        jobs.put(None)
