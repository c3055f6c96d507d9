"""The tally: what is counted of looks and turns."""

from __future__ import annotations

import asyncio

from pomhealth.agent.board import Board
from pomhealth.agent.engine import Engine
from pomhealth.agent.tally import MOST, Tally
from pomhealth.catalogue import Check
from pomhealth.status import Change, Outcome
from pomhealth.status.tally import Count
from tests.agent.little import BAD, GOOD, SILENT, Probe, check, context, plan, until


async def counted(one: Check, probe: Probe, looks: int) -> Count:
    """The count after so many looks by a real engine."""
    engine = Engine(Board(plan((one, probe))), broken=lambda _id, _where: None)
    task = asyncio.ensure_future(engine.run())
    engine.use(context())
    try:
        await until(lambda: one.id in engine.tally.counts and engine.tally.counts[one.id].looks >= looks)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return engine.tally.counts[one.id]


def turn(id_: str, was: str) -> Change:
    return Change(1.0, id_, Outcome.PASS, "", "fine", was)


async def test_each_look_is_counted_with_its_time() -> None:
    probe = Probe()
    probe.before = lambda: asyncio.sleep(0.01)
    count = await counted(check("a", interval=0.02), probe, 3)
    assert count.looks >= 3
    assert count.last >= 0.01
    assert count.seconds >= 0.03
    assert (count.timeouts, count.failures, count.broken, count.changes) == (0, 0, 0, 0)


async def test_a_look_that_finds_a_failure_is_counted() -> None:
    count = await counted(check("a", retry=0.02), Probe(BAD), 2)
    assert (count.failures, count.timeouts) == (count.looks, 0)


async def test_a_look_without_an_answer_in_time_is_counted() -> None:
    probe = Probe()
    probe.before = lambda: asyncio.sleep(30)
    count = await counted(check("a", deadline=0.02, retry=0.02), probe, 2)
    assert count.timeouts == count.looks


async def test_a_silence_that_the_look_itself_tells_of_is_counted() -> None:
    count = await counted(check("a", retry=0.02), Probe(SILENT), 2)
    assert count.timeouts == count.looks


async def test_a_look_that_breaks_off_is_counted_as_ours() -> None:
    async def breaks() -> None:
        raise KeyError("x")

    probe = Probe()
    probe.before = breaks
    count = await counted(check("a", interval=0.02), probe, 2)
    assert (count.broken, count.failures) == (count.looks, 0)


async def test_a_turn_of_the_board_is_counted_and_the_first_state_is_none() -> None:
    board = Board(plan((check("a"), Probe())))
    engine = Engine(board, broken=lambda _id, _where: None)
    board.observe("a", GOOD, at=1.0)
    assert "a" not in engine.tally.counts
    board.observe("a", BAD, at=2.0)
    board.observe("a", GOOD, at=3.0)
    assert engine.tally.counts["a"].changes == 2


def test_what_was_given_does_not_change_later() -> None:
    tally = Tally()
    tally.changed([turn("a", "fail: refused")])
    given = tally.counts
    tally.changed([turn("a", "pass")])
    assert (given["a"].changes, tally.counts["a"].changes) == (1, 2)


def test_only_so_many_ids_are_counted_however_many_the_replica_reports() -> None:
    tally = Tally()
    tally.changed(turn(f"stranger.{number}", "pass") for number in range(MOST + 50))
    tally.changed([turn("stranger.0", "pass")])
    assert len(tally.counts) == MOST
    assert tally.counts["stranger.0"].changes == 2
