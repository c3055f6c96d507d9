"""The agent knows when it is itself late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pomhealth.agent.board import Board
from pomhealth.agent.engine import UNSEEN, VOID_AGAIN, pause
from pomhealth.agent.lag import GONE, Lag, Late, excuses
from pomhealth.agent.look import Seen, judged, look_once, overrun
from pomhealth.agent.reports import KEPT
from pomhealth.checks import Context
from pomhealth.reach import Silent
from pomhealth.status import Finding, Outcome, passed, void, warned
from tests.agent.little import BAD, GOOD, SILENT, Probe, check, context, plan, until
from tests.agent.test_reports import Told, following, said
from tests.findings import SEEN

OVERRUN = overrun(check("a"))
NEVER = Late()


@contextmanager
def ticking(lag: Lag) -> Iterator[Lag]:
    lag.start()
    try:
        yield lag
    finally:
        lag.stop()


async def test_a_blocked_event_loop_shows_as_lateness_from_when_it_was_blocked() -> None:
    heard: list[None] = []
    with ticking(Lag(beat=lambda: heard.append(None))) as lag:
        began = lag.now()
        time.sleep(1.8)  # noqa: ASYNC251  (the fault)
        overdue = lag.since(began)
        assert overdue.worst >= 0.7
        beats = len(heard)
        await until(lambda: len(heard) > beats)
        assert lag.worst(began) >= overdue.worst  # the tick has come since, and is remembered
        assert lag.since(began).total >= lag.worst(began)


async def test_what_was_before_the_moment_asked_about_does_not_count() -> None:
    now = [1000.0]
    with ticking(Lag(clock=lambda: now[0])) as lag:
        now[0] += 10
        lag._tick()
        assert lag.worst(1000.0) > 9
        assert lag.worst(1008.0) == 2
        assert lag.worst(1010.0) == 0
        now[0] += 10
        assert lag.worst(1019.0) == 1


async def test_time_in_which_the_machine_slept_is_time_in_which_the_agent_was_late() -> None:
    """Only CLOCK_BOOTTIME goes on during a suspend; the event loop's own clock does not."""
    asleep = [0.0]
    back: list[float] = []
    with ticking(Lag(clock=lambda: time.monotonic() + asleep[0], back=back.append)) as lag:
        began = lag.now()
        asleep[0] = 3600.0
        assert lag.worst(began) > 3599
        await until(lambda: bool(back))
        assert back[0] > 3599


async def test_a_time_away_that_several_saw_counts_once() -> None:
    now = [1000.0]
    lag = Lag(clock=lambda: now[0])
    now[0] = 1003.0
    for due in (1001.0, 1000.5, 1002.0):
        lag.came(due)
    assert lag.since(1000.0) == Late(2.5, 2.5)
    now[0] = 1005.0
    lag.came(1004.0)
    assert lag.since(1000.0) == Late(2.5, 3.5)


async def test_at_each_tick_it_calls_whom_it_was_told_to() -> None:
    beats: list[None] = []
    with ticking(Lag(beat=lambda: beats.append(None))):
        await until(lambda: len(beats) >= 2)


async def test_it_remembers_no_more_than_a_minute_holds() -> None:
    now = [0.0]
    lag = Lag(clock=lambda: now[0])
    for _ in range(1000):
        with ticking(lag):
            now[0] += 1.0
            lag._tick()
    assert len(lag._late) <= 256


@pytest.mark.parametrize(
    ("late", "took", "excused"),
    [
        (NEVER, 1.0, False),
        (Late(0.14, 0.14), 0.2, False),  # too little to matter
        (Late(0.3, 0.3), 1.0, True),
        (Late(0.2, 0.2), 1.0, False),  # four fifths of the time were the replica's
        (Late(0.2, 0.7), 1.0, True),  # late each time it was to run
        (Late(4.0, 4.0), 4.1, True),
    ],
)
def test_a_silence_is_excused_where_we_were_away_for_much_of_it(
    late: Late, took: float, excused: bool
) -> None:
    assert excuses(late, took) is excused


@pytest.mark.parametrize("late", [NEVER, Late(0.05, 0.2), Late(0.2, 0.3)])
@pytest.mark.parametrize("silence", [SILENT, OVERRUN])
def test_on_a_machine_that_is_always_somewhat_late_a_hang_is_a_hang(late: Late, silence: Finding) -> None:
    assert judged(silence, late, 1.0, late, ended=silence is SILENT) == silence


