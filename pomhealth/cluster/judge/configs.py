"""Do all replicas run the same configuration? Pure."""

from __future__ import annotations

from dataclasses import replace

from pomhealth.cluster.judge.groups import Difference, Group, difference
from pomhealth.cluster.judge.naming import Names, host_name, moment, several, shown
from pomhealth.cluster.model import Roster
from pomhealth.status import Evidence, Finding, passed, warned

CALM = 60.0  # seconds without a change after which a roll-out counts as over
MOST = 600.0  # seconds that one may take however much it moves
TOLD = 5  # configurations of which the evidence tells
_SHORT = 12  # characters of a fingerprint that tell it from another


def judge(roster: Roster) -> Finding | None:
    """None where all are alike. A pass, with the seconds after which to look again, while a change is under way."""
    found = difference(
        roster.present, lambda member: member.account.config, lambda member: member.config_since
    )
    if found is None:
        return None
    names = Names(roster)
    wait = found.counts_in(roster.at, CALM, MOST)
    if wait:
        under_way = f"{len(found.groups)} configurations run in the cluster: a change is under way"
        return replace(passed(under_way), again=wait)
    told = [_evidence(group, found, names) for group in found.groups[:TOLD]]
    behind = found.behind or found.joined or found.groups[-1].members
    return warned("differs", _summary(found, names), *told, names=host_name(behind))


def _summary(found: Difference, names: Names) -> str:
    newest = found.newest
    if newest is None:
        who = [f"{shown(group.what)[:_SHORT]} on {names.all(group.members)}" for group in found.groups[:TOLD]]
        return (
            f"{len(found.groups)} configurations run in the cluster, and nobody was seen to change from one to "
            f"another: {several(who, len(found.groups))}"
        )
    has = f"{names.all(newest.members)} took over at {moment(newest.adopted)}"
    joined = names.all(found.joined)
    if not found.behind:
        came = "have" if len(found.joined) > 1 else "has"
        return f"{joined} {came} joined with another configuration than {has}"
    runs = "run" if len(found.behind) > 1 else "runs"
    later = f"; {joined} joined later with yet another" if joined else ""
    return f"{names.all(found.behind)} {runs} an older configuration than the one that {has}{later}"


def _evidence(group: Group, found: Difference, names: Names) -> Evidence:
    seen = f"changed to at {moment(group.adopted)}" if group.adopted else f"seen since {moment(group.since)}"
    newest = found.newest
    meant = "the same on every replica" if newest is None else f"{shown(newest.what)[:_SHORT]}, the newest"
    return Evidence(
        f"the registry's rows of {names.all(group.members)}",
        f"configuration {shown(group.what)[:_SHORT]}, {seen}",
        meant,
    )
