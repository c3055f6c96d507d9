"""How fast a rollout goes: the balancer's checks, the drains' time, how long requests last. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FALL, RISE = 2, 1  # checks in a row that a balancer takes a replica out for, and puts it back for


@dataclass(frozen=True, slots=True)
class Pace:
    """All in seconds.

    The balancer checks every `interval`. An agent's drain takes `notice` at least and `limit` at most. Streams and
    WebSockets last from `shortest` to `longest`. `between` two restarts, and before the first, load alone goes on. Who
    has no agent and sleeps instead sleeps for `sleep`.
    """

    interval: float
    notice: float
    limit: float
    shortest: float
    longest: float
    between: float
    sleep: float


USUAL = Pace(interval=1.0, notice=3.0, limit=30.0, shortest=5.0, longest=15.0, between=3.0, sleep=10.0)
BRISK = Pace(interval=0.3, notice=1.0, limit=10.0, shortest=0.5, longest=1.5, between=0.5, sleep=1.0)
