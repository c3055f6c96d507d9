"""Whatever a probe does, one look ends in time and with a finding."""

from __future__ import annotations

import asyncio
import time

import pytest

from pomhealth.agent.look import look_once, overrun
from pomhealth.catalogue import Cause
from pomhealth.checks import Context
from pomhealth.status import Finding, Outcome, Unobservable
from tests.agent.little import GOOD, Probe, check, context


async def test_what_the_probe_finds_is_the_finding() -> None:
    assert (await look_once(check("a"), Probe(), context())).finding == GOOD


async def test_a_lacking_right_makes_it_unknown_with_the_right_named() -> None:
    async def look(_: Context) -> Finding:
        raise Unobservable("the sockets cannot be seen", "run as uid 42")

    finding = (await look_once(check("a"), look, context())).finding
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.summary == "the sockets cannot be seen: run as uid 42"


async def test_a_fault_in_a_probe_makes_it_unknown_in_one_line_without_the_errors_text() -> None:
    async def look(_: Context) -> Finding:
        raise KeyError("a-secret-value")

    seen = await look_once(check("a"), look, context())
    assert seen.finding.outcome is Outcome.UNKNOWN
    assert seen.broke.startswith("KeyError at test_look.py:")
    assert "\n" not in seen.finding.summary
    assert "a-secret-value" not in seen.finding.summary


async def test_a_look_ends_at_its_deadline_even_if_the_probe_does_not_heed_its_cancellation() -> None:
    release = asyncio.Event()

    async def look(_: Context) -> Finding:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:  # noqa: PERF203  (heeding nothing is the point)
                continue
        return GOOD

    started = time.monotonic()
    seen = await look_once(check("a", deadline=0.05), look, context())
    assert time.monotonic() - started < 2
    assert seen.finding.silent
    release.set()
    await asyncio.sleep(0)


async def test_a_look_that_is_cancelled_takes_its_probe_with_it() -> None:
    ended = asyncio.Event()

    async def look(_: Context) -> Finding:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return GOOD

    task = asyncio.ensure_future(look_once(check("a"), look, context()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 5)


def test_no_end_in_time_is_silence_where_the_check_has_a_cause_for_it() -> None:
    finding = overrun(check("a"))
    assert (finding.outcome, finding.cause, finding.silent) == (Outcome.FAIL, "timeout", True)


def test_and_unknown_where_it_has_none() -> None:
    assert overrun(check("a", causes={})).outcome is Outcome.UNKNOWN
    only_warns = {"timeout": Cause("timeout", Outcome.WARN, "slow", ())}
    assert overrun(check("a", causes=only_warns)).outcome is Outcome.UNKNOWN
