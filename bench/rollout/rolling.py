"""A rollout as it is done: restarts one after another, each only when everything is in rotation again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.rollout.balancer import Balancer
from bench.rollout.counting import Act, Seen, Tally
from bench.rollout.member import Busy, Member
from bench.rollout.orders import Order, Probe, Step, turns
from bench.rollout.pace import Pace
from bench.rollout.stage import MEMBERS, await_rotation, balanced, clients, cluster, rotation, tally
from pomhealth.demo.errors import DemoError

_EVERY = 0.05  # seconds between two questions to the balancer
_TO_WAIT_FOR = (Step.DRAIN, Step.PRE_STOPS, Step.STOP_AGENT, Step.SLEEP)


@dataclass
class Rollout:
    """What a rollout has brought; times on the monotonic clock.

    `waits` are the seconds of each drain (or sleep) with what the replica had to do when it began and when it ended.
    """

    order: Order
    balancer: str
    pace: Pace
    tcp: bool
    restarts: int
    began: float = 0.0
    ended: float = 0.0
    tally: Tally = field(default_factory=Tally)
    acts: list[Act] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    waits: list[tuple[float, Busy, Busy]] = field(default_factory=list)
    failed_checks: int = 0
    broken: str = ""  # why it went no further

    @property
    def wrong(self) -> bool:
        """It came to no end, or lost a request although there was an agent."""
        lost = self.order.probe is Probe.AGENT and self.tally.failures
        return bool(self.broken or lost)


def rolled(order: Order, balancer: str, restarts: int, pace: Pace, *, tcp: bool = False) -> Rollout:
    """So many restarts in this order, under load, on a stage of their own. To be called from the main thread."""
    outcome = Rollout(order, balancer, pace, tcp, restarts)
    with cluster(order, pace) as members, balanced(balancer, members, pace, tcp=tcp) as front:
        watch = _Watch(front)
        watch.start()
        try:
            with clients(front.port, pace, tcp=tcp) as load:
                time.sleep(pace.between)
                outcome.began = time.monotonic()
                try:
                    for number, name in enumerate(turns(MEMBERS, restarts), 1):
                        _restart(outcome, number, members[name], front)
                        await_rotation(front, members)
                        time.sleep(pace.between)
                except DemoError as error:
                    outcome.broken = str(error)
                outcome.ended, outcome.failed_checks = time.monotonic(), front.failed_checks()
                outcome.tally = tally(load)
        finally:
            watch.end()
        outcome.seen = watch.seen
    return outcome


def _restart(outcome: Rollout, number: int, member: Member, front: Balancer) -> None:
    do: dict[Step, Callable[[], object]] = {
        **member.steps(),
        Step.DEREGISTER: lambda: front.take_out(member.name),
        Step.REGISTER: lambda: front.put_back(member.name),
    }
    waited = False
    for step in outcome.order.steps:
        waits = step in _TO_WAIT_FOR and not waited and outcome.order.restarts_replica
        before = member.busy() if waits else None
        began = time.monotonic()
        do[step]()
        ended = time.monotonic()
        outcome.acts.append(Act(number, member.name, step.value, began, ended))
        if before is not None:
            waited = True
            outcome.waits.append((ended - began, before, member.busy()))


class _Watch(threading.Thread):
    """Asks the balancer again and again who is in rotation, and notes each change."""

    def __init__(self, front: Balancer) -> None:
        super().__init__(name="rotation", daemon=True)
        self.seen: list[Seen] = []
        self._front = front
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_EVERY):
            now, members = time.monotonic(), rotation(self._front)
            if not self.seen or self.seen[-1].members != members:
                self.seen.append(Seen(now, members))

    def end(self) -> None:
        self._over.set()
        self.join(10.0)
