"""Do all replicas run the same version of Pomerium, and of Envoy? Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pomhealth.cluster.judge.groups import Group, difference
from pomhealth.cluster.judge.naming import Names, host_name, moment, several, shown
from pomhealth.cluster.model import Member, Roster
from pomhealth.releases.number import parse
from pomhealth.status import Evidence, Finding, passed, warned

CALM = 600.0  # seconds without a change after which an upgrade counts as over
MOST = 3600.0  # seconds that one may take however much it moves
TOLD = 5  # versions of which the evidence tells


def judge(roster: Roster) -> Finding | None:
    """None where all are alike. A pass, with the seconds after which to look again, while an upgrade is under way."""
    return _told(roster, "Pomerium", _pomerium) or _told(roster, "Envoy", _envoy)


def _told(roster: Roster, program: str, version: Callable[[Member], str]) -> Finding | None:
    found = difference(roster.present, version, lambda member: member.version_since)
    if found is None:
        return None
    groups = sorted(found.groups, key=_age, reverse=True)
    wait = found.counts_in(roster.at, CALM, MOST)
    if wait:
        under_way = f"{len(groups)} versions of {program} run in the cluster: a change is under way"
        return replace(passed(under_way), again=wait)
    names = Names(roster)
    who = [f"{shown(group.what)} on {names.all(group.members)}" for group in groups[:TOLD]]
    newest = groups[0]
    told = [
        Evidence(
            f"the registry's rows of {names.all(group.members)}",
            f"{program} {shown(group.what)}, since {moment(group.since)} at the latest",
            f"{program} {shown(newest.what)}, as on {names.all(newest.members)}",
        )
        for group in groups[:TOLD]
    ]
    number = parse(newest.what)
    filled = (("VERSION", str(number)),) if number is not None and program == "Pomerium" else ()
    return warned(
        "mixed",
        f"{len(groups)} versions of {program} run in the cluster: {several(who, len(groups))}",
        *told,
        names=(*filled, *host_name(groups[-1].members)),
    )


def _pomerium(member: Member) -> str:
    return member.account.pomerium.removeprefix("v")


def _envoy(member: Member) -> str:
    return member.account.envoy


def _age(group: Group) -> tuple[object, ...]:
    """By which versions are ordered: what is no release's number comes before all that are."""
    number = parse(group.what)
    return (number is not None, number if number is not None else group.what)
