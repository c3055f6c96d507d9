"""Do all replicas have the same certificate for a name? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pomhealth.cluster.judge.groups import Difference, Group, difference
from pomhealth.cluster.judge.naming import Names, host_name, moment, several, shown
from pomhealth.cluster.model import Member, Roster
from pomhealth.status import Evidence, Finding, passed, unseen, warned

CALM = 600.0  # seconds without a change after which a renewal counts as over
MOST = 3600.0  # seconds that one may take however much it moves
TOLD = 5  # names of which the evidence tells


@dataclass(frozen=True, slots=True)
class _Set:
    """The certificates of a group, by the names that they are for."""

    group: Group
    serials: Mapping[str, str]


def judge(roster: Roster) -> Finding:
    """A pass, with the seconds after which to look again, while a change is under way; unknown while not all is read."""
    have = [one for one in roster.present if one.account.certificates_digest]
    found = difference(have, _digest, lambda member: member.certificates_since)
    if not have:
        return passed("no replica of the cluster has a certificate of its own")
    if found is None:
        return passed("the certificates are the same on every replica that is there")
    sets = [_Set(group, _known(group)) for group in found.groups]
    names = Names(roster)
    unlike = _unlike(sets)
    unread = next((one.group for one in sets if not one.serials), None)
    if not unlike:
        if unread is not None:
            return unseen(f"the certificates of {names.all(unread.members)} are not known yet")
        return passed(
            "no two replicas have different certificates for one name, but not all have the same names"
        )
    wait = found.counts_in(roster.at, CALM, MOST)
    if wait:
        under_way = f"{len(found.groups)} sets of certificates are in use: a change is under way"
        return replace(passed(under_way), again=wait)
    told = [_evidence(name, unlike[name], names, found) for name in sorted(unlike)[:TOLD]]
    behind = found.behind or found.joined or found.groups[-1].members
    return warned("differ", _summary(unlike, names, found), *told, names=host_name(behind))


def _digest(member: Member) -> str:
    return member.account.certificates_digest


def _known(group: Group) -> Mapping[str, str]:
    """Of one with this digest they are known, which is as good as of all."""
    return next((one.account.certificates for one in group.members if one.account.certificates), {})


def _unlike(sets: list[_Set]) -> dict[str, list[_Set]]:
    """The names for which not all sets that have them say the same, with these sets."""
    having: dict[str, list[_Set]] = {}
    for one in sets:
        for name in one.serials:
            having.setdefault(name, []).append(one)
    return {name: those for name, those in having.items() if len({one.serials[name] for one in those}) > 1}


def _summary(unlike: Mapping[str, list[_Set]], names: Names, found: Difference) -> str:
    first = min(unlike)
    more = (
        f" and {len(unlike) - 1} more names" if len(unlike) > 2 else " and one more name" * (len(unlike) == 2)
    )
    newest = found.newest
    if newest is not None and found.behind and any(one.group is newest for one in unlike[first]):
        has = "have" if len(found.behind) > 1 else "has"
        return (
            f"{names.all(found.behind)} {has} an older certificate for {shown(first)}{more} than the one that "
            f"{names.all(newest.members)} took over at {moment(newest.adopted)}"
        )
    who = [f"serial {shown(serial)} on {names.all(members)}" for serial, members in _by_serial(first, unlike)]
    return f"replicas have different certificates for {shown(first)}{more}: {several(who)}"


def _by_serial(name: str, unlike: Mapping[str, list[_Set]]) -> list[tuple[str, list[Member]]]:
    found: dict[str, list[Member]] = {}
    for one in unlike[name]:
        found.setdefault(one.serials[name], []).extend(one.group.members)
    return list(found.items())


def _evidence(name: str, sets: list[_Set], names: Names, found: Difference) -> Evidence:
    serials = _by_serial(name, {name: sets})
    newest = next((one.serials[name] for one in sets if one.group is found.newest), "")
    return Evidence(
        f"the certificates for {shown(name)}",
        "; ".join(f"serial {shown(serial)} on {names.all(members)}" for serial, members in serials[:TOLD]),
        f"serial {shown(newest)}, the newest, on all" if newest else "the same on every replica",
    )
