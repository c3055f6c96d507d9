"""Measures everything once, for `pomhealth check`: no agent is needed, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from pomhealth.agent import plan as plans
from pomhealth.agent.board import Board
from pomhealth.agent.instruments import close_context, open_context
from pomhealth.agent.lag import TICK, Lag
from pomhealth.agent.look import judged, look_once, overrun
from pomhealth.agent.reports import Reports
from pomhealth.agent.scrub import Scrubber
from pomhealth.blocking import Workers
from pomhealth.catalogue import catalogue
from pomhealth.checks import Context, probes
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings
from pomhealth.status import Finding, Gate, StatusMap

DEADLINE = 4.5  # seconds for everything
_CLOSING = 0.2


async def measure(
    settings: Settings, ids: Iterable[str] = (), *, deadline: float = DEADLINE
) -> tuple[StatusMap, Replica]:
    """The map after one look at each of these checks and at those they need (at everything, when none is named).

    All look at once, but for what is dear; a silence is tried once more. What has not ended after `deadline` seconds counts as silent.
    Raises ReplicaError (Ambiguous too) when the replica cannot be told, and Silent when finding it takes too long.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline
    replica = await Workers().call("discovery", partial(discover, settings), deadline=deadline)
    return await measure_replica(replica, settings, ids, deadline=end - loop.time()), replica


async def measure_file(
    judge: Callable[[], Replica], settings: Settings, ids: Iterable[str], *, deadline: float = DEADLINE
) -> tuple[StatusMap, Replica]:
    """As `measure`, of a configuration file alone: what `judge`, which may block, makes of it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline
    replica = await Workers().call("configuration file", judge, deadline=deadline)
    return await measure_replica(replica, settings, ids, deadline=end - loop.time()), replica


async def measure_replica(
    replica: Replica, settings: Settings, ids: Iterable[str] = (), *, deadline: float = DEADLINE
) -> StatusMap:
    """As `measure`, of a replica that is known already."""
    checks = plans.alone(catalogue(), ids) if replica.offline else catalogue()
    board = Board(plans.make(checks, probes(), settings, ids))
    scrubber = Scrubber()
    scrubber.learn(replica)
    board.redact_with(scrubber.scrub)
    board.found(replica, another=True)
    context = open_context(replica, settings)
    reports = Reports(board, changed=lambda _: None)
    lag = Lag()
    lag.start()
    began = lag.now()
    looks: dict[str, asyncio.Task[None]] = {}
    for id_ in board.plan.looks:
        looks[id_] = asyncio.ensure_future(_settled(board, id_, context, looks, lag))
    tasks = {task: id_ for id_, task in looks.items()}
    report = asyncio.ensure_future(reports.once())
    try:
        await asyncio.wait({*tasks, report}, timeout=deadline)
    finally:
        took, away = lag.now() - began, lag.since(began)
        lag.stop()
        late = [task for task in (*tasks, report) if not task.done()]
        for task in late:
            task.cancel()
        await asyncio.wait({asyncio.ensure_future(close_context(context))}, timeout=_CLOSING)
    for task, id_ in tasks.items():
        if task in late:
            finding = overrun(board.plan.checks[id_])
            _give_up(board, id_, judged(finding, away, took, away, ended=False))
    if report in late:
        board.unreported("the replica's own report did not come in time")
    return board.status


async def _settled(
    board: Board, id_: str, context: Context, looks: Mapping[str, asyncio.Task[None]], lag: Lag
) -> None:
    """Looks until what was seen counts; what is void, because we were late, is tried again.

    A dear look waits for those at the processes: it keeps Envoy busy, which must not be taken for a hang.
    """
    check, look = board.plan.checks[id_], board.plan.looks[id_]
    checks = board.plan.checks
    before = [
        task
        for one, task in looks.items()
        if check.dear and not checks[one].dear and checks[one].gate is Gate.LIVE
    ]
    if before:
        await asyncio.wait(before)
    while True:
        seen = await look_once(check, look, context, clock=board.now, lag=lag)
        streak = board.observe(id_, seen.finding, at=seen.began)
        if streak.standing is not None:
            return
        if seen.finding.void:
            await asyncio.sleep(TICK)


def _give_up(board: Board, id_: str, finding: Finding) -> None:
    """Takes a look that has not ended for silence as often as it takes for silence to count."""
    while board.observe(id_, finding, at=board.now()).standing is None:
        continue
