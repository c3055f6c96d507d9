"""Does the replica run the configuration that its file holds?

Pomerium takes over a changed file within a second, keeps the last good one when it cannot, and says so in its log
alone: its own health report stays green (seen on 0.33.1). So the file is read here as Pomerium reads it, and what
it asks for is compared with what Envoy runs.
"""

from __future__ import annotations

import os
from dataclasses import replace

from pomhealth.checks import across
from pomhealth.checks.ages import since
from pomhealth.checks.context import Context
from pomhealth.checks.mistakes import besides, evidence, steps
from pomhealth.checks.names import configured_hosts
from pomhealth.checks.sentlisteners import sent_listeners
from pomhealth.checks.served import ROUTES, running_hosts
from pomhealth.checks.xds import Standing, ask_counters, watch
from pomhealth.clock import steady
from pomhealth.replica.budget import Haste
from pomhealth.replica.model import Options
from pomhealth.replica.paths import resolve
from pomhealth.status import (
    Evidence,
    Finding,
    Outcome,
    Unobservable,
    blocked,
    failed,
    not_applicable,
    passed,
    unseen,
    warned,
)

ID = "cluster_config_current"
CERTIFICATES = "certificates_current"

_GRACE = 5.0  # seconds that Pomerium has to take over a changed file
_AND_A_LITTLE = 0.2  # seconds after that, when it is looked at again
_REFUSED = 15.0  # seconds between two looks while Envoy refuses what it was sent
_DEADLINE = 1.0  # seconds, for looking at the file
_NAMED = 3  # hosts named in a summary
_SERVES = (
    3000.0  # seconds for which a good look at this replica serves while others turn: Envoy need not be asked
)


async def look(context: Context) -> Finding:
    roster = context.roster()
    if across.lacking(context, roster) is not None:
        return await _own(context)
    from pomhealth.cluster.judge import configs  # noqa: PLC0415  (loaded only where the cluster view is on)

    found = configs.judge(roster)
    try:
        own = await _own_or_kept(context)
    except Unobservable:
        if found is None or found.outcome is not Outcome.WARN:
            raise
        return found
    return across.together(own, found)


async def _own_or_kept(context: Context) -> Finding:
    """What is so on this replica: that it was well a while ago is good enough, where only another replica turned."""
    kept: tuple[float, Finding] | None = context.notes.recall(ID)
    if kept is not None and context.haste is Haste.NONE and steady() - kept[0] < _SERVES:
        return kept[1]
    own = await _own(context)
    good = own.outcome is Outcome.PASS and not own.again
    context.notes.keep(ID, (steady(), replace(own, cost=0.0)) if good else None)
    return own


async def _own(context: Context) -> Finding:
    """What is so on this replica."""
    options = context.replica.options
    if options.zero:
        return unseen(
            "the configuration comes from Pomerium Zero, and which changeset runs cannot be seen from outside"
        )
    if context.replica.awaited:
        return blocked("pomerium.process", "no replica runs that could take a configuration over")
    if "config" in context.replica.missing:
        raise Unobservable("the configuration file cannot be read", context.replica.missing["config"])
    if not options.path:
        return not_applicable("this replica has no configuration file")
    if options.problems:
        if all(problem.check == CERTIFICATES for problem in options.problems):
            return blocked(CERTIFICATES, f"Pomerium refuses {options.path} for its certificates alone")
        return _rejected(options)
    if not context.replica.runs("proxy"):
        return passed(f"{options.path} has no mistake that Pomerium would refuse")
    return await _compared(context)


async def _compared(context: Context) -> Finding:
    """What comes of comparing the file's hosts with those that Envoy runs. Raises Unobservable."""
    options = context.replica.options
    running, seconds = await running_hosts(context)
    lacking = sorted(_route_hosts(context) - running)
    if not lacking:
        return replace(passed(f"the replica runs what {options.path} holds"), cost=seconds)
    changed = await context.workers.call("configuration file", lambda: _changed(context), deadline=_DEADLINE)
    age = since(context.notes, "configuration file", changed, changed)
    if age < _GRACE:
        return replace(
            passed(f"{options.path} changed {age:.0f} s ago and is being taken over"),
            cost=seconds,
            again=_GRACE - age + _AND_A_LITTLE,
            unfinished=True,
        )
    root, more = await _refused_by_envoy(context)
    seconds += more
    if root:
        follows = blocked(root, f"Envoy has no route for {lacking[0]}, since it refused what it was sent")
        return replace(follows, cost=seconds, again=_REFUSED)
    main = context.replica.main
    names = (("PID", str(main.pid)),) if main else ()
    return replace(_pending(options.path, lacking, age), cost=seconds, names=names)


async def _refused_by_envoy(context: Context) -> tuple[str, float]:
    """The check that tells of what Envoy refused, "" where it refused nothing, and the seconds that it took to ask.

    Without its listener Envoy asks for no route, and a route it refused is not among those that it runs.
    Raises Unobservable.
    """
    listeners = await sent_listeners(context, watching=True)
    if listeners.answer.rejected:
        return "xds.listener", listeners.cost
    counted, seconds = await ask_counters(context)
    for id_ in ("xds.cluster", "xds.route-configuration"):
        if watch(context.notes.recall(id_), counted[id_]).standing is Standing.REJECTED:
            return id_, listeners.cost + seconds
    return "", listeners.cost + seconds


def _rejected(options: Options) -> Finding:
    problems = options.problems
    first = problems[0]
    return failed(
        "rejected",
        f"Pomerium cannot take {first.where}: {first.text}{besides(problems)}; the last good configuration keeps serving",
        *evidence(problems, "a configuration that Pomerium accepts"),
        steps=steps(problems),
        names=(("FILE", options.path),),
    )


def _pending(path: str, lacking: list[str], age: float) -> Finding:
    names = ", ".join(lacking[:_NAMED]) + (
        f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    )
    return warned(
        "pending",
        f"the replica does not run what {path} holds: Envoy has no route for {names}",
        Evidence(
            f"Envoy's {ROUTES}",
            f"no virtual host for {names}",
            f"every host of {path}, changed {age:.0f} s ago",
        ),
    )


def _route_hosts(context: Context) -> set[str]:
    """The routes' hosts; the sign-in page's needs no route of its own."""
    sign_in = context.replica.options.origin("authenticate_service_url")
    return {host.name for host in configured_hosts(context) if host.origin != sign_in}


def _changed(context: Context) -> float:
    """When the file was last changed or put in place, in seconds since the epoch. Blocking."""
    status = os.stat(resolve(context.replica, context.replica.options.path))  # noqa: PTH116
    return max(status.st_mtime, status.st_ctime)
