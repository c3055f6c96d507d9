"""What a report comes to: the verdict on the replica, and how many checks went which way. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pomhealth.report.items import Item, blind, every, failing, warnings
from pomhealth.status import Gate, Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the replica should get traffic, in words without a full stop.

    `stopping` is what keeps it from that; `told` what else is to be seen to.
    """

    said: str
    outcome: Outcome
    stopping: tuple[Item, ...] = ()
    told: tuple[Item, ...] = ()


def verdict(tops: tuple[Item, ...]) -> Verdict:
    """Of a report on everything; one on a few checks has none."""
    stopping = tuple(item for item in failing(tops) if item.stops)
    told = tuple(item for item in (*failing(tops), *warnings(tops)) if not item.stops)
    if blind(tops):
        said = "Not known: nothing that readiness depends on can be seen from here"
        return Verdict(said, Outcome.UNKNOWN, (), told)
    if stopping:
        return Verdict("Not ready", Outcome.FAIL, stopping, told)
    if any(
        item.outcome is Outcome.UNKNOWN and item.entry.component.gate is not Gate.ALERT
        for item in every(tops)
    ):
        return Verdict("Ready, as far as can be seen from here", Outcome.UNKNOWN, (), told)
    return Verdict("Ready", Outcome.PASS, (), told)


def counts(tops: tuple[Item, ...]) -> Iterator[tuple[str, Outcome]]:
    """How many checks there are of each kind ("2 failed"), the worst first."""
    all_ = every(tops)
    hidden = sum(item.outcome is Outcome.UNKNOWN and not item.entry.pending for item in all_)
    for number, what, outcome in (
        (len(failing(tops)), "failed", Outcome.FAIL),
        (len(warnings(tops)), "warned", Outcome.WARN),
        (hidden, "cannot be seen", Outcome.UNKNOWN),
        (sum(item.outcome is Outcome.SKIPPED for item in all_), "not judged", Outcome.SKIPPED),
        (sum(item.outcome is Outcome.PASS for item in all_), "passed", Outcome.PASS),
    ):
        if number:
            yield f"{number} {what}", outcome


def how_many(tops: tuple[Item, ...]) -> str:
    """How many checks there are, as "24 checks"."""
    number = len(every(tops))
    return f"{number} check" if number == 1 else f"{number} checks"


def in_trouble(tops: tuple[Item, ...]) -> tuple[Item, ...]:
    """What is told in full: what warns, fails, or was not looked at in time."""
    errors = failing(tops)
    return tuple(item for item in tops if item.outcome is Outcome.WARN or item in errors)
