"""What is published, as one value: the map and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pomhealth.catalogue import Catalogue
from pomhealth.cluster.model import OFF, Roster
from pomhealth.history.model import NOTHING, Past
from pomhealth.publish.memo import Memo
from pomhealth.replica.model import SOMEWHERE, Platform, Replica
from pomhealth.report.origins import Section
from pomhealth.status import Change, StatusMap
from pomhealth.status.tally import Count


@dataclass(frozen=True, slots=True)
class View:
    """One moment of the agent. `started` is latched; `notice` what the agent has to say of itself, "" when nothing.

    `platform` is what the replica runs on: steps are told in its commands. `late` is for how many seconds in one go, at
    most, the agent itself did not get to run in the last minute. `drain` is the drain that stands, as a program
    reads it; `control` is where orders to drain are taken. `past` is what was so in the last day, `unkept` why that would not survive a restart ("" when it would, or need not), `sections` what is
    known of settings and replica with its origins, `tally` how each check's looks went, by its id. `now` is the moment of it all, in
    seconds since the epoch. `memo` keeps what was worked out of one view for the next. `roster` is the cluster, `expected` how many replicas it should have (0: no expectation).
    """

    status: StatusMap
    catalogue: Catalogue
    started: bool = False
    replica: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Change, ...] = ()
    notice: str = ""
    platform: Platform = SOMEWHERE
    late: float = 0.0
    drain: Mapping[str, Any] | None = None
    control: str = ""
    past: Past = NOTHING
    unkept: str = ""
    sections: tuple[Section, ...] = ()
    tally: Mapping[str, Count] = field(default_factory=dict)
    now: float = 0.0
    roster: Roster = OFF
    expected: int = 0
    memo: Memo = field(default_factory=Memo, compare=False, repr=False)


def summary(replica: Replica | None) -> Mapping[str, Any]:
    """What a reader wants to know of the replica itself; without anything secret. Pure."""
    if replica is None:
        return {"state": "not found"}
    options = replica.options
    return {
        "state": "awaited" if replica.awaited else "found",
        "version": str(replica.version.value) if replica.version else None,
        "pid": replica.main.pid if replica.main else None,
        "envoy_pids": [process.pid for process in replica.envoys],
        "addresses": {one.role: one.where for one in replica.endpoints},
        "services": sorted(replica.services),
        "storage": replica.storage.kind if replica.storage else None,
        "config": options.path or None,
        "platform": replica.platform.kind or None,
        "zero": options.zero,
        "envoy_admin": replica.admin.where if replica.admin else None,
        "not_seen": dict(replica.missing),
    }
