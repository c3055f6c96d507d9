"""Whether the agent goes on: what its watchdog is fed by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pomhealth.agent.board import Board
from pomhealth.agent.engine import Engine
from pomhealth.agent.first import FirstLook
from pomhealth.agent.plan import Plan
from pomhealth.agent.pulse import SLACK, Pulse
from pomhealth.status import failed, unseen
from tests.agent.little import BAD, Probe, check, context, plan, until
from tests.findings import SEEN

LONG = int(SLACK) + 10


class Life:
    """Seconds go by, in each of which the agent got to run, or was away."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pulse = Pulse(lambda: self.now)

    def goes_on(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1.0
            self.pulse.tick()

    def is_away(self, seconds: float) -> None:
        self.now += seconds
        self.pulse.tick()


def test_a_part_that_goes_on_when_it_said_is_not_stuck() -> None:
    life = Life()
    for _ in range(5):
        life.pulse.expect("a", 60.0)
        life.goes_on(60)
        assert life.pulse.stuck() == ""


def test_a_part_that_does_not_is_and_it_is_named() -> None:
    life = Life()
    life.pulse.expect("a", 3600.0)
    life.pulse.expect("b", 2.0)
    life.goes_on(LONG)
    assert life.pulse.stuck() == "b"
    life.pulse.expect("b", 2.0)
    assert life.pulse.stuck() == ""


def test_what_waits_for_something_that_may_never_come_is_not_stuck() -> None:
    life = Life()
    life.pulse.expect("a", 2.0)
    life.pulse.rest("a")
    life.goes_on(3600)
    assert life.pulse.stuck() == ""


def test_a_suspend_or_a_starved_machine_makes_nobody_stuck() -> None:
    life = Life()
    life.pulse.expect("a", 2.0)
    life.is_away(86400)
    for _ in range(5):
        life.is_away(60)  # once a minute it gets to run
    assert life.pulse.stuck() == ""


@asynccontextmanager
async def looking(what: Plan, life: Life) -> AsyncIterator[tuple[Engine, Board, asyncio.Task[None]]]:
    board = Board(what)
    engine = Engine(board, broken=lambda *_: None, pulse=life.pulse)
    task = asyncio.ensure_future(engine.run())
    try:
        yield engine, board, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_engine_that_looks_is_not_stuck_even_where_each_look_comes_once_an_hour() -> None:
    life, often, rare = Life(), Probe(), Probe(BAD)
    what = plan((check("often", interval=0.01), often), (check("rare"), rare))
    async with looking(what, life) as (engine, _, _task):
        engine.use(context())
        await until(lambda: bool(often.calls and rare.calls))
        for _ in range(LONG):
            calls = often.calls
            await until(lambda calls=calls: often.calls > calls + 1)  # type: ignore[misc]
            life.goes_on(1)
            assert life.pulse.stuck() == ""


async def test_an_engine_whose_looks_have_ended_is_stuck() -> None:
    life, often = Life(), Probe()
    async with looking(plan((check("often", interval=0.01), often)), life) as (engine, _, task):
        engine.use(context())
        await until(lambda: often.calls > 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        life.goes_on(LONG)
        assert life.pulse.stuck() == "often"


async def test_an_engine_without_a_replica_to_look_at_is_not_stuck() -> None:
    life, often = Life(), Probe()
    async with looking(plan((check("often", interval=0.01), often)), life) as (engine, _, _task):
        engine.use(context())
        await until(lambda: often.calls > 1)
        engine.use(None)
        await until(lambda: not life.pulse._due)  # a look under way ends
        life.goes_on(LONG)
        assert life.pulse.stuck() == ""


async def test_an_engine_that_starts_again_goes_on_with_every_check() -> None:
    probe = Probe()
    async with looking(plan((check("a"), probe)), Life()) as (engine, _, task):
        engine.use(context())
        await until(lambda: probe.calls == 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        again = asyncio.ensure_future(engine.run())
        await until(lambda: probe.calls == 2)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


def test_the_first_look_is_done_once_everything_that_counts_was_looked_at_whatever_came_of_it() -> None:
    board = Board(plan((check("a"), Probe()), (check("b"), Probe())))
    first = FirstLook(board)
    board.observe("a", failed("refused", "refused", SEEN), at=board.now())
    assert not first.done.is_set()
    board.observe("b", unseen("no right to look"), at=board.now())
    assert first.done.is_set()


def test_the_first_look_is_done_where_it_is_known_why_nothing_can_be_looked_at() -> None:
    board = Board(plan((check("a"), Probe()), (check("b"), Probe())))
    first = FirstLook(board)
    board.unobserved("several replicas run here")
    assert first.done.is_set()


def test_silence_that_does_not_count_yet_is_no_look() -> None:
    board = Board(plan((check("a"), Probe())))
    first = FirstLook(board)
    silence = failed("timeout", "no answer", SEEN, silent=True)
    board.observe("a", silence, at=board.now())
    assert not first.done.is_set()
    board.observe("a", silence, at=board.now())
    assert first.done.is_set()
