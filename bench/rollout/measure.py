"""Rollouts one after another, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.rollout.orders import NAMES, order
from bench.rollout.pace import USUAL, Pace
from bench.rollout.report import faulty, rendered
from bench.rollout.rolling import Rollout, rolled
from pomhealth.demo.errors import DemoError


def run(
    *,
    restarts: int,
    names: Sequence[str] = NAMES,
    balancers: Sequence[str] = ("envoy",),
    pace: Pace = USUAL,
    tcp: bool = False,
) -> tuple[str, bool]:
    """The tables, and whether no request was lost where an agent drained; prints each rollout's failures as it ends."""
    done: list[Rollout] = []
    undone: list[str] = []
    for balancer in balancers:
        for name in names:
            try:
                one = rolled(order(name), balancer, restarts, pace, tcp=tcp)
            except DemoError as error:
                undone.append(f"BROKEN {name} behind {balancer}: {error}")
                continue
            print("\n".join(faulty(one)), flush=True)
            done.append(one)
    return "\n".join([rendered(done), *undone]), not undone and not any(one.wrong for one in done)
