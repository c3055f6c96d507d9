"""Each fault so many times, on stages that are built when they are needed."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import psutil
import psycopg

from bench.faults.catalogue import chosen
from bench.faults.judge import WrongError
from bench.faults.round import Limits, Round, play
from bench.faults.table import rendered
from bench.faults.watch import Watch, watch_agent, watch_peer
from bench.stage import staged
from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults import Fault
from pomhealth.demo.stage import Stage

_BROKEN = (DemoError, OSError, psutil.Error, psycopg.Error)
_MINUTES = 3  # rounds of what is looked at once a minute
_PEER_HOLD = 8.0  # seconds for which the first round stands, to see what the replica's own report says
_PHASE = 1.0  # seconds over which the moments of faults are spread: most looks are a second apart
_PEER_WELL = 10.0  # seconds that its report gets to be well again
_A_MINUTE = 75.0  # seconds until what is looked at once a minute is told
_RELOADS = 3  # rounds with a changed file until the replica is restarted: its new Envoy has a new account of its time
_TITLE = "From a fault to its verdict, and from its end to 200, in seconds, medians and worst of {}:"
_LINES, _WIDTH = 40, 240  # of the agent's log, told with a wrong verdict
_READY = 200


class Theatre:
    """A stage with its watchers, built when it is first needed and again after it was lost."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._now: tuple[Stage, Watch, Watch] | None = None
        self._reloads = 0

    def ready(self) -> tuple[Stage, Watch, Watch]:
        """The stage, and the watchers of the agent and of the replica's own report, all started."""
        if self._now is None:
            stage = self._open.enter_context(staged())
            host, _, port = stage.listen.rpartition(":")
            agent = self._open.enter_context(watch_agent((host, int(port))))
            health = stage.replica.health
            assert health is not None
            peer = self._open.enter_context(watch_peer(health))
            self._now = stage, agent, peer
        return self._now

    def play(self, fault: Fault, limits: Limits) -> Round:
        """One round. Raises what `play` does."""
        stage, agent, peer = self.ready()
        if fault.file and self._reloads >= _RELOADS:
            stage.replica.restart()
            self._reloads = 0
        self._reloads += fault.file
        if limits.hold:
            peer.wait(lambda seen: True if seen[-1].code == _READY else None, within=_PEER_WELL)
        before = stage.agent_log.stat().st_size
        try:
            return play(stage, fault, agent, peer, limits)
        except WrongError:
            lines = stage.agent_log.read_bytes()[before:].decode("utf-8", "replace").splitlines()
            print(*(f"    {line[:_WIDTH]}" for line in lines[-_LINES:]), sep="\n", file=sys.stderr)
            raise

    def close(self) -> None:
        self._now, self._reloads = None, 0
        self._open.close()


def measure(
    faults: Sequence[Fault], limits: Limits, *, rounds: int, theatre: Theatre
) -> tuple[dict[Fault, list[Round]], list[str]]:
    """The rounds of each fault, the first as long as `limits.hold` says; and a line for each wrong verdict."""
    measured: dict[Fault, list[Round]] = {}
    wrong: list[str] = []
    for fault in faults:
        measured[fault] = []
        slow = fault.seen == "minute"
        for number in range(min(rounds, _MINUTES) if slow else rounds):
            mine = limits if number == 0 else replace(limits, hold=0.0)
            if slow or fault.seen == "look":  # on a busy machine looks at Envoy are dear, and seldom
                mine = replace(mine, told=_A_MINUTE, healed=_A_MINUTE)
            try:
                measured[fault].append(theatre.play(fault, mine))
            except WrongError as error:
                wrong.append(f"WRONG  {fault.name}: {error}")
                if error.lost:
                    theatre.close()
            except _BROKEN as error:
                wrong.append(f"BROKEN {fault.name}: {type(error).__name__}: {error}")
                theatre.close()
        _progress(fault, measured[fault])
    return measured, wrong


def run(*, rounds: int, short: bool = False, only: Sequence[str] = ()) -> tuple[str, bool]:
    """What to print, and whether every verdict was right."""
    faults = chosen(only)
    reasons = {fault: _why_not(fault, short=short) for fault in faults}
    left_out = [f"left out {fault.name}: {why}" for fault, why in reasons.items() if why]
    faults = [fault for fault, why in reasons.items() if not why]
    theatre = Theatre()
    started = time.monotonic()
    try:
        limits = Limits() if short else Limits(hold=_PEER_HOLD, phase=_PHASE)
        measured, wrong = measure(faults, limits, rounds=1 if short else rounds, theatre=theatre)
    finally:
        theatre.close()
    right = f"{len(faults)} faults, {len(wrong)} wrong verdicts, {time.monotonic() - started:.0f} s"
    told = [] if short else [_TITLE.format(rounds), rendered(measured)]
    return "\n".join([*told, *(f"  {line}" for line in left_out), *wrong, right]), not wrong


def _why_not(fault: Fault, *, short: bool) -> str:
    if fault.root and os.geteuid() != 0:
        return "only root can make it"
    if short and fault.seen == "minute":
        return "it is looked for once a minute"
    return ""


def _progress(fault: Fault, rounds: Sequence[Round]) -> None:
    told = " ".join(f"{one.told:.2f}/{one.healed:.2f}" for one in rounds)
    print(f"{fault.name} {told or 'no round'}", file=sys.stderr, flush=True)
