"""A churn as it is done: the stage, the acts one after another, clients, and the witnesses beside them."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.churn.acts import KINDS, Acts
from bench.churn.verdicts import MUCH_TOO_LATE, RECOVERY, Act, Outage, lasting, missed, unfounded
from bench.churn.vitals import rss
from bench.churn.witness import GENEROUS, Listener, Look, Repeating, Said, Truth
from bench.spent import cpu
from pomhealth.demo.children import end, spawn
from pomhealth.demo.stage import Stage

_ROOT = Path(__file__).parents[2]
_SETTLE = 5.0  # seconds of quiet before the first act and after the last
_BACK = 30.0  # seconds at most until the replica serves again
_CONNECTIONS = {"main": 4, "agent": 8}


@dataclass(frozen=True, slots=True)
class Load:
    """How much is done: seconds between two acts, and requests a second to the replica and to the agent."""

    least: float
    most: float
    main: float
    agent: float


BRISK = Load(0.5, 2.5, main=40, agent=200)
MILD = Load(4.0, 10.0, main=10, agent=50)


@dataclass
class Churn:
    """What a churn has brought; times on the monotonic clock, memory in MiB, `busy` a share of a core."""

    began: float
    ended: float = 0.0
    acts: list[Act] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    worst: dict[str, float] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)
    busy: float = 0.0
    log: list[str] = field(default_factory=list)  # the agent's own lines

    @property
    def for_nothing(self) -> list[Said]:
        """Alarms and warnings that nothing bears out."""
        return unfounded(self.said, self.acts, self.looks)

    @property
    def late(self) -> list[tuple[Said, float]]:
        """503s that outlived their outage by more than the budget, with the seconds after its end."""
        return lasting(self.said, self.acts, self.ended)

    @property
    def missed(self) -> list[Outage]:
        """Long outages that no 503 told of."""
        return missed(self.looks, self.said)

    @property
    def wrong(self) -> bool:
        """There was an alarm for nothing, or one that did not end long after its outage had."""
        return bool(self.for_nothing) or any(seconds > RECOVERY + MUCH_TOO_LATE for _, seconds in self.late)


def churned(stage: Stage, load: Load, seconds: float, *, seed: int) -> Churn:
    """Acts for so many seconds, each kind at least once, or just once each for 0; gives what came of it.

    To be called from the main thread: the children of another would end with it.
    """
    acts, truth, listener = Acts(stage, seed), Truth(stage), Listener(stage.listen)
    memory: list[float] = []
    meter = Repeating(lambda: memory.append(rss(stage.agent_pid)), 1.0)
    with contextlib.ExitStack() as stack:
        for part in (truth, listener, meter):
            part.start()
            stack.callback(part.end)
        stack.callback(acts.end)
        time.sleep(_SETTLE)
        known = listener.standing()  # what the agent rightly says of the demo from the start
        clients = {
            "main": stack.enter_context(_clients(stage, "main", load.main)),
            "agent": stack.enter_context(_clients(stage, "agent", load.agent)),
        }
        spent, before = cpu(stage.agent_pid), len(_lines(stage.agent_log))
        outcome = Churn(time.monotonic())
        _act(acts, truth, load, outcome.began + seconds)
        time.sleep(_SETTLE)
        if not stage.agent_runs():
            raise SystemExit(
                "\n".join(["the agent has ended; its last lines:", *_lines(stage.agent_log)[-20:]])
            )
        outcome.ended = time.monotonic()
        outcome.busy = (cpu(stage.agent_pid) - spent) / (outcome.ended - outcome.began)
        outcome.log = _lines(stage.agent_log)[before:]
        for name, process in clients.items():
            seen = _report(process)
            outcome.requests[name], outcome.worst[name] = Counter(seen["seen"]), float(seen["worst"])
    outcome.acts, outcome.looks, outcome.memory = acts.done, truth.looks, memory
    outcome.said = [one for one in listener.said if (one.level, one.id, one.cause) not in known]
    return outcome


def _act(acts: Acts, truth: Truth, load: Load, until: float) -> None:
    left = set(KINDS)
    for name in acts.names():
        if (not left and time.monotonic() >= until) or not acts.stage.agent_runs():
            return
        act = acts.do(name)
        left.discard(name)
        if act.outage:
            _await(truth, act.ended)
            acts.done[-1] = replace(act, ended=time.monotonic())
        acts.pause(load.least, load.most)


def _await(truth: Truth, since: float) -> None:
    """Returns when the replica serves in every way, as it was asked after `since`."""
    until = time.monotonic() + _BACK
    while not truth.well_since(since) and time.monotonic() < until:
        time.sleep(0.02)


@contextlib.contextmanager
def _clients(stage: Stage, kind: str, rate: float) -> Iterator[subprocess.Popen[bytes]]:
    host, port = stage.replica.address
    where = {"main": f"{host}:{port}", "agent": stage.listen}[kind]
    command = [sys.executable, "-m", "bench.churn.clients", kind, where, str(_CONNECTIONS[kind]), str(rate)]
    process = spawn(command, cwd=_ROOT, output=subprocess.PIPE, errors=subprocess.DEVNULL)
    try:
        yield process
    finally:
        end(process)
        if process.stdout is not None:
            process.stdout.close()


def _report(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Ends clients and gives what they say of themselves."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=6 * GENEROUS)
    report: dict[str, Any] = json.loads(said)
    return report


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8", "replace").splitlines()
