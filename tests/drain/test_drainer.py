"""Who takes a replica out of rotation, and what puts it back, without any process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from pomhealth.agent.board import Board
from pomhealth.checks import Context
from pomhealth.clock import steady
from pomhealth.drain import drainer as module
from pomhealth.drain.count import Counter
from pomhealth.drain.drainer import Drainer
from pomhealth.drain.model import ID, End, Left, Reason, Terms
from pomhealth.replica.model import AdminAddress, Process, Replica
from pomhealth.status import Outcome
from tests.agent.little import PATIENCE, Probe, check, context, plan, until

TERMS = Terms(0, 60)
REPLICA = Replica(main=Process(7, 1, 0, 0))


class Counted(Counter):
    """Counts what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.left = Left(connections=1, requests=1)
        self.looks = 0

    async def look(self, context: Context) -> Left:  # noqa: ARG002
        self.looks += 1
        return self.left


@asynccontextmanager
async def draining(
    clock: Callable[[], float] = steady,
) -> AsyncIterator[tuple[Drainer, Board, Counted]]:
    board = Board(plan((check("measured"), Probe())))
    board.found(REPLICA, another=True)
    counter = Counted()
    here = context()
    drainer = Drainer(board, lambda: here, log=structlog.get_logger, counter=counter, clock=clock)
    try:
        yield drainer, board, counter
    finally:
        await drainer.close()


def out(board: Board) -> bool:
    entry = board.status.entries.get(ID)
    return entry is not None and entry.outcome is Outcome.FAIL


async def test_it_stands_in_the_map_only_while_it_stands() -> None:
    async with draining() as (drainer, board, _):
        assert ID not in board.status.entries
        drainer.begin(Reason.ASKED, TERMS)
        assert out(board)
        assert not board.status.ready
        assert drainer.cancel()
        assert ID not in board.status.entries
        assert [(change.outcome, change.was) for change in board.history][-1] == (
            Outcome.PASS,
            "fail: draining",
        )
        assert not drainer.cancel()


async def test_it_is_over_when_the_last_one_has_left() -> None:
    async with draining() as (drainer, board, counter):
        drainer.begin(Reason.ASKED, TERMS)
        await until(lambda: counter.looks > 0)
        counter.left = Left(connections=0, requests=0)
        over = await asyncio.wait_for(drainer.over(), PATIENCE)
        assert over is not None
        assert over.end is End.ENDED
        assert out(board)


async def test_a_replica_that_says_it_is_stopping_is_taken_out_until_it_does_not() -> None:
    async with draining() as (drainer, board, _):
        drainer.reported(terminating=False, terms=TERMS)
        assert not out(board)
        drainer.reported(terminating=True, terms=TERMS)
        assert out(board)
        assert drainer.drain is not None
        assert drainer.drain.reason is Reason.REPLICA
        drainer.reported(terminating=False, terms=TERMS)
        assert not out(board)


async def test_the_replicas_word_does_not_undo_what_somebody_asked_for() -> None:
    async with draining() as (drainer, board, _):
        drainer.begin(Reason.ASKED, TERMS)
        drainer.reported(terminating=True, terms=TERMS)
        drainer.reported(terminating=False, terms=TERMS)
        assert out(board)


async def test_the_same_replica_seen_anew_stays_out_and_another_does_not() -> None:
    async with draining() as (drainer, board, _):
        drainer.begin(Reason.ASKED, TERMS)
        drainer.found(REPLICA)
        assert out(board)
        drainer.found(Replica(awaited=True))
        assert out(board)
        assert drainer.drain is not None
        assert drainer.drain.end is End.GONE
        drainer.found(Replica(main=Process(8, 2, 0, 0)), age=0.0)
        assert not out(board)


async def test_a_replica_that_ran_when_the_drain_was_asked_for_is_the_one_that_was_meant() -> None:
    """It had taken the place of another a moment before, and was not found yet."""
    async with draining() as (drainer, board, _):
        drainer.begin(Reason.ASKED, TERMS)
        drainer.found(Replica(main=Process(8, 2, 0, 0)), age=1.0)
        assert out(board)
        drainer.found(Replica(main=Process(9, 3, 0, 0)), age=0.0)
        assert not out(board)


async def test_where_processes_cannot_be_seen_one_that_is_found_soon_is_the_one_that_was_meant() -> None:
    clock = [1000.0]
    async with draining(lambda: clock[0]) as (drainer, board, _):
        drainer.begin(Reason.ASKED, TERMS)
        clock[0] += module.SEEN_LATE - 0.1
        drainer.found(Replica(admin=AdminAddress("abstract", "one", "test")))
        assert out(board)
        clock[0] += module.SEEN_LATE
        drainer.found(Replica(admin=AdminAddress("abstract", "two", "test")))
        assert not out(board)


async def test_where_no_replica_runs_there_is_nothing_to_wait_for() -> None:
    async with draining() as (drainer, board, _):
        nobody = Replica(awaited=True)
        board.found(nobody, another=True)
        drainer.begin(Reason.ASKED, TERMS)
        over = await asyncio.wait_for(drainer.over(), PATIENCE)
        assert over is not None
        assert over.end is End.GONE
        drainer.found(REPLICA, age=0.0)
        assert not out(board)


async def test_what_cannot_be_seen_any_more_takes_nothing_back() -> None:
    async with draining() as (drainer, board, _):
        drainer.begin(Reason.ASKED, TERMS)
        board.unobserved("several replicas run here")
        assert out(board)
        board.unreported("no report")
        assert out(board)


async def test_its_looks_stand_beside_the_agents_own_handshakes() -> None:
    """A handshake of ours on the full second would be counted as somebody's connection."""
    async with draining() as (drainer, _, counter):
        drainer.begin(Reason.ASKED, TERMS)
        await until(lambda: counter.looks > 0)
        seen = counter.looks
        moments: list[float] = []
        while len(moments) < 2:
            await asyncio.sleep(0.005)
            if counter.looks > seen:
                seen = counter.looks
                moments.append(asyncio.get_running_loop().time() % module.EVERY)
        assert all(abs(moment - module.BESIDE) < module.BESIDE for moment in moments)
