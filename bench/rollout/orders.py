"""In which order each supervisor stops and starts a replica and its agent, and whose turn it is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import cycle, islice


class Step(Enum):
    """One thing that a supervisor does; it does the next one when this one has come to its end."""

    DRAIN = "pomhealth drain"
    PRE_STOPS = "pomhealth drain, and GET /drained beside it"
    DEREGISTER = "taken out at the balancer"
    SLEEP = "a fixed sleep"
    STOP_REPLICA = "SIGTERM to the replica"
    STOP_AGENT = "SIGTERM to the agent"
    START_REPLICA = "start of the replica"
    START_AGENT = "start of the agent"
    HEALTH = "pomhealth health --wait"
    OWN_READY = "200 on the replica's own /readyz"
    REGISTER = "put back at the balancer"


class Probe(Enum):
    """Whom the load balancer asks for /readyz."""

    AGENT = "the agent"
    REPLICA = "the replica itself"


@dataclass(frozen=True, slots=True)
class Order:
    """A way to restart one replica. `drains_on_stop` is the agent's setting of that name.

    With `held_port` the agent's listening socket is its supervisor's, as systemd hands one over.
    """

    name: str
    says: str
    steps: tuple[Step, ...]
    probe: Probe = Probe.AGENT
    drains_on_stop: bool = False
    held_port: bool = False

    @property
    def restarts_replica(self) -> bool:
        return Step.STOP_REPLICA in self.steps


_REPLICA_ANEW = (Step.STOP_REPLICA, Step.START_REPLICA)

ORDERS = (
    Order(
        "systemd",
        "ExecStop= drains, SIGTERM and start, ExecStartPost= waits; the agent stays",
        (Step.DRAIN, *_REPLICA_ANEW, Step.HEALTH),
        held_port=True,
    ),
    Order(
        "ecs",
        "SIGTERM to the agent, which drains, then to the replica; both anew (Compose too)",
        (Step.STOP_AGENT, Step.STOP_REPLICA, Step.START_REPLICA, Step.START_AGENT, Step.HEALTH),
        drains_on_stop=True,
    ),
    Order(
        "kubernetes",
        "both preStop hooks, SIGTERM to the replica, then to the sidecar; both anew",
        (
            Step.PRE_STOPS,
            Step.STOP_REPLICA,
            Step.STOP_AGENT,
            Step.START_AGENT,
            Step.START_REPLICA,
            Step.HEALTH,
        ),
    ),
    Order(
        "agent",
        "the agent alone is restarted; systemd holds its port meanwhile",
        (Step.STOP_AGENT, Step.START_AGENT, Step.HEALTH),
        held_port=True,
    ),
    Order(
        "without",
        "no agent, as is usual today: the replica's own /readyz is asked; SIGTERM, start",
        (*_REPLICA_ANEW, Step.OWN_READY),
        probe=Probe.REPLICA,
    ),
    Order(
        "sleep",
        "no agent: taken out at the balancer itself, a fixed sleep, SIGTERM, start, put back",
        (Step.DEREGISTER, Step.SLEEP, *_REPLICA_ANEW, Step.OWN_READY, Step.REGISTER),
        probe=Probe.REPLICA,
    ),
)
NAMES = tuple(order.name for order in ORDERS)


def order(name: str) -> Order:
    """The order of this name. Raises KeyError."""
    return {one.name: one for one in ORDERS}[name]


def turns(members: Sequence[str], restarts: int) -> Iterator[str]:
    """Who is restarted, one after another: each in its turn."""
    return islice(cycle(members), restarts)
