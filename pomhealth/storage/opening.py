"""Opening a session with the replica's PostgreSQL: its servers in turn, each by all of its addresses."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace

from pomhealth.blocking import Workers
from pomhealth.reach import Silent
from pomhealth.status import Unobservable
from pomhealth.storage import failover, fit, questions
from pomhealth.storage.dsn import NOWHERE, conninfo
from pomhealth.storage.target import ANY, Host, Target
from pomhealth.storage.trouble import Failed, Trouble, silence, worst
from pomhealth.storage.wire import Wire

_NETWORK = 1.5  # seconds for a network connection: longer than the first repetition of a lost packet
_LOGIN = 10.0  # seconds for a login where there is one server: it waits in the server's queue, and is served at once
_LOGIN_OF_SEVERAL = 2.0
_RESOLVE = 5.0


class Opening:
    """The way to the servers of one connection string.

    `attrs` is the kind of server that is wanted, whatever the string says of it ("" for what it says).
    """

    def __init__(
        self, dsn: str, environment: Mapping[str, str], root: str, cwd: str, *, attrs: str = ""
    ) -> None:
        self._source = (dsn, environment, root, cwd)
        self._attrs = attrs
        self._workers = Workers()
        self._unresolved: set[str] = set()
        self._target: Target | None = None

    @property
    def target(self) -> Target | None:
        """Where it leads, as last read; None when it was not read yet."""
        return self._target

    @property
    def unresolved(self) -> tuple[str, ...]:
        """The names that the resolver is being asked for."""
        return tuple(sorted(self._unresolved))

    async def read_target(self, *, deadline: float) -> Target:
        """Where it leads. Raises BadDsn, Unobservable, Silent."""
        target = await self._workers.call(
            "connection string", lambda: conninfo(*self._source), deadline=deadline
        )
        self._target = replace(target, attrs=self._attrs or target.attrs)
        return self._target

    async def connect(self, gone: Callable[[], float]) -> tuple[Wire, Host]:
        """A session with the first server that is as the connection string asks for.

        `gone` tells the seconds since there was a session, infinite where there never was one. Raises Failed, BadDsn,
        Unobservable.
        """
        try:
            target = await self.read_target(deadline=_RESOLVE)
        except Silent as slow:
            raise Failed(silence(f"the files that the connection string names: {slow.why}")) from None
        fit.check_key(target)
        troubles: list[Trouble] = []
        for attrs in ("standby", ANY) if target.attrs == "prefer-standby" else (target.attrs,):
            for host, address in await self._addresses(target, troubles):
                try:
                    return await _login(target, host, address, attrs), host
                except Failed as failed:
                    trouble = failed.trouble
                if trouble.denied:
                    raise Unobservable(f"{host.where} cannot be reached from here: {trouble.why}", fit.RIGHT)
                troubles.append(replace(trouble, why=f"{host.where}: {trouble.why}"))
                if trouble.cause in ("authentication", "permission-denied", "schema-missing"):
                    raise Failed(troubles[-1])  # the driver does not try the other servers either
        if not troubles:
            raise Failed(Trouble("unreachable", "the connection string names no server", lost=True))
        told = "; ".join(dict.fromkeys(one.why for one in troubles))
        passing = failover.under_way(troubles, gone=gone())
        raise Failed(replace(worst(troubles), why=told, passing=passing))

    async def _addresses(self, target: Target, troubles: list[Trouble]) -> list[tuple[Host, str]]:
        """Every server's addresses, in their order; all names are asked for at once, for one may hang."""
        hosts = tuple(target.hosts)
        resolved = await asyncio.gather(*(self._resolve(host) for host in hosts))
        found: list[tuple[Host, str]] = []
        for host, addresses in zip(hosts, resolved, strict=True):
            if isinstance(addresses, Trouble):
                troubles.append(addresses)
            else:
                found += [(host, address) for address in addresses]
        return found

    async def _resolve(self, host: Host) -> list[str] | Trouble:
        """Its addresses, "" for a socket's path; a trouble where there are none."""
        if host.path:
            return [""]
        with contextlib.suppress(ValueError):
            return [str(ipaddress.ip_address(host.name))]

        def resolve() -> list[str]:
            infos = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(info[4][0]) for info in infos))

        self._unresolved.add(host.name)
        try:
            return await self._workers.call(f"name {host.name}", resolve, deadline=_RESOLVE)
        except socket.gaierror as error:
            again = error.errno == socket.EAI_AGAIN
            why = f"{host.where}: the name does not resolve: {error.strerror}"
            return Trouble("unreachable", why, silent=again, lost=True)
        except Silent as slow:
            return silence(f"{host.where}: the name does not resolve: {slow.why}")
        finally:
            self._unresolved.discard(host.name)


async def _login(target: Target, host: Host, address: str, attrs: str) -> Wire:
    login = _LOGIN if len(target.hosts) == 1 else _LOGIN_OF_SEVERAL
    if target.timeout is not None:
        login = min(login, max(1.0, target.timeout))
    told = {
        **target.parameters,
        "host": host.path or host.name,
        "port": str(host.port),
        "application_name": "pomhealth",
        "gssencmode": "disable",
        "passfile": NOWHERE,
    }
    if address:
        told["hostaddr"] = address
    wire = await Wire.open(told, network=min(_NETWORK, login), login=login)
    if attrs == ANY:
        return wire
    try:
        rows = await asyncio.wait_for(wire.ask(questions.WRITABLE), login)
        unfit = fit.unfit(attrs, questions.text(rows))
    except asyncio.TimeoutError:
        wire.close()
        raise Failed(silence("no answer to a query")) from None
    except BaseException:
        wire.close()
        raise
    if unfit is not None:
        wire.close()
        raise Failed(unfit)
    return wire
