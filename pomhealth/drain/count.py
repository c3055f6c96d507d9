"""Counts what is still connected to a replica: by the kernel, which costs Envoy nothing, and its requests by Envoy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pomhealth.checks import Context
from pomhealth.clock import steady
from pomhealth.drain.model import Left
from pomhealth.reach import ReachError, Silent
from pomhealth.replica import sockdiag
from pomhealth.replica.budget import rest
from pomhealth.replica.model import Endpoint, Replica

_DEADLINE = 1.0  # seconds for one question
_LEAST = 0.5  # seconds between two questions to Envoy
# Envoy's HTTP connection manager of the main listener counts under this prefix, in every release since 0.30.
_STATS = r"/stats?filter=^http\.ingress\.downstream_(cx|rq)_active$&type=Gauges"
_LINE = re.compile(rb"^http\.ingress\.downstream_(cx|rq)_active: (\d+)$", re.MULTILINE)
_COUNTED = "address"  # the role of the main listener
_OTHERS = ("ssh_address",)


@dataclass(frozen=True, slots=True)
class _Envoys:
    """What Envoy said of its connections and requests at the moment `at`, and when it may be asked again."""

    connections: int | None = None
    requests: int | None = None
    at: float = 0.0
    again: float = 0.0


class Counter:
    """Counts at one replica after the other. Envoy is asked no oftener than the cost of its answer allows."""

    def __init__(self, clock: Callable[[], float] = steady) -> None:
        self._clock = clock
        self._envoys = _Envoys()

    def anew(self) -> None:
        """A drain begins: what Envoy said before does not count."""
        self._envoys = _Envoys()

    async def look(self, context: Context) -> Left:
        """What is left now. What cannot be seen is None; nothing is raised."""
        await self._ask_envoy(context)
        said = self._envoys
        http, others, quiet = await self._ask_kernel(context)
        return Left(
            connections=said.connections if http is None else http,
            requests=said.requests,
            quiet=0.0 if http is None else quiet,
            asked=self._clock() - said.at,
            others=others,
            unseen=any(one.udp for one in context.replica.endpoints),
        )

    async def _ask_envoy(self, context: Context) -> None:
        now = self._clock()
        admin = context.admin_client
        if admin is None or now < self._envoys.again:
            return
        try:
            answer = await admin.ask(_STATS, deadline=_DEADLINE, dear=True)
        except ReachError:
            self._envoys = _Envoys(again=now + _LEAST)
            return
        admin.budget.charge(answer.seconds)
        found = {kind: int(count) for kind, count in _LINE.findall(answer.body)}
        wait = max(_LEAST, rest(answer.seconds, watching=True))
        self._envoys = _Envoys(found.get(b"cx"), found.get(b"rq"), now, now + wait)

    async def _ask_kernel(self, context: Context) -> tuple[int | None, int, float]:
        replica = context.replica
        if not replica.same_network:
            return None, 0, 0.0
        try:
            return await context.workers.call("connections", partial(_count, replica), deadline=_DEADLINE)
        except (Silent, OSError):
            return None, 0, 0.0


def _count(replica: Replica) -> tuple[int | None, int, float]:
    """Connections to the main listener, to others, and for how many seconds none of the first was used. Blocking."""
    main = _connected(replica.endpoint(_COUNTED))
    if main is None:
        return None, 0, 0.0
    others = [_connected(replica.endpoint(role)) for role in _OTHERS]
    return len(main), sum(len(one) for one in others if one), min(main, default=float("inf"))


def _connected(endpoint: Endpoint | None) -> list[float] | None:
    """For how many seconds each connection to this listener has been quiet; None where the kernel does not tell."""
    if endpoint is None:
        return []
    found = sockdiag.accepted(endpoint.port)
    if found is None:
        return None
    return [quiet for host, quiet in found if endpoint.host in ("", "0.0.0.0", "::", host)]  # noqa: S104