def test_a_silence_right_after_we_were_away_is_void_too() -> None:
    """Our own threads may still have to come back, and the look finds them busy at once."""
    assert judged(OVERRUN, NEVER, 0.001, Late(0.6, 0.6), ended=False).void
    assert not judged(OVERRUN, NEVER, 0.001, NEVER, ended=False).void


@pytest.mark.parametrize("bad", [BAD, SILENT, warned("slow", "slow", SEEN)])
def test_who_did_not_run_for_seconds_has_nothing_bad_to_say(bad: Finding) -> None:
    away = Late(GONE, GONE)
    assert judged(bad, away, 60.0, away, ended=True).void
    assert judged(GOOD, away, 60.0, away, ended=True) == GOOD


def test_hard_evidence_counts_though_we_were_somewhat_late() -> None:
    late = Late(1.0, 1.0)
    assert judged(BAD, late, 1.1, late, ended=True) == BAD


def test_a_void_finding_says_how_late_we_were_and_what_to_do() -> None:
    late = Late(0.8, 0.8)
    finding = judged(OVERRUN, late, 1.0, late, ended=False)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.summary.startswith("not judged: pomhealth itself was 0.8 s late")
    assert "CPU" in finding.steps[0]


async def test_a_look_that_gets_no_answer_while_the_agent_is_blocked_is_void() -> None:
    async def look(_: Context) -> Finding:
        time.sleep(0.9)  # noqa: ASYNC251
        raise Silent("127.0.0.1:1", "no answer")

    with ticking(Lag()) as lag:
        seen = await look_once(check("a"), look, context(), lag=lag)
    assert seen.finding.void
    assert seen.took < 0.5  # what we slept through is not the replica's


async def test_a_look_that_gets_no_answer_while_the_agent_runs_is_silence() -> None:
    async def look(_: Context) -> Finding:
        await asyncio.Event().wait()
        return GOOD

    with ticking(Lag()) as lag:
        seen = await look_once(check("a", deadline=0.1), look, context(), lag=lag)
        while lag.worst(lag.now() - 1.2) > 0:  # a machine that really is late proves nothing here
            seen = await look_once(check("a", deadline=0.1), look, context(), lag=lag)
    assert (seen.finding.silent, seen.finding.void) == (True, False)


async def test_what_envoy_seemed_to_take_while_we_were_late_is_not_charged_to_it() -> None:
    async def look(_: Context) -> Finding:
        time.sleep(0.9)  # noqa: ASYNC251
        return Finding(Outcome.PASS, "fine", cost=0.9)

    with ticking(Lag()) as lag:
        seen = await look_once(check("a"), look, context(), lag=lag)
    assert seen.finding.cost < 0.5


async def test_when_it_began_is_told_by_the_clock_that_stands_at_its_end() -> None:
    """Else a look during which the clock is set would seem older or newer than all others."""
    hours = [0.0]

    async def look(_: Context) -> Finding:
        hours[0] = 3600.0
        return passed("fine")

    seen = await look_once(check("a"), look, context(), clock=lambda: 1000.0 + hours[0])
    assert 4590 < seen.began <= 4600


async def test_while_the_agent_is_late_a_report_that_does_not_come_is_not_dropped() -> None:
    told, always = Told(), [0.0]
    lag = Lag(clock=lambda: time.monotonic() * always[0])
    async with following(told, lag=lag) as (board, reports, _):
        await until(lambda: said(board, "told") != "")
        always[0] = 1000.0  # every tick seems to be overdue
        lag._due = 0.0
        told.reports, asked = None, told.asked
        for more in range(1, KEPT + 2):
            reports.poke()
            await until(lambda: told.asked >= asked + more)  # noqa: B023
        assert board.status.entries["told"].outcome is Outcome.PASS


async def test_a_probe_that_is_well_is_well_however_late_we_are() -> None:
    async def late() -> None:
        time.sleep(0.9)  # noqa: ASYNC251

    probe = Probe()
    probe.before = late
    with ticking(Lag()) as lag:
        assert (await look_once(check("a"), probe, context(), lag=lag)).finding == GOOD


def test_a_void_look_is_soon_tried_again_but_not_without_end() -> None:
    one = check("a", interval=60.0, retry=1.0)
    board = Board(plan((one, Probe())))
    board.observe("a", GOOD, at=board.now())
    late = Seen(void("pomhealth itself was late"), 0.0, 0.1)
    waits = [
        pause(one, late, board.observe("a", late.finding, at=0.0), board.status.entries["a"])
        for _ in range(4)
    ]
    assert waits == [VOID_AGAIN, VOID_AGAIN, UNSEEN, UNSEEN]
