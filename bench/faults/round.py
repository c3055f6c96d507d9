"""One round of a fault: it is made, told, undone, and forgotten; what took how long, or what was told wrongly."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.faults.watch import REFUSED, Seen, Watch
from pomhealth.demo.faults import Fault
from pomhealth.demo.stage import Stage

SETTLED = 0.3  # seconds for which a verdict stands before it is believed
_READY, _NOT_READY = 200, 503


class WrongError(Exception):
    """The agent told what is not so, or did not tell what is. `lost` says that it did not get well again."""

    def __init__(self, text: str, *, lost: bool = False) -> None:
        super().__init__(text)
        self.lost = lost


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
    before = _well(agent, limits.healed)
    try:
        if fault.prepare is not None:
            fault.prepare(stage)
            if stage.replica.running():
                _well(agent, limits.healed)
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
        told, rightly, settled = _told(fault, agent, begun, limits.told, restarted=restarted)
        own = _own(peer, begun, limits.hold, starts=starts) if reports else None
        time.sleep(random.uniform(0.0, limits.phase))
        _stands(fault, agent, settled)
    finally:
        undoing = time.monotonic()
        fault.undo(stage)
        undone = time.monotonic()
    return Round(told, rightly, _healed(fault, agent, before, (undoing, undone), limits.healed), own)


def said(seen: Seen) -> str:
    """In words."""
    alerts = ", ".join(f"{id_}: {cause} ({outcome})" for id_, cause, outcome in sorted(seen.alerts))
    return f"/readyz {seen.code or 'refuses'}, {alerts or 'no alerts'}"


def _told(
    fault: Fault, agent: Watch, begun: float, within: float, *, restarted: bool
) -> tuple[float, float, float]:
    """Seconds from `begun` to the first sign and to the right verdict; and since when that is the only one."""
    expected = (fault.check, fault.cause)
    code = _NOT_READY if fault.stops else _READY

    def right(one: Seen) -> bool:
        return one.code == code and expected in one.told and not one.failing - {expected, *fault.also}

    found = agent.settle(right, SETTLED, within=within)
    seen = [one for one in agent.since(begun) if one.at > begun]
    if found is None:
        wanted = f"/readyz {code}, {fault.check}: {fault.cause}"
        last = said(agent.now)
        raise WrongError(f"not told within {within:.0f} s: wanted {wanted}; last seen: {last}")
    rightly = next(one.at for one in seen if expected in one.told)
    if not fault.stops:
        bad = next((one for one in seen if one.code != _READY), None)
        if bad is not None and not restarted:
            raise WrongError(f"is only to be told, but after {bad.at - begun:.2f} s: {said(bad)}")
        return rightly - begun, rightly - begun, found.at
    stopped = next((one.at for one in seen if one.code == _NOT_READY), rightly)
    again = next((one for one in seen if one.at > stopped and one.code == _READY), None)
    if again is not None:
        raise WrongError(f"flaps: {again.at - stopped:.2f} s after 503: {said(again)}")
    if agent.since(begun)[0].code == _NOT_READY:  # it is prepared by what stops traffic by itself
        stopped = rightly
    return stopped - begun, rightly - begun, found.at


def _well(agent: Watch, within: float) -> Seen:
    """What is seen once all is well. Raises WrongError."""
    found = agent.settle(lambda one: one.code == _READY and not one.failing, SETTLED, within=within)
    if found is None:
        raise WrongError(f"not well before it began: {said(agent.now)}", lost=True)
    return found


def _stands(fault: Fault, agent: Watch, since: float) -> None:
    """The verdict has stood since then. Raises WrongError."""
    for one in agent.since(since):
        if (one.code == _READY) == fault.stops or (fault.check, fault.cause) not in one.told:
            raise WrongError(f"does not stand: {one.at - since:.2f} s after it was told: {said(one)}")


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


def _healed(fault: Fault, agent: Watch, before: Seen, undo: tuple[float, float], within: float) -> float:
    """Seconds from the end of `undo` (began, ended), 0 for what was seen earlier, until the fault is no longer told."""
    undoing, undone = undo

    def gone(one: Seen) -> bool:
        return one.code == _READY if fault.stops else (fault.check, fault.cause) not in one.told

    def well(seen: Sequence[Seen]) -> bool | None:
        last = seen[-1]
        return True if last.code == _READY and last.told <= before.told else None

    if agent.wait(well, within=within, start=undoing) is None:
        raise WrongError(f"not forgotten within {within:.0f} s: {said(agent.now)}", lost=True)
    seen = agent.since(undoing)
    last = max((place for place, one in enumerate(seen) if not gone(one)), default=-1)
    early = next((one for one in seen[: last + 1] if gone(one) and one.at > undone), None)
    if early is not None:
        raise WrongError(
            f"flaps: well {early.at - undone:.2f} s after it was undone, then {said(seen[last])}"
        )
    return max(seen[last + 1].at - undone, 0.0)
