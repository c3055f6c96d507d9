"""Following the replica's own report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from pomhealth.agent import reports as module
from pomhealth.agent.board import Board
from pomhealth.agent.lag import Lag
from pomhealth.agent.reports import Reports, why_no_report
from pomhealth.reach import Refused
from pomhealth.replica.model import Endpoint, Holder, Process, Replica, Value
from pomhealth.status import Report
from tests.agent.little import Probe, check, plan, until

HEALTH = Endpoint("health_check_addr", "127.0.0.1", 28080, Holder.POMERIUM, "default")
REPLICA = Replica(main=Process(7, 1, 0, 0), health=HEALTH, version=Value("0.33.1", "test"))


class Told:
    """Answers as it is told to: a report, or a failure."""

    def __init__(self) -> None:
        self.reports: Mapping[str, Report] | None = {"told": Report("RUNNING")}
        self.asked = 0
        self.opened: list[int | None] = []
        self.closed = 0

    def connect(self, _: Endpoint, pid: int | None) -> Told:
        self.opened.append(pid)
        return self

    def when_closed(self, told: Callable[[], None]) -> None:
        pass

    async def fetch(self, *, deadline: float) -> Mapping[str, Report]:
        assert deadline < 1
        self.asked += 1
        if self.reports is None:
            raise Refused("127.0.0.1:28080", "connection refused")
        return self.reports

    async def close(self) -> None:
        self.closed += 1


@asynccontextmanager
async def following(
    told: Told, replica: Replica = REPLICA, lag: Lag | None = None
) -> AsyncIterator[tuple[Board, Reports, list[str]]]:
    board = Board(plan((check("measured"), Probe()), (check("told", interval=0.0), None)))
    board.found(replica, another=True)
    turned: list[str] = []
    reports = Reports(board, changed=lambda ids: turned.extend(sorted(ids)), connect=told.connect, lag=lag)
    task = asyncio.ensure_future(reports.run())
    try:
        yield board, reports, turned
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def said(board: Board, id_: str) -> str:
    finding = board.status.entries[id_].finding
    return finding.summary if finding else ""


async def test_a_report_comes_onto_the_board_and_its_changes_are_told() -> None:
    told = Told()
    async with following(told) as (board, reports, turned):
        await until(lambda: board.status.entries["told"].outcome.value == "pass")
        assert turned == ["told"]
        told.reports = {"told": Report("RUNNING"), "measured": Report("RUNNING", "broken")}
        reports.poke()
        await until(lambda: turned == ["told", "measured"])
    assert told.closed == 1


async def test_one_failed_try_changes_nothing_and_a_second_drops_the_report() -> None:
    told = Told()
    async with following(told) as (board, reports, _):
        await until(lambda: board.status.entries["told"].outcome.value == "pass")
        told.reports = None
        asked = told.asked
        reports.poke()
        await until(lambda: told.asked == asked + 1)
        assert board.status.entries["told"].outcome.value == "pass"
        reports.poke()
        await until(lambda: board.status.entries["told"].unobserved)
        assert said(board, "told").startswith("the replica's own report cannot be had: 127.0.0.1:28080")


async def test_a_report_that_says_terminating_is_told_of_and_one_that_does_not_any_more_too() -> None:
    told = Told()
    stopping: list[bool] = []
    board = Board(plan((check("told", interval=0.0), None)))
    board.found(REPLICA, another=True)
    reports = Reports(board, changed=lambda _: None, connect=told.connect, terminating=stopping.append)
    for status in ("RUNNING", "TERMINATING", "RUNNING"):
        told.reports = {"told": Report(status)}
        await reports.once()
    assert stopping == [False, True, False]


async def test_another_process_is_asked_over_another_connection() -> None:
    told = Told()
    async with following(told) as (board, reports, _):
        await until(lambda: told.asked == 1)
        board.found(Replica(main=Process(8, 2, 0, 0), health=HEALTH), another=True)
        reports.poke()
        await until(lambda: told.opened == [7, 8])
        assert told.closed == 1


async def test_once_tries_as_often_as_it_takes_to_be_sure() -> None:
    told = Told()
    told.reports = None
    board = Board(plan((check("told", interval=0.0), None)))
    board.found(REPLICA, another=True)
    await Reports(board, changed=lambda _: None, connect=told.connect).once()
    assert told.asked == module.KEPT
    assert board.status.entries["told"].unobserved


@pytest.mark.parametrize(
    ("replica", "reason"),
    [
        (REPLICA, ""),
        (Replica(awaited=True), "no replica is running"),
        (
            Replica(health=HEALTH, version=Value("0.30.8", "test")),
            "Pomerium 0.30.8 does not report its health",
        ),
        (Replica(health=HEALTH, same_network=False), "share the replica's network namespace"),
        (Replica(missing={"health": "run as uid 42"}), "run as uid 42"),
        (Replica(), "the address of the replica's own health server is not known"),
    ],
)
def test_where_there_can_be_no_report_the_reason_is_told(replica: Replica, reason: str) -> None:
    assert why_no_report(replica).startswith(reason)
    assert bool(why_no_report(replica)) == bool(reason)
