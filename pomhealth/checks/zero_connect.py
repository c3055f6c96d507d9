"""Can the replica reach Pomerium Zero's cloud, and is its stream up?

Each host is reached as the replica would reach it: the same names, proxy variables and trusted authorities. Nothing is
called there and no credential is sent, so whether the cloud accepts the cluster's token is not seen: of that the
replica's own report tells (`joint`). It also errs for a second or two each time the stream is renewed, at least once an
hour, so it counts only when it has failed for a while (`patience`). A silence counts at once: within one look TCP
repeats what was lost, and a name is asked for twice.
"""

from __future__ import annotations

import asyncio
from functools import partial

from pomhealth.checks.context import Context
from pomhealth.outside import cloud, dial, speak, trust
from pomhealth.outside.cloud import CONNECT, Host
from pomhealth.outside.trouble import Trouble, Unjudged
from pomhealth.outside.trust import Trust
from pomhealth.outside.verdict import DOWN, UNTOLD, Reached, Stream, find_stream, judge
from pomhealth.reach import Silent
from pomhealth.replica import processes
from pomhealth.replica.paths import resolve
from pomhealth.status import Finding, Unobservable, not_applicable

ID = "zero.connect"

_BUDGET = 3.6  # seconds for the whole way to every host, all at once
_STREAM = 3.0  # seconds in which a stream that is being renewed must have come back
_EVERY = 0.25  # seconds between two looks at the stream
_FILES = 1.5  # seconds to read the authorities that the replica trusts


async def look(context: Context) -> Finding:
    replica = context.replica
    if not replica.options.zero:
        if "options" in replica.missing:
            raise Unobservable(
                "whether the replica is in Zero mode cannot be seen", replica.missing["options"]
            )
        return not_applicable("this replica is not in Pomerium Zero mode")
    if not replica.same_network:
        raise Unobservable(
            "the cloud cannot be reached the way the replica reaches it", replica.missing.get("network", "")
        )
    if "environment" in replica.missing:
        raise Unobservable(
            "the replica's proxy and its addresses of the cloud cannot be seen",
            replica.missing["environment"],
        )
    start = asyncio.get_running_loop().time()
    trusted = await _trusted(context)
    found = cloud.hosts(replica.environment)
    reached = await asyncio.gather(*(_reach(context, host, trusted, start + _BUDGET) for host in found))
    return judge(tuple(reached), await _stream(context, reached, start + _STREAM))


async def _trusted(context: Context) -> Trust:
    replica = context.replica
    load = partial(trust.load, replica.environment, partial(resolve, replica))
    try:
        return await context.workers.call("trust", load, deadline=_FILES)
    except Silent as silence:
        raise Unobservable("the authorities that the replica trusts cannot be read", silence.why) from None


async def _reach(context: Context, host: Host, trusted: Trust, end: float) -> Reached:
    if host.way is None:
        trouble = Trouble("http", host.where, host.wrong, "https://HOST[:PORT]")
        return Reached(host, trouble=trouble)
    proxy = host.way.proxy  # gRPC speaks to each as to an HTTP proxy
    if proxy is not None and proxy.scheme != "http" and not host.grpc:
        return Reached(host, unjudged=f"pomhealth cannot speak to {proxy.scheme} proxies ({proxy.origin})")
    addresses: tuple[str, ...] = ()
    try:
        addresses = await dial.find(host.way, context.resolvers.of(ID), end=end)
        async with dial.line(host.way, addresses, trusted, end=end) as line:
            said = await (speak.http2 if host.grpc else speak.http1)(host.way, line, end=end)
    except Trouble as trouble:
        return Reached(host, trouble=trouble, addresses=addresses)
    except Unjudged as unjudged:
        return Reached(host, unjudged=unjudged.why, addresses=addresses)
    return Reached(host, said, addresses=addresses)


async def _stream(context: Context, reached: list[Reached], end: float) -> Stream:
    """Looks for the stream's connection; again and again until `end`, since it may just be renewed."""
    one = next(one for one in reached if one.host.role == CONNECT)
    way = one.host.way
    if way is None or (one.trouble is not None and not one.addresses):
        return Stream(UNTOLD, "it is not known where the stream leads")
    known = frozenset(one.addresses) | (context.notes.recall(ID) or frozenset())
    context.notes.keep(ID, known)
    port = way.door[1]
    clock = asyncio.get_running_loop().time
    try:
        main = context.main
        while True:
            there = await context.workers.call(
                "stream", partial(context.sockets.connected, main, port), deadline=_STREAM
            )
            stream = find_stream(there, known, port, age=processes.age(main))
            if stream.state != DOWN or one.trouble is not None or clock() + _EVERY > end:
                return stream
            await asyncio.sleep(_EVERY)
    except (Unobservable, Silent) as lack:
        return Stream(UNTOLD, str(lack))
