"""One look at one check: whatever the probe does, a finding comes of it, within the deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from pomhealth.catalogue import Check
from pomhealth.checks import Context, Look
from pomhealth.reach import ReachError, Silent
from pomhealth.status import Finding, Outcome, Unobservable, failed, unseen
from pomhealth.status.finding import Evidence

_OF_SILENCE = ("timeout", "hung", "no-answer")  # cause codes that mean: no answer came


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found. `began` is in seconds since the epoch, `took` in seconds, `broke` names an error in the
    probe itself ("KeyError at xds.py:41").
    """

    finding: Finding
    began: float
    took: float
    broke: str = ""


async def look_once(
    check: Check, look: Look, context: Context, *, clock: Callable[[], float] = time.time
) -> Seen:
    """Runs the probe for at most the check's deadline. Raises nothing but CancelledError.

    A probe that does not heed its cancellation is left behind: it holds up nothing.
    """
    began, start = clock(), time.perf_counter()
    task = asyncio.ensure_future(look(context))
    task.add_done_callback(_forget)
    try:
        await asyncio.wait((task,), timeout=check.deadline)
    finally:
        task.cancel()
    took = time.perf_counter() - start
    if not task.done() or task.cancelled():
        return Seen(overrun(check), began, took)
    error = task.exception()
    if error is None:
        return Seen(task.result(), began, took)
    if isinstance(error, Silent):
        return Seen(overrun(check), began, took)
    if isinstance(error, (Unobservable, ReachError)):
        return Seen(unseen(str(error)), began, took)
    if not isinstance(error, Exception):
        raise error
    broke = f"{type(error).__name__} at {_place(error)}"
    reason = f"the look itself broke off ({broke}): this is a fault in pomhealth, not in the replica"
    return Seen(unseen(reason), began, took, broke)


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
