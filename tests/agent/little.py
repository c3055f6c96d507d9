"""A small catalogue and real asyncio probes, for tests of the engine and the board."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pomhealth.agent import plan as plans
from pomhealth.agent.plan import Plan
from pomhealth.blocking import Workers
from pomhealth.catalogue import Catalogue, Cause, Check, Step
from pomhealth.checks import Context
from pomhealth.replica.model import Process, Replica
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.status import Finding, Gate, Outcome, failed, passed
from tests.findings import SEEN

GOOD = passed("fine")
BAD = failed("refused", "refused", SEEN)
SILENT = failed("timeout", "no answer", SEEN, silent=True)
PATIENCE = 10.0  # seconds: what is waited for comes far sooner


def check(id_: str, **values: Any) -> Check:
    known: dict[str, Any] = {
        "area": "Test",
        "question": "?",
        "means": ".",
        "gate": Gate.READY,
        "interval": 3600.0,
        "deadline": 5.0,
        "retry": 3600.0,
        "dear": False,
        "needs": (),
        "report_cause": "reported",
        "causes": {
            code: Cause(code, Outcome.FAIL, code, (Step(f"mend {code}"),))
            for code in ("refused", "timeout", "reported")
        },
    }
    return Check(id=id_, **{**known, **values})


def catalogue(*checks: Check) -> Catalogue:
    return Catalogue({one.id: one for one in checks})


def plan(*pairs: tuple[Check, "Probe | None"], settings: Settings = Settings()) -> Plan:  # noqa: B008, UP037
    looks: Mapping[str, Any] = {one.id: probe for one, probe in pairs if probe is not None}
    return plans.make(catalogue(*(one for one, _ in pairs)), looks, settings)


def context(pid: int = 1, settings: Settings = Settings()) -> Context:  # noqa: B008
    replica = Replica(main=Process(pid, pid, 0, 0))
    return Context(replica, settings, Workers(), SocketTable())


class Probe:
    """A probe that finds what it is told to, and counts how often it is asked."""

    def __init__(self, finding: Finding = GOOD) -> None:
        self.finding = finding
        self.calls = 0
        self.times: list[float] = []
        self.before: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, _: Context) -> Finding:
        self.calls += 1
        self.times.append(asyncio.get_running_loop().time())
        finding = self.finding
        if self.before is not None:
            await self.before()
        return finding


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition that the event loop brings about."""

    async def wait() -> None:
        while not condition():  # noqa: ASYNC110  (any condition, not just an event)
            await asyncio.sleep(0.005)

    await asyncio.wait_for(wait(), PATIENCE)
