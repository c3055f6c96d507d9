"""What `pomhealth rollout-gate` tells the agent, and what it is answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from pomhealth.cluster.rollout.gate import HOLD, LONGEST, MOST, SHORTEST, Terms, Verdict
from pomhealth.orders.kinds import PASS
from pomhealth.orders.line import Said, seconds


@dataclass(frozen=True, slots=True)
class Order:
    """To let this replica be restarted, and how many seconds that may be waited for."""

    terms: Terms = field(default_factory=Terms)
    wait: float = 0.0


def written(order: Order) -> Said:
    return {"do": PASS, "hold": order.terms.hold, "least": order.terms.least, "wait": order.wait}


def read(said: Said) -> Order:
    """The order as it was given. Raises ValueError with what is wrong with it."""
    hold = seconds(said, "hold", least=SHORTEST)
    least = said.get("least")
    known = least is None or (isinstance(least, int) and not isinstance(least, bool) and 0 <= least <= MOST)
    if not known:
        raise ValueError(f"least: {least!r} is not a number from 0 to {MOST}")
    terms = Terms(HOLD if hold is None else min(hold, LONGEST), least)
    return Order(terms, seconds(said, "wait") or 0.0)


def told(verdict: Verdict, *, last: bool) -> Said:
    """As the command reads it. `last` where it is not waited for any longer."""
    end = {"safe": verdict.safe} if verdict.safe or last else {}
    return {**end, "why": verdict.why, "fix": verdict.fix, "until": verdict.until}


def last(said: Said) -> bool:
    """Whether the agent says nothing more."""
    return "safe" in said or "released" in said
