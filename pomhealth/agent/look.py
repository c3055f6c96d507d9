"""One look at one check: whatever the probe does, a finding comes of it, within the deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pomhealth.agent.lag import GONE, LEAST, TICK, Lag, Late, excuses
from pomhealth.catalogue import Check
from pomhealth.checks import Context, Look
from pomhealth.clock import steady
from pomhealth.reach import ReachError, Silent
from pomhealth.replica import processes
from pomhealth.status import Finding, Gate, Outcome, Unobservable, failed, unseen, void
from pomhealth.status.finding import Evidence

_JUST_NOW = 1.0  # seconds: who was late so short a time ago may have threads that are still catching up
_GIVE = (
    "give pomhealth its share of the CPU: see what takes it (`top -o %CPU`), then raise pomhealth's CPUWeight=, CPU request or CPU limit",
)
_OF_SILENCE = ("timeout", "hung", "no-answer")  # cause codes that mean: no answer came


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found. `began` is by the clock given, `took` in seconds without those in which we were late
    ourselves, `broke` names an error in the probe itself ("KeyError at xds.py:41"), `timed_out` tells that no answer came
    in time, whoever was late.
    """

    finding: Finding
    began: float
    took: float
    broke: str = ""
    timed_out: bool = False


async def look_once(
    check: Check,
    look: Look,
    context: Context,
    *,
    clock: Callable[[], float] = time.time,
    lag: Lag | None = None,
) -> Seen:
    """Runs the probe for at most the check's deadline. Raises nothing but CancelledError.

    A probe that does not heed its cancellation is left behind: it holds up nothing. With a `lag`, a silence that may be
    of our own making is void.
    """
    moment = lag.now if lag is not None else steady
    start = moment()
    finding, broke, ended = await _finding(check, look, context, lag)
    if check.gate is not Gate.LIVE and _bad(finding) and not processes.reached(context.replica.root):
        finding = void(
            "not judged: the replica's files cannot be reached any more, since its process has ended"
        )
    elapsed = moment() - start
    late = lag.since(start) if lag is not None else Late()
    took = max(0.0, elapsed - late.total)
    if late.worst >= LEAST and finding.cost > took:
        finding = replace(finding, cost=took)
    timed_out = not ended or _mute(finding)
    if lag is not None and (timed_out or late.worst >= GONE):
        finding = judged(
            finding, late, elapsed, lag.since(start + min(0.0, elapsed - _JUST_NOW)), ended=ended
        )
    return Seen(finding, clock() - elapsed, took, broke, timed_out)


def judged(finding: Finding, late: Late, took: float, lately: Late, *, ended: bool) -> Finding:
    """The finding, or a void one in its place. Pure.

    `late` is how late we were during the look, which took `took` seconds, `lately` in the last second too; `ended` is
    false for a look that got no answer at all. Who did not run for seconds has nothing bad to say: even a connection
    may have been closed for want of our answer.
    """
    mute = (not ended or _mute(finding)) and (excuses(late, took) or excuses(lately, max(took, _JUST_NOW)))
    gone = late.worst >= GONE and _bad(finding)
    if not mute and not gone:
        return finding
    seconds = max(late.worst, lately.worst)
    return void(
        f"not judged: pomhealth itself was {seconds:.1f} s late (the machine is busy or was suspended)",
        steps=_GIVE,
    )


async def _finding(check: Check, look: Look, context: Context, lag: Lag | None) -> tuple[Finding, str, bool]:
    """What the probe finds, where it broke, and whether it came to its end with an answer."""
    task = asyncio.ensure_future(look(context))
    task.add_done_callback(_forget)
    try:
        await _wait(task, check.deadline, lag)
    finally:
        task.cancel()
    if not task.done() or task.cancelled():
        return overrun(check), "", False
    error = task.exception()
    if error is None:
        return task.result(), "", True
    if isinstance(error, Silent):
        return overrun(check), "", False
    if isinstance(error, (Unobservable, ReachError)):
        return unseen(str(error)), "", True
    if not isinstance(error, Exception):
        raise error
    broke = f"{type(error).__name__} at {_place(error)}"
    reason = f"the look itself broke off ({broke}): this is a fault in pomhealth, not in the replica"
    return unseen(reason), broke, True


async def _wait(task: asyncio.Future[Finding], seconds: float, lag: Lag | None) -> None:
    """Waits for the end of the task, or so many seconds, and has the lag know when we were late meanwhile."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not task.done() and (left := end - loop.time()) > 0:
        wait = min(left, TICK) if lag is not None else left
        due = lag.now() + wait if lag is not None else 0.0
        await asyncio.wait((task,), timeout=wait)
        if lag is not None:
            lag.came(due)


def _bad(finding: Finding) -> bool:
    return finding.outcome not in (Outcome.PASS, Outcome.SKIPPED)


def _mute(finding: Finding) -> bool:
    return finding.silent and finding.outcome is Outcome.FAIL


def overrun(check: Check) -> Finding:
    """What it means that a look did not end in time: silence, where the check has a cause for that."""
    cause = next((code for code in _OF_SILENCE if code in check.causes), "")
    said = f"no answer within {check.deadline:g} s"
    if not cause or check.causes[cause].outcome is not Outcome.FAIL:
        return unseen(f"the look did not end within {check.deadline:g} s")
    return failed(cause, said, Evidence(f"the check {check.id}", said, "an answer"), silent=True)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


def _forget(task: asyncio.Future[Finding]) -> None:
    """Takes the result of a look that was given up, so that the event loop does not complain of it."""
    if not task.cancelled():
        task.exception()
