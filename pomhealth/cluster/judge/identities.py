"""Is every replica watched by one agent, under an id of its own? Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pomhealth.cluster.judge.naming import Names, host_name, shown
from pomhealth.cluster.model import Member, Roster
from pomhealth.status import Evidence, Finding, passed, warned

TOLD = 5  # replicas of which the evidence tells


def judge(roster: Roster) -> Finding:
    present = roster.present
    names = Names(roster)
    watched: dict[str, list[Member]] = {}
    for member in present:
        if member.account.process:
            watched.setdefault(member.account.process, []).append(member)
    twice = [group for group in watched.values() if len(group) > 1]
    if twice:
        return _twice(twice, names)
    by_id = {member.id: member for member in present}
    clones = [
        (member, by_id[member.account.instead_of])
        for member in present
        if member.account.instead_of != member.id and member.account.instead_of in by_id
    ]
    if clones:
        return _duplicate(clones, names)
    return passed("every replica that is there has one agent, and an id of its own")


def _twice(groups: Sequence[Sequence[Member]], names: Names) -> Finding:
    first = groups[0]
    more = f"; so are {len(groups) - 1} more replicas" if len(groups) > 1 else ""
    told = [
        Evidence(
            f"the registry's rows of {names.all(group)}",
            f"{len(group)} agents watch the process {shown(group[0].account.process)}",
            "one agent for a replica",
        )
        for group in groups[:TOLD]
    ]
    return warned(
        "watched-twice",
        f"{len(first)} agents watch one and the same replica: {names.all(first)}{more}",
        *told,
        names=host_name(first),
    )


def _duplicate(clones: Sequence[tuple[Member, Member]], names: Names) -> Finding:
    clone, owner = clones[0]
    more = f", and {len(clones) - 1} more likewise" if len(clones) > 1 else ""
    told = [
        Evidence(
            f"the file with the id of {names.of(one)}",
            f"the id {shown(other.id)}, which {names.of(other)} has; it goes by {shown(one.id)} meanwhile",
            "an id that no other replica has",
        )
        for one, other in clones[:TOLD]
    ]
    return warned(
        "duplicate",
        f"{names.of(clone)} and {names.of(owner)} have one id in their files{more}: one was copied from the other",
        *told,
        names=host_name([clone]),
    )
