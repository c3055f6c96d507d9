"""The agent without its HTTP server, in the test's own event loop: what it sees of a replica, and by what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pomhealth.agent import follower
from pomhealth.agent import plan as plans
from pomhealth.agent.board import Board
from pomhealth.agent.engine import Engine
from pomhealth.agent.follower import Follower
from pomhealth.agent.kernel import Kernel
from pomhealth.agent.reports import Reports
from pomhealth.agent.sight import Sight
from pomhealth.catalogue import catalogue
from pomhealth.checks import probes
from pomhealth.replica.changes import Changes
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings

HOUR = 3600.0
PATIENCE = 30.0  # seconds: a wrong verdict fails a test, a slow machine does not
POLLED = (follower.EVERY, follower.EVERY_WATCHED)


class Deaf(Kernel):
    """A kernel whose every event is lost, though it took every watch."""

    @property
    def whole(self) -> bool:
        return True

    def open(self) -> None:
        """Listens to nothing."""

    def look(self, replica: Replica) -> None:
        """Watches nothing."""

    def renew(self) -> frozenset[str]:
        return frozenset()

    def follow(self, replica: Replica | None) -> None:
        """Watches no process."""


class Log:
    """Nobody reads it."""

    def info(self, event: str, **values: object) -> None:
        pass

    def warning(self, event: str, **values: object) -> None:
        pass


class Watching:
    """What the agent has found out."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def alerts(self) -> set[tuple[str, str]]:
        return {(one.id, one.finding.cause) for one in self.board.status.alerts() if one.finding is not None}

    def has_problems(self) -> bool:
        """Whether Pomerium would refuse the configuration as it is on disk."""
        return self.board.replica is not None and bool(self.board.replica.options.problems)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns once the condition holds; asked after each change of the board."""
        changed = asyncio.Event()
        deadline = asyncio.get_running_loop().time() + PATIENCE
        end = self.board.subscribe(lambda _: changed.set())
        try:
            while not condition():
                changed.clear()
                await asyncio.wait_for(changed.wait(), deadline - asyncio.get_running_loop().time())
        except asyncio.TimeoutError:
            raise AssertionError(f"alerts: {self.alerts()}") from None
        finally:
            end()

    async def told(self, *alerts: tuple[str, str]) -> None:
        """Returns once each of these stands."""
        await self.until(lambda: set(alerts) <= self.alerts())

    async def one_of(self, id_: str, *causes: str) -> None:
        """Returns once this check has failed or warned for one of these reasons."""
        await self.until(lambda: any((id_, cause) in self.alerts() for cause in causes))


@asynccontextmanager
async def watching(
    settings: Settings, *, kernel: type[Kernel] = Kernel, every: tuple[float, float] = POLLED
) -> AsyncIterator[Watching]:
    """The agent beside the replica that the settings mean, once it is ready."""
    board = Board(plans.make(catalogue(), probes(), settings))
    engine = Engine(board, broken=_raise)
    follows = Follower(
        board,
        engine,
        settings,
        Sight(discover, Changes().since),
        log=Log(),
        found=lambda _: None,
        kernel=kernel,
        every=every,
        again=False,
    )
    reports = Reports(board, changed=engine.told, closed=follows.closed)
    tasks = [asyncio.ensure_future(work()) for work in (engine.run, follows.run, reports.run)]
    try:
        seen = Watching(board)
        await seen.until(lambda: board.started and board.status.ready)
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        left = asyncio.all_tasks() - {asyncio.current_task()}  # looks that were given up
        if left:
            await asyncio.wait(left, timeout=PATIENCE)
        for _ in range(2):  # a closed connection goes in the loop's next turn
            await asyncio.sleep(0)


def only_events(pid: int) -> Settings:
    """Each check is looked at once an hour: only an event can have it looked at sooner."""
    return Settings(pid=pid, intervals={one.id: HOUR for one in catalogue() if one.measured})


def _raise(id_: str, where: str) -> None:
    raise AssertionError(f"the look at {id_} broke off: {where}")
