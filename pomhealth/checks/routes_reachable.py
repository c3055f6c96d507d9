"""Does each route's hostname lead to this cluster?

Asked from where the replica runs, as a browser would: the name, its addresses, TLS, and whether the Pomerium behind
them has this replica's key. Ten thousand names are looked at in turn, so that a whole round takes hours; those that
fail are looked at again first. A look leaves next to nothing in the replicas' logs (see reachability/doors.py).

From inside a network its own public address often cannot be reached (hairpin NAT). Where the operator says which
addresses are the cluster's and one of them has never answered from here, that is said, and it is no failure.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from pomhealth.checks.context import Context
from pomhealth.checks.names import server_name
from pomhealth.checks.served import served_hosts
from pomhealth.outside.names import NoSuchName
from pomhealth.outside.proxy import proxy_for
from pomhealth.reach import Garbled, ReachError
from pomhealth.reachability.doors import Doors, Untold, own_keys, place
from pomhealth.reachability.memory import QUICK, ROUND, Memory, Pace
from pomhealth.reachability.trouble import CERTAIN, Off, Trouble, worst
from pomhealth.reachability.verdict import judge
from pomhealth.replica.mainlistener import approach
from pomhealth.replica.routes import Host
from pomhealth.status import Finding, Unobservable, not_applicable

ID = "routes.reachable"

_AT_ONCE = 4
_ADDRESSES = 8  # of one name
_INTERVAL = 600.0  # seconds between two rounds, where the operator does not say otherwise
_ALMOST = 0.9  # of an interval: a round that comes a little early is a round
_OWN_KEYS = 0.8  # seconds to learn this replica's own keys
_KEYS_STAY = 86400.0  # seconds for which they are believed
_KEYS_DOUBTED = 600.0  # the same where another key is seen
_UNSURE = 60.0  # seconds until what could not be judged is tried again
_LOOPBACK = "localhost"  # it and what is below it always mean the machine of whoever asks (RFC 6761)


async def look(context: Context) -> Finding:
    replica = context.replica
    if not (replica.runs("proxy") or replica.runs("authenticate")):
        return not_applicable("this replica runs neither the proxy nor the authenticate service")
    if not replica.same_network:
        raise Unobservable(
            "the network cannot be asked the way the replica sees it", replica.missing.get("network", "")
        )
    kept = context.notes.recall(ID)
    memory: Memory = kept[0] if kept else Memory()
    wildcards: int = kept[1] if kept else 0
    now = asyncio.get_running_loop().time()
    onward = now >= memory.next_round
    another = memory.options is not replica.options
    cost, pace = 0.0, QUICK
    if onward or another:
        served, cost = await served_hosts(context)
        hosts = [host for host in served if "*" not in host.name]
        wildcards = len(served) - len(hosts)
        pace = ROUND if onward and memory.options is not None else QUICK
        memory.serves(hosts)
        turn = memory.turn(hosts, pace, onward=onward)
    else:
        turn = memory.again(pace, unsure=now >= memory.next_unsure)
    memory.options = replica.options
    if onward:
        memory.next_round = now + _ALMOST * context.settings.intervals.get(ID, _INTERVAL)
    if onward or now >= memory.next_unsure:
        memory.next_unsure = now + _UNSURE
    context.notes.keep(ID, (memory, wildcards))
    keyless = await _learn(context, memory, _KEYS_STAY)
    await _look_at(context, memory, turn, pace, now)
    return replace(judge(memory, wildcards=wildcards, keyless=keyless), cost=cost)


async def _learn(context: Context, memory: Memory, stay: float) -> str:
    """Sees that this replica's own keys are known, not longer ago than `stay` seconds; gives why they are not.

    Raises Unobservable where its listener does not answer at all: that is the finding of other checks.
    """
    main = approach(context.replica, server_name(context))
    if main is None:
        return "the main listener's address is not known"
    if str(context.replica.options.get("downstream_mtls.enforcement", "")) == "reject_connection":
        return "the main listener takes only clients with a certificate"
    try:
        keys, asked = await context.notes.shared(
            "own keys", lambda: own_keys(main, deadline=_OWN_KEYS), fresh=stay
        )
    except ReachError as error:
        if memory.own is not None:
            return ""
        if not isinstance(error, Garbled):
            lack = "this replica's own listener must answer before others can be compared with it"
            raise Unobservable(lack, str(error)) from None
        return str(error)
    memory.own = keys
    if asked:
        memory.own_under = context.replica.options
        memory.prove((main.host, main.port), asyncio.get_running_loop().time())
    return ""


async def _look_at(context: Context, memory: Memory, turn: Sequence[Host], pace: Pace, start: float) -> None:
    endpoint = context.replica.endpoint("address")
    listens = endpoint.host if endpoint else "-"
    stay = _KEYS_DOUBTED if memory.own_under is context.replica.options else 0.0
    doors = Doors(memory, approach(context.replica, ""), listens, partial(_learn, context, memory, stay))
    look = _Look(context, memory, doors)
    begin_until = max(start + pace.begin, asyncio.get_running_loop().time() + QUICK.begin)
    waiting = iter(turn)

    async def work() -> None:
        for host in waiting:
            now = asyncio.get_running_loop().time()
            if now > begin_until:
                return
            await look.at(host, now + pace.each)

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at some names, and what it needs for each."""

    context: Context
    memory: Memory
    doors: Doors

    async def at(self, host: Host, end: float) -> None:
        """Takes into memory where this name leads."""
        try:
            addresses = await self._addresses(host.name, end)
        except NoSuchName:
            why = "does not resolve: this replica's resolver knows no such name, or no address for it"
            trouble = Trouble(host, "nxdomain", why, "an A or AAAA record that leads to this cluster")
            self.memory.take(host, trouble=trouble)
            return
        except ReachError as error:
            self.memory.take(host, unsure=f"could not be resolved: {error.why}")
            return
        found = await asyncio.gather(
            *(self._through(host, address, end) for address in addresses[:_ADDRESSES])
        )
        off = [one for one in found if isinstance(one, Off)]
        if off:
            first = worst(off)
            trouble = Trouble(host, first.cause, first.why, first.expected, addresses, first.door)
            self.memory.take(host, trouble=trouble)
        else:
            doubts = [one for one in found if isinstance(one, str)]
            self.memory.take(host, unsure=doubts[0] if len(doubts) == len(found) else "")

    async def _addresses(self, name: str, end: float) -> tuple[str, ...]:
        if name == _LOOPBACK or name.endswith(f".{_LOOPBACK}"):
            return ("127.0.0.1",)
        left = max(0.01, end - asyncio.get_running_loop().time())
        return await self.context.resolvers.of(ID).addresses(name, deadline=left)

    async def _through(self, host: Host, address: str, end: float) -> Off | str | None:
        """What is wrong with one address, or a text where it cannot be told from here."""
        declared = self.context.settings.cluster_addresses
        if declared and not _within(address, declared) and not place(address).own:
            return Off(
                "wrong-address",
                f"leads to {address}, which is none of the cluster's addresses",
                f"one of {', '.join(declared)} (cluster_addresses)",
            )
        known = any(one == address for one, _ in self.memory.answered)
        try:
            await self.doors.knock(host.name, address, host.port or 443, end=end)
        except Untold as reason:
            return str(reason)
        except Off as off:
            if known or off.cause in CERTAIN:
                return off
            if declared:
                return (
                    f"leads to {address}, which is the cluster's, but cannot be reached by it from inside:"
                    f" it {off.why} (hairpin NAT is the usual reason)"
                )
            proxy = proxy_for(self.context.replica.environment, "https", host.name, host.port or 443)
            if proxy is not None and off.cause in ("refused", "timeout"):
                return f"{off.why} except, perhaps, through the proxy {proxy.where} ({proxy.origin})"
            return off
        return None


def _within(address: str, declared: Sequence[str]) -> bool:
    one = ipaddress.ip_address(address.partition("%")[0])
    return any(one in ipaddress.ip_network(network, strict=False) for network in declared)
