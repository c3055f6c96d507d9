"""Replicas that no agent tells of, by what they leave in the PostgreSQL that all share.

Each replica with a databroker holds one session there that listens for changes, and one with `metrics_address`
announces itself. Neither is certain alone: addresses are translated, sessions outlast machines that vanished, and
a name may stand for an address. So only what nobody known can account for is told of, and only after it has lasted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from pomhealth.clock import steady
from pomhealth.cluster.model import Agentless, Member, Roster, Standing
from pomhealth.reach import Silent
from pomhealth.replica.goaddress import split_host_port
from pomhealth.status import Unobservable
from pomhealth.storage.announced import ASK, Announced, read
from pomhealth.storage.connstring import BadDsn
from pomhealth.storage.trouble import Failed

if TYPE_CHECKING:
    from pomhealth.storage.session import PostgresSession

GRACE = (
    60.0  # seconds for which it must have shown: an agent starts after its replica, a service stays for 30 s
)
LINGERS = 1200.0  # where a known replica has the same address: a session whose client is gone stays until TCP gives up
MOST = 200  # that are told of
_DEADLINE = 0.4  # seconds for the answer
_TURN = 5.0  # seconds until it is this question's turn
ANNOUNCES = "it announces its metrics"
LISTENS = "its session listens for changes"
_SOCKET = "the database's own machine"


@dataclass(frozen=True, slots=True)
class Suspect:
    """One that nobody accounts for, and for how many seconds it must have shown to be told of."""

    replica: Agentless
    grace: float = GRACE


Since = Mapping[tuple[Suspect, int], float]


def unknown(seen: Announced, roster: Roster, *, same_server: bool) -> tuple[Suspect, ...]:
    """What no member accounts for. Pure.

    `same_server` is whether the members' own addresses (`peer`) were seen by the server that was looked at: otherwise
    they say nothing of the sessions there.
    """
    known = [one for one in roster.members if roster.standing(one) is not Standing.FORGOTTEN]
    places = _places(seen.endpoints, known, roster.present)
    sessions: list[Suspect] = []
    if same_server and not seen.pooled:
        sessions = _sessions(seen.listening or {}, known, roster.present)
    hosts = Counter(_host(place) for place in places)
    rest = []
    for one in sessions:
        if hosts[one.replica.where] > 0:  # it is the same replica
            hosts[one.replica.where] -= 1
        else:
            rest.append(one)
    elsewhere = hosts.total()  # announced by a name, or by another address than the server sees
    return (*(Suspect(Agentless(place, ANNOUNCES)) for place in places), *rest[elsewhere:])


def lasting(since: Since, now: float, suspects: Iterable[Suspect]) -> tuple[Since, tuple[Agentless, ...]]:
    """Since when each of these shows, and those that have shown for long enough. Pure; `now` of any steady clock.

    Of several alike (sessions from one address) each counts from when there were so many.
    """
    alike: Counter[Suspect] = Counter()
    after: dict[tuple[Suspect, int], float] = {}
    told = []
    for one in suspects:
        alike[one] += 1
        key = (one, alike[one])
        after[key] = since.get(key, now)
        if now - after[key] >= one.grace:
            told.append(one.replica)
    return after, tuple(told[:MOST])


class Lookout:
    """Looks for replicas without an agent, and remembers since when each has shown, by `clock` (seconds, steady)."""

    def __init__(self, clock: Callable[[], float] = steady) -> None:
        self._clock = clock
        self._since: Since = {}

    async def look(
        self, session: PostgresSession, roster: Roster, *, same_server: bool
    ) -> tuple[tuple[Agentless, ...], str]:
        """Those that show, and the reason where it cannot be told, "" where it can. Raises nothing.

        `session` is with the replica's own PostgreSQL, `same_server` whether the registry is kept by the same server,
        and reached the same way. It is to be called every beat, or a few times a minute.
        """
        since, self._since = self._since, {}  # after a gap all begins anew: everybody has to come back first
        if not roster.complete:
            return (), "who has an agent is not known now"
        try:
            asked = session.ask(ASK, deadline=_DEADLINE)
            seen = read(await asyncio.wait_for(asked, _DEADLINE + _TURN))
        except asyncio.TimeoutError:
            return (), f"PostgreSQL could not be asked within {_DEADLINE + _TURN:g} s"
        except (Failed, BadDsn, Unobservable, Silent) as trouble:
            return (), f"PostgreSQL could not be asked: {trouble}"
        suspects = unknown(seen, roster, same_server=same_server)
        self._since, told = lasting(since, self._clock(), suspects)
        return told, ""


def _places(endpoints: Sequence[str], known: Sequence[Member], present: Sequence[Member]) -> list[str]:
    """The endpoints that no member can be the one of.

    What a member announces for certain is its own. Where it is not certain (it announces the name or an address of its
    machine, or its options cannot be seen), one of its port may be its own: where that leaves any doubt, none is told.
    """
    certain = {one.account.metrics for one in known}
    unnamed = [one for one in known if _vague(one) and one.account.metrics not in endpoints]
    left = [place for place in endpoints if place not in certain]
    doubtful = []
    for one in unnamed:
        own = next((place for place in left if _fits(place, one) and _kin(_host(place), one)), None)
        if own is not None:
            left.remove(own)
        elif one in present:
            doubtful.append(one)
    return [place for place in left if not any(_fits(place, one) for one in doubtful)]


def _vague(member: Member) -> bool:
    """Whether what it says of its metrics need not be what Pomerium announces."""
    metrics = member.account.metrics
    return not metrics or _host(metrics) == member.account.host


def _fits(place: str, member: Member) -> bool:
    metrics = member.account.metrics
    return not metrics or _port(place) == _port(metrics)


def _kin(host: str, member: Member) -> bool:
    """Whether it is the member's machine by all appearance."""
    own = member.account.host
    if host in (own, _bare(member.peer)):
        return bool(host)
    named = not _is_address(host) and not _is_address(own)
    return named and bool(own) and host.partition(".")[0].lower() == own.partition(".")[0].lower()


def _sessions(
    listening: Mapping[str, int], known: Sequence[Member], present: Sequence[Member]
) -> list[Suspect]:
    """The sessions beyond those of the members, at each address.

    A present member without a session at its own address may reach the server from another one than its replica does:
    it then accounts for a session anywhere.
    """
    agents = Counter(_bare(one.peer) for one in known)
    now = Counter(_bare(one.peer) for one in present)
    anywhere = sum(max(0, count - listening.get(address, 0)) for address, count in now.items())
    found = []
    for address in sorted(listening):
        beyond = listening[address] - agents[address] - anywhere
        grace = LINGERS if agents[address] else GRACE
        found += [Suspect(Agentless(address or _SOCKET, LISTENS), grace)] * max(0, beyond)
    return found


def _bare(peer: str) -> str:
    """An address as PostgreSQL's inet type may write it, without the length of its network."""
    return peer.partition("/")[0]


def _host(place: str) -> str:
    try:
        return split_host_port(place)[0]
    except ValueError:
        return place


def _port(place: str) -> str:
    return place.rpartition(":")[2]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
