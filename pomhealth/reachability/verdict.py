"""What the looks at the routes' host names mean together. Pure."""

from __future__ import annotations

from pomhealth.reachability.memory import Memory
from pomhealth.reachability.trouble import CAUSES, Trouble
from pomhealth.status import Evidence, Finding, failed, passed, unseen

_TOLD = 10  # names that fail, each with its evidence


def judge(memory: Memory, *, wildcards: int, keyless: str) -> Finding:
    """The finding; `keyless` is why this replica's own keys are not known, "" where they are."""
    looked = len(memory.looked)
    told = _share(looked, memory.total) + _left_out(wildcards)
    if memory.bad:
        return _failed(sorted(memory.bad.values(), key=lambda one: CAUSES.index(one.cause)), told)
    if memory.unsure and len(memory.unsure) >= looked:
        host, why = next(iter(memory.unsure.values()))
        more = f", and {len(memory.unsure) - 1} more" if len(memory.unsure) > 1 else ""
        return unseen(f"where hostnames lead cannot be told from here: {host.name} {why}{more}")
    unsure = f"; of {len(memory.unsure)} it cannot be told from here" if memory.unsure else ""
    if not looked:
        return passed(f"no route has a hostname to look at{_left_out(wildcards)}")
    what = "resolve and answer" if keyless else "lead to this cluster"
    if memory.total == 1:
        what = what.replace("resolve and answer", "resolves and answers").replace("lead", "leads")
    without = f" (whose keys answer is not known: {keyless})" if keyless else ""
    return passed(f"{told} {what}{unsure}{without}")


def _failed(bad: list[Trouble], told: str) -> Finding:
    first = bad[0]
    more = f", and {len(bad) - 1} more hostname{'s' if len(bad) > 2 else ''} fail" if len(bad) > 1 else ""
    if len(bad) == 2:
        more = f", and {bad[1].host.name} fails too"
    address, _, port = first.door.rpartition(":")
    evidence = [Evidence(one.host.origin, one.observed, one.expected) for one in bad[:_TOLD]]
    return failed(
        first.cause,
        f"{first.says}{more} ({told})",
        evidence[0],
        *evidence[1:],
        silent=first.cause == "timeout",  # the least of all causes: there is no other
        names=(
            ("ROUTE_HOST", first.host.name),
            *((("ADDRESS", address), ("PORT", port)) if first.door else ()),
        ),
    )


def _share(looked: int, total: int) -> str:
    if looked >= total:
        return f"all {total} hostnames" if total > 1 else "the one hostname"
    return f"{looked} of {total} hostnames, looked at so far,"


def _left_out(wildcards: int) -> str:
    return f", {wildcards} with a * left out," if wildcards else ""
