"""One round of a fault: it is made, told, undone, and forgotten; what took how long, or what was told wrongly."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.faults import judge
from bench.faults.watch import REFUSED, Seen, Watch
from pomhealth.demo.faults import Fault
from pomhealth.demo.stage import Stage

_READY = 200


@dataclass(frozen=True, slots=True)
class Own:
    """What the replica's own /readyz said while the fault stood: a status code (or SILENT, REFUSED) after so many
    seconds, or nothing else than 200 for as long as it was watched.
    """

    code: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """In seconds: `told` from the begin of the act to 503 (or to the alert, where nothing else is told), `rightly`
    to the alert with the right cause, `healed` from the return of the undoing to 200 (or to the alert's end).
    """

    told: float
    rightly: float
    healed: float
    own: Own | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Failsafes, in seconds: until the right verdict, and until it is forgotten; `hold` is how long the fault stands
    at least, unless the replica's own report says something first. With 0 that report is left alone. `phase` is the
    time over which the moments of the fault and of its end are spread at random: looks are made on the full second,
    and what always came right after one would be told sooner than is true.
    """

    told: float = 30.0
    healed: float = 60.0
    hold: float = 0.0
    phase: float = 0.0


def play(stage: Stage, fault: Fault, agent: Watch, peer: Watch, limits: Limits) -> Round:
    """Raises WrongError for a wrong verdict, and DemoError when the fault cannot be made."""
    before = judge.well(agent, limits.healed)
    try:
        if fault.prepare is not None:
            fault.prepare(stage)
            if stage.replica.running():
                judge.well(agent, limits.healed)
        return _played(stage, fault, (agent, peer), before, limits)
    finally:
        if fault.tidy is not None:
            fault.tidy(stage)


def _played(stage: Stage, fault: Fault, watches: tuple[Watch, Watch], before: Seen, limits: Limits) -> Round:
    """The round of a fault that is prepared."""
    agent, peer = watches
    starts, pid = not stage.replica.running(), stage.replica.pid
    reports = limits.hold > 0 and (starts or peer.now.code == _READY)
    time.sleep(random.uniform(0.0, limits.phase))
    begun = time.monotonic()
    try:
        fault.make(stage)
        restarted = stage.replica.pid != pid
        told, rightly, settled = judge.told(fault, agent, begun, limits.told, restarted=restarted)
        own = _own(peer, begun, limits.hold, starts=starts) if reports else None
        time.sleep(random.uniform(0.0, limits.phase))
        judge.stands(fault, agent, settled)
    finally:
        undoing = time.monotonic()
        fault.undo(stage)
        undone = time.monotonic()
    return Round(told, rightly, judge.healed(fault, agent, before, (undoing, undone), limits.healed), own)


def _own(peer: Watch, begun: float, hold: float, *, starts: bool) -> Own:
    """What the replica's own report says of it until `hold` seconds after it began, or until it says something.

    A replica that starts with the fault is given its time to answer at all.
    """
    usual = (_READY, REFUSED) if starts else (_READY,)

    def other(seen: Sequence[Seen]) -> Seen | None:
        return next((one for one in seen if one.at > begun and one.code not in usual), None)

    found = peer.wait(other, within=max(begun + hold - time.monotonic(), 0.0), start=begun)
    if found is not None:
        return Own(found.code, found.at - begun)
    return Own(_READY, time.monotonic() - begun)
