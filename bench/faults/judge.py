"""Judges a fault by all that was seen of the agent: told rightly, for as long as it stands, and forgotten."""

from __future__ import annotations

from collections.abc import Sequence

from bench.faults.watch import Seen, Watch
from pomhealth.demo.faults import Fault

SETTLED = 0.3  # seconds for which a verdict stands before it is believed
_READY, _NOT_READY = 200, 503


class WrongError(Exception):
    """The agent told what is not so, or did not tell what is. `lost` says that it did not get well again."""

    def __init__(self, text: str, *, lost: bool = False) -> None:
        super().__init__(text)
        self.lost = lost


def said(seen: Seen) -> str:
    """In words."""
    alerts = ", ".join(f"{id_}: {cause} ({outcome})" for id_, cause, outcome in sorted(seen.alerts))
    return f"/readyz {seen.code or 'refuses'}, {alerts or 'no alerts'}"


def told(
    fault: Fault, agent: Watch, begun: float, within: float, *, restarted: bool, unprepared: bool = False
) -> tuple[float, float, float]:
    """Seconds from `begun` to the first sign and to the right verdict; and since when that is the only one.

    `restarted` says that the fault has the replica restarted; `unprepared` that what is to be prepared for it was not
    done before `begun`: what that upsets, until the right verdict, is not held against the agent. Raises WrongError.
    """
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
    first = rightly if unprepared and fault.prepare is not None else stopped
    again = next((one for one in seen if one.at > first and one.code == _READY), None)
    if again is not None:
        raise WrongError(f"flaps: {again.at - stopped:.2f} s after 503: {said(again)}")
    if agent.since(begun)[0].code == _NOT_READY:  # it is prepared by what stops traffic by itself
        stopped = rightly
    return stopped - begun, rightly - begun, found.at


def well(agent: Watch, within: float) -> Seen:
    """What is seen once all is well. Raises WrongError."""
    found = agent.settle(lambda one: one.code == _READY and not one.failing, SETTLED, within=within)
    if found is None:
        raise WrongError(f"not well before it began: {said(agent.now)}", lost=True)
    return found


def stands(fault: Fault, agent: Watch, since: float) -> None:
    """The verdict has stood since then, when it was the only one. Raises WrongError."""
    for one in agent.since(since):
        if (one.code == _READY) == fault.stops or (fault.check, fault.cause) not in one.told:
            raise WrongError(f"does not stand: {one.at - since:.2f} s after it was told: {said(one)}")


def healed(fault: Fault, agent: Watch, before: Seen, undo: tuple[float, float], within: float) -> float:
    """Seconds from the end of `undo` (began, ended), 0 for what was seen earlier, until the fault is no longer told.

    `before` is what was told before it, and may be told after it. Raises WrongError.
    """
    undoing, undone = undo

    def gone(one: Seen) -> bool:
        return one.code == _READY if fault.stops else (fault.check, fault.cause) not in one.told

    def forgotten(seen: Sequence[Seen]) -> bool | None:
        last = seen[-1]
        return True if last.code == _READY and last.told <= before.told else None

    if agent.wait(forgotten, within=within, start=undoing) is None:
        raise WrongError(f"not forgotten within {within:.0f} s: {said(agent.now)}", lost=True)
    seen = agent.since(undoing)
    last = max((place for place, one in enumerate(seen) if not gone(one)), default=-1)
    early = next((one for one in seen[: last + 1] if gone(one) and one.at > undone), None)
    if early is not None:
        raise WrongError(
            f"flaps: well {early.at - undone:.2f} s after it was undone, then {said(seen[last])}"
        )
    return max(seen[last + 1].at - undone, 0.0)
