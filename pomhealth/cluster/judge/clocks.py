"""Do the clocks of all replicas agree? Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pomhealth.cluster.judge.naming import Names, host_name
from pomhealth.cluster.model import Member, Roster
from pomhealth.status import Evidence, Finding, passed, unseen, warned

MOST = 2.0  # seconds by which two clocks may differ, beyond what is not certain of them
TOLD = 5  # replicas of which the evidence tells


def judge(roster: Roster) -> Finding:
    have = [(one, one.account.clock) for one in roster.present if one.account.clock is not None]
    if len(have) < 2:
        if len(roster.present) < 2:
            return passed("there is one replica: its clock has none to agree with")
        return unseen("the clocks of the replicas are not known yet")
    ahead = max(clock - one.account.clock_error for one, clock in have)
    behind = min(clock + one.account.clock_error for one, clock in have)
    if ahead - behind <= MOST:
        return passed(f"the clocks of {len(have)} replicas agree within {MOST:g} s")
    middle = _median(clock for _, clock in have)
    names = Names(roster)
    if len(have) == 2:
        (one, first), (other, second) = sorted(have, key=lambda pair: -pair[1])
        said = (
            f"the clock of {names.of(one)} is {_seconds(first - second)} ahead of that of {names.of(other)}"
        )
        return warned("differ", said, _evidence(one, first, names), _evidence(other, second, names))
    off = sorted(
        (
            (one, clock - middle)
            for one, clock in have
            if abs(clock - middle) - one.account.clock_error > MOST / 2
        ),
        key=lambda pair: -abs(pair[1]),
    )
    worst, by = (
        off[0] if off else max(((one, clock - middle) for one, clock in have), key=lambda x: abs(x[1]))
    )
    more = f", and {len(off) - 1} more {'are' if len(off) > 2 else 'is'} off" if len(off) > 1 else ""
    return warned(
        "differ",
        f"the clock of {names.of(worst)} is {_seconds(abs(by))} {'ahead of' if by > 0 else 'behind'} "
        f"those of most replicas{more}",
        *(_evidence(one, middle + by, names) for one, by in (off or [(worst, by)])[:TOLD]),
        names=host_name([worst]),
    )


def _median(clocks: Iterable[float]) -> float:
    """Own, since the library's one brings half a megabyte of other modules with it."""
    ordered = sorted(clocks)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _seconds(by: float) -> str:
    return f"{by:.1f} s" if by < 10 else f"{by:.0f} s"


def _evidence(member: Member, clock: float, names: Names) -> Evidence:
    sure = member.account.clock_error
    return Evidence(
        f"the clock of {names.of(member)}",
        f"{clock:+.1f} s (± {sure:.1f} s) by the clock of the registry's database",
        f"within {MOST:g} s of the others'",
    )
